"""Completing an opening: the worker opens envelope by envelope; then each one's fate is fixed, the report drawn up."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import Conflict
from libs.common.grants import Permission
from libs.common.messages.notices import OpeningKeySet
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids import events, evidence
from services.bids.deputies import store as deputies
from services.bids.domain.bids import Standing
from services.bids.domain.states import BID, OPENING, BidState, OpeningState, after
from services.bids.domain.time import legal_time
from services.bids.errors import TooFewOfficers
from services.bids.evidence import Fact, FactKind
from services.bids.scanning import MALWARE_FOUND
from services.bids.sealing.names import canonical
from services.bids.sealing.sharing import enough, sharing
from services.bids.service.counting import Judged, judge
from services.bids.service.decryption import Opened, OpeningWork, open_envelope
from services.bids.service.faults import platform_faults
from services.bids.service.opened import key_of, new_key
from services.bids.service.openings import buyers_opening, keys_of, named, record_step, require_openable
from services.bids.store import bids as bid_store
from services.bids.store import consultations as consultation_store
from services.bids.store import openings as store
from services.bids.store.bids import EnvelopeRow
from services.bids.store.consultations import Consultation
from services.bids.store.openings import OpenedFile, Opening, Presence

__all__ = ["OPEN_JOB", "ask", "note", "open_named"]

OPEN_JOB = "open_envelope"


async def ask(uow: Uow, actor: Actor, opening_id: UUID) -> Opening:
    """Have the worker open the envelopes with the shares presented: one job an envelope, each resumable by itself.

    Raises UnknownOpening, IllegalTransition, ProcedureSuspended, LotEnded, Conflict (other envelopes count by now), and
    TooFewOfficers that says how many are missing.
    """
    opening, _ = await buyers_opening(uow.conn, actor, opening_id, Permission.OPEN, uow.now())
    consultation = await consultation_store.lock(uow.conn, opening.procedure)
    locked = await store.lock(uow.conn, opening_id)
    assert consultation is not None  # noqa: S101  # neither is ever removed
    assert locked is not None  # noqa: S101
    state = after(OPENING, locked.state, "open")
    require_openable(consultation)
    _require_officers(await keys_of(uow.conn, opening), await store.presences(uow.conn, opening_id))
    await _require_same(uow, consultation, opening)
    await store.set_state(uow.conn, opening_id, state)
    await store.add_work(uow.conn, opening)
    await store.keep_key(uow.conn, opening_id, await new_key(uow.runtime, opening_id, secrets.token_bytes(32)))
    for bid, number in opening.statement.named:
        payload = {"opening": str(opening_id), "bid": str(bid), "envelope": number}
        uow.enqueue(OPEN_JOB, key=f"{opening_id}/{bid}/{number}", payload=payload)
    await record_step(uow.conn, opening, "opening asked", uow.now())
    uow.audit("ask_completion", str(opening_id))
    if not opening.statement.envelopes:
        await _finish(uow, opening_id)
    found = await store.find(uow.conn, opening_id)
    assert found is not None  # noqa: S101
    return found


async def open_named(runtime: Runtime, opening_id: UUID, bid: UUID, number: int) -> Opened:
    """Open one envelope of an opening under way; streamed, outside any transaction."""
    async with runtime.read() as conn:
        opening = await store.find(conn, opening_id)
        if opening is None:
            raise LookupError(f"opening {opening_id} is gone")
        presences = await store.presences_for(conn, opening_id, bid, number)
        key, keys = await key_of(runtime, conn, opening_id), await keys_of(conn, opening)
        found = await bid_store.find(conn, bid)
        assert found is not None  # noqa: S101  # what an opening names was deposited
        assert found.received_at is not None  # noqa: S101
        work = OpeningWork(opening_id, key, keys, presences, found.received_at)
        envelope = await bid_store.paper(conn, bid, number)
        files = [each for each in await bid_store.files(conn, bid) if each.envelope == number]
    return await open_envelope(runtime, work, envelope, files)


async def note(uow: Uow, opening_id: UUID, place: tuple[UUID, int], opened: Opened) -> None:
    """Note what came of an envelope; the last one completes the opening. Told again, it changes nothing."""
    opening = await store.lock(uow.conn, opening_id)
    if opening is None or opening.state is not OpeningState.OPENING:
        return
    await store.work_done(uow.conn, opening_id, place, uow.now(), opened.to_json())
    progress = await store.progress(uow.conn, opening_id)
    if progress.done == progress.envelopes:
        await _finish(uow, opening_id)


async def _require_same(uow: Uow, consultation: Consultation, opening: Opening) -> None:
    judged = await judge(uow.conn, consultation)
    due = judged.to_open(opening.stage, opening.statement.lots)
    if named(_sealed_to(opening, judged, due)) != opening.statement.envelopes:
        raise Conflict(
            "Un pli reçu à temps a été enregistré depuis le début de l'ouverture, ou la date limite a changé : "
            "recommencez l'ouverture.",
            "A bid received in time was recorded since, or the deadline moved: start the opening again.",
        )


def _sealed_to(opening: Opening, judged: Judged, envelopes: Iterable[EnvelopeRow]) -> list[EnvelopeRow]:
    return [each for each in envelopes if judged.bids[each.bid].key_fingerprint == opening.key_fingerprint]


def _require_officers(keys: OpeningKeySet, presences: Sequence[Presence]) -> None:
    """Let pass when every segment has shares enough that are usable, or when no other officer could bring one."""
    claims: dict[tuple[UUID, int, int, int], set[str]] = {}
    for presence in presences:
        for each in presence.shares:
            if each.problem is not None:
                place = (each.bid, each.envelope, each.part, each.segment)
                claims.setdefault(place, set()).add(presence.officer)
    present = {each.officer for each in presences}
    absent = [each.officer for each in keys.officers if each.officer not in present]
    if enough(keys, present) and (not absent or all(enough(keys, present - each) for each in claims.values())):
        return
    worst = min((present - each for each in claims.values()), key=len, default=present)
    shared = sharing(keys)
    missing = shared.needed - sum(len(shared.points[each]) for each in worst)
    claimed = " (des parts présentées sont déclarées inutilisables)" if claims else ""
    others = ", ".join(absent)
    raise TooFewOfficers(
        f"Il manque {missing} officier(s) : {len(presences)} présent(s), {keys.threshold} nécessaires{claimed}. "
        f"Peuvent encore se présenter : {others}.",
        f"{missing} more officer(s) needed: {len(presences)} of {keys.threshold} present. Not yet present: {others}.",
    )


@dataclass(frozen=True)
class _Found:
    """What an opening found."""

    opening: Opening
    consultation: Consultation
    keys: OpeningKeySet
    presences: Sequence[Presence]
    judged: Judged
    opened: Mapping[tuple[UUID, int], Opened]


async def _finish(uow: Uow, opening_id: UUID) -> None:
    """Fix each one's fate and draw up the report, in the transaction of the last envelope."""
    opening = await store.lock(uow.conn, opening_id)
    assert opening is not None  # noqa: S101  # openings are never removed
    after(OPENING, opening.state, "complete")
    found = await _found(uow, opening)
    parts = _parts(found)
    await _keep(uow, found)
    now = uow.now()
    report = _report(found, parts, await platform_faults(uow.conn, found.consultation), now)
    digest = sha256(canonical(report)).hexdigest()
    version = await store.complete(uow.conn, opening.id, now, report, digest)
    await store.forget_shares(uow.conn, opening.id)
    await deputies.forget(uow.conn, opening.id)
    await record_step(uow.conn, opening, "completed", now, report=digest)
    uow.audit("complete_opening", str(opening.id))
    told = events.Counted(digest, now, {name: len(part) for name, part in parts.items()},
                          tuple(each.officer for each in found.presences))  # fmt: skip
    uow.emit(events.opened(opening, found.consultation, version=version, counted=told))


