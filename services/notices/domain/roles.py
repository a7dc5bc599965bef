"""Who may do what for a buyer, pure: roles and what they allow, dated records of them, who may give which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from libs.common.errors import Conflict, FieldError, IllegalTransition, InvalidInput
from libs.common.grants import ALL, NEEDED, Permission, Role, Scope, allowed

__all__ = [
    "ALL",
    "FIRST_ROLES",
    "NEEDED",
    "Capacity",
    "Permission",
    "Role",
    "RoleRecord",
    "Scope",
    "allowed",
]


Capacity = Literal["member", "guest", "delegate"]
"""A person of the house; somebody from outside (architect, referent of the department); who stands in for another."""

FIRST_ROLES: Final = (
    Role.ADMINISTRATOR,
    Role.PUBLISHER,
    Role.OPENING_OFFICER,
    Role.EVALUATOR,
    Role.SIGNATORY,
)
"""What the person who records the first role keeps: all that she could do the instant before."""
_OF_GUESTS: Final = frozenset({Role.READER, Role.WRITER, Role.EVALUATOR})


@dataclass(frozen=True, slots=True)
class RoleRecord:
    """A role of a person, from an instant to another. It is revoked, never changed: a new record follows it."""

    record_id: UUID
    organisation: str
    person: str
    """The token's `sub`."""
    role: Role
    capacity: Capacity
    valid_from: datetime
    granted_by: str
    granted_at: datetime
    procedure_id: UUID | None = None
    """The consultation it is limited to; None: the whole organisation."""
    delegated_from: UUID | None = None
    function: str = ""
    valid_until: datetime | None = None
    revoked_by: str | None = None
    revoked_at: datetime | None = None
    version: int = 1

    def is_live(self, at: datetime) -> bool:
        """Say whether it holds at an instant."""
        return self.state(at) == "live"

    def state(self, at: datetime) -> Literal["future", "live", "expired", "revoked"]:
        """Say where it is in its life."""
        if self.revoked_at is not None:
            return "revoked"
        if self.valid_until is not None and self.valid_until <= at:
            return "expired"
        return "live" if self.valid_from <= at else "future"

    @property
    def keeps_the_keys(self) -> bool:
        """Whether it makes an administrator of the whole organisation without end, of whom one must remain."""
        return self.role is Role.ADMINISTRATOR and self.procedure_id is None and self.valid_until is None

    def revoked(self, by: str, at: datetime) -> RoleRecord:
        """Give the record revoked. Raises IllegalTransition where it has ended already."""
        if self.state(at) in {"revoked", "expired"}:
            raise IllegalTransition("Ce rôle a déjà pris fin.", "This role has already ended.")
        return replace(self, revoked_by=by, revoked_at=at, version=self.version + 1)

    def delegated(self, record_id: UUID, person: str, function: str, since: datetime, until: datetime, now: datetime) -> RoleRecord:  # fmt: skip
        """Give the record of who stands in for its holder.

        Raises InvalidInput with every fault: a role received by delegation is not passed on, nor are the keys, nor a day beyond one's own.
        """
        faults = [*self._delegation_faults(since, until, now)]
        if person == self.person:
            faults.append(_fault("person", "On ne se remplace pas soi-même.", "Nobody stands in for themselves."))
        _refuse(faults)
        return RoleRecord(
            record_id=record_id, organisation=self.organisation, person=person, role=self.role, capacity="delegate",
            valid_from=since, granted_by=self.person, granted_at=now, procedure_id=self.procedure_id,
            delegated_from=self.record_id, function=function, valid_until=until,
        )  # fmt: skip

    def _delegation_faults(self, since: datetime, until: datetime, now: datetime) -> Iterable[FieldError]:
        if self.capacity == "delegate":
            yield _fault(
                "record_id",
                "Ce rôle vous est délégué : vous ne pouvez pas le déléguer à votre tour.",
                "This role was delegated to you: you cannot pass it on.",
            )
        if self.role is Role.ADMINISTRATOR:
            yield _fault(
                "record_id",
                "Le rôle d'administrateur ne se délègue pas : attribuez-le, avec une date de fin.",
                "The role of administrator is not delegated: grant it, with an end date.",
            )
        if since < self.valid_from or (self.valid_until is not None and until > self.valid_until):
            yield _fault(
                "valid_until",
                "La délégation sort des dates de votre propre rôle : choisissez des dates comprises dans les vôtres.",
                "The delegation goes beyond the dates of your own role: choose dates within yours.",
            )
        yield from _dates(since, until, now)

    def refuse_unsound(self, now: datetime) -> None:
        """Let only a record pass that may be given. Raises InvalidInput with every fault."""
        faults = [*_dates(self.valid_from, self.valid_until, now)]
        if self.capacity == "guest" and self.valid_until is None:
            faults.append(
                _fault("valid_until", "Un invité a une date de fin : indiquez-la.", "A guest has an end date: give it.")
            )
        if self.capacity == "guest" and self.role not in _OF_GUESTS:
            faults.append(
                _fault(
                    "role",
                    "Un invité est lecteur (reader), rédacteur (writer) ou évaluateur (evaluator).",
                    "A guest is a reader, a writer or an evaluator.",
                )
            )
        _refuse(faults)

    def refuse_overlap(self, others: Iterable[RoleRecord]) -> None:
        """Let a person hold a role of one scope once at a time. Raises Conflict."""
        for other in others:
            if self._is_twin(other) and self._meets(other):
                until = f"au {other.valid_until:%d/%m/%Y}" if other.valid_until else "sans fin"
                raise Conflict(
                    f"Cette personne a déjà ce rôle à ces dates ({until}) : révoquez-le d'abord, ou choisissez d'autres dates.",
                    "This person already has this role at these dates: revoke it first, or choose other dates.",
                )

    def _is_twin(self, other: RoleRecord) -> bool:
        ours = (self.person, self.role, self.procedure_id)
        return other.revoked_at is None and ours == (other.person, other.role, other.procedure_id)

    def _meets(self, other: RoleRecord) -> bool:
        return (other.valid_until is None or self.valid_from < other.valid_until) and (
            self.valid_until is None or other.valid_from < self.valid_until
        )


def _dates(since: datetime, until: datetime | None, now: datetime) -> Iterable[FieldError]:
    if since < now:
        yield _fault(
            "valid_from",
            "Un rôle ne s'attribue pas pour le passé : il commence maintenant ou plus tard.",
            "A role is not granted for the past: it begins now or later.",
        )
    if until is not None and until <= since:
        yield _fault(
            "valid_until",
            "La fin doit suivre le début.",
            "The end must come after the beginning.",
        )


def _fault(member: str, french: str, english: str) -> FieldError:
    return FieldError(f"body/{member}", french, english)


def _refuse(faults: list[FieldError]) -> None:
    if faults:
        raise InvalidInput(
            "Ce rôle ne peut pas être attribué ainsi : corrigez les points signalés.",
            "This role cannot be granted so: correct what is listed.",
            errors=faults,
        )
