"""Risk models against the record: published cases of other venues' margin rules."""
