"""What is sent to the routes of bids, right for the owner."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from services.bids import sealing
from services.bids.sealing import OpeningStatement, ShareRequest
from services.bids.sealing.resealing import ResealedShares
from tests.api.bids import bids_world as bids
from tests.api.security.objects import PDF
from tests.api.security.objects_bids_made import Made

Bodies = dict[tuple[str, str], dict[str, Any]]


def bodies_of(m: Made) -> Bodies:
    """Give the options of a request (json, data, headers, params) by method and path."""
    return _of_deposits(m) | _of_openings(m) | _of_evaluation(m) | _of_companies(m) | _of_correspondence(m)


def _of_deposits(m: Made) -> Bodies:
    """Give what is sent to deposit: bids, uploads, copies, incidents."""
    return {
        ("POST", "/v1/consultations/{procedure}/copies"): {"json": m.arrival},
        ("POST", "/v1/consultations/{procedure}/admissions"): {
            "json": {"copy_id": m.copy["copy_id"], "decision": "refused", "reason": "Arrivé bien trop tard, sans excuse."}
        },
        ("POST", "/v1/copies/{copy_id}/opening"): {"json": {"ground": "late"}},
        ("POST", "/v1/copies/{copy_id}/destruction"): {"json": {}},
        ("PUT", "/v1/bids/{bid_id}/application"): {"json": {}},
        ("POST", "/v1/bids/{bid_id}/files/{number}/copy"): {"json": {"document_id": m.paper["document_id"]}},
        ("POST", "/v1/consultations/{procedure}/bids"): {
            "json": {"envelopes": [
                {"kind": "offer", "lots": ["LOT-0001"], "files": [{"name": "p.bin", "size": 100}]}
            ]}
        },
        ("POST", "/v1/bids/{bid_id}/files/{number}/uploads"): {
            "headers": {"Tus-Resumable": "1.0.0", "Upload-Length": str(m.announced)}
        },
        **{
            (method, "/v1/uploads/{upload_id}"): {
                "data": b"x",
                "headers": {
                    "Tus-Resumable": "1.0.0", "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH",
                    "Content-Type": "application/offset+octet-stream",
                },
            }
            for method in ("PATCH", "POST")
        },
        **{
            (method, "/v1/uploads/{upload_id}"): {"headers": {"Tus-Resumable": "1.0.0"}}
            for method in ("HEAD", "DELETE")
        },
        ("POST", "/v1/incidents"): {
            "json": {"begins": "2026-03-01T08:00:00Z", "what": "Dépôts interrompus", "what_en": "Deposits were cut"}
        },
        ("POST", "/v1/bids/{bid_id}/deposit"): {"json": {"envelopes": [each.model_dump(mode="json") for each in m.sealed.envelopes]}},
    }  # fmt: skip


def _of_openings(m: Made) -> Bodies:
    """Give what is sent to open bids."""
    return {
        ("POST", "/v1/rehearsals"): {
            "json": {"buyer_name": "Commune", "department": "21", "opening": m.opening.model_dump(mode="json")}
        },
        ("POST", "/v1/consultations/{procedure}/officers"): {
            "json": {"consultation": str(m.opened), "fingerprint": "0" * 64, "officer": "officier-1", "at": "2026-03-01T08:00:00Z"}
        },
        ("POST", "/v1/consultations/{procedure}/openings"): {"json": {}},
        ("GET", "/v1/openings/{opening_id}/shares"): {"params": {"officer": "officier-1"}},
        ("POST", "/v1/openings/{opening_id}/shares"): {"json": {"officer": "officier-1", "shares": []}},
        ("GET", "/v1/openings/{opening_id}/deputies/shares"): {"params": {"officer": "officier-1"}},
        ("POST", "/v1/openings/{opening_id}/deputies"): {"json": _handed_over(m.opened)},
    }  # fmt: skip


def _of_evaluation(m: Made) -> Bodies:
    """Give what is sent to judge, award, keep and destroy."""
    return {
        ("PUT", "/v1/destructions/{destruction_id}/visa"): {
            "json": {"decision": "destroy", "reference": "secret-body", "decided_on": "2031-06-01"}
        },
        ("PUT", "/v1/contracts/{contract_id}/end-of-performance"): {"json": {"ended_on": "2027-06-01"}},
        ("POST", "/v1/consultations/{procedure}/lots/{lot}/award"): {"json": m.award},
        ("PUT", "/v1/consultations/{procedure}/lots/{lot}/scoring-method"): {
            "json": {"criteria": [{"name": "Prix", "weight": "100"}]}
        },
        ("PUT", "/v1/consultations/{procedure}/lots/{lot}/bids/{bid_id}/judgement"): {"json": {"verdict": "admissible"}},
        ("PUT", "/v1/consultations/{procedure}/lots/{lot}/marks"): {
            "json": {"marks": [{"bid_id": str(m.open_bid), "criterion": "Prix", "mark": "1"}]}
        },
        ("POST", "/v1/consultations/{procedure}/lots/{lot}/scorings"): {"json": {}},
        ("POST", "/v1/consultations/{procedure}/lots/{lot}/requests"): {"json": m.asked},
        ("PUT", "/v1/consultations/{procedure}/retention-hold"): {"json": {"reason": "Recours"}},
        ("POST", "/v1/requests/{request_id}/documents"): {"data": b"%PDF-1.7", "headers": PDF},
        ("POST", "/v1/requests/{request_id}/answer"): {"json": {"text": "Voici."}},
        ("POST", "/v1/requests/{request_id}/settlement"): {"json": {"outcome": "accepted"}},
        ("PUT", "/v1/contracts/{contract_id}/winner-signature"): {"data": b"%PDF-1.7", "headers": PDF},
    }  # fmt: skip


def _of_companies(m: Made) -> Bodies:
    """Give what is sent of companies."""
    return {
        ("PUT", "/v1/company"): {"json": {"name": "mine"}},
        **{
            ("POST", f"/v1/company/documents{rest}"): {"params": {"name": "mine.pdf", "kind": "tax"}, "data": b"mine"}
            for rest in ("", "/{document_id}/versions")
        },
        ("PUT", "/v1/company/users/{record_id}"): {"json": {"role": "depositor"}},
        ("POST", "/v1/company/invitations"): {"json": {"email": "other@entreprise.example"}},
        ("POST", "/v1/companies/{company}/administrators"): {"json": {"person": "heir"}},
        ("POST", "/v1/espd/readings"): {"json": {"xml": "<a/>"}},
        ("POST", "/v1/espd/papers"): {"json": {"xml": "<a/>"}},
        ("POST", "/v1/espd/responses"): {"json": {"xml": "<a/>"}},
    }  # fmt: skip


def _of_correspondence(m: Made) -> Bodies:
    """Give what is sent of letters and rounds."""
    return {
        ("POST", "/v1/letters/{letter_id}/replies"): {"json": {"text": "Voici."}},
        ("POST", "/v1/consultations/{procedure}/messages"): {"json": m.message},
        ("POST", "/v1/consultations/{procedure}/attachments"): {
            "params": {"name": "note.pdf"}, "data": b"%PDF-1.7", "headers": PDF
        },
        ("POST", "/v1/consultations/{procedure}/selection"): {
            "json": {"criteria": "secret-body", "candidates": [
                {"organisation": "SIRET:55210025400099", "lot_id": "LOT-0001", "selected": True}
            ]}
        },
        ("POST", "/v1/consultations/{procedure}/rounds"): {
            "json": {"kind": "tender", "deadline": m.later.isoformat(), "terms": "secret-body"}
        },
        ("PUT", "/v1/consultations/{procedure}/deadline"): {
            "json": {"deadline": m.later.isoformat(), "reason": "secret-body"}
        },
    }  # fmt: skip


def _handed_over(procedure: UUID) -> dict[str, Any]:
    """Give shares of an officer that nobody signed, in their form."""
    statement = OpeningStatement(
        opening=uuid4(), consultation=procedure, stage="offers", lots=("LOT-0001",), deadline=bids.DEADLINE,
        fingerprint="0" * 64, envelopes=(), nonce="0" * 64,
    )  # fmt: skip
    request = ShareRequest(officer="officier-1", statement=statement, token="AA", shares=(), deputy="adjoint")
    told = ResealedShares(request=request, deputy_key=sealing.generate("adjoint").public, at=bids.DEADLINE)
    return told.model_dump(mode="json")
