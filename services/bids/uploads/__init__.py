"""Resumable deposit of files: tus 1.0.0 (docs/deposits.md, ADR 0032)."""
