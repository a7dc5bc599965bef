"""The named SQL of the backbone."""

from __future__ import annotations

from pathlib import Path

from libs.common.db import load_queries

__all__ = ["QUERIES"]

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))
