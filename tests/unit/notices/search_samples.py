"""Published notices for the tests of the search, kept without going through drafts."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from libs.common.messages.base import Money
from libs.common.messages.notices import Buyer, Lot, LotTerms, Place
from libs.common.runtime import Runtime
from services.notices.content import NoticeContent
from services.notices.domain.notice import Notice, NoticeState
from services.notices.store import notices as notice_store
from services.notices.store import procedures as procedure_store
from tests.unit.notices.notices_samples import BEFORE, INTERCOMMUNALITY

DIJON = Place(city="Dijon", postal_code="21000", department="21")
BEAUNE = Place(city="Beaune", postal_code="21200", department="21")
RENNES = Place(city="Rennes", postal_code="35000", department="35")


def said(title: str, **changes: object) -> NoticeContent:
    """Give what a notice says; `terms` are those of its lot."""
    terms = changes.pop("terms", None)
    codes = changes.get("cpv", ["45233140"])
    lot = Lot(lot_id="LOT-0001", title="Lot", nature="works", cpv=codes, terms=terms)
    base = NoticeContent(
        kind="contract",
        subtype="16",
        title=title,
        buyer=Buyer(organisation=INTERCOMMUNALITY, name="Les Trois Vallées", department="21"),
        procedure_type="open",
        formal=True,
        nature="works",
        cpv=["45233140"],
        places=[DIJON],
        departments=["21"],
        deadline=BEFORE + timedelta(days=30),
        lots=[lot],
    )
    return base.model_copy(update=changes)


def kept(number: int, content: NoticeContent, *, at: datetime | None = None) -> Notice:
    """Give a published notice, a procedure of its own, a minute after the one before."""
    return Notice(
        notice_id=UUID(int=number),
        procedure_id=UUID(int=number),
        organisation=content.buyer.organisation,
        state=NoticeState.PUBLISHED,
        version=1,
        content=content,
        created_at=BEFORE,
        published_at=at or BEFORE + timedelta(minutes=number),
    )


async def keep(runtime: Runtime, *notices: Notice) -> None:
    """Write notices and their procedures, open."""
    async with runtime.uow() as uow:
        for each in notices:
            await procedure_store.ensure_procedure(
                uow.conn, each.procedure_id, organisation=each.organisation, title=each.content.title, at=BEFORE
            )
            procedure = await procedure_store.lock_procedure(uow.conn, each.procedure_id)
            assert procedure is not None
            assert await notice_store.add_notice(uow.conn, each)
            await procedure_store.save_procedure(uow.conn, procedure.with_notice(each), BEFORE)


def varied() -> list[NoticeContent]:
    """Give notices that differ in all that a search may ask."""
    other = Buyer(organisation="SIRET:21350997900018", name="Commune de Rennes", department="35")
    return [
        said("Rénovation de l'école", cpv=["45214200"], value=Money(amount=Decimal(50_000), currency="EUR")),
        said("Collecte des ordures", nature="services", cpv=["90511100"], places=[BEAUNE], procedure_type="adapted"),
        said("Architecte pour une école", nature="services", cpv=["71200000"], places=[RENNES], departments=["35"], buyer=other),
        said("Fournitures pour tout le pays", nature="supplies", cpv=["30192000"], places=[], terms=LotTerms(social=["other"])),
        said("Entretien de voirie", kind="planning", deadline=None, terms=LotTerms(strategic=["env-imp"]), techniques=["framework"]),
        said("Concession de service", contract_kind="concession", value=Money(amount=Decimal(6_000_000), currency="EUR"), language="ENG"),
    ]  # fmt: skip
