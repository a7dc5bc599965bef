"""An ESPD to print: a tagged PDF, in French around what the document itself says."""

from __future__ import annotations

from services.bids.documents.pdf import Block, Heading, Rows, Text, render
from services.bids.espd.model import Answer, Espd

__all__ = ["espd_pdf"]

_WORDS = {"true": "Oui", "false": "Non"}


def espd_pdf(espd: Espd) -> bytes:
    """Give the paper of an ESPD: who, for which procedure and lots, each question with its answer."""
    title = "Document unique de marché européen (DUME)"
    operator = espd.operator
    blocks: list[Block] = [
        Text(f"Procédure : {espd.procedure or 'non indiquée'} ; acheteur : {espd.buyer or 'non indiqué'}"),
        Text(f"Objet : {espd.title or 'non indiqué'} ; lots : {', '.join(espd.lots) or 'non indiqués'}"),
    ]
    if operator is not None:
        who = f"{operator.name or 'sans nom'} ({operator.identifier or 'sans identifiant'})"
        blocks.append(Text(f"Opérateur économique : {who}"))
    for criterion in espd.criteria:
        blocks.append(Heading(criterion.name or criterion.code))
        rows = tuple((each.text, _told(each.id, espd.answers)) for each in criterion.questions)
        if rows:
            blocks.append(Rows((("Question", "Réponse"), *rows), (2, 1)))
    return render(title, blocks)


def _told(question: str, answers: list[Answer]) -> str:
    found = [each for each in answers if each.question == question]
    return " ; ".join(_one(each) for each in found) or "sans réponse"


def _one(answer: Answer) -> str:
    if answer.end:
        return f"du {answer.value} au {answer.end}"
    return f"{_WORDS.get(answer.value, answer.value)} {answer.currency or ''}".strip()
