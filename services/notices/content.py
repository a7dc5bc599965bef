"""What a notice says, in the platform's own terms: the draft's content, and the public state that events carry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import AwareDatetime

from libs.common.messages.base import DocumentReference, Message, Money
from libs.common.messages.notices import (
    Buyer,
    Lot,
    LotResult,
    Nature,
    NoticeKind,
    OpeningKeySet,
    Place,
)
from libs.common.messages.notices import Notice as PublicNotice

__all__ = ["NoticeContent", "public_notice"]

_WITHOUT_BIDS: Final = frozenset({"10", "11", "12", "13", "14", "15", "CEI", "N10", "N11"})
"""Calls for competition that ask for expressions of interest or qualifications, not yet for bids."""


class NoticeContent(Message):
    """Everything a notice says but its identity, its state and its documents."""

    kind: NoticeKind
    subtype: str = "national"
    language: str = "FRA"
    title: str
    description: str = ""
    internal_reference: str | None = None
    buyer: Buyer
    legal_basis: str | None = None
    procedure_type: str
    accelerated: bool = False
    formal: bool
    nature: Nature
    cpv: list[str]
    places: list[Place] = []
    departments: list[str] = []
    value: Money | None = None
    deadline: AwareDatetime | None = None
    lots: list[Lot]
    opening: OpeningKeySet | None = None
    results: list[LotResult] = []
    documents_url: str | None = None
    electronic: bool = True
    """Whether bids may come by electronic means (BT-17)."""
    changes: str | None = None
    """The notice that this one changes (BT-758)."""

    @property
    def takes_bids(self) -> bool:
        """Whether bids or requests to participate answer this very notice."""
        return self.kind == "contract" and self.subtype not in _WITHOUT_BIDS


def public_notice(
    notice_id: UUID,
    version: int,
    content: NoticeContent,
    *,
    published_at: datetime,
    documents: Sequence[DocumentReference],
) -> PublicNotice:
    """Give the full public state of a notice, as events carry it."""
    said = {name: getattr(content, name) for name in NoticeContent.model_fields if name in PublicNotice.model_fields}
    return PublicNotice(
        notice_id=notice_id, version=version, published_at=published_at, documents=list(documents), **said
    )
