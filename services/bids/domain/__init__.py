"""The rules of deposits, openings, awards and contracts: pure, no I/O."""
