"""What the other services are told of a request."""

from __future__ import annotations

from typing import Any

from libs.common.messages.signature import (
    DocumentSignedV1,
    SignatureRefusedV1,
    SignatureRequestBlockedV1,
    SignatureRequestOpenedV1,
    SignatureStepCompletedV1,
    SignatureSummary,
)
from services.signature.domain import Request, Step

__all__ = ["blocked", "opened", "refused", "signed", "step_completed"]


def _common(request: Request) -> dict[str, Any]:
    return {
        "aggregate_id": request.request_id,
        "aggregate_version": request.version,
        "organisation": request.organisation,
        "procedure": request.procedure,
        "occurred_at": request.news[-1].at,
        "request_id": request.request_id,
        "subject_id": request.subject_id,
    }


def opened(request: Request) -> SignatureRequestOpenedV1:
    """The document entered its circuit."""
    return SignatureRequestOpenedV1(**_common(request), steps=len(request.steps))


def blocked(request: Request) -> SignatureRequestBlockedV1:
    """The document cannot be signed."""
    return SignatureRequestBlockedV1(**_common(request), reason=request.reason or "")


def step_completed(request: Request, step: Step) -> SignatureStepCompletedV1:
    """A step was done."""
    return SignatureStepCompletedV1(**_common(request), step=step.number, action=step.action.value)


def signed(request: Request) -> DocumentSignedV1:
    """The document went through its whole circuit; the signatures are those of its last verification."""
    found = [item for item in (request.verification or {}).get("signatures", []) if item["kind"] == "signature"]
    signatures = [SignatureSummary.model_validate(item) for item in found if item["signed_at"]]
    moment = max((item.signed_at for item in signatures), default=request.news[-1].at)
    return DocumentSignedV1(**_common(request), document=request.document, signatures=signatures, signed_at=moment)


def refused(request: Request, step: int) -> SignatureRefusedV1:
    """The person whose turn it was refused."""
    return SignatureRefusedV1(**_common(request), step=step, reason=request.reason or "")
