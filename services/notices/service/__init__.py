"""The use cases of the service, one function a command."""
