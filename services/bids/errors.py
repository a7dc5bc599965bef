"""The refusals of the bids service.

HallesError
├─ NotFound       UnknownConsultation, UnknownBid, UnknownOpening, UnknownLetter, UnknownContract
├─ Conflict       BeforeDeadline, AfterDeadline, TooFewOfficers, OfficerPresent, OpeningUnderWay, StageOrder,
│                 DuringStandstill, NotCleared, AlreadyAwarded, NotOpened, InQuarantine, ProcedureSuspended, LotEnded
├─ InvalidInput   WrongEnvelope, WrongShares, IncompleteAward, WrongSignedContract
└─ TooLarge       BidTooLarge
"""

from __future__ import annotations

from libs.common.errors import Conflict, InvalidInput, NotFound, TooLarge

__all__ = [
    "AfterDeadline",
    "AlreadyAwarded",
    "BeforeDeadline",
    "BidTooLarge",
    "DuringStandstill",
    "InQuarantine",
    "IncompleteAward",
    "LotEnded",
    "NotCleared",
    "NotOpened",
    "OfficerPresent",
    "OpeningUnderWay",
    "ProcedureSuspended",
    "StageOrder",
    "TooFewOfficers",
    "UnknownBid",
    "UnknownConsultation",
    "UnknownContract",
    "UnknownLetter",
    "UnknownOpening",
    "WrongEnvelope",
    "WrongShares",
    "WrongSignedContract",
]


class UnknownConsultation(NotFound):
    """There is no consultation of that procedure, or it takes no electronic bids."""

    slug = "unknown-consultation"
    title, title_en = "Consultation introuvable", "No such consultation"


class UnknownBid(NotFound):
    """There is no such bid, or it is somebody else's."""

    slug = "unknown-bid"
    title, title_en = "Pli introuvable", "No such bid"


class UnknownOpening(NotFound):
    """There is no such opening, or it is another buyer's."""

    slug = "unknown-opening"
    title, title_en = "Ouverture introuvable", "No such opening"


class UnknownLetter(NotFound):
    """There is no such letter, or it is for somebody else."""

    slug = "unknown-letter"
    title, title_en = "Courrier introuvable", "No such letter"


class UnknownContract(NotFound):
    """There is no such contract, or it is somebody else's."""

    slug = "unknown-contract"
    title, title_en = "Marché introuvable", "No such contract"


class BeforeDeadline(Conflict):
    """The deadline has not passed."""

    slug = "before-deadline"
    title, title_en = "Date limite non atteinte", "The deadline has not passed"


class AfterDeadline(Conflict):
    """The deadline has passed."""

    slug = "after-deadline"
    title, title_en = "Date limite passée", "The deadline has passed"


class TooFewOfficers(Conflict):
    """Fewer officers presented their shares than the threshold asks for."""

    slug = "too-few-officers"
    title, title_en = "Pas assez d'officiers", "Not enough officers"


class OfficerPresent(Conflict):
    """This officer has presented his shares already."""

    slug = "officer-present"
    title, title_en = "Officier déjà présent", "Officer already present"


class OpeningUnderWay(Conflict):
    """An opening of this consultation is under way or done."""

    slug = "opening-under-way"
    title, title_en = "Ouverture déjà engagée", "An opening is already under way"


class StageOrder(Conflict):
    """Another stage of the opening comes first."""

    slug = "stage-order"
    title, title_en = "Une autre étape de l'ouverture vient d'abord", "Another stage comes first"


class DuringStandstill(Conflict):
    """The contract may not be signed yet (art. R2182-1 CCP)."""

    slug = "during-standstill"
    title, title_en = "Délai de suspension en cours", "Standstill is running"


class NotCleared(Conflict):
    """The contract may not be notified yet: the legality control has not answered."""

    slug = "not-cleared"
    title, title_en = "Transmission au contrôle de légalité en attente", "Legality control is awaited"


class AlreadyAwarded(Conflict):
    """The lot has been awarded."""

    slug = "already-awarded"
    title, title_en = "Lot déjà attribué", "Lot already awarded"


class NotOpened(Conflict):
    """The bids have not been opened."""

    slug = "not-opened"
    title, title_en = "Plis non ouverts", "Bids not opened"


class InQuarantine(Conflict):
    """The scanner found malware in this file: it is served only once that is confirmed."""

    slug = "in-quarantine"
    title, title_en = "Fichier en quarantaine", "File in quarantine"


class ProcedureSuspended(Conflict):
    """The procedure is suspended: nothing is received, opened or awarded until it is resumed."""

    slug = "procedure-suspended"
    title, title_en = "Consultation suspendue", "Procedure suspended"


class LotEnded(Conflict):
    """The lot was given up or declared unsuccessful: no contract follows."""

    slug = "lot-ended"
    title, title_en = "Lot sans suite ou infructueux", "Lot given up or unsuccessful"


class WrongEnvelope(InvalidInput):
    """The envelope is not that of this bid."""

    slug = "wrong-envelope"
    title, title_en = "Enveloppe incorrecte", "Wrong envelope"


class WrongShares(InvalidInput):
    """The shares are not those asked of this officer; each is named."""

    slug = "wrong-shares"
    title, title_en = "Parts incorrectes", "Wrong shares"


class IncompleteAward(InvalidInput):
    """The award lacks something the law asks; each item is named."""

    slug = "incomplete-award"
    title, title_en = "Attribution incomplète", "Incomplete award"


class WrongSignedContract(InvalidInput):
    """The signed PDF is not the contract given, with a signature added."""

    slug = "wrong-signed-contract"
    title, title_en = "Contrat signé incorrect", "Wrong signed contract"


class BidTooLarge(TooLarge):
    """The bid would exceed the announced limit."""

    slug = "bid-too-large"
    title, title_en = "Pli trop volumineux", "Bid too large"
