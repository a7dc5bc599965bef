"""The contract itself (acte d'engagement), generated from the award, with a place for both signatures."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from libs.common.calendar import french_date
from libs.common.messages.bids import Contract
from services.bids.documents.pdf import Block, Box, Heading, Rows, Text, render
from services.bids.domain.essential import ITEMS

__all__ = ["contract_pdf", "money_text"]


def money_text(amount: object, currency: str) -> str:
    """Write an amount as French letters do: 1 234 567,89 EUR."""
    text = f"{amount:,.2f}".replace(",", "\u00a0").replace(".", ",")
    return f"{text}\u00a0{currency}"


def contract_pdf(contract: Contract, zone: ZoneInfo) -> bytes:
    """Give the PDF of an unsigned contract."""
    winners = ", ".join(f"{each.name} ({each.organisation})" for each in contract.winners)
    blocks: list[Block] = [
        Text(f"Marché n° {contract.number}"),
        Heading("Article 1. Parties"),
        Text(f"Acheteur : {contract.buyer_name}"),
        Text(f"Titulaire : {winners}"),
        Heading("Article 2. Objet"),
        Text(f"{contract.title} (lot {contract.lot_id}, CPV {contract.cpv})"),
        Heading("Article 3. Prix"),
        Text(f"Montant hors taxes : {money_text(contract.value.amount, contract.value.currency)}"),
        Heading("Article 4. Durée et lieu d'exécution"),
        Text(f"Durée : {contract.duration_months} mois"),
        Text(f"Lieu : {contract.place_code} ({contract.place_code_kind})"),
        Heading("Article 5. Caractéristiques du marché"),
        _essential(contract),
        Heading("Article 6. Pièces"),
        Text("Le présent acte, l'offre du titulaire telle qu'ouverte, les documents de la consultation."),
        Text(f"Attribution décidée le {french_date(contract.awarded_at, zone)}."),
        Heading("Article 7. Signatures"),
        Text("Signatures électroniques avancées (PAdES), le titulaire d'abord, l'acheteur ensuite."),
        Box("Le titulaire"),
        Box("L'acheteur"),
    ]
    return render("Acte d'engagement", blocks)


def _essential(contract: Contract) -> Rows:
    rows = [("Caractéristique", "Valeur")]
    for name, value in contract.essential.model_dump().items():
        if value is not None:
            rows.append((ITEMS[name].name.capitalize(), _value(value)))
    return Rows(tuple(rows), (0.45, 0.55))


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "oui" if value else "non"
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    if isinstance(value, float):
        return f"{value:.2%}".replace(".", ",").replace("%", " %")
    return str(value)
