"""Roles and joint purchases as the notices service tells them, and persons who act with them on any service."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from libs.common.messages.roles import (
    JointMember,
    JointPurchaseChangedV1,
    RecordedRole,
    RoleGrantedV1,
    RoleName,
    RoleRevokedV1,
)
from libs.common.testing.harness import Harness


@dataclass(frozen=True)
class Rolls:
    """The roles of one buyer."""

    h: Harness
    buyer: str

    def granted(
        self,
        person: str,
        role: RoleName,
        *,
        procedure: UUID | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        source: RoleGrantedV1 | None = None,
    ) -> RoleGrantedV1:
        """Tell that a role was recorded; as a delegation of `source`, where there is one."""
        now, record = self.h.clock.now(), uuid4()
        said = RecordedRole(
            record_id=record,
            person=person,
            role=role,
            capacity="delegate" if source else "member",
            valid_from=since or now,
            valid_until=until,
            delegated_from=source.aggregate_id if source else None,
        )
        return RoleGrantedV1(
            aggregate_id=record, aggregate_version=1, organisation=self.buyer, procedure=procedure, occurred_at=now, role=said
        )  # fmt: skip

    async def give(self, person: str, role: RoleName, **more: Any) -> RoleGrantedV1:  # noqa: ANN401  # those of `granted`
        """Have the service hear of a role."""
        told = self.granted(person, role, **more)
        await self.h.deliver(told)
        return told

    def joint(self, members: Collection[str], procedures: Collection[UUID], **more: Any) -> JointPurchaseChangedV1:  # noqa: ANN401  # fields
        """Tell of a joint purchase that the buyer coordinates, its members in."""
        now = self.h.clock.now()
        fields: dict[str, Any] = {
            "aggregate_id": uuid4(), "aggregate_version": 1, "organisation": self.buyer, "occurred_at": now,
            "members": [JointMember(organisation=each, accepted_at=now) for each in members],
            "procedures": list(procedures),
        }  # fmt: skip
        return JointPurchaseChangedV1.model_validate(fields | more)

    async def ask(
        self,
        sub: str,
        method: str,
        path: str,
        status: int,
        *,
        of: str | None = None,
        **options: Any,  # noqa: ANN401  # aiohttp's
    ) -> Any:  # noqa: ANN401  # JSON
        """Call a route for the buyer, with a token that names `of`; by record where that is somebody else."""
        token = self.h.issuer.token(sub=sub, organisation=of, kind="buyer")
        headers = {"Authorization": f"Bearer {token}", "Halles-Organisation": self.buyer} | options.pop("headers", {})
        url = f"/{self.h.runtime.service.name}/v1{path}"
        async with self.h.client.request(method, url, headers=headers, **options) as answer:
            body = await answer.json() if "json" in answer.content_type else await answer.read()
            assert answer.status == status, (answer.status, body)
            return body

    async def missing(self, sub: str, method: str, path: str, *, of: str | None = None, **options: Any) -> str:  # noqa: ANN401
        """Give the role that a refusal says is missing."""
        problem = await self.ask(sub, method, path, 403, of=of, **options)
        assert problem["type"] == "urn:halles:problem:role-missing", problem
        role: str = problem["missing_role"]
        return role


def ended(granted: RoleGrantedV1) -> RoleRevokedV1:
    """Tell that a role was ended before its date."""
    role = granted.role.model_copy(update={"revoked_at": granted.occurred_at})
    said = granted.model_dump() | {"aggregate_version": 2, "role": role.model_dump()}
    return RoleRevokedV1.model_validate(said)
