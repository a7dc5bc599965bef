"""Letters: put at the addressee's disposal, with the hour of sending and of first reading."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from uuid import UUID, uuid4

from libs.common.actor import Actor, OrganisationKind
from libs.common.grants import Permission
from libs.common.grants.known import require
from libs.common.uow import Uow
from services.bids import events
from services.bids.documents.letters import Paper
from services.bids.errors import UnknownLetter
from services.bids.store import awards as store
from services.bids.store.awards import Letter
from services.bids.store.consultations import Consultation

__all__ = ["keep", "read", "send", "tell"]


async def send(uow: Uow, consultation: Consultation, to: tuple[str, str], paper: Paper) -> Letter:
    """Send a letter: `to` is (lot, addressee), who is told by mail."""
    letter = await keep(uow, consultation, to, paper)
    uow.emit(events.letter_sent(letter))
    return letter


async def tell(uow: Uow, consultation: Consultation, to: tuple[str, str], paper: Paper) -> Letter:
    """Send a letter that is no step of the award, to a company or to the buyer itself, who is told by mail."""
    letter = await keep(uow, consultation, to, paper)
    uow.emit(events.message_sent(letter))
    return letter


async def keep(uow: Uow, consultation: Consultation, to: tuple[str, str], paper: Paper) -> Letter:
    """Put a letter at its addressee's disposal; another event tells of it. Its PDF is stored before its row."""
    lot, addressee = to
    identity = uuid4()
    key = f"bids/letters/{identity}.pdf"
    await uow.runtime.storage.put(key, paper.pdf, media_type="application/pdf", name=f"courrier-{identity}.pdf")
    letter = Letter(
        id=identity,
        procedure=consultation.procedure,
        lot=lot,
        buyer=consultation.buyer,
        addressee=addressee,
        kind=paper.kind,
        subject=paper.subject,
        content={"paragraphs": list(paper.paragraphs), "summary_en": paper.summary_en, "size": len(paper.pdf)},
        storage_key=key,
        sha256=sha256(paper.pdf).hexdigest(),
        sent_at=uow.now(),
    )
    await store.add_letter(uow.conn, letter)
    uow.audit("send_letter", str(identity))
    return letter


async def read(uow: Uow, actor: Actor, letter_id: UUID) -> Letter:
    """Give a letter to its addressee, noting the first reading, or to who sent it: for a buyer once the bids are opened.

    Raises UnknownLetter, RoleMissing.
    """
    unknown = UnknownLetter("Aucun courrier pour votre organisation n'a cet identifiant.", "No such letter for you.")
    addressee = actor.organisation if actor.kind is OrganisationKind.COMPANY else None
    letter = await store.find_letter(uow.conn, letter_id, addressee)
    if letter is None:
        raise unknown
    if addressee is None:
        await require(uow.conn, actor, letter.buyer, letter.procedure, Permission.READ, uow.now(), unknown=unknown)
    reader = letter.buyer if addressee is None else addressee
    if letter.addressee == reader and letter.first_read_at is None:
        now = uow.now()
        await store.letter_read(uow.conn, letter_id, now, actor.subject)
        uow.audit("read_letter", str(letter_id))
        return replace(letter, first_read_at=now, read_by=actor.subject)
    return letter
