"""Chapters 8 and 9: public money becomes open data; what is public is for everybody, and nothing else is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import jsonschema_rs

from deploy.local.story.client import Api, eventually, require
from deploy.local.story.report import NotApplicable, Proof
from deploy.local.story.scene import Json, Scene
from libs.common import standards

__all__ = ["essential_data", "follow_feed", "follow_trace", "ocds_release", "read_timeline"]

SECRET = ("bids.bid.", "bids.letter.", "bids.opening.", "bids.award.", "alerts.")
"""Types that the public never reads: who deposited, who was told what."""


async def essential_data(scene: Scene) -> Proof:
    """Each notified contract is in the essential data, and valid."""
    contracts = {award["contract_id"] for award in scene.awards}
    found = await eventually(partial(_published, scene, contracts), "the essential data")
    if found[0]["state"] == "not_applicable":
        raise NotApplicable(found[0]["reason"])
    record = found[0]["record"]
    require(
        record["acheteur"]["id"] == scene.notice["buyer"]["organisation"].split(":")[1],
        "the record names another buyer",
    )
    envelope = await scene.stage.anonymous.get(
        "/opendata/v1/decp.json", {"buyer": scene.notice["buyer"]["organisation"]}
    )
    ids = {item["id"] for item in envelope["marches"]["marche"]}
    require(record["id"] in ids, "the contract is missing in the published file")
    return {
        "records": len(found),
        "uid": found[0]["uid"],
        "amount": record["montant"],
        "validated_by_the_service_with": found[0]["validated_with"],
        "validated_by_the_story_with": _validate(envelope, Path("decp/schema/schema_decp_v2.0.3.json")),
    }


def _validate(document: Json, schema: Path) -> str:
    """Hold what was published against the official schema, with somebody else's validator."""
    folder = standards.folder()
    if folder is None or not (folder / schema).exists():
        return "official schema not available, checked with our own model"
    faults = list(jsonschema_rs.validator_for((folder / schema).read_text()).iter_errors(document))
    require(not faults, f"{schema.name}: {faults[0] if faults else ''}")
    return schema.name


async def _published(scene: Scene, contracts: set[str]) -> list[Json] | None:
    for state in ("published", "not_applicable"):
        wanted = {"procedure": scene.procedure, "state": state, "limit": "100"}
        page = await scene.stage.anonymous.get("/opendata/v1/contracts", wanted)
        if contracts <= {item["contract_id"] for item in page["items"]}:
            return list(page["items"])
    return None


async def ocds_release(scene: Scene) -> Proof:
    """The procedure is an OCDS release, tender first, then award and contract."""
    package = await eventually(partial(_releases, scene), "the OCDS releases")
    tags = sorted({tag for release in package["releases"] for tag in release["tag"]})
    schema = Path("ocds/schema-1.1.5/dereferenced-release-schema.json")
    validated = [_validate(release, schema) for release in package["releases"]]
    return {
        "ocid": package["releases"][0]["ocid"],
        "releases": len(package["releases"]),
        "tags": tags,
        "validated_by_the_story_with": validated[0],
    }


async def _releases(scene: Scene) -> Json | None:
    ocid = await _ocid(scene)
    if ocid is None:
        return None
    package = await scene.stage.anonymous.get(f"/opendata/v1/ocds/releases/{ocid}")
    tags = {tag for release in package["releases"] for tag in release["tag"]}
    return dict(package) if {"tender", "contract"} <= tags else None


async def _ocid(scene: Scene) -> str | None:
    for state in ("published", "not_applicable"):
        page = await scene.stage.anonymous.get("/opendata/v1/contracts", {"procedure": scene.procedure, "state": state})
        if page["items"]:
            return str(page["items"][0]["ocid"])
    return None


async def read_timeline(scene: Scene) -> Proof:
    """Anybody reads the public part of the timeline, the buyer the whole; another buyer reads no more than anybody."""
    public = await eventually(partial(_timeline, scene, scene.stage.anonymous), "the public timeline")
    whole = await eventually(partial(_timeline, scene, scene.officials.secretary.api), "the buyer's timeline")
    other = await _timeline(scene, scene.officials.foreigner.api)
    leaks = [kind for kind in public if kind.startswith(SECRET)]
    require(not leaks, f"the public timeline tells {leaks}")
    require(other == public, "another buyer reads more than the public")
    require(set(public) < set(whole), "the buyer reads no more than the public")
    require("bids.bid.deposited.v1" in whole, "the buyer cannot read the deposits after the opening")
    return {"public": sorted(set(public)), "buyer_reads_also": sorted(set(whole) - set(public))}


async def _timeline(scene: Scene, api: Api) -> list[str] | None:
    types: list[str] = []
    wanted = {"limit": "100"}
    while True:
        page = await api.get(f"/notices/v1/procedures/{scene.procedure}/timeline", wanted)
        types += [item["type"] for item in page["items"]]
        if not page["next"]:
            break
        wanted = {"limit": "100", "cursor": page["next"]}
    return types if "bids.contract.notified.v1" in types else None


async def follow_feed(scene: Scene) -> Proof:
    """A partner pulls the public events of every service, each once, and nothing else."""
    found = [event async for event in _public_events(scene)]
    types = {event["type"] for event in found}
    require(len({event["id"] for event in found}) == len(found), "an event came twice")
    wanted = {"notices.notice.published.v1", "bids.contract.notified.v1"}
    require(wanted <= types, f"the feeds miss {wanted - types}")
    return {"events": len(found), "types": sorted(types)}


async def follow_trace(scene: Scene) -> Proof:
    """The winner's one call is followed through every service that it moved: the same trace, cause after cause."""
    events = [event async for event in _public_events(scene) if scene.trace in event.get("traceparent", "")]
    sources = {event["source"] for event in events}
    at_once = (
        scene.notice["sent_at"] is None
    )  # else the buyer completes the award notice for the journals, by another call
    wanted = {"/bids"} | ({"/notices"} if at_once else set()) | ({"/opendata"} if await _is_published(scene) else set())
    require(wanted <= sources, f"the trace reached {sorted(sources)} only")
    identities = {event["id"] for event in events}
    caused = [event for event in events if event.get("causationid") in identities]
    require(len(caused) == len(events) - len(scene.contracts), "an event does not name the one that caused it")
    return {"trace": scene.trace, "services": sorted(sources), "events": len(events)}


async def _is_published(scene: Scene) -> bool:
    page = await scene.stage.anonymous.get("/opendata/v1/contracts", {"procedure": scene.procedure})
    return bool(page["items"])


async def _public_events(scene: Scene) -> AsyncIterator[Json]:
    for service in ("notices", "bids", "opendata", "signature", "legality", "alerts"):
        async for event in _events(scene.stage.partner.api, service):
            require(not event["type"].startswith(SECRET), f"the feed of {service} tells {event['type']}")
            if event.get("procedure") == scene.procedure:
                yield event


async def _events(api: Api, service: str) -> AsyncIterator[Json]:
    after = ""
    while True:
        page = await api.get(f"/{service}/v1/events", {"limit": "100"} | ({"after": after} if after else {}))
        for event in page["events"]:
            yield event
        if not page["events"] or page["next"] == after:
            return
        after = page["next"]
