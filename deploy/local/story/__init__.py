"""The platform's one story, told through its public HTTP API: `make demo`."""
