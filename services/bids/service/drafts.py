"""Preparing a bid: its envelopes and files are announced; the files come by uploads (`services/bids/uploads`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import FieldError, InvalidInput
from libs.common.uow import Uow
from services.bids.domain.bids import file_name_problem
from services.bids.domain.states import BidState
from services.bids.errors import BidTooLarge, UnknownBid
from services.bids.rounds.admission import admit
from services.bids.sealing.manifest import MAX_FILES
from services.bids.service import consultations
from services.bids.settings import BidsSettings
from services.bids.store import bids as store
from services.bids.store.bids import Announced, Bid, SealedBy
from services.bids.store.consultations import Consultation

__all__ = ["NewBid", "create", "own_bid"]


@dataclass(frozen=True)
class NewBid:
    """A bid to prepare: its envelopes, each for some lots, with their files."""

    procedure: UUID
    depositor_name: str | None
    envelopes: tuple[Announced, ...]
    sealed_by: SealedBy = "bidder"

    @property
    def lots(self) -> tuple[str, ...]:
        """The lots it is for, in the order in which its envelopes name them."""
        return tuple(dict.fromkeys(lot for each in self.envelopes for lot in each.lots))

    @property
    def files(self) -> tuple[tuple[str, int], ...]:
        """Its files (name, bytes to upload), numbered from 1 through the bid."""
        return tuple(file for each in self.envelopes for file in each.files)


async def create(uow: Uow, actor: Actor, new: NewBid) -> Bid:
    """Prepare a bid; late ones too: they are received and kept.

    Raises UnknownConsultation, ApplicationsOnly, NotInvited, ProcedureSuspended, LotEnded, InvalidInput (every fault), BidTooLarge.
    """
    actor.require(OrganisationKind.COMPANY)
    consultation = await consultations.get(uow.conn, new.procedure)
    consultations.require_going_on(consultation, new.lots)
    await admit(uow.conn, consultation, actor.organisation, ((each.kind, each.lots) for each in new.envelopes))
    _check(new, consultation)
    limit = uow.runtime.port(BidsSettings).max_bid_bytes
    if sum(size for _, size in new.files) > limit:
        raise BidTooLarge(
            f"Un pli a au plus {limit} octets, une fois scellé : réduisez ou répartissez les fichiers.",
            f"A bid has at most {limit} bytes once sealed: reduce or split the files.",
        )
    name = new.depositor_name or actor.organisation
    bid = Bid(
        uuid4(), 1, new.procedure, actor.organisation, name, new.lots, BidState.DRAFT, uow.now(), None, None, None,
        consultation.keys.fingerprint, new.sealed_by,
    )  # fmt: skip
    await store.add(uow.conn, bid, new.envelopes)
    uow.audit("create_bid", str(bid.id))
    return bid


def _check(new: NewBid, consultation: Consultation) -> None:
    faults = [*_file_faults(new), *_lot_faults(new, consultation)]
    if new.sealed_by == "platform" and not consultation.rules.platform_sealing:
        french, english = "L'acheteur veut des plis scellés par leur déposant", "Bids are sealed by their bidder here"
        faults.append(FieldError("body/sealed_by", f"{french}.", f"{english}."))
    if faults:
        raise InvalidInput("Le pli annoncé comporte des erreurs.", "The announced bid has faults.", errors=faults)


def _file_faults(new: NewBid) -> Iterator[FieldError]:
    for index, envelope in enumerate(new.envelopes):
        for place, (name, _) in enumerate(envelope.files):
            if problem := file_name_problem(name):
                where = f"body/envelopes/{index}/files/{place}/name"
                yield FieldError(where, f"Nom refusé : {problem}.", "This file name is not accepted.")
    names = [name.casefold() for name, _ in new.files]
    if len(set(names)) != len(names):
        yield FieldError("body/envelopes", "Un fichier est nommé deux fois.", "A file comes twice.")
    if len(names) > MAX_FILES:
        yield FieldError("body/envelopes", f"Un pli a au plus {MAX_FILES} fichiers.", f"At most {MAX_FILES} files.")


def _lot_faults(new: NewBid, consultation: Consultation) -> Iterator[FieldError]:
    """Give what is wrong with the lots: unknown, in two envelopes of one kind, without the application asked for."""
    seen: set[tuple[str, str]] = set()
    for index, envelope in enumerate(new.envelopes):
        where = f"body/envelopes/{index}/lots"
        for lot in envelope.lots:
            if consultation.lot(lot) is None:
                yield FieldError(where, f"Lot inconnu : {lot}.", f"Unknown lot: {lot}.")
            if (envelope.kind, lot) in seen:
                yield FieldError(where, f"{lot} vient dans deux enveloppes de même sorte.", f"{lot} comes twice.")
            seen.add((envelope.kind, lot))
    missing = [lot for lot in new.lots if ("application", lot) not in seen]
    if missing and consultation.rules.application == "required":
        names = ", ".join(missing)
        yield FieldError(
            "body/envelopes",
            f"Enveloppe de candidature à joindre pour : {names}.",
            f"Application missing for: {names}.",
        )


async def own_bid(conn: asyncpg.Connection, actor: Actor, bid_id: UUID, *, lock: bool = False) -> Bid:
    """Give a bid of the actor's company. Raises UnknownBid, for another company's too: it may not be known of."""
    bid = await (store.lock if lock else store.find)(conn, bid_id)
    if bid is None or actor.kind is not OrganisationKind.COMPANY or bid.depositor != actor.organisation:
        raise UnknownBid("Aucun pli de votre entreprise n'a cet identifiant.", "No bid of your company has that id.")
    return bid
