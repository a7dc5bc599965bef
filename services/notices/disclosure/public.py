"""The public form of what a notice was read from, or is sent as."""

from __future__ import annotations

import codecs
import re
from datetime import datetime
from typing import Any, Final

from lxml import etree
from pydantic_core import from_json, to_json

from services.notices.disclosure.persons import hide_former_contacts, hide_persons
from services.notices.disclosure.withheld import hide_withheld
from services.notices.eforms import xml
from services.notices.legacy import boamp

__all__ = ["public_file", "public_record", "public_xml"]

_CONTACT: Final = re.compile(r"(?:^|_)(?:e?mail|phone|tel|telephone|fax|contact)(?:$|_)")
"""Members of a record of before eForms that reach a person."""
_BUYER: Final = "buyer"


def public_file(data: bytes, media_type: str, at: datetime) -> bytes:
    """Give the public form of the file that a notice was imported from; the file itself where it holds nothing else."""
    if media_type != "application/json":
        return public_xml(data, at)
    record = from_json(data.removeprefix(codecs.BOM_UTF8))
    public = public_record(record)
    return data if public == record else to_json(public)


def public_xml(data: bytes, at: datetime) -> bytes:
    """Give the public form of an XML notice, eForms or of the old national form; the bytes themselves where nothing is hidden."""
    root = xml.parse(data, {**xml.ROOTS, boamp.ROOT: "BOAMP"})
    hidden = [hide_former_contacts(root)] if root.tag == boamp.ROOT else [hide_withheld(root, at), hide_persons(root)]
    if not any(hidden):
        return data
    return etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8")


def public_record(record: Any) -> Any:  # noqa: ANN401  # any JSON
    """Give a record of before eForms without the contacts of others than its buyer."""
    if isinstance(record, dict):
        return {
            name: value if name == _BUYER else public_record(value)
            for name, value in record.items()
            if not _CONTACT.search(name)
        }
    return [public_record(each) for each in record] if isinstance(record, list) else record
