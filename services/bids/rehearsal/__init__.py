"""Rehearsals: of a whole consultation, and of officers' keys before a deadline (docs/openings.md)."""