async def _found(uow: Uow, opening: Opening) -> _Found:
    consultation = await consultation_store.find(uow.conn, opening.procedure)
    assert consultation is not None  # noqa: S101
    works = await store.works(uow.conn, opening.id)
    opened = {(each.bid, each.envelope): Opened.of_json(each.outcome) for each in works if each.outcome is not None}
    presences = await store.presences(uow.conn, opening.id)
    judged = await judge(uow.conn, consultation)
    return _Found(opening, consultation, await keys_of(uow.conn, opening), presences, judged, opened)


Parts = dict[str, list[dict[str, Any]]]


def _parts(found: _Found) -> Parts:
    """Sort the envelopes of this stage and these lots by what came of them."""
    parts: Parts = {"opened": [], "unreadable": [], "superseded": [], "late": [], "withdrawn": []}
    for each in found.judged.of_stage(found.opening.stage, found.opening.statement.lots):
        outcome = found.opened.get((each.bid, each.number))
        told = _line(found, each)
        if outcome is not None:
            parts["opened" if outcome.finding is None else "unreadable"].append(told | _outcome(outcome))
        elif not found.judged.counting(each) and each.state == "sealed":
            parts[_worst(found.judged, each)].append(told)
    return parts


def _worst(judged: Judged, envelope: EnvelopeRow) -> str:
    """Say why no lot of an envelope counts."""
    standing = {judged.lots[envelope.bid][lot] for lot in envelope.lots}
    return min(standing, key=list(Standing).index).value


