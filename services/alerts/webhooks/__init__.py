"""Signed HTTP calls to partners: Standard Webhooks, to public addresses only."""
