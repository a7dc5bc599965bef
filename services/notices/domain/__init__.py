"""The aggregates of the service, pure: no input or output."""
