"""Reads JSON strictly: size, type, encoding, duplicate members, non-finite numbers and null characters (RFC 8259, RFC 7493)."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from aiohttp import web
from pydantic import ValidationError

from libs.common.errors import FieldError, InvalidInput, MalformedInput, UnsupportedMedia
from libs.common.http.documents import read_body
from libs.common.http.faults import MESSAGES

__all__ = ["check_media", "read_json", "refuse_unreadable"]

JSON = ("application/json",)
_NULL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


async def read_json(request: web.Request, *, limit: int, accepts: tuple[str, ...] = ()) -> bytes:
    """Give the bytes of a JSON body that can be validated.

    Raises UnsupportedMedia, TooLarge, RequestTimeout, MalformedInput, InvalidInput.
    """
    check_media(request, accepts or JSON)
    body = await read_body(request, limit)
    if not body.strip():
        raise MalformedInput("Un corps JSON est attendu.", "A JSON body is expected.")
    _check(body)
    return body


def refuse_unreadable(error: ValidationError) -> None:
    """Refuse what pydantic itself cannot read (nesting, half surrogates). Raises MalformedInput."""
    if error.errors(include_input=False, include_url=False)[0]["type"] == "json_invalid":
        raise MalformedInput("Ce JSON est trop imbriqué ou incorrect.", "This JSON is nested too deeply or wrong.")


def check_media(request: web.Request, accepts: tuple[str, ...]) -> None:
    """Let only these media types pass, uncompressed. Raises UnsupportedMedia."""
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding != "identity":
        raise UnsupportedMedia(
            "Envoyez le contenu sans compression (Content-Encoding).",
            "Send the content without compression (Content-Encoding).",
        )
    given = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if given not in accepts and "*/*" not in accepts:
        wanted = ", ".join(accepts)
        raise UnsupportedMedia(f"Types acceptés (Content-Type) : {wanted}.", f"Accepted Content-Type: {wanted}.")
    charset = (request.charset or "utf-8").lower()
    if given in JSON and charset not in ("utf-8", "utf8"):
        raise UnsupportedMedia("Le JSON est attendu en UTF-8.", "JSON is expected in UTF-8.")


def _check(body: bytes) -> None:
    """Refuse what two readers could read differently. Raises MalformedInput, InvalidInput."""
    try:
        json.loads(body.decode("utf-8"), object_pairs_hook=_members, parse_constant=_not_finite)
    except RecursionError:
        raise MalformedInput("Ce JSON est trop imbriqué.", "This JSON is nested too deeply.") from None
    except _DuplicateError:
        raise MalformedInput(
            "Un objet JSON a deux fois le même membre.", "A JSON object has the same member twice."
        ) from None
    except json.JSONDecodeError as error:
        raise MalformedInput(
            f"Le JSON est incorrect à la ligne {error.lineno}, colonne {error.colno}.",
            f"The JSON is wrong at line {error.lineno}, column {error.colno}.",
        ) from None
    except ValueError:
        raise MalformedInput("Ce n'est pas du JSON en UTF-8.", "This is not JSON in UTF-8.") from None
    if _NULL.search(body):
        raise InvalidInput(*MESSAGES["null_character"], errors=[FieldError("body", *MESSAGES["null_character"])])


class _DuplicateError(ValueError):
    """A member is given twice."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _DuplicateError
    return members


def _not_finite(_: str) -> NoReturn:
    raise ValueError("not finite")
