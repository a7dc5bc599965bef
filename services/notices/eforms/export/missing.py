"""What only the buyer knows, and a notice cannot go out without: asked for by its business term, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from libs.common.errors import FieldError
from libs.common.messages.notices import Lot, LotResult
from libs.common.reference import nuts
from services.notices.content import Contact
from services.notices.eforms import rules
from services.notices.eforms.export.changes import changed_notice
from services.notices.eforms.export.lots import is_framework
from services.notices.eforms.export.model import EXPORTED, ExportedNotice
from services.notices.eforms.export.organisations import review_body
from services.notices.eforms.export.procedure import procedure_code
from services.notices.eforms.export.results import submissions_of, winners_of

__all__ = ["missing"]

_RESULTS: Final = frozenset({"29", "32", "E4"})
_MODIFICATIONS: Final = frozenset({"38", "40", "E6"})
_COMPETITIONS: Final = frozenset({"16", "19"})

Asked = tuple[str, str, bool, str, str]
"""(business term, where to give it, whether it is told, what in French, what in English)"""


def missing(exported: ExportedNotice, subtype: str) -> list[FieldError]:
    """Give everything that the buyer still has to tell before a notice of this subtype can be written."""
    if subtype not in EXPORTED:
        return [_unwritten(subtype)]
    questions = _Questions(exported, subtype)
    return [_ask(*asked) for asked in questions.every() if not asked[2]]


def _ask(term: str, where: str, _told: bool, french: str, english: str) -> FieldError:  # of a question
    return FieldError(
        f"{term} {where}",
        f"{term} manque : indiquez {french} (champ « {where} »).",
        f"{term} is missing: give {english} (field '{where}').",
    )


def _unwritten(subtype: str) -> FieldError:
    listed = ", ".join(sorted(EXPORTED))
    return FieldError(
        "OPP-070 subtype",
        f"OPP-070 : la plateforme n'écrit pas d'avis de sous-type {subtype}, seulement {listed} ; importez votre fichier eForms.",
        f"OPP-070: the platform writes no notice of subtype {subtype}, only {listed}; import your eForms file.",
    )


@dataclass(frozen=True, slots=True)
class _Questions:
    """What is asked of one notice."""

    exported: ExportedNotice
    subtype: str

    def every(self) -> Iterator[Asked]:
        """Give all questions, answered or not."""
        parts: list[Callable[[], Iterator[Asked]]] = [self._procedure, self._changes]
        if not self._voluntary:
            parts = [self._buyer, self._review, *parts]
        for part in parts:
            yield from part()
        for number, lot in enumerate(self.exported.content.lots):
            yield from self._lot(lot, f"lots/{number}")
        if self.subtype in _RESULTS | _MODIFICATIONS:
            yield from self._results()

    @property
    def _voluntary(self) -> bool:
        return self.subtype.startswith("E")

    def _buyer(self) -> Iterator[Asked]:
        buyer, contact = self.exported.content.buyer, self.exported.content.contact or Contact()
        legal = buyer.legal_type in rules.code_list("buyer-legal-type")
        region = buyer.organisation.startswith("NATIONAL:") or nuts.of_department(buyer.department or "") is not None
        yield "BT-11", "buyer/legal_type", legal, "la forme juridique de l'acheteur (la, ra, cga...)", "the legal type"
        yield (
            "BT-10",
            "contact/activity",
            bool(contact.activity),
            "l'activité de l'acheteur (gen-pub...)",
            "the activity",
        )
        yield "BT-503", "contact/phone", bool(contact.phone), "un téléphone de l'acheteur", "a phone of the buyer"
        yield "BT-506", "contact/email", bool(contact.email), "une adresse électronique de l'acheteur", "an e-mail"
        yield "BT-513", "buyer/city", bool(buyer.city), "la commune de l'acheteur", "the buyer's city"
        yield "BT-512", "buyer/postal_code", bool(buyer.postal_code), "le code postal de l'acheteur", "the postal code"
        yield "BT-507", "buyer/department", region, "le département de l'acheteur", "the buyer's department"

    def _review(self) -> Iterator[Asked]:
        body = review_body(self.exported.content)
        yield "OPT-301", "review", body is not None, "le tribunal chargé des recours", "the review body"
        if body is not None:
            number = bool(body.identifier)
            yield (
                "BT-501",
                "review/identifier",
                number,
                "l'identifiant du tribunal",
                "the identifier of the review body",
            )
            yield "BT-513", "review/city", bool(body.city), "la ville du tribunal", "the city of the review body"

    def _procedure(self) -> Iterator[Asked]:
        content = self.exported.content
        code, reason = procedure_code(content.procedure_type), content.justification
        if self.subtype == "E1":
            until = content.deadline is not None
            yield "BT-800", "deadline", until, "jusqu'à quand répondre à la consultation", "until when to answer"
        if self.subtype == "4":
            yield (
                "BT-127",
                "planned_on",
                content.planned_on is not None,
                "la date prévue de l'avis de marché",
                "the date",
            )
        elif self.subtype not in _MODIFICATIONS:
            yield "BT-105", "procedure_type", code is not None, "le type de procédure", "the type of procedure"
        if self.subtype in _COMPETITIONS:
            url = content.documents_url or self.exported.documents_url
            yield (
                "BT-15",
                "documents_url",
                bool(url),
                "l'adresse des documents de la consultation",
                "where documents are",
            )
            term = "BT-131" if code in {"open", "oth-single"} else "BT-1311"
            ends = content.deadline is not None or all(lot.deadline for lot in content.lots)
            yield term, "deadline", ends, "la date limite de réception", "the deadline for receipt"
            yield (
                "BT-17",
                "electronic",
                content.electronic,
                "la voie électronique (R2132-7 CCP)",
                "electronic submission",
            )
        if content.accelerated and code in {"open", "restricted", "neg-w-call"}:
            told = reason is not None and bool(reason.text)
            yield "BT-1351", "justification/text", told, "ce qui justifie l'urgence", "why the procedure is accelerated"
        if code == "neg-wo-call" and self.subtype in _RESULTS:
            codes = reason is not None and bool(reason.code)
            texts = reason is not None and bool(reason.text)
            yield "BT-136", "justification/code", codes, "le motif de l'absence de publicité", "why there was no call"
            yield "BT-135", "justification/text", texts, "l'explication de ce motif", "the explanation of that reason"

    def _changes(self) -> Iterator[Asked]:
        content = self.exported.content
        if content.kind != "change":
            return
        earlier = changed_notice(self.exported) is not None
        if (modification := content.modification) is None:
            change = content.change
            yield "BT-758", "change/notice_id", earlier, "l'avis modifié", "the notice changed"
            told = change is not None and bool(change.reason)
            yield "BT-140", "change/reason", told, "le motif du changement (cor-buy, update-add...)", "the reason"
            told = change is not None and bool(change.description)
            yield "BT-141", "change/description", told, "ce qui change", "what changes"
        else:
            yield "BT-1501", "change/notice_id", earlier, "l'avis d'attribution du contrat modifié", "the award notice"
            yield (
                "BT-200",
                "modification/reason",
                bool(modification.reason),
                "le motif de la modification",
                "the reason",
            )
            told = bool(modification.description)
            yield "BT-202", "modification/description", told, "la modification", "what is modified"

    def _lot(self, lot: Lot, where: str) -> Iterator[Asked]:
        terms, code = lot.terms, procedure_code(self.exported.content.procedure_type)
        if self.subtype in _COMPETITIONS:
            yield "BT-36", f"{where}/duration_months", bool(lot.duration_months), "la durée du marché", "the duration"
        if self.subtype == "16" and code == "open":
            told = terms is not None and bool(terms.validity_days)
            yield (
                "BT-98",
                f"{where}/terms/validity_days",
                told,
                "la durée de validité des offres",
                "how long tenders bind",
            )
        if self.subtype == "29":
            yield "BT-539", f"{where}/criteria", bool(lot.criteria), "les critères d'attribution", "the award criteria"
        if terms is not None and terms.strategic and self.subtype != "4":
            yield "BT-777", f"{where}/terms/strategy", bool(terms.strategy), "les clauses et critères", "the clauses"
        if is_framework(lot) and not self._voluntary:
            told = terms is not None and bool(terms.framework)
            yield (
                "BT-765",
                f"{where}/terms/framework",
                told,
                "la forme de l'accord-cadre (fa-wo-rc...)",
                "which framework",
            )

    def _results(self) -> Iterator[Asked]:
        results = self.exported.content.results
        known = {result.lot_id for result in results}
        everyone = bool(results) and known >= {lot.lot_id for lot in self.exported.content.lots}
        yield "BT-142", "results", everyone, "le résultat de chaque lot", "the result of each lot"
        for number, result in enumerate(results):
            yield from self._result(result, f"results/{number}")

    def _result(self, result: LotResult, where: str) -> Iterator[Asked]:
        if result.outcome != "awarded":
            yield (
                "BT-144",
                f"{where}/reason",
                bool(result.reason),
                "pourquoi aucune offre n'est retenue",
                "why none won",
            )
            return
        number = bool(result.contract_number)
        yield "BT-150", f"{where}/contract_number", number, "le numéro du marché", "the number of the contract"
        yield "OPT-300", f"{where}/winners", bool(winners_of(result)), "le titulaire", "the winner"
        if self._voluntary:
            return
        yield "BT-720", f"{where}/value", result.value is not None, "le montant du marché", "the value of the contract"
        yield (
            "BT-145",
            f"{where}/signed_at",
            result.signed_at is not None,
            "la date de conclusion",
            "when it was signed",
        )
        if self.exported.content.contract_kind == "concession" and self.subtype == "32":
            yield (
                "BT-163",
                f"{where}/revenue",
                result.revenue is not None,
                "les recettes de la concession",
                "the revenue",
            )
        for rank, winner in enumerate(winners_of(result)):
            at = f"{where}/winners/{rank}"
            yield "BT-513", f"{at}/city", bool(winner.city), "la commune du titulaire", "the winner's city"
            if self.subtype in _RESULTS:
                yield "BT-165", f"{at}/size", bool(winner.size), "la taille de l'entreprise titulaire", "its size"
        if self.subtype in _RESULTS:
            yield from self._submissions(result, where)

    def _submissions(self, result: LotResult, where: str) -> Iterator[Asked]:
        counted = submissions_of(result, self.exported.content)
        yield (
            "BT-759",
            f"{where}/tenders_received",
            "tenders" in counted,
            "le nombre d'offres reçues",
            "how many tenders",
        )
        asked = {
            "t-esubm": ("d'offres électroniques", "electronic tenders"),
            "t-large": ("d'offres de grandes entreprises", "tenders of large firms"),
            "t-oth-eea": ("d'offres d'autres pays de l'EEE", "tenders from other EEA countries"),
            "t-no-eea": ("d'offres de pays hors EEE", "tenders from outside the EEA"),
        }
        for code, (french, english) in asked.items():
            place = f"{where}/submissions/{code}"
            yield "BT-759", place, code in counted, f"le nombre {french}", f"the number of {english}"
        small = "t-sme" in counted or "t-small" in counted
        yield (
            "BT-759",
            f"{where}/submissions/t-sme",
            small,
            "le nombre d'offres de PME",
            "the number of tenders of SMEs",
        )
