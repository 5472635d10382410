"""Orders out of files: read as a stream, checked by row, resumed where a crash left off."""
