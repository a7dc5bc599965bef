"""The rules of the order, put on what pyHanko found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.bids.signatures.trust import is_qualified
from services.bids.signatures.verdict import FileSignature, Form, Verdict

__all__ = ["NOT_QUALIFIED", "TAMPERED", "told", "verdict_of"]

TAMPERED = "Le contenu n'est pas celui qui a été signé."
NOT_QUALIFIED = "Le certificat ne se dit pas qualifié."


def verdict_of(*, intact: bool, problems: Sequence[str]) -> Verdict:
    """Give the verdict: integrity first, then whatever could not be established."""
    if not intact:
        return "invalid"
    return "indeterminate" if problems else "valid"


def told(form: Form, status: Any, distrust: str | None, problems: Sequence[str]) -> FileSignature:  # noqa: ANN401  # pyHanko
    """Tell what pyHanko found of a signature; `distrust`: why its certificate is not trusted."""
    certificate, stamp = status.signing_cert, status.timestamp_validity
    intact, qualified = bool(status.intact and status.valid), is_qualified(certificate)
    stamped = stamp is not None and bool(stamp.valid and stamp.trusted)
    found = [] if intact else [TAMPERED]
    found += [*problems, *([distrust] if distrust else []), *([] if qualified else [NOT_QUALIFIED])]
    return FileSignature(
        verdict=verdict_of(intact=intact, problems=found), form=form, signer=certificate.subject.human_friendly,
        issuer=certificate.issuer.human_friendly, signed_at=stamp.timestamp if stamped else status.signer_reported_dt,
        timestamped=stamped, intact=intact, trusted=distrust is None, qualified=qualified, problems=tuple(found),
    )  # fmt: skip
