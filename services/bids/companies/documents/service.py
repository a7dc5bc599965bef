"""Attaching, reading, erasing the documents of one's own company, and copying one into a bid as it is sealed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import FieldError, InvalidInput
from libs.common.files.incoming import Incoming
from libs.common.runtime import Runtime
from libs.common.service import Job
from libs.common.uow import Uow
from services.bids.applications import service as applications
from services.bids.applications.said import Document
from services.bids.companies import store as files
from services.bids.companies.documents import store
from services.bids.companies.documents.errors import SealedElsewhere, TooManyDocuments, UnknownDocument, WrongSize
from services.bids.companies.documents.store import CompanyDocument
from services.bids.companies.documents.stored import StoredBody
from services.bids.domain.bids import file_name_problem
from services.bids.service.drafts import own_bid
from services.bids.store import bids
from services.bids.uploads import service as uploads
from services.bids.uploads import transfer
from services.bids.uploads.protocol import Asked

__all__ = ["ERASE_JOB", "LARGEST", "NewDocument", "attach", "copy", "erase", "erase_content", "own"]

ERASE_JOB: Final = "erase_company_document"
LARGEST: Final = 50 * 2**20
MOST: Final = 500
"""Versions of documents of one company."""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """What is said of a document that comes."""

    name: str
    kind: str
    label: str = ""
    valid_until: date | None = None


async def attach(
    runtime: Runtime, actor: Actor, new: NewDocument, chunks: AsyncIterator[bytes], document_id: UUID | None = None
) -> CompanyDocument:
    """Keep a document, or a new version of one; its content is stored before the row that names it.

    Raises Forbidden, InvalidInput (name), UnknownDocument, TooManyDocuments, DangerousDocument, TooLarge.
    """
    actor.require(OrganisationKind.COMPANY)
    if problem := file_name_problem(new.name):
        fault = FieldError("query/name", problem, "this file name is not accepted")
        raise InvalidInput("Ce nom de fichier est refusé.", "This file name is not accepted.", errors=[fault])
    async with runtime.read() as conn:
        await _next_version(conn, actor, document_id)
    incoming, key = Incoming(chunks, new.name), f"bids/companies/{uuid4()}"
    kept = await runtime.storage.put(key, incoming, media_type="application/octet-stream", name=new.name, limit=LARGEST)
    async with runtime.uow(actor=actor) as uow:
        await files.hold(uow.conn, actor.organisation)
        made = CompanyDocument(
            document_id or uuid4(), await _next_version(uow.conn, actor, document_id), actor.organisation, new.kind,
            new.label, new.valid_until, new.name, incoming.format.media_type, kept.size, kept.sha256, kept.key,
            uow.now(), actor.subject,
        )  # fmt: skip
        await store.add(uow.conn, made)
        uow.audit("attach_company_document", str(made.document_id))
    return made


async def _next_version(conn: asyncpg.Connection, actor: Actor, document_id: UUID | None) -> int:
    if await store.count(conn, actor.organisation) >= MOST:
        raise TooManyDocuments(
            f"Le dossier a {MOST} versions de documents, le plus qu'il garde : effacez celles qui ne servent plus.",
            f"The file has {MOST} versions of documents, the most it keeps: erase those that are of no use any more.",
        )
    if document_id is None:
        return 1
    return (await own(conn, actor, document_id)).version + 1


async def own(conn: asyncpg.Connection, actor: Actor, document_id: UUID, version: int | None = None) -> CompanyDocument:
    """Give a document of the caller's company. Raises Forbidden, UnknownDocument, for another company's too."""
    actor.require(OrganisationKind.COMPANY)
    found = await store.document(conn, actor.organisation, document_id, version)
    if found is None:
        raise UnknownDocument
    return found


async def erase(uow: Uow, actor: Actor, document_id: UUID | None = None) -> None:
    """Erase a document with its versions, or all of the caller's company; copies in bids stay sealed where they are.

    Raises Forbidden, UnknownDocument.
    """
    actor.require(OrganisationKind.COMPANY)
    await files.hold(uow.conn, actor.organisation)
    keys = await store.erase(uow.conn, actor.organisation, document_id)
    if document_id is not None and not keys:
        raise UnknownDocument
    for key in keys:
        uow.enqueue(ERASE_JOB, key=key, payload={"key": key})
    if document_id is not None:
        uow.audit("erase_company_document", str(document_id))


async def erase_content(runtime: Runtime, job: Job) -> None:
    """Erase the content of a document, once its row is gone."""
    await runtime.storage.delete(job.payload["key"])


async def copy(
    runtime: Runtime, actor: Actor, place: tuple[UUID, int], wanted: tuple[UUID, int | None]
) -> CompanyDocument:
    """Copy a document (identifier, version) into a file of a bid (bid, number), as if it were uploaded: sealed as it passes.

    What is said of the bid then tells its kind and its expiry. Raises UnknownBid, UnknownDocument, SealedElsewhere, WrongSize,
    and what an upload raises.
    """
    bid_id, number = place
    async with runtime.read() as conn:
        bid = await own_bid(conn, actor, bid_id)
        found = await own(conn, actor, *wanted)
        sizes = {each.number: each.size for each in await bids.files(conn, bid.id)}
    if bid.sealed_by != "platform":
        raise SealedElsewhere(
            "Ce pli est scellé par vous : téléchargez le document et scellez-le avec le reste.",
            "You seal this bid yourself: download the document and seal it with the rest.",
        )
    if sizes.get(number, found.size) != found.size:
        raise WrongSize(
            f"Ce document a {found.size} octets, le pli annonce {sizes[number]} octets pour ce fichier.",
            f"This document has {found.size} bytes, the bid announces {sizes[number]} for this file.",
        )
    upload = await uploads.create(runtime, actor, place, Asked("whole", found.size))
    body = StoredBody(runtime, found)
    await transfer.receive(runtime, actor, (upload.id, 0), body)
    await _say(runtime, actor, place, found)
    return found


async def _say(runtime: Runtime, actor: Actor, place: tuple[UUID, int], copied: CompanyDocument) -> None:
    bid_id, number = place
    said = await applications.said(runtime, actor, bid_id)
    others = [each for each in said.documents if each.file != number]
    now = Document(file=number, kind=copied.kind, valid_until=copied.valid_until)
    async with runtime.uow(actor=actor) as uow:
        told = said.model_copy(update={"documents": [*others, now]})
        await applications.say(uow, actor, bid_id, told)
