"""The ingest log and the disk, as capture and the writer use them."""
