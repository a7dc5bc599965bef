"""Persons who act for buyers, for the tests of roles: each has a token of their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from libs.common.testing.harness import Harness
from tests.unit.notices.notices_samples import KEYS

Json = dict[str, Any]
SIVOM, ALPHA, BETA, GAMMA = (f"SIRET:{number}" for number in ("25210001200010", "21210001200013", "21210002000012", "21210003800014"))  # fmt: skip
OPERATOR = "SIRET:23210001700016"


class Person:
    """Somebody with a token of their own, acting for the organisations that they name."""

    def __init__(self, h: Harness, sub: str, token_of: str | None, kind: str = "buyer") -> None:
        self.h, self.sub = h, sub
        self._token = h.issuer.token(sub=sub, organisation=token_of, kind=kind)

    def headers(self, acting: str | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} | ({"Halles-Organisation": acting} if acting else {})

    async def ask(self, method: str, path: str, status: int, *, acting: str | None = None, **options: Any) -> Json:  # noqa: ANN401
        headers = self.headers(acting) | options.pop("headers", {})
        async with self.h.client.request(method, f"/notices/v1{path}", headers=headers, **options) as answer:
            assert answer.status == status, f"{answer.status} {await answer.text()}"
            body: Json = await answer.json() if answer.status != 204 else {}
            return body

    async def grant(
        self,
        person: Person,
        role: str,
        status: int = 201,
        *,
        acting: str | None = None,
        **more: Any,  # noqa: ANN401
    ) -> Json:
        body = {"person": person.sub, "role": role} | more
        return await self.ask("POST", "/roles", status, acting=acting, json=body)

    async def draft(self, status: int = 201, *, acting: str | None = None, **more: Any) -> Json:  # noqa: ANN401
        body = {
            "title": "Réfection du préau", "buyer": {"name": "Commune"}, "nature": "works", "cpv": ["45214210"],
            "value": "38000", "deadline": "2027-01-11T12:00:00+01:00", "opening": KEYS, "places": [{"nuts": "FRC11"}],
            "documents_url": "https://www.commune.example/dce",
        }  # fmt: skip
        return await self.ask("POST", "/notices", status, acting=acting, json=body | more)

    async def retitle(self, notice: Json, status: int = 200, *, acting: str | None = None) -> Json:
        headers = {"If-Match": f'"{notice["version"]}"'}
        path = f"/notices/{notice['notice_id']}"
        return await self.ask("PATCH", path, status, acting=acting, json={"title": "Préau refait"}, headers=headers)

    async def publish(self, notice: Json, status: int = 201, *, acting: str | None = None) -> Json:
        headers = {"If-Match": f'"{notice["version"]}"'}
        path = f"/notices/{notice['notice_id']}/publication"
        return await self.ask("POST", path, status, acting=acting, headers=headers)

    async def sees(self, notice: Json, *, acting: str | None = None) -> bool:
        path = f"/notices/v1/notices/{notice['notice_id']}"
        async with self.h.client.get(path, headers=self.headers(acting)) as answer:
            return answer.status == 200

    async def drafts(self, *, acting: str | None = None) -> list[str]:
        found = await self.ask("GET", "/drafts", 200, acting=acting)
        return [each["notice_id"] for each in found["items"]]


def days(h: Harness, number: float) -> str:
    return (h.clock.now() + timedelta(days=number)).isoformat()


async def everyone(who: Person, **query: str) -> list[Json]:
    found: list[Json] = []
    asked = {"limit": "2", **query}
    while True:
        page = await who.ask("GET", "/roles", 200, params=asked)
        found += page["items"]
        if page["next"] is None:
            return found
        asked["cursor"] = page["next"]
