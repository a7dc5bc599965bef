"""The schemas of all that operations read and answer, under one set of component names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

__all__ = ["Mode", "Schemas"]

Mode = Literal["validation", "serialization"]
_REFERENCE = "#/components/schemas/{model}"


class _Schemas(GenerateJsonSchema):
    """Pydantic's schemas without the titles it derives from field names: they say nothing the name does not."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401  # pydantic's signature
        return False


class Schemas:
    """The schemas asked for, made together so that a model has one name everywhere."""

    def __init__(self, wanted: Iterable[tuple[str, Mode, TypeAdapter[Any]]]) -> None:
        found, rest = TypeAdapter.json_schemas(list(wanted), ref_template=_REFERENCE, schema_generator=_Schemas)
        self._found = {key: _named(schema) for key, schema in found.items()}
        self.components: dict[str, JsonSchemaValue] = dict(sorted(_named(rest.get("$defs", {})).items()))

    def of(self, key: str, mode: Mode) -> JsonSchemaValue:
        """Give the schema asked under a key: a reference, for a model."""
        return self._found[key, mode]

    def fields(self, key: str, model: type[BaseModel]) -> list[tuple[str, bool, JsonSchemaValue]]:
        """Give the members of a model one by one (name, required, schema): query parameters."""
        schema = self._resolve(self.of(key, "validation"))
        required = schema.get("required", [])
        names = [field.alias or name for name, field in model.model_fields.items()]
        return [(name, name in required, _never_null(schema["properties"][name])) for name in names]

    def forget(self, keys: Iterable[str]) -> None:
        """Remove the models that were only there to be taken apart."""
        for key in keys:
            name = self.of(key, "validation").get("$ref", "").rpartition("/")[2]
            self.components.pop(name, None)

    def _resolve(self, schema: JsonSchemaValue) -> JsonSchemaValue:
        if "$ref" in schema:
            return self.components[schema["$ref"].rpartition("/")[2]]
        return schema


def _named(schema: JsonSchemaValue) -> JsonSchemaValue:
    """Name the page of notices `NoticeViewPage`, not `Page_NoticeView_`."""
    renamed: JsonSchemaValue = json.loads(re.sub(r'\bPage_(\w+?)_(?=")', r"\1Page", json.dumps(schema)))
    return renamed


def _never_null(schema: JsonSchemaValue) -> JsonSchemaValue:
    """Say of an optional query parameter what it is when given: a query has no null."""
    rest = {name: value for name, value in schema.items() if name != "anyOf" and (name, value) != ("default", None)}
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    return rest | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {})
