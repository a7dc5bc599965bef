"""The named SQL of the service."""

from __future__ import annotations

from pathlib import Path

from libs.common.db import Queries, load_queries

__all__ = ["QUERIES"]

QUERIES: Queries = load_queries(Path(__file__).with_name("queries.sql"))
