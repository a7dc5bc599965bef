"""What the API of the service shows."""
