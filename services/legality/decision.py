"""Does the law ask that a contract be transmitted to the State's legality control? Pure, with dated thresholds.

Contracts of local authorities and of their public bodies are transmitted within 15 days of their signature (L2131-13
CGCT) when they reach the threshold (L2131-2, 4° and D2131-5-1 CGCT: that of the formal procedures of local authorities for
supplies and services, whatever the nature of the contract, judged on the sum of the lots); concessions and partnership
contracts always are. Departments and regions: L3131-2 and L4141-2 refer to the same rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from libs.common.messages.bids import Contract

__all__ = ["THRESHOLDS", "Decision", "decide", "siren_of", "threshold_on"]

THRESHOLDS: tuple[tuple[date, Decimal], ...] = (
    (date(2020, 1, 1), Decimal(214_000)),
    (date(2022, 1, 1), Decimal(215_000)),
    (date(2024, 1, 1), Decimal(221_000)),
    (date(2026, 1, 1), Decimal(216_000)),
)
"""From which day, EUR excluding tax (notices of the ministry, annexe 2 CCP; 2026: JO of 26 December 2025)."""

_LOCAL = {
    "20": "groupement de collectivités",
    "21": "commune",
    "22": "département",
    "23": "région",
    "24": "groupement de collectivités à fiscalité propre",
    "25": "syndicat",
    "26": "établissement public local",
    "27": "établissement public local",
    "28": "établissement public local",
}
"""First digits of the SIREN of public bodies (category of the INSEE register)."""
_STATE = frozenset("1")
_HOSPITAL = re.compile(r"\b(chu|chr|h[oôÔ]pital|h[oôÔ]pitaux|centre hospitalier|ehpad|hospices)\b", re.IGNORECASE)
_CONCESSION = re.compile(r"concession|d[ée]l[ée]gation de service public", re.IGNORECASE)
_PARTNERSHIP = re.compile(r"partenariat", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a transmission is due, and why, in French."""

    due: bool
    reason: str


def decide(contract: Contract, organisation: str, signed_on: date) -> Decision:
    """Decide for a contract signed on a day by an organisation (`SIRET:...`)."""
    exemption = _not_local(contract, organisation)
    if exemption:
        return Decision(False, exemption)
    if _CONCESSION.search(f"{contract.essential.nature} {contract.procedure_type}"):
        return Decision(True, "Toute concession est transmise au contrôle de légalité (art. L. 2131-2, 4° CGCT).")
    if _PARTNERSHIP.search(contract.essential.nature):
        return Decision(
            True, "Tout marché de partenariat est transmis au contrôle de légalité (art. L. 2131-2, 4° CGCT)."
        )
    return _by_amount(contract, signed_on)


def threshold_on(day: date) -> Decimal:
    """Give the threshold in force on a day, EUR excluding tax; the oldest known one before it."""
    return next((amount for start, amount in reversed(THRESHOLDS) if day >= start), THRESHOLDS[0][1])


def siren_of(organisation: str) -> str | None:
    """Give the SIREN of an organisation known by its SIRET; None for others."""
    scheme, _, identifier = organisation.partition(":")
    return identifier[:9] if scheme == "SIRET" else None


def _by_amount(contract: Contract, signed_on: date) -> Decision:
    threshold, total = threshold_on(signed_on), contract.procedure_total
    if total.currency != "EUR":
        return Decision(True, f"Montant en {total.currency} : transmis par prudence, le seuil est fixé en euros.")
    shown = f"{_euros(total.amount)} HT pour l'ensemble des lots"
    if total.amount < threshold:
        return Decision(
            False,
            f"Montant de la procédure de {shown}, inférieur au seuil de transmission de {_euros(threshold)} HT"
            f" (art. D. 2131-5-1 CGCT, seuil au {signed_on:%d/%m/%Y}).",
        )
    return Decision(
        True,
        f"Montant de la procédure de {shown}, au moins égal au seuil de transmission de {_euros(threshold)} HT"
        f" (art. D. 2131-5-1 CGCT, seuil au {signed_on:%d/%m/%Y}).",
    )


def _not_local(contract: Contract, organisation: str) -> str | None:
    """Say why the buyer is not under the prefect's legality control, if it is not."""
    siren = siren_of(organisation)
    if siren is None:
        return "L'acheteur n'a pas de numéro SIREN : ses actes ne sont pas transmis par cette voie."
    if siren.startswith("19"):
        return (
            "Établissement public local d'enseignement : contrôle par l'autorité académique (art. L. 421-14 c. éduc.)."
        )
    if siren[0] in _STATE:
        return "L'acheteur relève de l'État : ses contrats ne sont pas soumis au contrôle de légalité des préfets."
    local = _LOCAL.get(siren[:2])
    if local is None and contract.buyer_legal_type not in {"la", "ra"}:
        return "L'acheteur n'est ni une collectivité territoriale ni un établissement public local."
    if local == "établissement public local" and _HOSPITAL.search(contract.buyer_name):
        return "Établissement public de santé : contrôle de l'État propre à ces établissements (art. L. 6141-1 CSP)."
    return None


def _euros(amount: Decimal) -> str:
    whole, _, cents = f"{amount:,.2f}".partition(".")
    return f"{whole.replace(',', ' ')},{cents} EUR"
