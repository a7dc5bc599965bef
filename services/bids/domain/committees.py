"""The tender committee (commission d'appel d'offres): for which buyers it chooses the winner, and whether it could."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from libs.common.errors import FieldError
from libs.common.messages.notices import Notice

__all__ = ["EXEMPTIONS", "RULES", "Committee", "CommitteeRule", "Exemption", "committee_faults", "missing_committee"]


class CommitteeRule(StrEnum):
    """What the law says of a kind of buyer."""

    NEEDED = "needed"
    """Its committee chooses the winner."""
    NEEDED_UNLESS = "needed-unless"
    """It does, unless the buyer is of a kind that the notice does not tell apart: the buyer then says which."""
    NONE = "none"
    """The general code of local authorities is not for it."""


RULES: Final[Mapping[str, tuple[CommitteeRule, str]]] = {
    "la": (CommitteeRule.NEEDED, "L1414-2 CGCT : communes, départements, groupements"),
    "ra": (CommitteeRule.NEEDED, "L1414-2 CGCT : régions"),
    "body-pl-la": (CommitteeRule.NEEDED_UNLESS, "L1414-2 CGCT : établissements publics locaux"),
    "body-pl-ra": (CommitteeRule.NEEDED_UNLESS, "L1414-2 CGCT : établissements publics locaux"),
    "body-pl": (CommitteeRule.NONE, "organisme dont l'autorité de contrôle n'est pas dite : à l'acheteur de le savoir"),
    "cga": (CommitteeRule.NONE, "L1414-1 CGCT ne vise que les collectivités, leurs groupements et leurs établissements"),
    "body-pl-cga": (CommitteeRule.NONE, "établissements publics de l'État et de santé : hors de L1414-1 CGCT"),
    "pub-undert": (CommitteeRule.NONE, "entreprises publiques : droit privé ou établissement de l'État"),
    "pub-undert-cga": (CommitteeRule.NONE, "entreprises publiques : droit privé ou établissement de l'État"),
    "pub-undert-la": (CommitteeRule.NEEDED_UNLESS, "L1414-2 CGCT : régies personnalisées ; les SEM et SPL n'en relèvent pas"),
    "pub-undert-ra": (CommitteeRule.NEEDED_UNLESS, "L1414-2 CGCT : régies personnalisées ; les SEM et SPL n'en relèvent pas"),
    "org-sub": (CommitteeRule.NONE, "bénéficiaire d'une subvention, de droit privé"),
    "org-sub-cga": (CommitteeRule.NONE, "bénéficiaire d'une subvention, de droit privé"),
    "org-sub-la": (CommitteeRule.NONE, "bénéficiaire d'une subvention, de droit privé"),
    "org-sub-ra": (CommitteeRule.NONE, "bénéficiaire d'une subvention, de droit privé"),
    "spec-rights-entity": (CommitteeRule.NONE, "titulaire de droits spéciaux ou exclusifs, de droit privé"),
    "def-cont": (CommitteeRule.NONE, "marchés de défense de l'État"),
    "eu-ins-bod-ag": (CommitteeRule.NONE, "institution de l'Union européenne"),
    "int-org": (CommitteeRule.NONE, "organisation internationale"),
}  # fmt: skip
"""By the buyer's legal type (BT-11), each with its article; a type that is not told asks nothing."""


class Exemption(StrEnum):
    """Why no committee met although the kind of the buyer asks for one."""

    SOCIAL = "social"
    HOUSING = "housing"
    PRIVATE_LAW = "private-law"
    URGENCY = "urgency"
    BELOW_THRESHOLD = "below-threshold"


EXEMPTIONS: Final[Mapping[Exemption, str]] = {
    Exemption.SOCIAL: "établissement public social ou médico-social (art. L1414-2 CGCT)",
    Exemption.HOUSING: "office public de l'habitat : sa propre commission, selon le code de la construction et de l'habitation (art. L1414-2 CGCT)",
    Exemption.PRIVATE_LAW: "société ou association, qui n'est pas un établissement public local (art. L1414-1 CGCT)",
    Exemption.URGENCY: "urgence impérieuse : attribution sans réunion préalable (art. L1414-2 CGCT)",
    Exemption.BELOW_THRESHOLD: "marché pris individuellement sous le seuil européen : petit lot ou marché subséquent (art. L1414-2 CGCT)",
}  # fmt: skip
"""What each says, in the minutes and the presentation report."""
_OF_KIND: Final = frozenset({Exemption.SOCIAL, Exemption.HOUSING, Exemption.PRIVATE_LAW})
"""What is true of a buyer, not of a contract: never of a local authority itself."""


@dataclass(frozen=True, slots=True)
class Committee:
    """The meeting of the tender committee that chose the winner (L1411-5, L1414-2 CGCT)."""

    met_at: datetime
    voting_members: int
    present: tuple[str, ...]
    """The voting members present, by their functions: no names."""
    second_call: bool
    """Called again after a meeting without quorum: it then meets validly whatever the number."""
    in_favour: int
    against: int
    abstained: int
    observations: str = ""

    @property
    def quorum(self) -> int:
        """How many voting members must be present: more than half of them (L1411-5 CGCT)."""
        return self.voting_members // 2 + 1


def missing_committee(notice: Notice, exemption: Exemption | None) -> FieldError | None:
    """Say that a meeting is missing where the law asks one: formal procedures of local buyers (L1414-2 CGCT)."""
    rule, article = RULES.get(notice.buyer.legal_type or "", (CommitteeRule.NONE, ""))
    if not notice.formal or rule is CommitteeRule.NONE:
        return None
    allowed = [each for each in Exemption if rule is CommitteeRule.NEEDED_UNLESS or each not in _OF_KIND]
    if exemption in allowed:
        return None
    others = " ; ".join(f"{each} : {EXEMPTIONS[each]}" for each in allowed)
    return FieldError(
        "body/committee",
        f"réunion de la commission d'appel d'offres : à renseigner ({article}) ; sinon dites pourquoi elle n'a pas à se "
        f"réunir, dans no_committee ({others})",
        "the meeting of the tender committee, or why there is none (no_committee)",
    )


def committee_faults(committee: Committee, now: datetime) -> list[FieldError]:
    """Check that the committee could decide, and did."""
    where, faults = "body/committee", []
    present = len(committee.present)
    if committee.met_at > now:
        faults.append(
            FieldError(f"{where}/met_at", "la réunion n'a pas encore eu lieu", "the meeting is still to come")
        )
    if present > committee.voting_members:
        faults.append(FieldError(f"{where}/present", "plus de présents que de membres", "more present than members"))
    if present < committee.quorum and not committee.second_call:
        told = f"quorum non atteint : {present} présents, il en faut {committee.quorum} (art. L1411-5 CGCT) ; convoquez de nouveau"
        faults.append(FieldError(f"{where}/present", told, f"no quorum: {present} of {committee.quorum}; call again"))
    if committee.in_favour + committee.against + committee.abstained != present:
        faults.append(
            FieldError(f"{where}/in_favour", "les voix ne font pas le nombre des présents", "votes do not add up")
        )
    if committee.in_favour <= committee.against:
        faults.append(
            FieldError(f"{where}/in_favour", "la commission n'a pas approuvé ce choix", "the choice was not approved")
        )
    return faults
