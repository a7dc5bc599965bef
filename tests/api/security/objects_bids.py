"""What the walk of every route finds in bids."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

from libs.common.mail.tokens import write_token
from libs.common.testing.harness import harness
from tests.api.bids import bids_world as bids
from tests.api.security.objects import COMPANY, secret_of
from tests.api.security.objects_bids_bodies import bodies_of
from tests.api.security.objects_bids_made import RECORD, RIVAL, Made, make
from tests.api.security.security_world import Caller, World, operations


async def of_bids(stack: AsyncExitStack, database_url: str, _: Path) -> World:
    """Two companies; a procedure that was opened and awarded, another one that still takes bids."""

    def run(service: Any, **options: Any) -> Any:  # noqa: ANN401  # the fixture of the same shape
        return stack.enter_async_context(harness(service, database_url, **options))

    w = await bids.world(run, threshold=1, officers=1, formal=False)
    m = await make(w)
    token = write_token(secret_of(w.h), UUID(int=9), 0, purpose="company-invitation")
    return World(
        w.h,
        {"buyer": Caller("buyer", bids.BUYER), "company": COMPANY},
        targets=await operations(w.h) | _of_procedures(m) | _of_companies(m) | {"token": [{"token": token}]},
        bodies=bodies_of(m),
        secrets=(m.secret_bid, m.draft["bid_id"], m.receipt["statement"]["receipt_id"], "secret question", "secret-body",
                 "secret offer", m.awarded["contract_id"], m.letter, COMPANY.organisation),
        told=frozenset({"company"}),
    )  # fmt: skip


def _of_procedures(m: Made) -> dict[str, list[dict[str, str]]]:
    procedures = [{"procedure": str(m.procedure)}, {"procedure": str(m.opened)}]
    return {
        "procedure": procedures,
        "procedure,lot": [each | {"lot": "LOT-0001"} for each in procedures],
        "procedure,lot,bid_id": [{"procedure": str(m.opened), "lot": "LOT-0001", "bid_id": str(m.open_bid)}],
        "opening_id": [{"opening_id": m.opening_id}],
        "opening_id,bid_id,number": [{"opening_id": m.opening_id, "bid_id": str(m.open_bid), "number": "1"}],
        "letter_id": [{"letter_id": m.letter}],
        "letter_id,attachment_id": [{"letter_id": m.sent["letters"][0], "attachment_id": m.note["attachment_id"]}],
        "destruction_id": [{"destruction_id": str(m.destruction)}],
        "request_id": [{"request_id": m.request["request_id"]}],
        "request_id,number": [{"request_id": m.request["request_id"], "number": "1"}],
        "contract_id": [{"contract_id": m.awarded["contract_id"]}],
        "copy_id": [{"copy_id": m.copy["copy_id"]}],
    }


def _of_companies(m: Made) -> dict[str, list[dict[str, str]]]:
    return {
        "bid_id": [{"bid_id": bid} for bid in (m.draft["bid_id"], m.secret_bid, str(m.open_bid))],
        "bid_id,number": [{"bid_id": m.draft["bid_id"], "number": "1"}],
        "upload_id": [{"upload_id": m.upload}],
        "name": [{"name": "sha256.mjs"}],
        "record_id": [{"record_id": str(RECORD)}],
        "document_id": [{"document_id": m.paper["document_id"]}],
        "invitation_id": [{"invitation_id": m.invitation["invitation_id"]}],
        "company": [{"company": RIVAL}],
    }
