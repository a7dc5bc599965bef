"""Make the compact table of DECP items from the official schema: `python -m services.opendata.decp.build`.

Run by hand when the State publishes a new schema; the table is committed, so that nothing depends on the schema at run time.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from libs.common import standards
from services.opendata.decp.table import SCHEMA, TABLE_PATH

__all__ = ["compact", "main"]

Node = dict[str, Any]


def compact(schema: Node) -> Node:
    """Give the table of a schema: for each contract form its items, with name, kind and limits."""
    definitions = schema["definitions"]
    forms = {name: _node(definitions[name], schema, name) for name in ("marche", "contrat-concession")}
    return {"schema": SCHEMA, "forms": forms}


def _node(schema: Node, root: Node, name: str) -> Node:
    """Give one item; `$ref` is followed, its own name before that of what it refers to."""
    title = schema.get("title") or name
    while "$ref" in schema:
        schema = _resolve(root, schema["$ref"])
    node: Node = {"name": " ".join(title.split())}
    if "properties" in schema:
        return node | _object(schema, root)
    if schema.get("type") == "array":
        of = _node(schema["items"], root, name)
        return node | {"kind": "list", "of": of} | _pick(schema, {"minItems": "min", "uniqueItems": "unique"})
    if "enum" in schema:
        return node | {"kind": "choice", "values": schema["enum"]}
    kinds = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}
    limits = {"minLength": "min", "maxLength": "max", "minimum": "min", "maximum": "max", "pattern": "pattern"}
    return node | {"kind": kinds[schema["type"]]} | _pick(schema, limits)


def _object(schema: Node, root: Node) -> Node:
    items = {name: _node(item, root, name) for name, item in schema["properties"].items()}
    closed = {"closed": True} if schema.get("additionalProperties") is False else {}
    return {"kind": "object", "required": schema.get("required", []), "items": items} | closed


def _pick(schema: Node, names: dict[str, str]) -> Node:
    return {short: schema[long] for long, short in names.items() if long in schema}


def _resolve(root: Node, reference: str) -> Node:
    node: Any = root
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    resolved: Node = node
    return resolved


def main() -> int:
    """Write the table. Gives 1 when the official schema is not at hand."""
    folder = standards.folder()
    path = folder / "decp" / "schema" / SCHEMA if folder else Path(SCHEMA)
    if not path.is_file():
        sys.stderr.write(f"{SCHEMA} not found: set HALLES_STANDARDS\n")
        return 1
    table = compact(json.loads(path.read_text(encoding="utf-8")))
    TABLE_PATH.write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
