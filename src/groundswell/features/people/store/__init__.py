"""The only code that touches the tables of people: people, distinct_ids, merges."""
