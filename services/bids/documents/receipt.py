"""The receipt as a printable paper: the five legal items of the order ECOM1831552A, the proof; French and English.

The PDF carries the JSON receipt as an attached file: whoever has the paper can verify it.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from libs.common.calendar import french_hour
from services.bids.documents.pdf import Attachment, Block, Heading, Rows, Text, render
from services.bids.sealing.receipt import Receipt, ReceiptStatement

__all__ = ["receipt_pdf", "receipt_text", "receipt_title"]

_TITLES = {
    "deposit": ("Accusé de réception d'un pli électronique", "Receipt of an electronic bid"),
    "withdrawal": ("Accusé de retrait d'un pli électronique", "Receipt of the withdrawal of an electronic bid"),
}
_KINDS = {"application": "candidature / application", "offer": "offre / offer"}
_MODES = {
    "bidder": "Le pli a été chiffré par le déposant : la plateforme n'en connaît pas le contenu. / "
    "Sealed by the bidder: the platform does not know its content.",
    "platform": "Le pli a été chiffré par la plateforme à mesure qu'il arrivait ; jusqu'à la fin du transfert, sa confidentialité "
    "a reposé sur le logiciel en service. / Sealed by the platform as it arrived: until the end of the upload its secrecy rested "
    "on the running software.",
}


def receipt_title(receipt: Receipt) -> str:
    """Give the title of a receipt, in French."""
    return _TITLES[receipt.statement.act][0]


def receipt_pdf(receipt: Receipt) -> bytes:
    """Give the PDF of a receipt, with its JSON attached; not sealed yet."""
    told = "Accusé vérifiable hors ligne : python -m services.bids verify-receipt"
    attached = Attachment("accuse.json", "application/json", told, receipt.model_dump_json())
    return render(receipt_title(receipt), _blocks(receipt), [attached])


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
    what = "fin du transfert" if told.act == "deposit" else "retrait"
    what_en = "End of the upload" if told.act == "deposit" else "Withdrawal"
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
        Text(f"{hour} : {what}, à la seconde. / {what_en}, to the second."),
        Heading("5. Liste détaillée des documents / Detailed list of documents"),
        _documents(told),
        *_envelopes(told),
        *_sealing(told),
        *_evidence(receipt),
    ]


def _documents(told: ReceiptStatement) -> Rows:
    rows = [("N°", "Document", "Octets (chiffré)", "SHA-256 du chiffré / of the ciphertext")]
    rows += [(str(each.number), each.name, str(each.size), each.sha256) for each in told.documents]
    return Rows(tuple(rows), (0.06, 0.34, 0.16, 0.44))


def _envelopes(told: ReceiptStatement) -> list[Block]:
    if not told.envelopes:
        return []
    rows = [("N°", "Enveloppe / Envelope", "Lots", "SHA-256")]
    rows += [(str(each.number), _KINDS[each.kind], ", ".join(each.lots), each.sha256) for each in told.envelopes]
    return [Heading("Enveloppes / Envelopes"), Rows(tuple(rows), (0.06, 0.26, 0.24, 0.44))]


def _sealing(told: ReceiptStatement) -> list[Block]:
    return [
        Heading("Chiffrement / Sealing"),
        Text(_MODES[told.sealed_by]),
        Text(
            f"Jeu de clés des officiers, version {told.key_version} ; empreinte / Key set, fingerprint: {told.key_fingerprint}"
        ),
    ]


def _evidence(receipt: Receipt) -> list[Block]:
    told = receipt.statement
    stamp = (
        f"Horodatage RFC 3161 du {french_hour(receipt.stamped_at, ZoneInfo(told.time_zone))}. / Time stamp."
        if receipt.stamped_at
        else "Horodatage en attente : l'accusé complété reste disponible sur la plateforme. / Time stamp pending."
    )
    replaced = [Text(f"Ce pli remplace le pli {told.replaces}. / It replaces that bid.")] if told.replaces else []
    return [
        Heading("Preuves / Evidence"),
        *replaced,
        Text(f"Pli {told.bid_id} ; accusé {told.receipt_id}"),
        Text(stamp),
        *_path(receipt),
        Text("L'accusé constate une heure ; il ne juge pas du délai. / It states an hour, not a verdict."),
    ]


def _path(receipt: Receipt) -> list[Block]:
    rows = [("Élément / Item", "Valeur / Value"), ("SHA-256 de l'accusé / of the receipt", receipt.sha256)]
    if receipt.proof is not None:
        proof = receipt.proof
        rows += [("Fait / Fact", str(proof.fact.id)), ("Place", str(proof.position))]
        rows += [(f"Chemin / Path {height}", each) for height, each in enumerate(proof.path, 1)]
        rows += [("Tête précédente / Previous head", proof.previous), ("Tête horodatée / Stamped head", proof.head)]
    return [Rows(tuple(rows), (0.42, 0.58))]
