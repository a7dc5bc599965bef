"""Signatures of the files of a bid: verified at the opening, told in its answer, its report, and to who evaluates."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from pypdf import PdfReader

from libs.common.testing.plugin import HarnessFactory
from services.bids.documents.pdf import Text, render
from services.bids.sealing import Content, PlainFile
from tests.api.bids.bids_world import AUTHORITY, BUYER, sign_pdf, world
from tests.unit.bids.file_signers import STRANGER, cades, qualified, xades

ALPHA = "SIRET:55210025400001"
PRICES = b"<prix><ligne n='1'>4500.00</ligne></prix>"


async def signed_files() -> dict[str, bytes]:
    """Give the files of a bidder who signs in every way, well and badly."""
    deed, issued = render("Acte d'engagement", [Text("Le candidat s'engage.")]), qualified(AUTHORITY)
    return {
        "acte.pdf": await sign_pdf(deed, issued, "Signature1"),
        "dpgf.xml": xades(PRICES, issued).replace(b"4500.00", b"4400.00"),
        "memoire.bin": b"le memoire technique",
        "memoire.bin.p7s": await cades(b"le memoire technique", issued),
        "planning.bin": b"le planning",
        "planning.xml": xades(b"le planning", qualified(STRANGER), detached=True),
        "seule.p7s": await cades(b"un fichier qui n'est pas joint", issued),
        "libre.pdf": deed,
    }


def verdicts(report: dict[str, Any]) -> dict[str, list[tuple[str, str, str | None]]]:
    (bid,) = report["opened"]
    return {
        file["name"]: [(each["form"], each["verdict"], each["file"]) for each in file["signatures"]]
        for file in bid["files"]
    }


async def test_signatures_are_verified_at_the_opening_and_told_to_who_opens_and_evaluates(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness)
    papers = tuple(PlainFile(name, "application/octet-stream", data) for name, data in (await signed_files()).items())
    await w.deposit_all(ALPHA, [Content("offer", ("LOT-0001",), papers)])
    opening = await w.open_all()
    assert verdicts(opening["report"]) == {
        "acte.pdf": [("PAdES", "valid", None)],
        "dpgf.xml": [("XAdES", "invalid", None)],
        "memoire.bin": [],
        "memoire.bin.p7s": [("CAdES", "valid", "memoire.bin")],
        "planning.bin": [],
        "planning.xml": [("XAdES", "indeterminate", "planning.bin")],
        "seule.p7s": [("CAdES", "indeterminate", None)],
        "libre.pdf": [],
    }
    pdf = await w.call("GET", f"/openings/{opening['opening_id']}/report.pdf", BUYER, expect=200)
    text = " ".join("".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())
    for words in ("Signature PAdES", "Jeanne Martin", "NON VALIDE", "indéterminée", "ne remonte pas à une autorité"):
        assert words in text
    async with w.h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM opened_file WHERE signatures <> '[]'") == 5
