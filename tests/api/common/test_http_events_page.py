"""The page of events: complete, true to the code, without a script, readable by everybody; schemas at stable addresses."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import pytest

from libs.common.http import events_page
from libs.common.http.events_words import COMMON, ENVELOPE, EVENTS
from libs.common.http.pages import SERVICES
from libs.common.messages import registry
from libs.common.messages.base import Audience, Event
from libs.common.messages.envelope import CloudEvent
from libs.common.schemas import envelope_schema, sample_of, schema
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from tests.api.common.sample import SERVICE

TYPES = registry.all_types()
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """What a browser finds: elements with their attributes, texts by element, and whether all are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and data.strip():
            self.texts.append((self._open[-1], data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(events_page.body(SERVICES))


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE)


async def test_the_page_is_served_without_script_under_a_strict_policy(h: Harness) -> None:
    async with h.client.get("/docs/events/list") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    whole = Page(text)
    assert not whole.all("script") + whole.all("style")
    assert not [
        name for _, attributes in whole.elements for name in attributes if name.startswith("on") or name == "style"
    ]
    assert whole.all("html") == [{"lang": "fr"}]
    links = [attributes.get("href") or attributes.get("src") or "" for _, attributes in whole.elements]
    assert all(not urlsplit(link).netloc for link in links), "nothing from outside"
    assert len(text) < 300_000


async def test_the_index_leads_to_the_page(h: Harness) -> None:
    async with h.client.get("/docs") as answer:
        assert 'href="/docs/events/list"' in await answer.text()


async def test_every_link_of_the_page_leads_somewhere(h: Harness, page: Page) -> None:
    known = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    links = {attributes["href"] or "" for attributes in page.all("a")}
    assert {link[1:] for link in links if link.startswith("#")} <= known
    for link in links:
        if not link.startswith("#"):
            async with h.client.get(link) as answer:
                assert answer.status == 200, link


async def test_every_schema_is_served_at_its_address_and_is_the_one_of_the_code(h: Harness) -> None:
    wanted: dict[str, dict[str, Any]] = {name: schema(model) for name, model in TYPES.items()}
    for name, expected in {"cloudevent": envelope_schema(), **wanted}.items():
        async with h.client.get(f"/docs/events/schemas/{name}.json") as answer:
            assert answer.status == 200
            assert answer.content_type == "application/schema+json"
            served = await answer.json(content_type=None)
            assert answer.headers["ETag"]
        assert served == expected
        jsonschema_rs.meta.validate(served)
    async with h.client.get("/docs/events/schemas/nothing.at.all.v1.json") as answer:
        assert answer.status == 404


def test_every_event_is_listed_once_with_its_audience_its_members_and_its_schema(page: Page) -> None:
    titles = Counter(attributes.get("id") for attributes in page.all("h3"))
    assert {name: titles[name] for name in TYPES} == dict.fromkeys(TYPES, 1)
    text = events_page.body(SERVICES)
    for name, model in TYPES.items():
        article = text.split(f'<article aria-labelledby="{name}">')[1].split("</article>")[0]
        assert EVENTS[name] in article.replace("&#x27;", "'")
        for member in schema(model)["properties"].keys() - COMMON.keys():
            assert f'<th scope="row"><code>{member}</code></th>' in article
        assert f'href="/docs/events/schemas/{name}.json"' in article
        told = {
            Audience.PUBLIC: "Tout le monde :",
            Audience.ORGANISATION: "L'organisation concernée :",
            Audience.INTERNAL: "Les services de la plateforme seulement :",
        }[model.audience]
        assert told in article
        assert ("L'acheteur : à partir de" in article) == (model.buyer_after is not None)
        if model.buyer_after:
            assert f'href="#{model.buyer_after}"' in article
        assert (f"/v1/events?types={name}" in article) == (model.audience is not Audience.INTERNAL)


def test_every_example_is_the_sample_of_its_type(page: Page) -> None:
    examples = [
        CloudEvent.from_json(text.encode()) for tag, text in page.texts if tag == "code" and text.startswith("{")
    ]
    assert {example.type: example for example in examples} == {name: sample_of(model) for name, model in TYPES.items()}


def test_everything_has_its_french_words() -> None:
    assert EVENTS.keys() == TYPES.keys(), "say in events_words.py what the event tells"
    assert COMMON.keys() == Event.model_fields.keys()
    assert ENVELOPE.keys() == CloudEvent.model_fields.keys()


def test_a_part_that_two_events_share_is_the_same_in_both() -> None:
    """They are shown once, by name."""
    found: dict[str, Any] = {}
    for model in TYPES.values():
        for name, part in schema(model).get("$defs", {}).items():
            assert found.setdefault(name, part) == part, name


def test_the_page_can_be_read_by_everybody(page: Page) -> None:
    """RGAA: titles in order, tables with caption and heads, landmarks, unique ids, keyboard, language of the words."""
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table")) > len(TYPES)
    assert all(attributes.get("scope") in {"col", "row"} for attributes in page.all("th"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [attributes["aria-labelledby"] for _, attributes in page.elements if "aria-labelledby" in attributes]
    assert set(named) <= set(ids)
    assert len(page.all("main")) == 1
    assert page.elements[0] == ("a", {"class": "skip", "href": "#contenu"})
    assert all(attributes.get("tabindex") == "0" and attributes.get("aria-label") for attributes in page.all("pre"))
    english = [attributes for _, attributes in page.elements if attributes.get("lang") == "en"]
    assert len(english) > len(TYPES), "each model's own description is English, and says so"


def test_what_a_document_says_is_escaped() -> None:
    from libs.common.http.events_page import _table

    hostile = {"a": {"type": "string", "description": "<script>", "pattern": "<b>", "enum": ["<i>"]}}
    table = _table("x", hostile, [])
    assert "<script>" not in table
    assert "<i>" not in table
    assert json.dumps("<b>") not in table
