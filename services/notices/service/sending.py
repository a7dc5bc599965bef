"""Sending a notice to its publication channels: checked first, then handed over; nothing leaves before its turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import FieldError, IllegalTransition, NotFound
from libs.common.uow import Uow
from services.notices.domain.notice import Notice, NoticeState
from services.notices.domain.publication import PROFILE, Publication, kind_of
from services.notices.domain.roles import Permission
from services.notices.eforms.apart import apart
from services.notices.errors import MissingTermsError, NotPublishable
from services.notices.publication import events, law, payload, plan
from services.notices.publication.port import Channels
from services.notices.service.modifications import measured
from services.notices.service.notices import own_notice
from services.notices.service.sources import source_of
from services.notices.service.tracking import advance
from services.notices.store import notices as store
from services.notices.store import procedures as procedure_store
from services.notices.store import publications as publication_store

__all__ = ["CheckNotice", "Sending", "check", "send", "send_made"]


@dataclass(frozen=True, slots=True)
class Sending:
    """Where a notice is to be published."""

    channels: tuple[str, ...] = ()
    """None named: those that the law asks for."""
    despite: tuple[str, ...] = ()
    """Codes of the rules that the buyer sets aside, and answers for."""


@dataclass(frozen=True, slots=True)
class CheckNotice:
    """A notice to be checked, or checked and sent."""

    notice_id: UUID
    version: int
    actor: Actor
    sending: Sending = Sending()


async def check(uow: Uow, command: CheckNotice) -> Notice:
    """Find a draft ready to be sent. Raises NotFound, Forbidden, StaleVersion, IllegalTransition, NotPublishable."""
    notice = await own_notice(uow, command.notice_id, command.actor)
    notice.require_version(command.version)
    return await _checked(uow, notice, command.sending)


async def send(uow: Uow, command: CheckNotice) -> Notice:
    """Send a notice to its channels: checked where it is not yet, then each channel has it in its turn.

    One that left already goes to the further channels named, or again to one that rejected it.

    Raises NotFound, Forbidden, StaleVersion, IllegalTransition, Conflict, NotPublishable with every reason.
    """
    notice = await own_notice(uow, command.notice_id, command.actor, Permission.PUBLISH)
    notice.require_version(command.version)
    if notice.state in {NoticeState.SENT, NoticeState.PUBLISHED}:
        return await _send_further(uow, notice, command.sending.channels)
    if notice.state is NoticeState.CHECKED:
        await _refuse_faults(uow, notice, command.sending)
    else:
        notice = await _checked(uow, await _reopened(uow, notice), command.sending)
    return await _sent(uow, notice, command.sending)


async def send_made(uow: Uow, notice: Notice) -> Notice:
    """Send a notice that the platform made to the channels that the law asks for.

    Left a draft where something is missing for them: its buyer completes it and sends it, and nothing is public before.
    """
    try:
        checked = await _checked(uow, notice, Sending())
    except NotPublishable:
        uow.audit("notice-to-complete", str(notice.notice_id))
        return notice
    return await _sent(uow, checked, Sending())


async def _sent(uow: Uow, notice: Notice, sending: Sending) -> Notice:
    sent = notice.sent(uow.now())
    await _foresee(uow, sent)
    await store.save_notice(uow.conn, sent, uow.now())
    channels = [*_chosen(uow, sent, sending), PROFILE]
    await _plan(uow, sent, channels)
    uow.emit(events.sent(sent, channels, uow.now()))
    uow.audit("notice-sent", str(sent.notice_id))
    return await advance(uow, sent)


async def _send_further(uow: Uow, notice: Notice, codes: Sequence[str]) -> Notice:
    """Send a notice that left already to more channels, or again to one that rejected it."""
    present = plan.current(await publication_store.publications(uow.conn, notice.notice_id))
    _refuse_repetition(codes, present)
    kinds = {kind_of(each) for each in (*codes, *(publication.channel for publication in present))}
    faults = [
        *law.channel_faults(codes, law.FREE_CHOICE, uow.runtime.port(Channels)),
        *law.form_faults(notice.content, kinds),
    ]
    if faults:
        raise NotPublishable(faults)
    await _plan(uow, notice, codes)
    uow.audit("channels-added", str(notice.notice_id))
    return await advance(uow, notice)


def _refuse_repetition(codes: Sequence[str], present: Sequence[Publication]) -> None:
    """Let a channel have a notice once, unless it rejected it; the Official Journal goes first or not at all."""
    if not present or not codes:
        raise IllegalTransition(
            "Cet avis est déjà envoyé ou publié : nommez les autres supports où l'envoyer ; publié sur la plateforme seule, il ne part plus.",
            "This notice is sent or published already: name further channels; published on the platform alone, it no longer leaves.",
        )
    taken = {each.channel for each in present if not each.is_over or each.left}
    again = taken & set(codes)
    late = any(kind_of(code) == "joue" for code in codes) and any(each.left for each in present)
    if again or late or PROFILE in codes:
        named = ", ".join(sorted(again) or sorted(codes))
        raise IllegalTransition(
            f"Cet avis ne peut plus être confié à : {named}. Il y est déjà, ou d'autres supports l'ont publié avant.",
            f"This notice can no longer be sent to: {named}. It is there already, or others published it first.",
        )


async def _reopened(uow: Uow, notice: Notice) -> Notice:
    """Give a rejected notice as a draft: it may be sent again as it is, to a channel whose reasons lay elsewhere."""
    draft = notice.reopened()
    if draft is not notice:
        await store.save_notice(uow.conn, draft, uow.now())
        uow.emit(events.reopened(draft, uow.now()))
    return draft


async def _checked(uow: Uow, notice: Notice, sending: Sending) -> Notice:
    notice.require_draft()
    await _refuse_faults(uow, notice, sending)
    following = notice.checked(uow.now())
    await store.save_notice(uow.conn, following, uow.now())
    uow.emit(events.checked(following, uow.now()))
    uow.audit("notice-checked", str(following.notice_id))
    for code in sending.despite:
        uow.audit(f"rule-set-aside-{code}", str(following.notice_id))
    return following


async def _refuse_faults(uow: Uow, notice: Notice, sending: Sending) -> None:
    """Let only a notice without fault pass. Raises NotPublishable with every reason."""
    chosen, on = _chosen(uow, notice, sending), notice.content.legal_day(uow.now())
    wanted = law.asked(notice.content, on)
    if "channels" in sending.despite:
        wanted = law.FREE_CHOICE
    kinds = {kind_of(code) for code in chosen}
    _, forbidden = await measured(uow.conn, notice.procedure_id, notice.notice_id, notice.content, uow.now())
    faults = [
        *notice.obstacles(uow.now()),
        *forbidden,
        *law.channel_faults(chosen, wanted, uow.runtime.port(Channels)),
        *law.rule_faults(notice.content, on, sending.despite),
        *law.form_faults(notice.content, kinds),
    ]
    if "joue" in kinds and not faults:
        faults += await _eforms_faults(uow, notice)
    if faults:
        raise NotPublishable(faults)


def _chosen(uow: Uow, notice: Notice, sending: Sending) -> list[str]:
    """Give the channels chosen, the platform's own apart: it always takes part."""
    if sending.channels:
        chosen = list(dict.fromkeys(sending.channels))
    else:
        chosen = law.proposed(
            law.asked(notice.content, notice.content.legal_day(uow.now())), uow.runtime.port(Channels)
        )
    return [code for code in chosen if code != PROFILE]


async def _eforms_faults(uow: Uow, notice: Notice) -> list[FieldError]:
    """Say what the Official Journal would find wrong with the notice's eForms."""
    place = payload.Place(uow.runtime.settings.public_url)
    source = await source_of(uow.runtime, uow.conn, notice)
    try:
        await apart(payload.eforms_xml, notice, 1, place, source, uow.now())
    except MissingTermsError as error:
        return list(error.errors)
    return []


async def _foresee(uow: Uow, sent: Notice) -> None:
    """Refuse now what the procedure would refuse at the publication. Raises IllegalTransition, Conflict, NotFound."""
    procedure = await procedure_store.lock_procedure(uow.conn, sent.procedure_id)
    if procedure is None:
        raise NotFound("Consultation introuvable.", "Procedure not found.")
    procedure.with_notice(sent.published(uow.now()))


async def _plan(uow: Uow, notice: Notice, channels: Sequence[str]) -> None:
    earlier = await publication_store.publications(uow.conn, notice.notice_id)
    for publication in plan.plan(notice.notice_id, channels, earlier, uow.now()):
        await publication_store.add_publication(uow.conn, publication)
