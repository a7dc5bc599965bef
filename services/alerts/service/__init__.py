"""What the alerts service does, by subject."""
