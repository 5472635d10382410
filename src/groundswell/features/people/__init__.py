"""People: distinct ids, properties, merges that can be taken back."""
