"""The channels over HTTP: the Official Journal as the Publications Office's Publication API, the others as one plain form.

What the BOAMP and the papers' services ask is agreed with each of them and not public; `HttpOutlet` is the form that a
relay in front of them takes (docs/adr/0021-publication.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, Literal, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
from lxml import etree
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from libs.common.messages.publication import RejectionReason
from services.notices.domain.publication import Published
from services.notices.eforms import rules
from services.notices.publication.port import ChannelDownError, Receipt, RefusedError, Status, Submission

__all__ = ["HttpOutlet", "JournalOutlet"]

TIMEOUT = aiohttp.ClientTimeout(total=60)
_LARGEST = 4 * 2**20
"""Bytes of an answer."""
_FOUND: Final = 200
_TAKEN: Final = frozenset({200, 201, 202, 409})
"""409: this envelope came before, and is the same notice."""
_REFUSED: Final = frozenset({400, 422})
_SVRL: Final = "{http://purl.oclc.org/dsdl/svrl}"
_STATES: Final[Mapping[str, Literal["received", "accepted", "rejected", "published"]]] = {
    "DRAFT": "received",
    "VALIDATING": "received",
    "SUBMITTED": "received",
    "PUBLISHING": "accepted",
    "PUBLISHED": "published",
    "VALIDATION_FAILED": "rejected",
    "NOT_PUBLISHED": "rejected",
    "STOPPED": "rejected",
    "DELETED": "rejected",
}
"""What the Office calls the stages of a notice."""


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore")


T = TypeVar("T", bound=_Told)


class _Reason(_Told):
    field: str | None = None
    message: str
    message_en: str = ""


class _Answer(_Told):
    """Of a channel in the plain form."""

    reference: str | None = None
    status: Literal["sent", "received", "accepted", "rejected", "published"] | None = None
    received_at: AwareDatetime | None = None
    number: str | None = None
    published_on: date | None = None
    link: str | None = None
    errors: list[_Reason] = []


class _Journal(_Told):
    """Of the Publications Office."""

    success: bool | None = None
    businessId: str | None = None  # noqa: N815  # the Office's names
    status: str | None = None
    submittedAt: AwareDatetime | None = None  # noqa: N815
    publicationId: str | None = None  # noqa: N815
    publicationDate: date | datetime | None = None  # noqa: N815
    publicationUrl: str | None = None  # noqa: N815
    validationReportUrl: str | None = None  # noqa: N815
    errors: list[_Reason] = []


class _Client:
    """Requests with the credential, and answers of a bounded size."""

    def __init__(self, address: str, credential: str, session: aiohttp.ClientSession) -> None:
        self.address = address.rstrip("/")
        self._headers = {"Authorization": f"Bearer {credential}", "Accept-Language": "fr"}
        self._session = session

    async def ask(
        self, method: str, url: str, *, data: bytes | aiohttp.FormData | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Give status and body. Raises ChannelDownError for what is no answer on the notice."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            async with self._session.request(
                method, url, data=data, headers=self._headers | named, timeout=TIMEOUT, allow_redirects=False
            ) as answer:
                body = await _whole(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ChannelDownError(f"the channel cannot be reached: {error or type(error).__name__}") from error
        if answer.status not in _TAKEN | _REFUSED:
            raise ChannelDownError(f"the channel answered with status {answer.status}")
        return answer.status, body

    async def look(self, reference: str) -> bytes:
        """Ask after a notice. Raises ChannelDownError."""
        status, body = await self.ask("GET", f"{self.address}/notices/{quote(reference, safe='')}")
        if status != _FOUND:
            raise ChannelDownError(f"the channel answered with status {status}")
        return body


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(2**16):
        body += chunk
        if len(body) > _LARGEST:
            raise ChannelDownError(f"the channel's answer is longer than {_LARGEST} bytes")
    return bytes(body)


class HttpOutlet:
    """A channel in the plain form: `POST /notices` under `Idempotency-Key`, `GET /notices/{reference}`."""

    def __init__(self, address: str, credential: str, session: aiohttp.ClientSession) -> None:
        self._client = _Client(address, credential, session)

    async def submit(self, submission: Submission) -> Receipt:
        """Post the notice; a repetition of an envelope is answered as the first time."""
        status, body = await self._client.ask(
            "POST",
            f"{self._client.address}/notices",
            data=submission.content,
            Content_Type="application/xml",
            Idempotency_Key=submission.envelope,
            Halles_Form=submission.form,
        )
        answer = _read(_Answer, body)
        if status in _REFUSED:
            raise RefusedError(_reasons(answer.errors))
        if answer.reference is None:
            raise ChannelDownError("the channel gave no reference")
        return Receipt(answer.reference, answer.received_at)

    async def status(self, reference: str) -> Status:
        """Ask what became of a notice."""
        answer = _read(_Answer, await self._client.look(reference))
        if answer.status is None:
            raise ChannelDownError("the channel does not say what became of the notice")
        published = Published(answer.published_on, answer.number, answer.link) if answer.published_on else None
        if answer.status == "published" and published is None:
            raise ChannelDownError("the channel says published, and no date")
        return Status(answer.status, answer.received_at, _reasons(answer.errors, answer.status), published)


class JournalOutlet:
    """The Official Journal: the Publication API for eSenders, version 2."""

    def __init__(self, address: str, credential: str, session: aiohttp.ClientSession, contact: str) -> None:
        self._client = _Client(address, credential, session)
        self._contact = contact

    async def submit(self, submission: Submission) -> Receipt:
        """Submit the XML with its author's address; the Office knows the notice by its identifier and version."""
        form = aiohttp.FormData()
        author = {"noticeAuthorEmail": submission.contact or self._contact, "noticeAuthorLocale": "fr"}
        form.add_field("metadata", json.dumps(author), content_type="application/json")
        form.add_field(
            "notice", submission.content, filename=f"{submission.envelope}.xml", content_type="application/xml"
        )
        status, body = await self._client.ask(
            "POST", f"{self._client.address}/notices/submit", data=form, Idempotency_Key=submission.envelope
        )
        answer = _read(_Journal, body)
        if status in _REFUSED or answer.success is False:
            raise RefusedError(await self._why(answer))
        if answer.businessId is None:
            raise ChannelDownError("the Office gave no identifier")
        return Receipt(answer.businessId)

    async def status(self, reference: str) -> Status:
        """Ask what became of a notice."""
        answer = _read(_Journal, await self._client.look(reference))
        state = _STATES.get(answer.status or "")
        if state is None:
            raise ChannelDownError(f"the Office says {answer.status}, which is not known here")
        published = None
        if state == "published":
            if answer.publicationDate is None:
                raise ChannelDownError("the Office says published, and no date")
            day = answer.publicationDate
            on = day.date() if isinstance(day, datetime) else day
            published = Published(on, answer.publicationId, answer.publicationUrl)
        reasons = await self._why(answer) if state == "rejected" else ()
        return Status(state, answer.submittedAt, reasons, published)

    async def _why(self, answer: _Journal) -> tuple[RejectionReason, ...]:
        """Give the reasons told, else those of the validation report."""
        url = answer.validationReportUrl
        if answer.errors or url is None or urlsplit(url)[:2] != urlsplit(self._client.address)[:2]:
            return _reasons(answer.errors, "rejected")
        _, report = await self._client.ask("GET", url)
        return _of_report(report) or _reasons([], "rejected")


