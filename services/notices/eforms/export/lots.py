"""The lots of a notice, or the parts of a planning notice: what the buyer tells, and what law or French practice fixes.

Defaults, where the notice does not tell: documents free of access (R2132-2 CCP), tenders by electronic means only (R2132-7),
invoices electronic (L2192-1), payment electronic (public accountants pay by transfer), French as the language of tenders,
no variants in a formal procedure (R2151-8), nothing reserved, no catalogue, no auction, no framework, no funds of the Union,
grounds of exclusion and of selection in the documents.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from libs.common.messages.notices import Criterion, Lot, LotTerms
from services.notices.content import NoticeContent
from services.notices.eforms.export import projects, values
from services.notices.eforms.export.model import ExportedNotice
from services.notices.eforms.export.organisations import Company, Organisations, review_body
from services.notices.eforms.export.procedure import procedure_code
from services.notices.eforms.export.tree import Tree, has_place
from services.notices.eforms.xml import Element

__all__ = [
    "LONGEST_FRAMEWORK",
    "deadline_of",
    "deadline_term",
    "is_framework",
    "level_of",
    "lot_identifier",
    "write_lots",
]

_SINGLE_STAGE: Final = frozenset({"open", "oth-single"})
"""Procedures that bidders answer by a tender at once (BT-131); in others they first ask to take part (BT-1311)."""

_IN_DOCUMENTS: Final = "epo-procurement-document"
_UUID: Final = 36
"""Characters of a notice's identifier; its version follows (BT-125)."""
LONGEST_FRAMEWORK: Final = 48
"""Months, without a reason given (R2162-5 CCP)."""
_LEAST_CANDIDATES: Final = {"restricted": 5, "neg-w-call": 3, "comp-dial": 3, "innovation": 3}
"""Fewer than that may not be invited, where enough are suitable (R2142-17 CCP): BT-50."""
_DOCUMENTS: Final = "DCE"
_FRENCH_REMEDIES: Final = (
    "Référé précontractuel avant la signature du contrat (articles L551-1 et suivants du code de justice administrative) ; "
    "référé contractuel dans les trente et un jours de la publication de l'avis d'attribution ou, à défaut, dans les six mois "
    "de la conclusion du contrat (articles L551-13 et R551-7) ; recours en contestation de la validité du contrat dans les "
    "deux mois de la publicité de sa conclusion ; recours pour excès de pouvoir dans les deux mois (article R421-1)."
)
"""BT-99: what law and case law (CE, 4 April 2014, no. 358994) fix for the contracts of public buyers."""
_CRITERION: Final = "cac:TenderingTerms/cac:AwardingTerms/cac:AwardingCriterion/cac:SubordinateAwardingCriterion"


def level_of(subtype: str) -> str:
    """Say what a notice of a subtype divides into: `Lot`, or `Part` before the lots are known."""
    return "Part" if has_place("BT-137-Part", subtype) else "Lot"


def lot_identifier(lot_id: str, level: str) -> str:
    """Give BT-137: LOT-0001, or PAR-0001 for a part; a national identifier of another form as it is."""
    prefix, _, number = lot_id.partition("-")
    known = prefix in {"LOT", "PAR"} and number.isdigit()
    return f"{'PAR' if level == 'Part' else 'LOT'}-{number}" if known else lot_id


def is_framework(lot: Lot) -> bool:
    """Say whether the lot is awarded as a framework agreement (L2125-1, 1° CCP)."""
    return lot.framework or (lot.terms is not None and lot.terms.framework not in {None, "none"})


def deadline_of(lot: Lot, content: NoticeContent) -> datetime | None:
    """Give the deadline of a lot: the notice's own for those that end last, never later for those that end before."""
    last = max((each.deadline for each in content.lots if each.deadline), default=None)
    if lot.deadline is None or content.deadline is None or lot.deadline == last:
        return content.deadline or lot.deadline
    return min(lot.deadline, content.deadline)


def deadline_term(content: NoticeContent) -> str:
    """Say what ends at the deadline: the receipt of tenders (BT-131), or of requests to take part (BT-1311)."""
    return "BT-131" if procedure_code(content.procedure_type) in _SINGLE_STAGE else "BT-1311"


