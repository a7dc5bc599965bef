"""Completing an opening: with k officers, the bids are opened, each one's fate is fixed, the report is drawn up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.actor import Actor
from libs.common.errors import Conflict
from libs.common.grants import Permission
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids import events
from services.bids.domain.bids import Standing, standings
from services.bids.domain.states import BID, OPENING, BidState, after
from services.bids.domain.time import legal_time
from services.bids.errors import TooFewOfficers
from services.bids.sealing.names import canonical
from services.bids.service.decryption import OpenedBid, OpeningWork, open_bid
from services.bids.service.openings import bids_to_open, buyers_opening, require_openable
from services.bids.store import bids as bid_store
from services.bids.store import consultations as consultation_store
from services.bids.store import openings as store
from services.bids.store.bids import Bid
from services.bids.store.consultations import Consultation
from services.bids.store.openings import Opening, Presence

__all__ = ["complete"]

_STEPS = {
    Standing.SUPERSEDED: ("superseded", "supersede"),
    Standing.LATE: ("late", "set aside as late"),
    Standing.WITHDRAWN: ("withdrawn", None),
}


@dataclass(frozen=True)
class _Found:
    """What an opening found."""

    opening: Opening
    consultation: Consultation
    presences: Sequence[Presence]
    opened: Mapping[UUID, OpenedBid]


async def complete(runtime: Runtime, actor: Actor, opening_id: UUID) -> Opening:
    """Open the bids with the shares presented. Decryption is streamed, outside any transaction.

    Raises UnknownOpening, IllegalTransition, ProcedureSuspended, LotEnded, TooFewOfficers that says how many are missing.
    """
    async with runtime.read() as conn:
        opening, consultation = await buyers_opening(conn, actor, opening_id, Permission.OPEN, runtime.clock.now())
        after(OPENING, opening.state, "complete")
        require_openable(consultation)
        presences = await store.presences(conn, opening_id)
        _require_officers(consultation, presences)
        bids = [await _bid_and_files(conn, each) for each in opening.statement.bids]
    work = OpeningWork(opening_id, consultation.keys, presences)
    opened = {bid.id: await open_bid(runtime, work, bid, files) for bid, files in bids}
    async with runtime.uow(actor=actor) as uow:
        await _write(uow, _Found(opening, consultation, presences, opened))
    async with runtime.read() as conn:
        return (await buyers_opening(conn, actor, opening_id, Permission.OPEN, runtime.clock.now()))[0]


def _require_officers(consultation: Consultation, presences: Sequence[Presence]) -> None:
    """Let pass when every segment has k usable shares, or when no other officer could bring one."""
    threshold = consultation.keys.threshold
    claims = Counter(
        (each.bid, each.file, each.segment)
        for presence in presences
        for each in presence.shares
        if each.problem is not None
    )
    usable = len(presences) - max(claims.values(), default=0)
    present = {each.officer for each in presences}
    absent = [each.officer for each in consultation.keys.officers if each.officer not in present]
    if len(presences) >= threshold and (usable >= threshold or not absent):
        return
    missing = threshold - usable
    claimed = " (des parts présentées sont déclarées inutilisables)" if claims else ""
    others = ", ".join(absent)
    raise TooFewOfficers(
        f"Il manque {missing} officier(s) : {len(presences)} présent(s), {threshold} nécessaires{claimed}. "
        f"Peuvent encore se présenter : {others}.",
        f"{missing} more officer(s) needed: {len(presences)} of {threshold} present. Not yet present: {others}.",
    )


async def _bid_and_files(conn: asyncpg.Connection, named: str) -> tuple[Bid, list[bid_store.BidFile]]:
    identity = UUID(named.split(" ", 1)[0])
    bid = await bid_store.find(conn, identity)
    if bid is None:
        raise LookupError(f"bid {identity} is gone")
    return bid, await bid_store.files(conn, identity)


async def _write(uow: Uow, found: _Found) -> None:
    consultation = await consultation_store.lock(uow.conn, found.consultation.procedure)
    opening = await store.lock(uow.conn, found.opening.id)
    assert consultation is not None  # noqa: S101  # neither is ever removed
    assert opening is not None  # noqa: S101
    after(OPENING, opening.state, "complete")
    received = await bid_store.deposited(uow.conn, consultation.procedure)
    judged = standings([each.deposited for each in received], consultation.deadline)
    if bids_to_open([each for each in received if judged[each.id] is Standing.COUNTS]) != opening.statement.bids:
        raise Conflict(
            "Un pli reçu à temps a été enregistré depuis le début de l'ouverture, ou la date limite a changé : "
            "recommencez l'ouverture.",
            "A bid received in time was recorded since, or the deadline moved: start the opening again.",
        )
    now = uow.now()
    parts = await _fix_states(uow, found, received, judged)
    report = _report(found, parts, now)
    digest = sha256(canonical(report)).hexdigest()
    version = await store.complete(uow.conn, opening.id, now, report, digest)
    await store.forget_shares(uow.conn, opening.id)
    uow.audit("complete_opening", str(opening.id))
    counts = {name: len(part) for name, part in parts.items()}
    officers = [each.officer for each in found.presences]
    uow.emit(
        events.opened(
            opening, consultation, version=version, report_sha256=digest, at=now, counts=counts, officers=officers
        )
    )


Parts = dict[str, list[dict[str, Any]]]


async def _fix_states(uow: Uow, found: _Found, received: Sequence[Bid], judged: Mapping[UUID, Standing]) -> Parts:
    parts: Parts = {"opened": [], "unreadable": [], "superseded": [], "late": [], "withdrawn": []}
    for bid in received:
        told = _bid_line(bid, found.consultation)
        if judged[bid.id] is Standing.COUNTS:
            opened = found.opened[bid.id]
            part, step = ("opened", "open") if opened.finding is None else ("unreadable", "report as unreadable")
            await _keep_files(uow, found.opening.id, bid.id, opened)
            told |= _outcome(opened)
        else:
            part, step = _STEPS[judged[bid.id]][0], _STEPS[judged[bid.id]][1] or ""
        if bid.state is not BidState.WITHDRAWN:
            await bid_store.set_state(uow.conn, bid.id, after(BID, bid.state, step))
        parts[part].append(told)
    return parts


async def _keep_files(uow: Uow, opening: UUID, bid: UUID, opened: OpenedBid) -> None:
    for number, document in opened.files.items():
        await store.add_file(uow.conn, opening, bid, number, document)


def _outcome(opened: OpenedBid) -> dict[str, Any]:
    if opened.finding is not None:
        return {"finding": opened.finding, "fault": opened.fault, "proof": opened.proof}
    files = [
        {"number": number, "name": each.name, "size": each.size, "sha256": each.sha256}
        for number, each in sorted(opened.files.items())
    ]
    return {"files": files, "sealed_lots": list(opened.sealed_lots)}


def _bid_line(bid: Bid, consultation: Consultation) -> dict[str, Any]:
    received = bid.received_at
    assert received is not None  # noqa: S101  # a draft is not among the received
    return {
        "bid": str(bid.id),
        "depositor": bid.depositor,
        "depositor_name": bid.depositor_name,
        "lots": list(bid.lots),
        "received_at": legal_time(received, consultation.zone).isoformat(),
        "envelope_sha256": bid.envelope_sha256,
    }


def _report(found: _Found, parts: Parts, now: datetime) -> dict[str, Any]:
    consultation, opening = found.consultation, found.opening

    def hour(instant: datetime) -> str:
        return legal_time(instant, consultation.zone).isoformat()

    head = {
        "kind": "halles-opening-report-1",
        "opening": str(opening.id),
        "procedure": str(consultation.procedure),
        "title": consultation.notice.title,
        "buyer": consultation.buyer,
        "buyer_name": consultation.notice.buyer.name,
        "time_zone": consultation.zone.key,
        "deadline": hour(consultation.deadline),
        "started_at": hour(opening.started_at),
        "stamped_at": hour(opening.stamped_at),
        "completed_at": hour(now),
        "statement_sha256": opening.statement.digest.hex(),
        "key_fingerprint": consultation.keys.fingerprint,
        "threshold": consultation.keys.threshold,
        "officers_total": len(consultation.keys.officers),
    }
    officers = [{"officer": each.officer, "presented_at": hour(each.presented_at)} for each in found.presences]
    return {**head, "officers": officers, **parts}
