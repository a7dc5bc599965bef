"""The modification of a contract during its life: its grounds, as dated data, and what the law asks and forbids on each.

Articles L2194-1 and R2194-1 to R2194-10 of the code de la commande publique for contracts, L3135-1 and R3135-1 to R3135-10 for
concessions (directives 2014/24/EU, art. 72, and 2014/23/EU, art. 43). The ground is the reason that the notice gives (BT-200).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from services.notices.rules.requirements import Requirement
from services.notices.rules.thresholds import BuyerKind, Rule, formal_threshold

__all__ = ["MODIFICATIONS", "ModificationRule", "Modified", "modification_requirements", "modifications_on"]

_FIRST: Final = date(2019, 4, 1)
"""The day the code de la commande publique entered into force."""
_AUTHORITIES: Final = frozenset({BuyerKind.STATE, BuyerKind.LOCAL})
"""Contracting authorities (pouvoirs adjudicateurs): the limit of R2194-3 is not that of contracting entities."""
_WORKS: Final = frozenset({"works"})
_OTHERS: Final = frozenset({"supplies", "services"})
_EVERY: Final = _WORKS | _OTHERS


@dataclass(frozen=True, slots=True)
class ModificationRule:
    """A ground of modification, and its limit in money where it has one."""

    ground: str
    """modification-justification, BT-200"""
    text: str
    text_en: str
    source: str
    share: Decimal | None = None
    """Of the initial amount: 0.5 is 50 %."""
    cumulated: bool = False
    """Counted over all modifications of this ground, and strictly below (R2194-9); else for each, at most (R2194-3)."""
    natures: frozenset[str] = _EVERY
    concession: bool = False
    first: date = _FIRST
    last: date | None = None

    def holds(self, on: date) -> bool:
        """Say whether it is in force that day."""
        return self.first <= on and (self.last is None or on <= self.last)


def _ground(
    ground: str, article: str, text: str, text_en: str, limits: tuple[tuple[str, frozenset[str]], ...] = ()
) -> tuple[ModificationRule, ...]:
    """Give a ground for contracts, and for concessions, whose articles have the same numbers in their own chapter."""
    cumulated = ground == "mod-minv"
    shares: list[tuple[Decimal | None, frozenset[str]]] = [(Decimal(share), natures) for share, natures in limits]
    shares = shares or [(None, _EVERY)]
    contracts = [
        ModificationRule(ground, text, text_en, f"{article} CCP", share, cumulated, natures)
        for share, natures in shares
    ]
    source = article.replace("2194", "3135")
    concession = ModificationRule(ground, text, text_en, f"{source} CCP", shares[0][0], cumulated, concession=True)
    return (*contracts, concession)


MODIFICATIONS: Final = (
    *_ground(
        "mod-rev",
        "R2194-1",
        "Clause de réexamen : la modification, quel que soit son montant, est prévue au contrat initial par une clause claire, "
        "précise et sans équivoque, qui dit son champ, sa nature et ses conditions.",
        "Review clause: the modification, whatever its amount, is foreseen in the initial contract by a clear, precise and "
        "unequivocal clause that says its scope, its nature and its conditions.",
    ),
    *_ground(
        "add-wss",
        "R2194-2 à R2194-4",
        "Travaux, fournitures ou services supplémentaires devenus nécessaires, absents du contrat initial, alors qu'un changement "
        "de titulaire est impossible pour des raisons économiques ou techniques. Des modifications successives ne contournent "
        "pas la mise en concurrence.",
        "Additional works, supplies or services that became necessary and were not in the initial contract, where a change of "
        "contractor is impossible for economic or technical reasons. Successive ones do not circumvent competition.",
        (("0.50", _EVERY),),
    ),
    *_ground(
        "mod-cir",
        "R2194-5, R2194-3 et R2194-4",
        "Circonstances qu'un acheteur diligent ne pouvait pas prévoir. Des modifications successives ne contournent pas la mise en "
        "concurrence.",
        "Circumstances that a diligent buyer could not foresee. Successive modifications do not circumvent competition.",
        (("0.50", _EVERY),),
    ),
    *_ground(
        "mod-repl",
        "R2194-6",
        "Nouveau titulaire : par une clause de réexamen, ou par la cession du contrat après une restructuration du titulaire initial, "
        "sans autre modification substantielle ; il remplit les conditions de participation.",
        "New contractor: by a review clause, or by transfer of the contract after a restructuring of the initial one, without other "
        "substantial change; it meets the conditions of participation.",
    ),
    *_ground(
        "mod-nons",
        "R2194-7",
        "Modification non substantielle, quel que soit son montant : elle n'aurait attiré ni retenu d'autres candidats ou offres, ne "
        "change pas l'équilibre économique en faveur du titulaire, ni considérablement l'objet, ni le titulaire.",
        "Not substantial, whatever its amount: it would have attracted or chosen no other candidates or tenders, and changes neither "
        "the economic balance in favour of the contractor, nor considerably the subject, nor the contractor.",
    ),
    *_ground(
        "mod-minv",
        "R2194-8 et R2194-9",
        "Modification de faible montant : inférieure au seuil européen et à une part du montant initial, cumulée avec celles du même motif.",
        "Small amount: below the European threshold and a share of the initial amount, cumulated with those of the same ground.",
        (("0.10", _OTHERS), ("0.15", _WORKS)),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Modified:
    """A contract about to be modified, as the rules see it. Amounts in euros, excluding tax."""

    on: date
    """The day of the modification."""
    buyer: BuyerKind
    nature: str
    ground: str
    concession: bool = False
    formal: bool = False
    initial: Decimal | None = None
    """Of the contract as it was awarded; None where the platform does not know it."""
    updated: Decimal | None = None
    """The initial amount, updated by the price variation clause of the contract (R2194-4)."""
    earlier: tuple[tuple[str | None, Decimal], ...] = ()
    """The ground and the amount of each modification before, in their order; less than zero: the contract shrank."""
    value: Decimal | None = None
    """Of the whole contract, once modified."""

    @property
    def before(self) -> Decimal | None:
        """The amount of the contract up to now."""
        return None if self.initial is None else self.initial + sum(amount for _, amount in self.earlier)

    @property
    def amount(self) -> Decimal | None:
        """The amount of this modification."""
        return None if self.before is None or self.value is None else self.value - self.before

    @property
    def reference(self) -> Decimal | None:
        """What shares are taken of (R2194-4)."""
        return self.updated or self.initial


def modifications_on(on: date) -> tuple[ModificationRule, ...]:
    """Give the grounds of a day."""
    return tuple(rule for rule in MODIFICATIONS if rule.holds(on))


def modification_requirements(modified: Modified) -> tuple[Requirement, ...]:
    """Say what the law asks of a modification: its ground, its amount with the arithmetic, its publication."""
    rule = _rule(modified)
    if rule is None:
        return ()
    found = (
        Requirement("modification-ground", rule.text, rule.text_en, _with_nature(rule)),
        _amount(modified, rule),
        _notice(modified),
    )
    return tuple(each for each in found if each)


def _rule(modified: Modified) -> ModificationRule | None:
    return next(
        (
            rule
            for rule in modifications_on(modified.on)
            if rule.ground == modified.ground
            and rule.concession == modified.concession
            and (modified.concession or modified.nature in rule.natures)
        ),
        None,
    )


def _with_nature(rule: ModificationRule) -> str:
    """Give the source, with the article that no ground gets round: the global nature of the contract does not change."""
    return f"{rule.source} ; {'L3135-1' if rule.concession else 'L2194-1'} CCP"


def _amount(modified: Modified, rule: ModificationRule) -> Requirement | None:
    if rule.share is None:
        return None
    if rule.cumulated:
        return _small(modified, rule, rule.share)
    return _each(modified, rule, rule.share) if modified.buyer in _AUTHORITIES else None


def _each(modified: Modified, rule: ModificationRule, share: Decimal) -> Requirement:
    """Hold one modification to its share of the initial amount (R2194-3)."""
    limit = f"{_percent(share)} du montant initial au plus, pour chaque modification"
    limit_en = f"{_percent(share)} of the initial amount at most, for each modification"
    amount, reference = modified.amount, modified.reference
    if amount is None or reference is None or modified.before is None or modified.value is None:
        return _unknown(rule, limit, limit_en)
    sum_fr = f"{_euros(modified.value)} − {_euros(modified.before)} = {_euros(amount)}"
    return Requirement(
        "modification-amount",
        f"Montant de la modification : {sum_fr}, soit {_share(amount, reference)} de {_euros(reference)} ; "
        f"{limit} ({_euros(reference * share)}).",
        f"Amount of the modification: {sum_fr}, {_share(amount, reference)} of {_euros(reference)}; {limit_en} ({_euros(reference * share)}).",
        rule.source,
        met=amount <= reference * share,
    )


def _small(modified: Modified, rule: ModificationRule, share: Decimal) -> Requirement:
    """Hold the small modifications together to their share, and to the European threshold (R2194-8, R2194-9)."""
    threshold = formal_threshold(modified.on, modified.buyer, "concession" if modified.concession else modified.nature)
    limit = f"moins de {_percent(share)} du montant initial{_and_threshold(threshold, ' et du seuil européen de ')}"
    limit_en = f"less than {_percent(share)} of the initial amount{_and_threshold(threshold, ' and than the European threshold of ')}"
    amount, reference = modified.amount, modified.reference
    if amount is None or reference is None:
        return _unknown(rule, limit, limit_en)
    parts = [*(each for ground, each in modified.earlier if ground == rule.ground), amount]
    total = sum(parts, Decimal(0))
    sum_fr = " + ".join(_euros(part) for part in parts) + (f" = {_euros(total)}" if len(parts) > 1 else "")
    below = threshold is None or abs(total) < threshold.amount
    return Requirement(
        "modification-amount",
        f"Modifications de faible montant, cumulées : {sum_fr}, soit {_share(total, reference)} de {_euros(reference)} ; "
        f"il faut {limit} ({_euros(reference * share)}).",
        f"Modifications of small amount, cumulated: {sum_fr}, {_share(total, reference)} of {_euros(reference)}; "
        f"it takes {limit_en} ({_euros(reference * share)}).",
        f"{rule.source} ; {threshold.source}" if threshold else rule.source,
        met=below and abs(total) < reference * share,
    )


def _unknown(rule: ModificationRule, limit: str, limit_en: str) -> Requirement:
    return Requirement(
        "modification-amount",
        f"Montant à vérifier par l'acheteur, faute de montant initial ou modifié connu ici : {limit}.",
        f"Amount to be checked by the buyer, as the initial or the modified amount is not known here: {limit_en}.",
        rule.source,
    )


def _notice(modified: Modified) -> Requirement | None:
    """Ask for the notice of modification in the Official Journal (R2194-10)."""
    if modified.ground not in {"add-wss", "mod-cir"} or not (modified.formal or modified.concession):
        return None
    return Requirement(
        "modification-notice",
        "Avis de modification publié au Journal officiel de l'Union européenne, car le contrat a été passé selon une procédure formalisée.",
        "Modification notice published in the Official Journal of the European Union, as the contract followed a formal procedure.",
        "R3135-10 CCP" if modified.concession else "R2194-10 CCP",
    )


def _and_threshold(threshold: Rule | None, words: str) -> str:
    return f"{words}{_euros(threshold.amount)}" if threshold else ""


def _share(amount: Decimal, of: Decimal) -> str:
    return _percent(amount / of) if of else "—"


def _percent(share: Decimal) -> str:
    written = f"{share * 100:.2f}".rstrip("0").rstrip(".").replace(".", ",")
    return f"{written} %"


def _euros(amount: Decimal) -> str:
    return f"{amount:,.2f}".replace(",", "\u202f").replace(".", ",") + " €"
