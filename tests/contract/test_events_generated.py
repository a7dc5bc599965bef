"""The contract of events, as committed, is the one of the code."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import jsonschema_rs
import pytest
from pydantic import AfterValidator, BaseModel, Field, Strict, create_model

from libs.common import asyncapi, schemas
from libs.common.messages import registry
from libs.common.messages.base import Audience
from libs.common.messages.envelope import CloudEvent
from libs.common.samples import new_sample

ROOT = Path(__file__).parents[2]
MESSAGES = ROOT / "libs" / "common" / "messages"
TYPES = sorted(registry.all_types())


def test_committed_schemas_are_those_of_the_code() -> None:
    for path, text in schemas.files().items():
        assert (ROOT / path).exists(), f"{path} is missing: run make generate"
        assert (ROOT / path).read_text(encoding="utf-8") == text, f"{path} is not up to date: run make generate"


def test_no_schema_is_left_of_a_type_that_is_gone() -> None:
    kept = {path.stem for path in (MESSAGES / "schemas").glob("*.json")} - {"cloudevent"}
    assert kept == set(TYPES)


@pytest.mark.parametrize("name", TYPES)
def test_an_event_survives_the_wire_unchanged(name: str) -> None:
    event = registry.parse(new_sample(registry.event_type(name)))
    sent = CloudEvent.wrap(event)
    received = CloudEvent.from_json(sent.to_json())
    assert received == sent
    assert registry.parse(received) == event
    data = json.loads(sent.to_json())["data"]
    jsonschema_rs.validator_for(schemas.schema(type(event))).validate(data)


@pytest.mark.parametrize("name", TYPES)
def test_a_reader_ignores_members_it_does_not_know(name: str) -> None:
    envelope = new_sample(registry.event_type(name))
    newer = envelope.model_copy(update={"data": envelope.data | {"added_next_year": {"nested": 1}}})
    assert registry.parse(newer) == registry.parse(envelope)


@pytest.mark.parametrize("name", TYPES)
def test_every_type_says_what_it_is(name: str) -> None:
    model = registry.event_type(name)
    owner, entity, verb, major = name.split(".")
    assert owner in {"notices", "bids", "alerts", "legality", "signature", "opendata"}
    assert entity.isalpha()
    assert verb.isalpha()
    assert model.__doc__
    assert model.__name__.endswith(f"V{major.removeprefix('v')}"), "the class carries the major version of the type"


def test_committed_asyncapi_is_that_of_the_code() -> None:
    committed = (ROOT / asyncapi.PATH).read_text(encoding="utf-8")
    assert committed == asyncapi.render(), "run make generate"


def test_the_asyncapi_document_is_one_to_those_who_wrote_the_standard() -> None:
    """`asyncapi/` holds the schema of AsyncAPI 3.0.0 as published (npm, @asyncapi/specs 6.11.1), unchanged, and its licence."""
    published = json.loads((ROOT / "tests/contract/asyncapi/3.0.0-without-id.json").read_text())
    validator = jsonschema_rs.validator_for(published)
    validator.validate(asyncapi.document())
    wrong = asyncapi.document()
    next(iter(wrong["operations"].values()))["action"] = "emit"
    assert not validator.is_valid(wrong)


def test_the_schemas_are_schemas_of_2020_12() -> None:
    for path in (MESSAGES / "schemas").glob("*.json"):
        schema = json.loads(path.read_text())
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        jsonschema_rs.meta.validate(schema)


def test_models_rule_nothing_that_their_schemas_do_not_tell() -> None:
    """The compatibility checker compares schemas: what they cannot say could break partners unseen."""
    models: list[type[BaseModel]] = [CloudEvent, *registry.all_types().values()]
    found = {rule for model in models for rule in _untold(_core(model))}
    assert found == {"18 digits, 2 decimals"}, "amounts have had these bounds from the first release: they stay"


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (datetime, "a time without its offset"),
        (Annotated[str, AfterValidator(str.strip)], "function-after"),
        (Annotated[int, Strict()], "strict"),
        (Annotated[Decimal, Field(max_digits=4, decimal_places=1)], "4 digits, 1 decimals"),
    ],
)
def test_such_a_rule_would_be_found(kind: Any, rule: str) -> None:  # noqa: ANN401  # any type
    model = create_model("Ruled", member=(list[kind], Field(default_factory=list)))
    assert {rule, "default_factory"} <= set(_untold(_core(model)))


def _core(model: type[BaseModel]) -> object:
    return model.__pydantic_core_schema__


def _untold(node: object) -> Iterator[str]:
    """Give each rule of a pydantic core schema that no JSON Schema tells."""
    if isinstance(node, list | tuple):
        for part in node:
            yield from _untold(part)
    if not isinstance(node, dict):
        return
    kind = str(node.get("type"))
    if kind.startswith("function-"):
        yield kind
    if kind == "datetime" and node.get("tz_constraint") != "aware":
        yield "a time without its offset"
    if kind == "decimal":
        yield f"{node.get('max_digits')} digits, {node.get('decimal_places')} decimals"
    yield from (name for name in ("strict", "default_factory") if node.get(name))
    for name, part in node.items():
        if name not in {"serialization", "metadata"}:
            yield from _untold(part)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi.document()
    found = list(_references(document))
    assert found
    for reference in found:
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_the_examples_of_the_asyncapi_document_are_valid() -> None:
    document = asyncapi.document()
    for name, message in document["components"]["messages"].items():
        schema = {"components": {"schemas": document["components"]["schemas"]}, **message["payload"]}
        validator = jsonschema_rs.validator_for(schema)
        for example in message["examples"]:
            validator.validate(example["payload"])
            assert not validator.is_valid(example["payload"] | {"type": "another"}), name
            assert not validator.is_valid(example["payload"] | {"data": {}}), name


def test_every_type_has_its_channel_its_sender_and_its_example() -> None:
    document = asyncapi.document()
    assert set(document["channels"]) - {"partner-queue"} == set(TYPES) == set(document["components"]["messages"])
    senders = {name for name, one in document["operations"].items() if one["action"] == "send"}
    assert senders - {"send.partner-queue"} == {f"send.{name}" for name in TYPES}


def test_the_queue_of_a_partner_has_the_public_types_and_a_server_of_its_own() -> None:
    document = asyncapi.document()
    public = {model.__name__ for model in registry.all_types().values() if model.audience is Audience.PUBLIC}
    queue = document["channels"]["partner-queue"]
    assert set(queue["messages"]) == public
    assert queue["servers"] == [{"$ref": "#/servers/partners"}]
    assert all(document["channels"][name]["servers"] == [{"$ref": "#/servers/broker"}] for name in TYPES)
    (operation,) = [one for one in document["operations"].values() if one["channel"]["$ref"].endswith("partner-queue")]
    assert {one["$ref"].rsplit("/", 1)[1] for one in operation["messages"]} == public
    assert document["servers"]["partners"]["protocol"] == "amqps"


def test_the_contract_imports_pydantic_and_the_standard_library_only() -> None:
    allowed = set(sys.stdlib_module_names) | {"pydantic"}
    for path in MESSAGES.glob("*.py"):
        for module in _imports(path):
            inside = module.startswith("libs.common.messages")
            assert inside or module.split(".")[0] in allowed, f"{path.name} imports {module}"


def test_the_contract_is_imported_without_anything_else() -> None:
    code = (
        "import sys; import libs.common.messages.registry as r; assert r.all_types();"
        "heavy = {'asyncpg', 'aio_pika', 'aiohttp', 'structlog', 'opentelemetry', 'pydantic_settings'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "others = {m for m in sys.modules if m.startswith('libs.common.') and not m.startswith('libs.common.messages')};"
        "assert not others, others"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for part in node.values():
            yield from _references(part)
    elif isinstance(node, list):
        for part in node:
            yield from _references(part)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
