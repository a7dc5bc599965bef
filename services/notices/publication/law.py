"""What the law asks of a notice before it is sent: its channels, its rules, and the form each channel takes; pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from libs.common.errors import FieldError
from services.notices import drafting, rules
from services.notices.content import NoticeContent
from services.notices.domain.publication import PROFILE, kind_of
from services.notices.publication import national
from services.notices.publication.port import Channels

__all__ = ["FREE_CHOICE", "Asked", "asked", "channel_faults", "form_faults", "proposed", "rule_faults"]

_BOUND: Final = frozenset({"contract", "award", "change"})
"""Kinds of notices whose channels are obligatory; a planning notice is published by choice (R2131-1 CCP)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The channels that the law asks for, by kind."""

    required: tuple[str, ...]
    one_of: tuple[str, ...]
    text: str
    text_en: str
    source: str


FREE_CHOICE: Final = Asked((), (), "", "", "")
"""No channel is obligatory."""


def asked(content: NoticeContent, on: date) -> Asked:
    """Give the channels of a notice sent that day."""
    found = rules.channels(drafting.situation(content, on))
    bound = content.kind in _BOUND
    return Asked(
        found.required if bound else (PROFILE,), found.one_of if bound else (), found.text, found.text_en, found.source
    )


def proposed(wanted: Asked, channels: Channels) -> list[str]:
    """Give the channels taken where the buyer names none: the obligatory ones, and the first at hand of those to choose from."""
    chosen = [code for code in channels.listed if kind_of(code) in wanted.required]
    if wanted.one_of and not any(kind_of(code) in wanted.one_of for code in chosen):
        among = [code for code in channels.listed if kind_of(code) in wanted.one_of]
        chosen += next(([code] for code in among if channels.is_available(code)), among[:1])
    return _one_paper(chosen)


def _one_paper(codes: Sequence[str]) -> list[str]:
    papers = [code for code in codes if kind_of(code) == "shal"]
    return [code for code in codes if code not in papers[1:]]


def channel_faults(chosen: Sequence[str], wanted: Asked, channels: Channels) -> list[FieldError]:
    """Say which channels are unknown, unavailable, or missing though obligatory."""
    return [*_unreachable(chosen, channels), *_missing({kind_of(code) for code in chosen}, wanted)]


def _unreachable(chosen: Sequence[str], channels: Channels) -> list[FieldError]:
    return [
        FieldError(
            f"channels/{code}",
            f"Le support « {code} » n'est pas disponible sur cette plateforme : retirez-le, ou demandez à l'exploitant de l'ouvrir.",
            f"The channel '{code}' is not available on this platform: leave it out, or ask the operator to open it.",
        )
        for code in chosen
        if not channels.is_available(code)
    ]


def _missing(kinds: Collection[str], wanted: Asked) -> list[FieldError]:
    lacking = [kind for kind in wanted.required if kind not in kinds and kind != PROFILE]
    found = [_lacking(kind, wanted) for kind in lacking]
    if wanted.one_of and not set(wanted.one_of) & set(kinds):
        found.append(_lacking(" / ".join(wanted.one_of), wanted))
    return found


def _lacking(kind: str, wanted: Asked) -> FieldError:
    return FieldError(
        "channels",
        f"Il manque un support obligatoire ({kind}) : {wanted.text} ({wanted.source})",
        f"An obligatory channel is missing ({kind}): {wanted.text_en} ({wanted.source})",
    )


def rule_faults(content: NoticeContent, on: date, despite: Collection[str]) -> list[FieldError]:
    """Say which rules a notice sent that day would break, but those that the buyer answers for."""
    found = rules.requirements(drafting.situation(content, on))
    return [
        FieldError(f"rules/{each.code}", f"{each.text} ({each.source})", f"{each.text_en} ({each.source})")
        for each in found
        if each.met is False and each.code not in despite
    ]


def form_faults(content: NoticeContent, kinds: Collection[str]) -> list[FieldError]:
    """Say what the national form lacks, where a channel takes it."""
    national_only = "joue" not in kinds and bool({"boamp", "shal"} & set(kinds))
    return list(national.missing(content)) if national_only else []
