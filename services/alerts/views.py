"""What callers of the alerts service read and send."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from libs.common.mail.message import ADDRESS, message_id, one_line
from services.alerts.domain import Contact, Frequency, Search
from services.alerts.matching.criteria import Criteria
from services.alerts.service.searches import Change, Draft

__all__ = [
    "ContactInput",
    "ContactView",
    "FeedView",
    "FeedbackInput",
    "FollowView",
    "Input",
    "MailView",
    "MatchView",
    "PageQuery",
    "PersonalSearchChange",
    "PersonalSearchInput",
    "PreviewView",
    "PreviewedView",
    "SearchChange",
    "SearchInput",
    "SearchView",
    "View",
]


def _name(text: str) -> str:
    line = one_line(text)
    if not line:
        raise ValueError("Ce nom ne contient rien de lisible.", "This name has nothing readable.")
    return line


class Input(BaseModel):
    """What callers send: nothing that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class View(BaseModel):
    """What callers read."""

    model_config = ConfigDict(frozen=True)


class PageQuery(Input):
    """Which page of a list."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = None


class ContactInput(Input):
    """Where an organisation's mails go."""

    email: str = Field(pattern=ADDRESS, max_length=254, examples=["marches@entreprise.example"])
    language: Literal["fr", "en"] = "fr"


class ContactView(View):
    """Where an organisation's mails go, and whether it wants alerts."""

    email: str
    language: str
    alerts: bool

    @classmethod
    def of(cls, contact: Contact) -> Self:
        """Present a contact."""
        return cls(email=contact.email, language=contact.language, alerts=contact.alerts)


class FollowView(View):
    """A procedure that the organisation follows."""

    procedure: UUID
    since: datetime
    title: str | None = Field(description="of its last notice")
    deadline: datetime | None


Name = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_name)]
_BESIDE = frozenset({"name", "frequency", "paused", "team"})
"""What a search says beside its criteria."""


class PersonalSearchInput(Criteria):
    """A search to save for one person. All given criteria must hold."""

    name: Name
    frequency: Frequency = Field(default=Frequency.DAILY, description="when its matches are told")
    paused: bool = False

    def draft(self) -> Draft:
        """Give what is to be saved."""
        criteria = Criteria.model_validate(self.model_dump(by_alias=True, exclude=set(_BESIDE)))
        return Draft(self.name, criteria, self.frequency, paused=self.paused)


class SearchInput(PersonalSearchInput):
    """A search to save. All given criteria must hold."""

    frequency: Frequency = Field(default=Frequency.AT_ONCE, description="when its matches are told")
    team: bool = Field(
        default=True, description="shared with the organisation and mailed to its address, or yours alone"
    )


class PersonalSearchChange(Input):
    """What becomes other in a search; what is left out stays."""

    name: Name | None = None
    criteria: Criteria | None = Field(default=None, description="all of them, in the place of those before")
    frequency: Frequency | None = None
    paused: bool | None = None

    def change(self) -> Change:
        """Give what is to be changed."""
        return Change(self.name, self.criteria, self.frequency, self.paused)


class SearchChange(PersonalSearchChange):
    """What becomes other in a search; what is left out stays."""

    team: bool | None = Field(default=None, description="share it with the organisation, or keep it to yourself")

    def change(self) -> Change:
        """Give what is to be changed."""
        return Change(self.name, self.criteria, self.frequency, self.paused, self.team)


class SearchView(View):
    """A saved search."""

    search_id: UUID
    name: str
    summary: str = Field(description="the search in plain French")
    summary_en: str
    criteria: dict[str, Any]
    frequency: Frequency
    paused: bool
    team: bool = Field(description="shared with the organisation")
    more: int = Field(description="notices that were said to be right: more like this")
    less: int = Field(description="notices that were said to be wrong: less like this")
    feed: bool = Field(description="whether its feeds have an address")
    created_at: datetime

    @classmethod
    def of(cls, search: Search) -> Self:
        """Present a search."""
        return cls(
            search_id=search.search_id,
            name=search.name,
            summary=search.summary,
            summary_en=search.summary_en,
            criteria=search.criteria.canonical(),
            frequency=search.frequency,
            paused=search.paused,
            team=search.organisation is not None,
            more=search.more,
            less=search.less,
            feed=search.feed > 0,
            created_at=search.created_at,
        )


class FeedView(View):
    """The addresses at which a search is followed without a token: who has one reads it."""

    atom: str
    calendar: str


class FeedbackInput(Input):
    """What the holder of a search says of a notice that it found."""

    relevant: bool | None = Field(description="more like this, or less; null: no opinion any more")


class ReasonView(View):
    """Why a criterion holds: what was asked, what the notice says."""

    criterion: str
    wanted: str
    found: str


class PreviewedView(View):
    """A notice that a search would have found, or the notice of an answer that it would have."""

    notice_id: UUID
    procedure: UUID | None
    phase: str = Field(description="what became public: planning, contract, change, answer, award, cancellation")
    title: str
    buyer_name: str
    departments: list[str]
    deadline: datetime | None
    published_at: datetime
    reasons: list[ReasonView]


class PreviewView(View):
    """What a search would have found of late, a page of it."""

    since: datetime
    count: int = Field(description="found on all pages")
    whole: bool = Field(description="false: there may be more, the search is too wide to look at every notice")
    items: list[PreviewedView]
    next: str | None = Field(description="the `cursor` of the page that follows")


class MailStateView(View):
    """What became of the mail that told of a match."""

    state: str
    sent_at: datetime | None
    message_id: str


class MatchView(View):
    """A notice, or an answer, that a search found."""

    notice_id: UUID
    about: UUID | None = Field(description="the notice that an answer is about; null for a notice")
    title: str
    reasons: list[ReasonView]
    matched_at: datetime
    relevant: bool | None = Field(description="what the holder of the search said of it")
    mail: MailStateView | None

    @classmethod
    def of(cls, row: Mapping[str, Any], domain: str) -> Self:
        """Present a match."""
        mail = None
        if row["mail_id"]:
            identity = message_id(row["mail_id"], domain)
            mail = MailStateView(state=row["mail_state"], sent_at=row["sent_at"], message_id=identity)
        reasons = [ReasonView(**reason) for reason in row["reasons"]]
        values = {name: row[name] for name in ("notice_id", "about", "title", "matched_at", "relevant")}
        return cls(**values, reasons=reasons, mail=mail)


class MailView(View):
    """A mail: to whom, about what, where it stands. Never its content, never an address."""

    mail_id: UUID
    organisation: str
    kind: str
    subject: str
    state: str
    reason: str | None
    created_at: datetime
    sent_at: datetime | None
    message_id: str

    @classmethod
    def of(cls, row: Mapping[str, Any], domain: str) -> Self:
        """Present a mail."""
        return cls(**dict(row), message_id=message_id(row["mail_id"], domain))
