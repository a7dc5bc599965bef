"""For tests: real servers, a database of one's own in milliseconds, a running service, an issuer. Never in production."""
