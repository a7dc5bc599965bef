"""Notices of before eForms for the tests, all invented."""

from __future__ import annotations

from typing import Any

__all__ = ["BOAMP_AWARD", "ted"]


def ted(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON
    """Give a flattened contract notice of TED of two lots; a member of None is left out."""
    record: dict[str, Any] = {
        "doc_id": "000817-2018",
        "country": "FR",
        "form": "F02",
        "schema": "R2.0.9.S02.E01",
        "ojs_no": "2018/S 001-000817",
        "date_pub": "20180103",
        "lang": "FR",
        "notice_type": "Contract notice",
        "notice_type_code": "3",
        "contract_nature": "Works",
        "procedure": "Open procedure",
        "authority_type": "Regional or local authority",
        "main_activity": "General public services",
        "deadline": "20180219 12:00",
        "deadline_form": "2018-02-19 12:00",
        "cpv": ["45233140", "45112500"],
        "main_cpv": "45233140",
        "nuts": ["FR261"],
        "url_buyer": "https://www.commune.example",
        "url_document": "https://marches.example/817",
        "values": [{"type": "ESTIMATED_TOTAL", "currency": "EUR", "amount": "6 000 000"}],
        "buyer": {
            "name": "Commune de D&eacute;monstration",
            "id": "SIRET 212 102 315 00018",
            "town": "Dijon",
            "postal_code": "21000",
            "country": "FR",
            "nuts": ["FRC11"],
            "email": "marches@commune.example",
        },
        "title": "Travaux de voirie",
        "description": "R&eacute;fection des chaussées &amp; trottoirs.",
        "reference": "2018-01",
        "lots": [
            {
                "no": "1",
                "title": "Centre",
                "cpv": ["45233140"],
                "nuts": ["FR261"],
                "value": "4000000",
                "currency": "EUR",
                "duration": "24",
                "duration_type": "MONTH",
                "criteria": [["AC_QUALITY", "Valeur technique", "40 %"], ["AC_PRICE", "", "60 %"]],
            },
            {
                "no": "2",
                "title": "Hameaux",
                "cpv": ["45112500"],
                "nuts": ["FR261"],
                "value": "0.01",
                "currency": "EUR",
                "duration": "400",
                "duration_type": "DAY",
                "criteria": [["AC_QUALITY", "Délai", "1"], ["AC_COST", "Coût", "3"]],
            },
        ],
    }
    return {name: value for name, value in (record | changes).items() if value is not None}


BOAMP_AWARD = """<?xml version="1.0" encoding="UTF-8"?>
<ANNONCE><GESTION>
 <REFERENCE><IDWEB>17-1</IDWEB><TYPE_AVIS><FAMILLE><FNS/></FAMILLE><NATURE><ATTRIBUTION/></NATURE></TYPE_AVIS></REFERENCE>
 <MARCHE><ANNONCE_ANTERIEUR><REFERENCE><IDWEB>16-9</IDWEB></REFERENCE></ANNONCE_ANTERIEUR></MARCHE>
 <INDEXATION><DATE_PUBLICATION>2017-01-13</DATE_PUBLICATION><DEP_PRESTATION>76</DEP_PRESTATION></INDEXATION></GESTION>
<DONNEES>
 <IDENTITE><DENOMINATION>Ville de Test</DENOMINATION><CORRESPONDANT>Mme Dupont</CORRESPONDANT><CP>76400</CP><VILLE>Test</VILLE>
  <MEL>maire@test.example</MEL></IDENTITE><TYPE_ORGANISME><COMMUNE/></TYPE_ORGANISME>
 <OBJET><TITRE_MARCHE>Aire de glisse</TITRE_MARCHE><TYPE_MARCHE><TRAVAUX/></TYPE_MARCHE></OBJET>
 <PROCEDURE><TYPE_PROCEDURE><PROCEDURE_ADAPTE/></TYPE_PROCEDURE></PROCEDURE>
 <ATTRIBUTION><DECISION><NUM_LOT>2016-52</NUM_LOT><TITULAIRE><DENOMINATION>Béton SARL</DENOMINATION></TITULAIRE>
  <RENSEIGNEMENT><NB_OFFRE_RECU>3</NB_OFFRE_RECU><MONTANT DEVISE="EUR">348852</MONTANT></RENSEIGNEMENT></DECISION></ATTRIBUTION>
</DONNEES></ANNONCE>"""
"""An award in the old national form of the BOAMP."""
