"""How long bids are kept, and their destruction with a record; never by itself, never while a hold is set. Why so: docs/evaluation.md."""
