"""What the walk of every route needs: who may call what, who calls, and what is in the services when they do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from libs.common.generate import services
from libs.common.http.application import all_routes
from libs.common.http.routes import Route
from libs.common.testing.harness import Harness

KINDS = ("buyer", "company", "state", "partner", "operator")
STRANGERS = {
    "buyer": "SIRET:21710001200013",
    "company": "SIRET:44306184100047",
    "state": "SIRET:13000548100010",
    "partner": "SIRET:80881223400017",
    "operator": "SIRET:23210001700016",
}
"""An organisation of each kind that nothing here belongs to."""
SERVICES = {service.name: service for service in services()}
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Access:
    """Who may call a route, and of what."""

    kinds: frozenset[str]
    of: str
    """public, draft, own, object or all"""


def access_table() -> dict[Key, Access]:
    """Read every_route.txt: one line a route."""
    table: dict[Key, Access] = {}
    for line in Path(__file__).with_name("every_route.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        service, method, path, *said = line.split()
        kinds = frozenset(KINDS if said[0] in {"any", "public", "draft"} else said[0].split(","))
        for name in SERVICES if service == "*" else [service]:
            table[name, method, path] = Access(kinds, said[-1])
    return table


def routes_of(name: str) -> list[Route]:
    """Give the routes of a service as it serves them, those that remove something last."""
    return sorted(all_routes(SERVICES[name]), key=lambda route: route.method == "DELETE")


@dataclass(frozen=True)
class Caller:
    """Who calls; kind None: without a token."""

    kind: str | None
    organisation: str = ""
    subject: str = "test-person"


_OPERATORS: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/operations/jobs/retry"): {"json": {"kind": "none"}},
    ("POST", "/v1/operations/parked/replay"): {"json": {"queue": "none"}},
    ("POST", "/v1/operations/parked/discard"): {"json": {"queue": "none", "reason": "none"}},
}
"""Bodies of the operators' routes, the same on every service."""


OF_ITSELF = {
    "evidence_fact": "(SELECT id, content FROM evidence_fact WHERE kind <> 'heartbeat')",
    "evidence_batch": "(SELECT)",
    "evidence_head": "(SELECT)",
}
"""What the platform writes without being asked, heartbeats and the batches of facts, left out of comparisons."""


@dataclass
class World:
    """A running service with objects of one owner."""

    h: Harness
    owners: Mapping[str, Caller]
    """Who the objects belong to, by kind."""
    targets: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """By the names in a path, joined by a comma: the objects to try."""
    published: frozenset[str] = frozenset()
    """Names of objects that are public."""
    bodies: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """By method and path: options of the request (json, data, headers, params), right for the owner."""
    secrets: tuple[str, ...] = ()
    """What nobody but an owner may ever read in an answer, a refusal included."""
    told: frozenset[str] = frozenset()
    """Kinds of owners who may read the secrets."""

    def paths(self, route: Route) -> list[tuple[str, bool]]:
        """Give the addresses to call, and whether each one's object is public."""
        names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
        found = self.targets[",".join(names)] if names else [{}]
        return [
            (
                f"/{self.h.runtime.service.name}{route.path.format_map(values)}",
                bool(self.published & set(values.values())),
            )
            for values in found
        ]

    async def call(self, caller: Caller, route: Route, path: str) -> tuple[int, str]:
        """Call a route with the body that suits its owner; give the status and the whole answer."""
        asked = (route.method, route.path)
        options = dict(self.bodies.get(asked) or _OPERATORS.get(asked, {}))
        headers = dict(options.pop("headers", {}))
        if caller.kind is not None:
            headers |= self.h.headers(caller.organisation, caller.kind, sub=caller.subject)
        async with self.h.client.request(route.method, path, headers=headers, **options) as answer:
            return answer.status, str(answer.headers) + (await answer.read()).decode("latin-1")

    async def snapshot(self) -> dict[str, str]:
        """Give a digest of each table."""
        async with self.h.runtime.read() as conn:
            tables = await conn.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
            digest = "SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {} AS t"
            sources = {row[0]: f'"{row[0]}"' for row in tables} | OF_ITSELF
            return {row[0]: await conn.fetchval(digest.format(sources[row[0]])) for row in tables}


async def operations(h: Harness) -> dict[str, list[dict[str, str]]]:
    """Put a parked message, a dead job and a file of the archive into a service, for the routes of operators."""
    key = f"{h.runtime.service.name}/archive/internal/file.jsonl.gz"
    file = await h.runtime.storage.put(key, b"secret-body", media_type="application/gzip", name="file.jsonl.gz")
    async with h.runtime.read() as conn:
        parked = await conn.fetchval(
            "INSERT INTO parked (queue, key, message_id, type, body, state, reason)"
            " VALUES ('test', 'k', $1, 't', 'secret-body', 'parked', 'handler') RETURNING id",
            uuid4(),
        )
        job = await conn.fetchval(
            "INSERT INTO job (kind, key, payload, state, due_at, finished_at)"
            " VALUES ('test', 'k', '{}', 'dead', now(), now()) RETURNING id"
        )
        await conn.execute(
            "INSERT INTO event_archive (name, audience, part, first, last, events, from_time, to_time, size, sha256,"
            " storage_key) SELECT $1, 'internal', starts, 1, 1, 1, now(), now(), $2, $3, $4 FROM event_part LIMIT 1",
            file.name,
            file.size,
            file.sha256,
            key,
        )
    return {
        "identity": [{"identity": str(parked)}],
        "job_id": [{"job_id": str(job)}],
        "file": [{"file": file.name}],
    }
