"""The refusals of the evaluation.

HallesError
├─ NotFound   UnknownRequest
├─ Conflict   EvaluationOrder
└─ InvalidInput   WrongEvaluation
"""

from __future__ import annotations

from libs.common.errors import Conflict, InvalidInput, NotFound

__all__ = ["EvaluationOrder", "UnknownRequest", "WrongEvaluation"]


class UnknownRequest(NotFound):
    """There is no such request, or it is somebody else's."""

    slug = "unknown-request"
    title, title_en = "Demande introuvable", "No such request"


class EvaluationOrder(Conflict):
    """Another step of the evaluation comes first; it is named."""

    slug = "evaluation-order"
    title, title_en = "Une autre étape vient d'abord", "Another step comes first"


class WrongEvaluation(InvalidInput):
    """What was given for the evaluation does not fit the lot, its bids or the notice; each fault is named."""

    slug = "wrong-evaluation"
    title, title_en = "Évaluation incorrecte", "Wrong evaluation"
