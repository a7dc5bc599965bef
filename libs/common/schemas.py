"""JSON Schemas of every event, made from the models; and where its golden samples are (`libs.common.golden`).

`python -m libs.common.generate` writes the schemas; a test compares them with the code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from libs.common.messages import registry
from libs.common.messages.base import Event
from libs.common.messages.envelope import CloudEvent

__all__ = ["FOLDER", "SAMPLES", "UNRELEASED", "dump", "envelope_schema", "files", "sample_of", "samples_of", "schema"]

FOLDER = "libs/common/messages"
"""Within the repository."""
SAMPLES = Path(__file__).parent / "messages" / "samples"
UNRELEASED = "unreleased"
_DIALECT = GenerateJsonSchema.schema_dialect


def schema(model: type[Event], mode: JsonSchemaMode = "serialization") -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of the `data` of an event; its `$id` is the envelope's `dataschema`.

    Mode `validation` gives what the model reads, which may be more than what it writes.
    """
    content = model.model_json_schema(mode=mode)
    head = {
        "$schema": _DIALECT,
        "$id": f"urn:halles:schema:{model.type}",
        "x-halles-type": model.type,
        "x-halles-audience": model.audience.value,
    }
    if model.buyer_after:
        head["x-halles-told-to-the-buyer-after"] = model.buyer_after
    return head | content


def envelope_schema(mode: JsonSchemaMode = "serialization") -> dict[str, Any]:
    """Give the JSON Schema of the envelope."""
    head = {"$schema": _DIALECT, "$id": "urn:halles:schema:cloudevent"}
    return head | CloudEvent.model_json_schema(mode=mode)


def samples_of(name: str) -> list[Path]:
    """Give the full samples of a type, oldest release first, the unreleased one last."""
    return sorted(SAMPLES.glob(f"*/{name}.json"), key=lambda path: _age(path.parent.name))


def sample_of(model: type[Event]) -> CloudEvent:
    """Give the newest full sample of a type. Raises FileNotFoundError when none is committed."""
    found = samples_of(model.type)
    if not found:
        raise FileNotFoundError(f"{model.type} has no sample: run python -m libs.common.generate")
    return CloudEvent.from_json(found[-1].read_bytes())


def files() -> Mapping[str, str]:
    """Give the generated schemas, by path in the repository."""
    made = {f"{FOLDER}/schemas/cloudevent.json": dump(envelope_schema())}
    for name, model in registry.all_types().items():
        made[f"{FOLDER}/schemas/{name}.json"] = dump(schema(model))
    return made


def _age(release: str) -> tuple[bool, list[int]]:
    return release == UNRELEASED, [int(part) for part in release.split(".") if part.isdigit()]


def dump(document: object) -> str:
    """Give a document as it is committed."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
