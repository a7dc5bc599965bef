"""Write ACTES messages and envelopes: XML 1.0 in ISO-8859-1, elements and attributes qualified."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date

from lxml import etree

from services.legality.actes.codes import ACTES, INSEE
from services.legality.actes.model import ActMessage, Authority

__all__ = ["acknowledgement", "act", "act_anomaly", "envelope", "envelope_anomaly", "state_envelope"]

_NAMESPACES = {"actes": ACTES, "insee": INSEE}


def act(message: ActMessage) -> bytes:
    """Write message 1-1, the transmission of an act."""
    root = _root("Acte")
    _fill_act(root, message)
    return _written(root)


def envelope(authority: Authority, emails: Sequence[str], message: str) -> bytes:
    """Write the envelope that carries one message to the State."""
    root = _root("EnveloppeCLMISILL")
    _fill_envelope(root, authority, emails, [message])
    return _written(root)


def acknowledgement(received: ActMessage, *, on: date, classification: date) -> bytes:
    """Write message 1-2, as the State does: used by the simulator."""
    root = _root("ARActe")
    _set(root, {"IDActe": received.name.identifier, "DateReception": on.isoformat()})
    _fill_act(_add(root, "ActeRecu"), received)
    _add(root, "ClassificationDateVersionEnCours", classification.isoformat())
    return _written(root)


def act_anomaly(received: ActMessage, *, on: date, nature: str, detail: str, classification: date) -> bytes:
    """Write message 1-3, as the State does: used by the simulator."""
    root = _root("AnomalieActe")
    _add(root, "Date", on.isoformat())
    _add(root, "Nature", nature)
    _add(root, "Detail", detail)
    _fill_act(_add(root, "ActeRecu"), received)
    _add(root, "ClassificationDateVersionEnCours", classification.isoformat())
    return _written(root)


def envelope_anomaly(
    authority: Authority, emails: Sequence[str], forms: Sequence[str], *, on: date, nature: str, detail: str
) -> bytes:
    """Write `AnomalieEnveloppe`, as the State does: used by the simulator."""
    root = _root("AnomalieEnveloppe")
    _add(root, "Date", on.isoformat())
    _add(root, "Nature", nature)
    _add(root, "Detail", detail)
    _fill_envelope(_add(root, "EnveloppeRecue"), authority, emails, forms)
    return _written(root)


def state_envelope(*, department: str, siren: str, forms: Sequence[str]) -> bytes:
    """Write the envelope that carries messages of a prefecture to an authority."""
    root = _root("EnveloppeMISILLCL")
    sender = _add(root, "Emetteur")
    _set(_add(sender, "IDPref"), {"Departement": department})
    _fill_forms(root, forms)
    _add(root, "Destinataire").set(f"{{{INSEE}}}SIREN", siren)
    return _written(root)


def _fill_act(node: etree._Element, message: ActMessage) -> None:
    name = message.name
    _set(
        node,
        {"Date": name.decided_on.isoformat(), "NumeroInterne": name.number, "CodeNatureActe": str(name.nature)},
    )
    for level, code in enumerate(message.matters, start=1):
        _set(_add(node, f"CodeMatiere{level}"), {"CodeMatiere": str(code)})
    _add(node, "Objet", message.object)
    _add(node, "ClassificationDateVersion", message.classification.isoformat())
    main, *annexes = message.pieces
    _add(_add(node, "Document"), "NomFichier", main.name)
    holder = _add(node, "Annexes")
    _set(holder, {"Nombre": str(len(annexes))})
    for annex in annexes:
        _add(_add(holder, "Annexe"), "NomFichier", annex.name)
    _add(node, "DocumentPapier", "N")


def _fill_envelope(node: etree._Element, authority: Authority, emails: Sequence[str], forms: Sequence[str]) -> None:
    identity = _add(_add(node, "Emetteur"), "IDCL")
    identity.set(f"{{{INSEE}}}SIREN", authority.siren)
    _set(
        identity,
        {
            "Departement": authority.department,
            "Arrondissement": authority.arrondissement,
            "Nature": authority.nature,
        },
    )
    back = _add(node, "AdressesRetour")
    for email in emails:
        _add(back, "Email", email)
    _fill_forms(node, forms)


def _fill_forms(node: etree._Element, forms: Sequence[str]) -> None:
    holder = _add(node, "FormulairesEnvoyes")
    for form in forms:
        _add(_add(holder, "Formulaire"), "NomFichier", form)


def _root(name: str) -> etree._Element:
    return etree.Element(f"{{{ACTES}}}{name}", nsmap=_NAMESPACES)


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{ACTES}}}{name}")
    child.text = text
    return child


def _set(node: etree._Element, attributes: Mapping[str, str]) -> None:
    for name, value in attributes.items():
        node.set(f"{{{ACTES}}}{name}", value)


def _written(root: etree._Element) -> bytes:
    output = io.BytesIO()
    root.getroottree().write(output, encoding="ISO-8859-1", xml_declaration=True, pretty_print=True)
    return output.getvalue()