async def _keep(uow: Uow, found: _Found) -> None:
    """Keep the files and the states of the envelopes, then those of the bids that this settles."""
    for (bid, number), outcome in found.opened.items():
        for file, document in outcome.files.items():
            await store.add_file(uow.conn, found.opening.id, bid, file, document)
            await _note_malware(uow, found.opening, (bid, file), document)
        await bid_store.set_envelope_state(uow.conn, bid, number, "unreadable" if outcome.finding else "opened")
    judged = await judge(uow.conn, found.consultation)
    for each in judged.bids.values():
        step = _step(judged, each.id) if each.state is BidState.DEPOSITED else None
        if step is not None:
            await bid_store.set_state(uow.conn, each.id, after(BID, each.state, step))


async def _note_malware(uow: Uow, opening: Opening, place: tuple[UUID, int], file: OpenedFile) -> None:
    """Record in the evidence that malware was found: what lets a backup copy be opened (order ECOM1831545A, annex 6)."""
    if file.verdict.scan != "infected":
        return
    content = {"opening": str(opening.id), "step": MALWARE_FOUND, "file": place[1], "threat": file.verdict.threat}
    await evidence.record(uow.conn, Fact(opening.procedure, place[0], FactKind.OPENING_STEP, uow.now(), content))


def _step(judged: Judged, bid: UUID) -> str | None:
    """Give what happens to a bid: its standing is fixed from the first opening on; it is opened once all of it is."""
    standing = judged.standing(bid)
    if standing is not Standing.COUNTS:
        return {Standing.SUPERSEDED: "supersede", Standing.LATE: "set aside as late"}.get(standing)
    counting = [each for each in judged.envelopes if each.bid == bid and set(judged.counting(each)) - judged.ended]
    if any(each.state == "sealed" for each in counting):
        return None
    return "open" if any(each.state == "opened" for each in counting) else "report as unreadable"


def _outcome(opened: Opened) -> dict[str, Any]:
    if opened.finding is not None:
        return {"finding": opened.finding, "fault": opened.fault, "proof": opened.proof}
    files = [
        {
            "number": number,
            "name": each.name,
            "size": each.size,
            "sha256": each.sha256,
            "scan": asdict(each.verdict),
            "signatures": each.told_signatures,
        }
        for number, each in sorted(opened.files.items())
    ]
    return {"files": files}


def _line(found: _Found, envelope: EnvelopeRow) -> dict[str, Any]:
    bid = found.judged.bids[envelope.bid]
    received = bid.received_at
    assert received is not None  # noqa: S101  # a draft is not among the received
    counting = found.judged.counting(envelope)
    return {
        "bid": str(bid.id),
        "envelope": envelope.number,
        "kind": envelope.kind,
        "depositor": bid.depositor,
        "depositor_name": bid.depositor_name,
        "lots": list(counting or envelope.lots),
        "superseded_lots": [each for each in envelope.lots if counting and each not in counting],
        "received_at": legal_time(received, found.consultation.zone).isoformat(),
        "envelope_sha256": envelope.sha256,
    }


def _report(found: _Found, parts: Parts, platform: dict[str, Any], now: datetime) -> dict[str, Any]:
    consultation, opening, keys = found.consultation, found.opening, found.keys

    def hour(instant: datetime) -> str:
        return legal_time(instant, consultation.zone).isoformat()

    head = {
        "kind": "halles-opening-report-4",
        "opening": str(opening.id),
        "stage": opening.stage,
        "lots": list(opening.statement.lots),
        "procedure": str(consultation.procedure),
        "title": consultation.notice.title,
        "buyer": consultation.buyer,
        "buyer_name": consultation.notice.buyer.name,
        "time_zone": consultation.zone.key,
        "deadline": hour(opening.statement.deadline),
        "started_at": hour(opening.started_at),
        "stamped_at": hour(opening.stamped_at),
        "completed_at": hour(now),
        "statement_sha256": opening.statement.digest.hex(),
        "key_fingerprint": opening.key_fingerprint,
        "threshold": keys.threshold,
        "officers_total": sum(not each.recovery for each in keys.officers),
    }
    recovery = {each.officer for each in keys.officers if each.recovery}
    officers = [
        {
            "officer": each.officer,
            "presented_at": hour(each.presented_at),
            "recovery": each.officer in recovery,
            "deputy": each.deputy,
        }
        for each in found.presences
    ]
    return {**head, "officers": officers, **parts, "platform": platform}
