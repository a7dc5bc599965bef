"""The loading of many notices by the operator: one transaction for several, and a bad one spoils none of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import HallesError, InvalidInput
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.domain.notice import Notice, NoticeState
from services.notices.service.imports import duplicate, held_by_another, keep_source, require_timely, source_of
from services.notices.service.notices import DraftNotice, refuse_excess
from services.notices.store import imports as store
from services.notices.store import notices as notice_store

__all__ = ["LOADER", "Loaded", "load"]

LOADER: Final = Actor("import-tool", "Import tool", "NATIONAL:ZZZ-import", OrganisationKind.OPERATOR)
"""Who the journal names for what the offline tool loads."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A notice to be loaded, and what it was read from."""

    command: DraftNotice
    data: bytes


async def load(runtime: Runtime, items: Sequence[Loaded]) -> list[HallesError | None]:
    """Keep notices as drafts of their buyers; give the refusal of each, None for those that were taken.

    All are written in one transaction; where the database refuses it, each again in one of its own.
    """
    if not items:
        return []
    try:
        return await _together(runtime, items)
    except asyncpg.PostgresError as error:
        if len(items) == 1:
            return [_refused(error)]
        return [refusal for item in items for refusal in await load(runtime, [item])]


def _refused(error: asyncpg.PostgresError) -> HallesError:
    return InvalidInput(
        f"La base de données ne peut pas garder cet avis : {error}.", f"The database cannot keep this notice: {error}."
    )


async def _together(runtime: Runtime, items: Sequence[Loaded]) -> list[HallesError | None]:
    async with runtime.uow(actor=LOADER) as uow:
        refusals = await _refusals(uow, items)
        taken = [item for item, refusal in zip(items, refusals, strict=True) if refusal is None]
        if taken:
            await _write(uow, taken)
    return refusals


async def _refusals(uow: Uow, items: Sequence[Loaded]) -> list[HallesError | None]:
    """Say why a notice cannot be taken, in their order: of two of one identifier the first is taken."""
    seen: set[UUID] = set(await notice_store.known_notices(uow.conn, [item.command.notice_id for item in items]))
    owners = await store.procedure_owners(uow.conn, [item.command.procedure_id for item in items])
    refusals: list[HallesError | None] = []
    for item in items:
        refusal = await _refusal(uow, item.command, seen, owners)
        refusals.append(refusal)
        if refusal is None:
            seen.add(item.command.notice_id)
            owners[item.command.procedure_id] = item.command.content.buyer.organisation
    return refusals


async def _refusal(uow: Uow, command: DraftNotice, seen: set[UUID], owners: dict[UUID, str]) -> HallesError | None:
    organisation = command.content.buyer.organisation
    if command.notice_id in seen:
        return duplicate(command.notice_id)
    holder = owners.get(command.procedure_id, organisation)
    if holder != organisation:
        return held_by_another(command, holder)
    try:
        refuse_excess(command.content)
        await require_timely(uow, command)
    except HallesError as error:
        return error
    return None


async def _write(uow: Uow, taken: Sequence[Loaded]) -> None:
    commands = [replace(item.command, source=source_of(item.command.notice_id, item.data)) for item in taken]
    made = [(each.procedure_id, each.content.buyer.organisation, each.content.title) for each in commands]
    await store.ensure_procedures(uow.conn, made, uow.now())
    await notice_store.add_notices(uow.conn, [_notice(uow, command) for command in commands])
    for command in commands:
        uow.audit("notice-drafted", str(command.notice_id))
    await asyncio.gather(
        *(
            keep_source(uow.runtime, command.source, item.data)
            for command, item in zip(commands, taken, strict=True)
            if command.source
        )
    )


def _notice(uow: Uow, command: DraftNotice) -> Notice:
    return Notice(
        notice_id=command.notice_id,
        procedure_id=command.procedure_id,
        organisation=command.content.buyer.organisation,
        state=NoticeState.DRAFT,
        version=1,
        content=command.content,
        created_at=uow.now(),
        warnings=command.warnings,
        source=command.source,
    )
