"""The receipt as a printable paper: the five legal items of the order ECOM1831552A, French and English."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from libs.common.calendar import french_hour
from services.bids.documents.pdf import Block, Heading, Rows, Text, render
from services.bids.sealing.receipt import Receipt

__all__ = ["receipt_pdf", "receipt_text"]

_TITLES = {
    "deposit": ("Accusé de réception d'un pli électronique", "Receipt of an electronic bid"),
    "withdrawal": ("Accusé de retrait d'un pli électronique", "Receipt of the withdrawal of an electronic bid"),
}


def receipt_pdf(receipt: Receipt) -> bytes:
    """Give the PDF of a receipt."""
    return render(_TITLES[receipt.statement.act][0], _blocks(receipt))


def receipt_text(receipt: Receipt) -> str:
    """Give the receipt as plain text, to print or to mail."""
    lines = [" / ".join(_TITLES[receipt.statement.act]), ""]
    for block in _blocks(receipt):
        if isinstance(block, Rows):
            lines += [" | ".join(row) for row in block.rows]
        elif isinstance(block, Heading):
            lines += ["", block.text]
        elif isinstance(block, Text):
            lines.append(block.text)
    return "\n".join(lines) + "\n"


def _blocks(receipt: Receipt) -> list[Block]:
    told = receipt.statement
    hour = french_hour(told.received_at, ZoneInfo(told.time_zone))
    return [
        Heading("1. Déposant / Depositor"),
        Text(f"{told.depositor.name} ({told.depositor.organisation})"),
        Heading("2. Acheteur / Buyer"),
        Text(f"{told.buyer.name} ({told.buyer.organisation})"),
        Heading("3. Intitulé et objet de la consultation / Title and object"),
        Text(told.title),
        Text(told.object),
        Text(f"Procédure {told.procedure} ; lots : {', '.join(told.lots)}"),
        Heading("4. Date et heure de réception / Date and hour of receipt"),
        Text(f"{hour} : fin du transfert, à la seconde. / End of the upload, to the second."),
        Heading("5. Liste détaillée des documents / Detailed list of documents"),
        _documents(receipt),
        *_evidence(receipt),
    ]


def _documents(receipt: Receipt) -> Rows:
    rows = [("N°", "Document", "Octets (chiffré)", "SHA-256 du chiffré / of the ciphertext")]
    rows += [(str(each.number), each.name, str(each.size), each.sha256) for each in receipt.statement.documents]
    return Rows(tuple(rows), (0.06, 0.34, 0.16, 0.44))


def _evidence(receipt: Receipt) -> list[Block]:
    told = receipt.statement
    stamp = (
        f"Horodatage RFC 3161 du {receipt.stamped_at.isoformat()}. / Time stamp."
        if receipt.stamped_at
        else "Horodatage en attente : l'accusé complété reste disponible sur la plateforme. / Time stamp pending."
    )
    replaced = [Text(f"Ce pli remplace le pli {told.replaces}. / It replaces that bid.")] if told.replaces else []
    return [
        Heading("Preuves / Evidence"),
        *replaced,
        Text(f"Pli {told.bid_id} ; accusé {told.receipt_id}"),
        Text(f"SHA-256 de l'enveloppe / of the envelope: {told.envelope_sha256}"),
        Text(f"Empreinte du jeu de clés / Key set fingerprint: {told.key_fingerprint}"),
        Text(f"SHA-256 de l'accusé / of the receipt: {receipt.sha256}"),
        Text(stamp),
        Text(
            "Le pli a été chiffré par le déposant : la plateforme n'en connaît pas le contenu. / "
            "Sealed by the bidder: the platform does not know its content."
        ),
        Text("L'accusé constate une heure ; il ne juge pas du délai. / It states an hour, not a verdict."),
    ]