def _of_report(report: bytes) -> tuple[RejectionReason, ...]:
    """Read the failed assertions of a Schematron report (SVRL)."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    try:
        root = etree.fromstring(report, parser)
    except etree.XMLSyntaxError as error:
        raise ChannelDownError("the validation report cannot be read") from error
    return tuple(_reason(each) for each in root.iter(f"{_SVRL}failed-assert") if each.get("role", "ERROR") != "WARN")


def _reason(failed: etree._Element) -> RejectionReason:
    """Give a failed assertion: its field by its French name, and the rule, where the Office words it in another language."""
    rule, said = failed.get("id", ""), " ".join("".join(map(str, failed.itertext())).split())[:400]
    field = failed.get("diagnostics", "").rpartition("_")[2] or None
    name = rules.term_names().get(field or "", "")
    place = f"{name} ({field})" if name else field or "L'avis"
    words = f"règle {rule} non respectée" if not said or said.startswith("rule|") else f"règle {rule}, {said}"
    return RejectionReason(
        field=field or rule,
        message=f"{place} : {words}. Corrigez ce champ, puis renvoyez l'avis.",
        message_en=f"{field or 'The notice'}: rule {rule}: {said or 'not met'}. Mend it, then send the notice again.",
    )


def _read(model: type[T], body: bytes) -> T:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise ChannelDownError(f"the channel's answer cannot be read: {error.error_count()} faults") from error


_UNTOLD: Final = RejectionReason(
    message="Le support refuse l'avis sans dire pourquoi : demandez-le-lui.",
    message_en="The channel rejects the notice without saying why: ask it.",
)


def _reasons(told: list[_Reason], state: str = "rejected") -> tuple[RejectionReason, ...]:
    """Give the reasons of a rejection: at least one."""
    if state != "rejected":
        return ()
    given = tuple(
        RejectionReason(field=each.field, message=each.message[:500], message_en=each.message_en[:500]) for each in told
    )
    return given or (_UNTOLD,)
