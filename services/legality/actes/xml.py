"""Read XML of others: no entity, no DTD, no network, bounded."""

from __future__ import annotations

from lxml import etree

__all__ = ["MAX_XML", "HostileXmlError", "UnreadableXmlError", "read"]

MAX_XML = 20 * 2**20
"""Bytes of one message; the largest known (a classification) is about 100 kB."""
MAX_ELEMENTS = 100_000
MAX_ATTRIBUTES = 100
"""Of one element; reading the names of n attributes takes lxml the square of n."""


class UnreadableXmlError(ValueError):
    """It is not well-formed XML, and nothing of it could be recovered."""


class HostileXmlError(UnreadableXmlError):
    """It declares a document type: no message does, entity bombs do."""


def read(data: bytes) -> tuple[etree._Element, list[str]]:
    """Give the root and what had to be forgiven. Raises UnreadableXmlError or HostileXmlError."""
    if len(data) > MAX_XML:
        raise UnreadableXmlError(f"the message exceeds {MAX_XML} bytes")
    if b"<!doctype" in data.replace(b"\0", b"").lower():  # in UTF-16 too; before the parser expands anything
        raise HostileXmlError("a document type is declared")
    try:
        return _root(data, recover=False), []
    except etree.XMLSyntaxError as error:
        forgiven = [f"XML mal formé : {error.msg}"]
    try:
        return _root(data, recover=True), forgiven
    except etree.XMLSyntaxError as error:
        raise UnreadableXmlError(str(error)) from error


def _root(data: bytes, *, recover: bool) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=recover, remove_comments=True
    )
    root = etree.fromstring(data, parser)
    if root is None:
        raise UnreadableXmlError("nothing readable")
    if root.getroottree().docinfo.internalDTD is not None:
        raise HostileXmlError("a document type is declared")
    for count, element in enumerate(root.iter(etree.Element)):
        if count >= MAX_ELEMENTS or len(element.attrib) > MAX_ATTRIBUTES:
            raise HostileXmlError(f"more than {MAX_ELEMENTS} elements, or {MAX_ATTRIBUTES} attributes of one")
    return root
