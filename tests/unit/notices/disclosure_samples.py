"""An award notice, all invented, that withholds what a test asks for."""

from __future__ import annotations

from typing import Final

from services.notices.eforms.export import export
from tests.unit.notices import notices_exported as samples

__all__ = ["BESIDE", "award", "request"]

BESIDE: Final = {
    "win-ten-val": '<cbc:ID schemeName="tender">TEN-0001</cbc:ID>\n              <cac:LegalMonetaryTotal>',
    "ten-ran": '<cbc:ID schemeName="tender">TEN-0001</cbc:ID>\n              <cac:LegalMonetaryTotal>',
    "not-val": '<cbc:TotalAmount currencyID="EUR">2900000',
    "win-cho": '<cbc:ID schemeName="result">RES-0001',
    "no-awa-rea": "<efbc:DecisionReasonCode",
    "rec-sub-cou": '<efbc:StatisticsCode listName="received-submission-type">tenders',
}
"""What a request stands before: its section begins with it."""


def request(code: str, until: str = "2027-03-01+01:00") -> str:
    """Give a request to withhold a field."""
    return (
        f'<efac:FieldsPrivacy><efbc:FieldIdentifierCode listName="non-publication-identifier">{code}</efbc:FieldIdentifierCode>'
        '<cbc:ReasonCode listName="non-publication-justification">oth-int</cbc:ReasonCode>'
        '<efbc:ReasonDescription languageID="FRA">Secret des affaires.</efbc:ReasonDescription>'
        f"<efbc:PublicationDate>{until}</efbc:PublicationDate></efac:FieldsPrivacy>"
    )


def award(*codes: str, until: str = "2027-03-01+01:00") -> bytes:
    """Give an award notice in eForms that withholds the fields of these codes until a day."""
    written = export(samples.exported(samples.content("29"))).decode()
    for code in codes:
        assert BESIDE[code] in written, code
        written = written.replace(BESIDE[code], request(code, until) + BESIDE[code], 1)
    return written.encode()
