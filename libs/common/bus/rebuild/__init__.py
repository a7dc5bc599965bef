"""Rebuilding a read model from what its producers published: archive and log, exported by each of them."""
