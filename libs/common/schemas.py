"""JSON Schemas of every event, made from the models; and the golden sample of each, parsed for ever.

`python -m libs.common.generate` writes both; a test compares the schemas with the code and parses the samples. A sample
that was committed is never written again: it stands for what was published in its time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from libs.common.messages import registry
from libs.common.messages.base import Event
from libs.common.messages.envelope import CloudEvent
from libs.common.samples import new_sample

__all__ = ["FOLDER", "dump", "envelope_schema", "files", "sample_of", "schema"]

FOLDER = "libs/common/messages"
"""Within the repository."""
_SAMPLES = Path(__file__).parent / "messages" / "samples"
_DIALECT = GenerateJsonSchema.schema_dialect


def schema(model: type[Event]) -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of the `data` of an event; its `$id` is the envelope's `dataschema`."""
    content = model.model_json_schema(mode="serialization")
    head = {
        "$schema": _DIALECT,
        "$id": f"urn:halles:schema:{model.type}",
        "x-halles-type": model.type,
        "x-halles-audience": model.audience.value,
    }
    if model.buyer_after:
        head["x-halles-told-to-the-buyer-after"] = model.buyer_after
    return head | content


def envelope_schema() -> dict[str, Any]:
    """Give the JSON Schema of the envelope."""
    head = {"$schema": _DIALECT, "$id": "urn:halles:schema:cloudevent"}
    return head | CloudEvent.model_json_schema(mode="serialization")


def sample_of(model: type[Event]) -> CloudEvent:
    """Give the newest committed sample of a type. Raises FileNotFoundError when none is committed."""
    found = sorted(_SAMPLES.glob(f"{model.type}*.json"))
    if not found:
        raise FileNotFoundError(f"{model.type} has no sample: run python -m libs.common.generate")
    return CloudEvent.from_json(found[-1].read_bytes())


def files() -> Mapping[str, str]:
    """Give the generated files, by path in the repository; samples that exist are not among them."""
    made = {f"{FOLDER}/schemas/cloudevent.json": dump(envelope_schema())}
    for name, model in registry.all_types().items():
        made[f"{FOLDER}/schemas/{name}.json"] = dump(schema(model))
        if not any(_SAMPLES.glob(f"{name}*.json")):
            made[f"{FOLDER}/samples/{name}.json"] = dump(json.loads(new_sample(model).to_json()))
    return made


def dump(document: object) -> str:
    """Give a document as it is committed."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
