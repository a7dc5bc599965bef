"""What comes back from the State: kept as it came, read leniently, applied to the act it speaks of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from libs.common.messages.base import DocumentReference
from libs.common.uow import Uow
from services.legality import events, store
from services.legality.actes.names import envelope_of_archive, read_envelope_name
from services.legality.actes.read import Message, parse
from services.legality.actes.xml import UnreadableXmlError
from services.legality.domain import Act, State
from services.legality.work import mark_transmitted

__all__ = ["Received", "receive"]


@dataclass(frozen=True, slots=True)
class Received:
    """A return and what was made of it."""

    return_id: UUID
    repeated: bool
    messages: tuple[store.StateMessage, ...]


async def receive(uow: Uow, document: DocumentReference, files: Mapping[str, bytes]) -> Received:
    """Take a return: each message is kept, and applied to its act once; the same content again changes nothing."""
    return_id = uuid4()
    if not await store.add_return(uow.conn, return_id, document, uow.now()):
        former = await store.return_of_content(uow.conn, document.sha256) or return_id
        return Received(former, True, tuple(await store.messages_of_return(uow.conn, former)))
    read = await asyncio.to_thread(lambda: dict(_read(files)))  # a heavy message holds nobody else back
    recipient = next((item.siren for item in read.values() if item and item.element == "EnveloppeMISILLCL"), None)
    messages = [await _take(uow, return_id, name, message, recipient) for name, message in read.items()]
    for item in messages:
        await store.add_message(uow.conn, item)
    uow.audit("legality.return.received", str(return_id))
    return Received(return_id, False, tuple(messages))


def _read(files: Mapping[str, bytes]) -> Iterator[tuple[str, Message | None]]:
    for name, content in files.items():
        if name.lower().endswith(".xml"):
            try:
                yield name, parse(content)
            except UnreadableXmlError:
                yield name, None


async def _take(
    uow: Uow, return_id: UUID, name: str, message: Message | None, recipient: str | None
) -> store.StateMessage:
    if message is None:
        return store.StateMessage(return_id, None, name, "unreadable", None, {}, "unreadable")
    act_id = await _act_of(uow, name, message, recipient)
    outcome = "unmatched"
    if act_id is not None:
        outcome = await _apply(uow, act_id, message)
    elif message.code in {"envelope", "7-2", "7-3"}:
        outcome = "kept"
    await _learn_classification(uow, message, recipient)
    return store.StateMessage(return_id, act_id, name, message.element, message.code, message.as_json(), outcome)


async def _act_of(uow: Uow, name: str, message: Message, recipient: str | None) -> UUID | None:
    """Find the act: by its identifier; an anomaly by the act's own data, or by the name of the envelope it refuses."""
    if message.act_identifier:
        found = await store.find(uow.conn, "identifier", message.act_identifier)
        if found is not None:
            return found
    if message.code == "anomaly":
        announced = envelope_of_archive(name.removesuffix(".xml")) or name.removeprefix("ANO_")
        envelope = read_envelope_name(announced)
        return await store.find(uow.conn, "envelope", envelope.text) if envelope else None
    if message.number and message.decided_on and message.code != "envelope":
        found_acts = await store.acts_by_parts(
            uow.conn,
            number=message.number,
            decided_on=message.decided_on,
            siren=message.siren or recipient,
            nature=message.nature,
        )
        return found_acts[0] if len(found_acts) == 1 else None
    return None


async def _apply(uow: Uow, act_id: UUID, message: Message) -> str:
    act = await store.lock(uow.conn, act_id)
    if act.state is State.PACKAGED and act.archive is not None:
        act = await mark_transmitted(uow, act_id, act.archive.name)  # the answer overtook our own mark
    if message.code == "1-2" and act.state in {State.TRANSMITTED, State.REJECTED}:
        await _acknowledge(uow, act, message)
        return "applied"
    if message.code in {"1-3", "anomaly"} and act.state is State.TRANSMITTED:
        await _reject(uow, act, message)
        return "applied"
    await store.save(uow.conn, act.noted(f"received {message.code or message.element}", uow.now(), message.detail))
    return "kept"


async def _acknowledge(uow: Uow, act: Act, message: Message) -> None:
    act = replace(
        act.moved("acknowledged", uow.now(), message.act_identifier),
        act_identifier=message.act_identifier or act.act_identifier,
        received_on=message.dated,
        acknowledged_at=uow.now(),
    )
    await store.save(uow.conn, act)
    uow.emit(events.acknowledged(act))


async def _reject(uow: Uow, act: Act, message: Message) -> None:
    nature, detail = message.anomaly or "", message.detail or "Anomalie sans précision."
    act = act.moved("rejected", uow.now(), f"{nature} {detail}".strip())
    await store.save(uow.conn, act)
    uow.emit(events.rejected(act, nature, detail))


async def _learn_classification(uow: Uow, message: Message, recipient: str | None) -> None:
    """Keep the date of the classification in force: an act sent with another one is refused (ODT-VERIF-01)."""
    siren = message.siren or recipient
    if siren and message.sender == "state" and message.classification and message.code in {"1-2", "1-3", "7-2", "7-3"}:
        await store.save_classification(uow.conn, siren, message.classification, uow.now())