def write_lots(tree: Tree, exported: ExportedNotice, organisations: Organisations) -> None:
    """Write every lot."""
    level = level_of(tree.subtype)
    court = review_body(exported.content) if has_place(f"OPT-301-{level}-ReviewOrg", tree.subtype) else None
    reviewer = organisations.reference(Company.of_court(court)) if court else None
    buyer = organisations.reference(Company.of_buyer(exported.content))
    for lot in exported.content.lots:
        element = tree.add(tree.root, "cac:ProcurementProjectLot")
        _Lot(tree, element, level, exported, lot, lot.terms or LotTerms()).write(reviewer, buyer)


@dataclass(frozen=True, slots=True)
class _Lot:
    """A lot being written."""

    tree: Tree
    element: Element
    level: str
    exported: ExportedNotice
    lot: Lot
    terms: LotTerms

    def write(self, reviewer: str | None, buyer: str) -> None:
        self._put("BT-137", lot_identifier(self.lot.lot_id, self.level))
        self._documents()
        self._parties(reviewer, buyer)
        if self.level == "Lot":
            self._conditions()
            self._execution()
            self._submission()
            self._criteria()
            self._deadline()
            self._previous()
            self._systems()
            self._strategy()
        self._project()

    @property
    def _content(self) -> NoticeContent:
        return self.exported.content

    def _put(self, term: str, value: object, **attributes: str) -> None:
        self.tree.put(self.element, f"{term}-{self.level}", value, fresh=False, **attributes)

    def _each(self, term: str, found: Iterable[object]) -> None:
        self.tree.put_each(self.element, f"{term}-{self.level}", found)

    def _parties(self, reviewer: str | None, buyer: str) -> None:
        """Say who reviews the procedure, until when, and who answers bidders."""
        put, level = self.tree.put, self.level
        put(self.element, f"OPT-301-{level}-ReviewOrg", reviewer, schemeName="organization")
        put(self.element, f"OPT-301-{level}-AddInfo", buyer, schemeName="organization")
        if level == "Lot" and reviewer and self._content.buyer.organisation.startswith("SIRET:"):
            put(self.element, "BT-99-Lot", _FRENCH_REMEDIES)

    def _documents(self) -> None:
        url = self._content.documents_url or self.exported.documents_url
        if url is not None:
            restricted = bool(self.terms.restricted_documents)
            self._put("OPT-140", _DOCUMENTS)
            self._put("BT-14", "restricted-document" if restricted else "non-restricted-document")
            self._put("BT-615" if restricted else "BT-15", url)

    def _conditions(self) -> None:
        terms = self.terms
        self._put("BT-63", terms.variants or ("not-allowed" if self._content.formal else None))
        self._put("BT-60", "eu-funds" if terms.eu_funded else "no-eu-funds")
        self._each("BT-71", terms.reserved_participation or ["none"])
        self._put("BT-821", _IN_DOCUMENTS)
        languages = terms.languages or [self._content.language]
        for language in languages if has_place("BT-97-Lot", self.tree.subtype) else ():
            self.tree.put(self.tree.add(self.element, "cac:TenderingTerms/cac:Language"), "BT-97-Lot", language)
        if procedure_code(self._content.procedure_type) == "open" and terms.validity_days:
            self._put("BT-98", terms.validity_days, unitCode="DAY")
        self._put("BT-92", bool(terms.electronic_ordering))
        self._put("BT-93", terms.electronic_payment is not False)

    def _execution(self) -> None:
        terms = self.terms
        catalogue = "allowed" if "electronic-catalogue" in self._content.techniques else "not-allowed"
        self._put("BT-736", "yes" if terms.reserved_execution else "no")
        self._put("BT-743", terms.electronic_invoicing or "required")
        self._put("BT-764", terms.electronic_catalogue or catalogue)
        if terms.performance:
            self._put("OPT-060", "performance")
            self._put("BT-70", terms.performance)

    def _submission(self) -> None:
        told = self.terms.electronic_submission or ("required" if self._content.electronic else "not-allowed")
        self._put("BT-17", told)
        if told != "not-allowed":
            urls = (self.exported.submission_url, self._content.documents_url, self.exported.documents_url)
            self._put("BT-18", next((url for url in urls if url), None))

    def _criteria(self) -> None:
        if has_place("BT-539-Lot", self.tree.subtype):
            unit = _unit(self.lot.criteria)
            for criterion in self.lot.criteria:
                self._criterion(self.tree.add(self.element, _CRITERION), criterion, unit)

    def _criterion(self, element: Element, criterion: Criterion, unit: str) -> None:
        put = self.tree.put
        put(element, "BT-539-Lot", criterion.kind)
        put(element, "BT-734-Lot", criterion.name)
        put(element, "BT-540-Lot", criterion.description or criterion.name)
        if criterion.weight is not None:
            put(element, "BT-5421-Lot", unit)
            put(element, "BT-541-Lot-WeightNumber", f"{criterion.weight:.15g}")

    def _deadline(self) -> None:
        deadline = deadline_of(self.lot, self._content)
        term = "BT-800" if self.tree.subtype == "E1" else deadline_term(self._content)
        self._put(f"{term}(d)", values.day(deadline))
        self._put(f"{term}(t)", values.clock(deadline))

    def _previous(self) -> None:
        if has_place("BT-125(i)-Lot", self.tree.subtype):
            for told in self._content.previous:
                reference = f"{told}-01" if len(told) == _UUID else told
                scheme = "notice-id-ref" if len(reference) > _UUID else "ojs-notice-id"
                element = self.tree.add(self.element, "cac:TenderingProcess/cac:NoticeDocumentReference")
                self.tree.put(element, "BT-125(i)-Lot", reference, schemeName=scheme)

    def _systems(self) -> None:
        terms, techniques = self.terms, self._content.techniques
        gpa = terms.gpa if terms.gpa is not None else self._content.formal
        if least := _LEAST_CANDIDATES.get(self._content.procedure_type):
            self._put("BT-661", False)
            self._put("BT-50", least)
            self._put("BT-52", False if self._content.procedure_type != "restricted" else None)
        self._put("BT-115", gpa)
        self._put("BT-767", terms.electronic_auction or "electronic-auction" in techniques)
        self._put("BT-765", terms.framework or (None if is_framework(self.lot) else "none"))
        self._put("BT-766", terms.dynamic_purchasing or (None if "dynamic-purchasing" in techniques else "none"))
        if is_framework(self.lot):
            self._put("BT-113", terms.framework_participants)
            long = (self.lot.duration_months or 0) > LONGEST_FRAMEWORK
            self._put("BT-109", terms.framework_duration_reason if long else None)

    def _strategy(self) -> None:
        terms = self.terms
        for code in terms.strategic if has_place("BT-06-Lot", self.tree.subtype) else ():
            kind = self.tree.add(self.element, "cac:ProcurementProject/cac:ProcurementAdditionalType")
            self.tree.put(kind, "BT-06-Lot", code)
            self.tree.put(kind, "BT-777-Lot", terms.strategy)
        self._each("BT-774", terms.environmental)
        self._each("BT-775", terms.social)
        self._each("BT-776", terms.innovative)

    def _project(self) -> None:
        lot, level, tree = self.lot, self.level, self.tree
        self._put("BT-21", lot.title)
        self._put("BT-24", lot.description or self._content.description or lot.title)
        self._put("BT-23", lot.nature)
        project = tree.section(self.element, "cac:ProcurementProject")
        projects.write_codes(tree, project, lot.cpv, level)
        projects.write_value(tree, project, lot.value, level)
        projects.write_places(tree, project, lot.places or self._content.places, level)
        if duration := self._duration():
            self._put("BT-36", duration, unitCode="MONTH")
        if level == "Lot":
            self._extensions()

    def _duration(self) -> int | None:
        """Give the length of the contract, as modified where this notice modifies it."""
        modified = self._content.modification
        named = modified is not None and modified.lot_id in {None, self.lot.lot_id}
        return (modified.duration_months if modified and named else None) or self.lot.duration_months

    def _extensions(self) -> None:
        maximum = self.terms.framework_maximum
        if maximum:
            self._put("BT-271", values.amount(maximum.amount), currencyID=maximum.currency)
        self._put("BT-54", self.terms.options)
        self._put("BT-58", self.terms.renewals)


def _unit(criteria: Sequence[Criterion]) -> str:
    """Give what weights are counted in: percents where all together make a hundred of them, points otherwise."""
    told = [criterion.weight for criterion in criteria if criterion.weight is not None]
    whole = len(told) == len(criteria) and math.isclose(sum(told), 100, abs_tol=1e-9)
    return "per-exa" if whole else "poi-exa"
