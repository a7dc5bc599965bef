"""A joint purchase (groupement de commandes, L2113-6 CCP), pure: its coordinator runs consultations, its members read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from libs.common.errors import Conflict, FieldError, IllegalTransition, InvalidInput, NotFound

__all__ = ["JointPurchase", "Membership", "Sharing"]

_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Membership:
    """The time of a buyer in a joint purchase: invited, then in by its own word, until it leaves."""

    organisation: str
    invited_at: datetime
    accepted_at: datetime | None = None
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sharing:
    """The time during which the members read a consultation."""

    procedure_id: UUID
    added_at: datetime
    removed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class JointPurchase:
    """Buyers that buy together, one of them for all. Its dated parts are ended, never removed."""

    joint_id: UUID
    coordinator: str
    title: str
    version: int
    created_at: datetime
    valid_until: datetime | None = None
    ended_at: datetime | None = None
    members: tuple[Membership, ...] = ()
    procedures: tuple[Sharing, ...] = ()

    @classmethod
    def begun(
        cls, joint_id: UUID, coordinator: str, title: str, members: Sequence[str], now: datetime, until: datetime | None
    ) -> JointPurchase:
        """Give a new one, its members invited. Raises InvalidInput."""
        if until is not None and until <= now:
            told = ("La fin doit être à venir.", "The end must be in the future.")
            raise InvalidInput(*told, errors=[FieldError("body/valid_until", *told)])
        begun = cls(joint_id, coordinator, title, 0, now, until)
        for organisation in members:
            begun = begun.inviting(organisation, now)
        return replace(begun, version=1)

    def is_live(self, at: datetime) -> bool:
        """Say whether it holds at an instant."""
        return self.ended_at is None and (self.valid_until is None or at < self.valid_until)

    def present(self) -> tuple[Membership, ...]:
        """Give the members, invited ones too, that have not left."""
        return tuple(each for each in self.members if each.left_at is None)

    def shared(self) -> tuple[UUID, ...]:
        """Give the consultations that the members read."""
        return tuple(each.procedure_id for each in self.procedures if each.removed_at is None)

    def concerns(self, organisation: str) -> bool:
        """Say whether an organisation coordinates it, or is or was invited to it and has not left."""
        return organisation == self.coordinator or any(each.organisation == organisation for each in self.present())

    def inviting(self, organisation: str, at: datetime) -> JointPurchase:
        """Give it with a buyer invited. Raises IllegalTransition once ended, Conflict, InvalidInput."""
        self._refuse_ended(at)
        if self.concerns(organisation):
            raise Conflict(
                f"{organisation} fait déjà partie de ce groupement.",
                f"{organisation} is already part of this purchase.",
            )
        if len(self.present()) >= _MOST:
            raise InvalidInput(
                f"Un groupement a {_MOST} membres au plus.", f"A joint purchase has {_MOST} members at most."
            )
        return replace(self, members=(*self.members, Membership(organisation, at)), version=self.version + 1)

    def accepted(self, organisation: str, at: datetime) -> JointPurchase:
        """Give it once a buyer joined by its own word. Raises IllegalTransition, NotFound."""
        self._refuse_ended(at)
        found = self._member(organisation)
        if found.accepted_at is not None:
            raise IllegalTransition("Votre organisation en est déjà membre.", "Your organisation is a member already.")
        return self._with(found, replace(found, accepted_at=at))

    def left(self, organisation: str, at: datetime) -> JointPurchase:
        """Give it without a buyer from now on. Raises NotFound."""
        found = self._member(organisation)
        return self._with(found, replace(found, left_at=at))

    def sharing(self, procedure_id: UUID, at: datetime) -> JointPurchase:
        """Give it with a consultation that its members read. Raises IllegalTransition once ended; nothing new is no change."""
        self._refuse_ended(at)
        if procedure_id in self.shared():
            return self
        return replace(self, procedures=(*self.procedures, Sharing(procedure_id, at)), version=self.version + 1)

    def hiding(self, procedure_id: UUID, at: datetime) -> JointPurchase:
        """Give it with a consultation that its members read no more. Raises NotFound."""
        if procedure_id not in self.shared():
            raise NotFound(
                "Cette consultation n'est pas dans ce groupement.", "This procedure is not in this purchase."
            )
        kept = tuple(
            replace(each, removed_at=at) if each.procedure_id == procedure_id and each.removed_at is None else each
            for each in self.procedures
        )
        return replace(self, procedures=kept, version=self.version + 1)

    def ended(self, at: datetime) -> JointPurchase:
        """Give it ended: its members read nothing more of it. Raises IllegalTransition."""
        self._refuse_ended(at)
        return replace(self, ended_at=at, version=self.version + 1)

    def _refuse_ended(self, at: datetime) -> None:
        if not self.is_live(at):
            raise IllegalTransition("Ce groupement de commandes a pris fin.", "This joint purchase has ended.")

    def _member(self, organisation: str) -> Membership:
        for each in self.present():
            if each.organisation == organisation:
                return each
        raise NotFound("Cette organisation n'est pas invitée.", "This organisation is not invited.")

    def _with(self, found: Membership, changed: Membership) -> JointPurchase:
        members = tuple(changed if each is found else each for each in self.members)
        return replace(self, members=members, version=self.version + 1)
