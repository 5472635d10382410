"""From rows to answers: filling, formulas, comparison, the table form."""
