"""Signatures of the files of a bid: what each one is worth (order ECOM1830224A), told at the opening."""

from services.bids.signatures.held import Held
from services.bids.signatures.trust import Trust
from services.bids.signatures.verdict import HEAD, MAX_BYTES, FileSignature, Form, form_of, indeterminate
from services.bids.signatures.verifying import mark_of

__all__ = ["HEAD", "MAX_BYTES", "FileSignature", "Form", "Held", "Trust", "form_of", "indeterminate", "mark_of"]
