"""Two companies; a procedure that was opened and awarded, another one that still takes bids."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.bids import sealing
from tests.api.bids import bids_world as bids
from tests.api.security.objects import COMPANY, PDF

Json = dict[str, Any]
RIVAL = "SIRET:55210025400099"
RECORD = UUID(int=7)
"""The record of a user of the company."""


@dataclass(frozen=True)
class Made:
    """What was made, as the platform told of it."""

    opened: UUID
    """The procedure that was opened and awarded."""
    open_bid: UUID
    opening_id: str
    asked: Json
    request: Json
    award: Json
    awarded: Json
    destruction: UUID
    procedure: UUID
    """The procedure that still takes bids."""
    later: datetime
    """Its deadline."""
    opening: Any
    receipt: Json
    secret_bid: str
    draft: Json
    sealed: Any
    announced: int
    upload: str
    arrival: Json
    copy: Json
    note: Json
    message: Json
    sent: Json
    paper: Json
    invitation: Json

    @property
    def letter(self) -> str:
        """Give the letter that tells the company of the award."""
        (found,) = (each["letter_id"] for each in self.awarded["letters"] if each["addressee"] == COMPANY.organisation)
        return str(found)


async def make(w: bids.World) -> Made:
    """Live through one procedure to its award, then begin another one."""
    made = await _awarded(w)
    made |= await _correspondence(w, made["opened"])
    made |= await _still_open(w)
    made |= await _company(w)
    return Made(**made)


async def _awarded(w: bids.World) -> Json:
    await w.deposit(COMPANY.organisation, [b"the offer"])
    await w.deposit(RIVAL, [b"the rival's offer"])
    opening = await w.open_all()
    own = w.bids[COMPANY.organisation]
    path = f"/consultations/{w.procedure}/lots/LOT-0001"
    award = bids.award_body(own, list(w.bids.values()))
    award["committee"] = {
        "met_at": w.h.clock.now().isoformat(), "voting_members": 3, "present": ["président", "membre"], "in_favour": 2,
    }  # fmt: skip
    due = (w.h.clock.now() + timedelta(days=5)).isoformat()
    asked = {"bid_id": str(own), "kind": "precision", "text": "secret question", "due_at": due}
    request = await w.call("POST", f"{path}/requests", bids.BUYER, expect=201, json=asked)
    answer = f"/requests/{request['request_id']}/documents"
    await w.call("POST", answer, COMPANY.organisation, expect=201, data=b"%PDF-1.7", headers=PDF)
    awarded = await w.call("POST", f"{path}/award", bids.BUYER, expect=201, json=award)
    return {
        "opened": w.procedure, "open_bid": own, "opening_id": opening["opening_id"], "asked": asked, "request": request,
        "award": award, "awarded": awarded, "destruction": await _destruction(w),
    }  # fmt: skip


async def _destruction(w: bids.World) -> UUID:
    """Propose one, as five years later."""
    destruction = uuid4()
    async with w.h.runtime.uow() as uow:
        await uow.conn.execute(
            "INSERT INTO destruction (id, procedure, buyer, kept_until, reason, proposed_at) VALUES ($1, $2, $3, $4, '', $4)",
            destruction, w.procedure, bids.BUYER, w.h.clock.now(),
        )  # fmt: skip
    return destruction


async def _correspondence(w: bids.World, procedure: UUID) -> Json:
    arrival = {
        "purpose": "backup", "medium": "paper", "depositor": COMPANY.organisation, "depositor_name": "secret-name",
        "lots": ["LOT-0001"], "received_at": "2026-03-01T08:00:00Z",
    }  # fmt: skip
    path = f"/consultations/{procedure}"
    copy = await w.call("POST", f"{path}/copies", bids.BUYER, expect=201, json=arrival)
    note = await w.call(
        "POST", f"{path}/attachments?name=note.pdf", bids.BUYER, expect=201, data=b"%PDF-1.7", headers=PDF
    )
    message = {
        "kind": "clarification", "subject": "secret-body", "text": "secret-body", "addressees": [COMPANY.organisation],
        "attachments": [note["attachment_id"]],
    }  # fmt: skip
    sent = await w.call("POST", f"{path}/messages", bids.BUYER, expect=201, json=message)
    return {"arrival": arrival, "copy": copy, "note": note, "message": message, "sent": sent}


async def _still_open(w: bids.World) -> Json:
    w.procedure, w.officers = uuid4(), [sealing.generate("officier-9")]
    later = w.h.clock.now() + timedelta(days=30)
    event = bids.notice(w.procedure, w.officers, 1, deadline=later)
    w.notice = event.notice
    assert w.notice.opening is not None
    await w.h.deliver(event)
    receipt = await w.deposit(COMPANY.organisation, [b"secret offer"])
    secret_bid = str(w.bids[COMPANY.organisation])
    draft = await w.draft(COMPANY.organisation, [b"other"], ("LOT-0002",))
    sealed = w.seal(UUID(draft["bid_id"]), [b"other"], ("LOT-0002",))
    (announced,) = (each["size"] for each in draft["files"])
    return {
        "procedure": w.procedure, "later": later, "opening": w.notice.opening, "receipt": receipt, "secret_bid": secret_bid,
        "draft": draft, "sealed": sealed, "announced": announced, "upload": await _upload(w, draft["bid_id"], announced),
    }  # fmt: skip


async def _upload(w: bids.World, bid_id: str, size: int) -> str:
    headers = w.h.headers(COMPANY.organisation, "company") | {"Tus-Resumable": "1.0.0", "Upload-Length": str(size)}
    async with w.h.client.post(f"/bids/v1/bids/{bid_id}/files/1/uploads", headers=headers) as made:
        return made.headers["Location"].rpartition("/")[2]


async def _company(w: bids.World) -> Json:
    own = COMPANY.organisation
    attached = {"name": "secret-body.pdf", "kind": "tax"}
    paper = await w.call("POST", "/company/documents", own, expect=201, params=attached, data=b"secret-body")
    address = {"email": "secret-body@entreprise.example"}
    invitation = await w.call("POST", "/company/invitations", own, expect=201, json=address)
    async with w.h.runtime.uow() as uow:
        await uow.conn.execute(
            "INSERT INTO company_user (record_id, company, person, role, since, given_by)"
            " VALUES ($1, $2, 'colleague', 'depositor', $3, 'test-person')",
            RECORD, own, w.h.clock.now(),
        )  # fmt: skip
    return {"paper": paper, "invitation": invitation}
