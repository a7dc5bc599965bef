"""Makes samples of any event type from its model: the same at each run, readable, and valid."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from libs.common.messages.base import Event
from libs.common.messages.envelope import CloudEvent

__all__ = ["minimal_sample", "new_sample"]

_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
_WORDS: Mapping[str, str] = {
    "organisation": "SIRET:21210231500018",
    "winner": "SIRET:99990001200014",
    "buyer": "SIRET:21210231500018",
    "title": "Réfection de la toiture du groupe scolaire Jean Jaurès",
    "description": "Dépose de la couverture, isolation, pose d'ardoises.",
    "name": "Toitures de Bourgogne",
    "winner_name": "Toitures de Bourgogne",
    "buyer_name": "Dijon Métropole",
    "city": "Dijon",
    "postal_code": "21000",
    "department": "21",
    "departments": "21",
    "buyer_department": "21",
    "nuts": "FRC11",
    "country": "FRA",
    "language": "FRA",
    "cpv": "45261210",
    "lot_id": "LOT-0001",
    "lots": "LOT-0001",
    "subtype": "16",
    "procedure_type": "open",
    "currency": "EUR",
    "number": "2026-T-0012",
    "officers": "president",
    "officer": "president",
    "public_key": "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo",
    "key": "exchange/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "media_type": "application/pdf",
    "winners.organisation": "SIRET:99990001200014",
    "buyer.name": "Dijon Métropole",
    "document.name": "acte-engagement.pdf",
    "documents.name": "reglement-consultation.pdf",
    "notice_documents.name": "reglement-consultation.pdf",
    "criteria.name": "Valeur technique",
    "legal_type": "la",
    "buyer_legal_type": "la",
    "internal_reference": "2026-T-0012",
    "essential.nature": "Marché",
    "ccag": "Travaux",
    "techniques": "Sans objet",
    "execution": "Sans objet",
    "price_types": "Définitif ferme",
    "price_form": "Forfaitaire",
    "grouping": "Pas de groupement",
    "social": "Clause sociale",
    "environmental": "Clause environnementale",
    "place_code": "21231",
    "place_code_kind": "Code commune",
    "subject": "Notification du marché",
    "kind": "award",
    "reason": "Marché d'un montant inférieur au seuil de transmission (D2131-5-1 CGCT)",
    "question": "La visite du site est-elle obligatoire ?",
    "answer": "Non, elle est facultative.",
    "act_identifier": "021-212102315-20260302-2026T0012-CC",
    "uid": "212102315000182026-T-0012",
    "ocid": "ocds-t54n6k-2026-T-0012",
    "validated_with": "schema_decp_v2.0.3.json",
    "level": "PAdES-B-T",
    "field": "Signature2",
    "envelope": "021-212102315----1-1_1.tar.gz",
}


def new_sample(model: type[Event]) -> CloudEvent:
    """Give an event of this type, in its envelope."""
    made = model.model_validate(_model(model, model.type))
    made = made.model_copy(update=_whose(made))
    identity = _uuid(f"{model.type}/id")
    envelope = CloudEvent.wrap(made, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    fixed = {"id": identity, "correlationid": identity, "recordedtime": _AT + timedelta(milliseconds=40)}
    return envelope.model_copy(update=fixed | {"sequence": "1"})


def minimal_sample(model: type[Event]) -> CloudEvent:
    """Give an event of this type with nothing but what must be there, in its envelope."""
    full = new_sample(model)
    data = _required(model, full.data)
    absent = ("buyer", "procedure", "traceparent", "sequence")
    identity = _uuid(f"{model.type}/minimal/id")
    made = full.model_copy(update=dict.fromkeys(absent))
    return made.model_copy(update={"id": identity, "correlationid": identity, "data": data})


def _required(model: type[BaseModel], data: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out every member that has a default, however deep."""
    hints = typing.get_type_hints(model)
    needed = [name for name, field in model.model_fields.items() if field.is_required()]
    return {name: _least(_bare(hints[name]), data[name]) for name in needed}


def _least(kind: Any, value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        return [_least(_bare(get_args(kind)[0]), part) for part in value]
    return _required(kind, value) if isinstance(kind, type) and issubclass(kind, BaseModel) else value


def _whose(made: Event) -> dict[str, str | None]:
    """What the buyer learns later is a company's; in the buyer's own events `buyer` says nothing more."""
    return {"organisation": _WORDS["winner"]} if made.buyer_after else {"buyer": None}


def _model(model: type[BaseModel], where: str) -> dict[str, Any]:
    hints = typing.get_type_hints(model)
    return {
        name: _value(hints[name], name, f"{where}/{name}", field)
        for name, field in model.model_fields.items()
        if not _is_recursive(hints[name], model)
    }


def _value(hint: Any, name: str, where: str, field: FieldInfo) -> Any:  # noqa: ANN401
    kind = _bare(hint)
    origin = get_origin(kind)
    if origin in (list, tuple, set, frozenset):
        return [_value(get_args(kind)[0], name, f"{where}/0", field)]
    if origin is dict:
        return {}
    if origin is Literal:
        return get_args(kind)[0]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _model(kind, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    return _plain(kind, name, where, field)


def _plain(kind: type, name: str, where: str, field: FieldInfo) -> Any:  # noqa: ANN401
    if kind is UUID:
        return _uuid(where)
    if kind in (datetime, AwareDatetime):
        return _AT
    if kind is date:
        return _AT.date()
    if kind is bool:
        return False
    if kind in (int, float, Decimal):
        return _number(kind, name, field)
    return _text(name, where, field)


def _number(kind: type, name: str, field: FieldInfo) -> Any:  # noqa: ANN401
    if kind is Decimal:
        return "312450.00"
    most = next((mark.le for mark in field.metadata if hasattr(mark, "le")), None)
    if most is not None:
        return most
    return {"aggregate_version": 3, "size": 48213, "duration_months": 8, "weight": 60.0}.get(name, 1)


def _text(name: str, where: str, field: FieldInfo) -> str:
    if "sha256" in name or name == "fingerprint":
        return "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    parent = next((part for part in reversed(where.split("/")[:-1]) if part not in ("0", name)), "")
    word = _WORDS.get(f"{parent}.{name}", _WORDS.get(name, name.replace("_", " ")))
    most = next((mark.max_length for mark in field.metadata if hasattr(mark, "max_length")), None)
    return word[:most].rstrip() if most and get_origin(field.annotation) is not list else word


def _bare(hint: Any) -> Any:  # noqa: ANN401
    """Give the type without `| None` and without annotations."""
    while True:
        origin = get_origin(hint)
        if origin is typing.Annotated:
            hint = get_args(hint)[0]
        elif origin in (Union, types.UnionType):
            hint = next(part for part in get_args(hint) if part is not types.NoneType)
        else:
            return hint


def _is_recursive(hint: Any, model: type[BaseModel]) -> bool:  # noqa: ANN401
    return _bare(hint) is model or any(_bare(part) is model for part in get_args(_bare(hint)))


def _uuid(where: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"https://halles.example/{where}")
