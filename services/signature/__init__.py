"""Signature circuits of the buyers, and the signatures themselves."""
