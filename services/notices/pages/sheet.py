"""What the page and the PDF of a notice say, in their order: pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from libs.common.calendar import Territory, territory_of
from libs.common.messages.base import DocumentReference
from libs.common.messages.notices import Lot, LotResult, Place
from libs.common.reference import cpv, departments
from services.notices.content import NoticeContent
from services.notices.disclosure import term_of
from services.notices.domain.notice import Notice
from services.notices.pages.words import (
    CLAUSES,
    CRITERIA,
    KINDS,
    NATURES,
    OUTCOMES,
    PROCEDURES,
    SUBMISSION,
    TECHNIQUES,
    Words,
    both,
    hour,
    money,
    say,
)

__all__ = ["Fact", "Section", "Sheet", "Table", "sheet"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing said of the notice; with an address, a link."""

    label: Words
    text: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of the same kind."""

    caption: Words
    columns: tuple[Words, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the sheet."""

    title: Words
    facts: tuple[Fact, ...] = ()
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not (self.facts or self.paragraphs or self.tables)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A notice as it is read."""

    title: str
    kind: Words
    buyer: str
    deadline: str | None
    sections: tuple[Section, ...]
    language: str = "fr"


def sheet(notice: Notice, address: str) -> Sheet:
    """Give the sheet of a notice; `address` is where the platform serves it (`https://.../notices/v1/notices/...`)."""
    content = notice.content
    territory = territory_of(content.buyer.department)
    sections = (
        _subject(content),
        _dates(notice, territory),
        _lots(content),
        _criteria(content),
        _results(content, territory),
        _withheld(notice, territory),
        _changes(content),
        _documents(notice, address),
        _contacts(content),
        _about(notice, address, territory),
    )
    return Sheet(
        title=content.title,
        kind=say(KINDS, content.kind),
        buyer=content.buyer.name,
        deadline=hour(content.deadline, territory) if content.deadline else None,
        sections=tuple(section for section in sections if not section.is_empty),
    )


def _facts(*facts: Fact | None) -> tuple[Fact, ...]:
    return tuple(fact for fact in facts if fact is not None and fact.text)


def _fact(french: str, english: str, text: str | None, address: str | None = None) -> Fact | None:
    return Fact((french, english), text, address) if text else None


def _subject(content: NoticeContent) -> Section:
    codes = ", ".join(f"{code} {cpv.label(code)}" if cpv.exists(code) else code for code in content.cpv)
    techniques = ", ".join(both(say(TECHNIQUES, each)) for each in content.techniques)
    kind = ("Concession", "Concession") if content.contract_kind == "concession" else ("Marché", "Contract")
    return Section(
        ("Objet", "Subject"),
        _facts(
            _fact("Acheteur", "Buyer", _buyer(content)),
            _fact("Procédure", "Procedure", both(say(PROCEDURES, content.procedure_type))),
            _fact("Contrat", "Contract", f"{both(kind)}, {both(say(NATURES, content.nature))}"),
            _fact("Techniques d'achat", "Techniques", techniques),
            _fact("Codes CPV", "CPV codes", codes),
            _fact("Lieu d'exécution", "Place of performance", _places(content.places, content.departments)),
            _fact("Valeur estimée", "Estimated value", money(content.value) if content.value else None),
            _fact("Référence de l'acheteur", "Buyer's reference", content.internal_reference),
        ),
        tuple(filter(None, (line.strip() for line in content.description.splitlines()))),
    )


def _buyer(content: NoticeContent) -> str:
    place = " ".join(filter(None, (content.buyer.postal_code, content.buyer.city)))
    number = content.buyer.organisation.removeprefix("SIRET:")
    return ", ".join(filter(None, (content.buyer.name, place, f"SIRET {number}" if number.isdigit() else None)))


def _places(places: Sequence[Place], codes: Sequence[str]) -> str:
    towns = [" ".join(filter(None, (place.postal_code, place.city))) for place in places]
    named = [f"{found.name} ({code})" for code in codes if (found := departments.get(code))]
    return ", ".join(dict.fromkeys(filter(None, (*towns, *named))))


def _dates(notice: Notice, territory: Territory) -> Section:
    content = notice.content
    submission = next((lot.terms.electronic_submission for lot in content.lots if lot.terms), None)
    way = submission or ("required" if content.electronic else "not-allowed")
    return Section(
        ("Dates et réponse", "Dates and how to answer"),
        _facts(
            _fact("Date limite de réponse", "Deadline", hour(content.deadline, territory) if content.deadline else None),
            _fact("Envoi des offres", "Submission", both(say(SUBMISSION, way)) if content.takes_bids else None),
            _fact("Publication prévue", "Planned for", hour(content.planned_on, territory) if content.planned_on else None),
            _fact("Publié le", "Published", hour(notice.published_at, territory) if notice.published_at else None),
        ),
    )  # fmt: skip


def _lots(content: NoticeContent) -> Section:
    if len(content.lots) < 2:  # a single lot is the whole procedure: it is told above
        clauses = _clauses(content.lots[0]) if content.lots else None
        return Section(("Conditions", "Terms"), _facts(_fact("Clauses", "Clauses", clauses)))
    columns = (("Lot", "Lot"), ("Objet", "Subject"), ("CPV", "CPV"), ("Valeur", "Value"), ("Clauses", "Clauses"))
    rows = tuple(
        (lot.lot_id, lot.title, ", ".join(lot.cpv[:3]), money(lot.value) if lot.value else "", _clauses(lot) or "")
        for lot in content.lots
    )
    return Section(
        ("Lots", "Lots"), tables=(Table(("Lots de la consultation", "Lots of the procedure"), columns, rows),)
    )


def _clauses(lot: Lot) -> str | None:
    if lot.terms is None:
        return None
    reserved = [("Marché réservé", "Reserved")] if set(lot.terms.reserved_participation) - {"none"} else []
    found = [*(CLAUSES[code] for code in lot.terms.strategic if code in CLAUSES), *reserved]
    return ", ".join(both(words) for words in dict.fromkeys(found)) or None


def _criteria(content: NoticeContent) -> Section:
    columns = (("Lot", "Lot"), ("Critère", "Criterion"), ("Pondération", "Weight"))
    rows = tuple(
        (lot.lot_id, f"{both(say(CRITERIA, each.kind))} : {each.name}", f"{each.weight:g} %" if each.weight else "")
        for lot in content.lots
        for each in lot.criteria
    )
    tables = (Table(("Critères d'attribution", "Award criteria"), columns, rows),) if rows else ()
    return Section(("Critères", "Criteria"), tables=tables)


def _results(content: NoticeContent, territory: Territory) -> Section:
    columns = (
        ("Lot", "Lot"),
        ("Résultat", "Result"),
        ("Titulaire", "Winner"),
        ("Montant", "Value"),
        ("Offres", "Tenders"),
    )
    rows = tuple(_result(result) for result in content.results)
    tables = (Table(("Résultat par lot", "Result by lot"), columns, rows),) if rows else ()
    signed = [result.signed_at for result in content.results if result.signed_at]
    facts = _facts(_fact("Signature", "Signed", hour(min(signed), territory) if signed else None))
    return Section(("Résultat", "Result"), facts, tables=tables)


def _withheld(notice: Notice, territory: Territory) -> Section:
    """Say what the notice keeps from the public, and until when (directive 2014/24/EU, art. 50, 4)."""
    columns = (("Terme", "Term"), ("Lot", "Lot"), ("Publié le", "Public on"), ("Motif", "Reason"))
    rows = tuple(
        (
            term_of(each.code) or each.code,
            ", ".join(each.lots),
            hour(each.until, territory) if each.until else "",
            each.explanation or each.reason or "",
        )
        for each in notice.withheld
    )
    caption = ("Publiées plus tard", "Published later")
    tables = (Table(caption, columns, rows),) if rows else ()
    return Section(("Informations non publiées", "Information not published"), tables=tables)


def _result(result: LotResult) -> tuple[str, ...]:
    winners = [winner.name for winner in result.winners] or ([result.winner_name] if result.winner_name else [])
    received = "" if result.tenders_received is None else str(result.tenders_received)
    value = money(result.value) if result.value else ""
    return (result.lot_id, both(say(OUTCOMES, result.outcome)), ", ".join(winners), value, received)


def _changes(content: NoticeContent) -> Section:
    change, modification = content.change, content.modification
    return Section(
        ("Modifications", "Changes"),
        _facts(
            _fact("Avis modifié", "Notice changed", content.changes),
            _fact("Ce qui change", "What changes", change.description if change else None),
            _fact("Modification du contrat", "Contract modification", modification.description if modification else None),
        ),
    )  # fmt: skip


def _documents(notice: Notice, address: str) -> Section:
    facts = [_document(each, address) for each in notice.documents]
    elsewhere = notice.content.documents_url
    if elsewhere:
        facts.append(Fact(("Documents de la consultation", "Tender documents"), elsewhere, _web(elsewhere)))
    return Section(("Documents de la consultation", "Tender documents"), tuple(facts))


def _web(address: str | None) -> str | None:
    """Give an address that may be followed: of the web, nothing that a browser would run."""
    return address if address and address.startswith(("https://", "http://")) else None


def _document(document: DocumentReference, address: str) -> Fact:
    size = document.size / 1024
    told = f"{size:.0f} Kio" if size < 1024 else f"{size / 1024:.1f} Mio".replace(".", ",")  # binary units
    place = f"{address}/documents/{quote(document.name, safe='')}"
    return Fact((document.name, document.name), f"{document.media_type}, {told}", place)


def _contacts(content: NoticeContent) -> Section:
    return Section(("Contacts et recours", "Contacts and review"), tuple(_contact_facts(content)))


def _contact_facts(content: NoticeContent) -> Iterator[Fact]:
    contact, review = content.contact, content.review
    if contact:
        yield from _facts(
            _fact("Service", "Department", contact.department),
            _fact("Adresse", "Address", contact.street),
            _fact("Courriel", "E-mail", contact.email, f"mailto:{contact.email}"),
            _fact("Téléphone", "Telephone", contact.phone),
            _fact("Site", "Site", contact.url, _web(contact.url)),
        )
    if review:
        place = " ".join(filter(None, (review.postal_code, review.city)))
        whole = ", ".join(filter(None, (review.name, review.street, place, review.phone)))
        yield Fact(("Instance chargée des recours", "Review body"), whole)


def _about(notice: Notice, address: str, territory: Territory) -> Section:
    return Section(
        ("À propos de cet avis", "About this notice"),
        _facts(
            _fact("Numéro de l'avis", "Notice number", str(notice.notice_id)),
            _fact("Numéro de la consultation", "Procedure number", str(notice.procedure_id)),
            _fact("Version", "Version", str(notice.version)),
            _fact("Avis en ligne", "Notice online", f"{address}/page", f"{address}/page"),
            _fact("Créé le", "Created", hour(notice.created_at, territory)),
        ),
    )
