"""The tables of the alerts service, by subject."""
