"""The sandbox's clock over HTTP: anybody may read it and move it forward, never back. Not served in production."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.common.clock import SandboxClock
from libs.common.errors import InvalidInput

__all__ = ["routes"]

LONGEST_JUMP = 10 * 366 * 24 * 3600
"""Seconds: beyond ten years, test certificates and legal tables would not follow."""


class _Jump(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    advance_seconds: float = Field(ge=0, le=LONGEST_JUMP, allow_inf_nan=False)


def routes(clock: SandboxClock) -> list[web.RouteDef]:
    """Give `GET /clock` and `POST /clock` with `{"advance_seconds": n}`."""

    async def read(_: web.Request) -> web.Response:
        return _answer(clock)

    async def advance(request: web.Request) -> web.Response:
        try:
            jump = _Jump.model_validate_json(await request.read())
        except ValidationError as error:
            raise InvalidInput(
                'Donnez {"advance_seconds": nombre} : des secondes, de 0 à 10 ans ; l\'horloge ne recule jamais.',
                'Give {"advance_seconds": number}: seconds, from 0 to 10 years; the clock never goes back.',
            ) from error
        clock.advance(timedelta(seconds=jump.advance_seconds))
        return _answer(clock)

    return [web.get("/clock", read), web.post("/clock", advance)]


def _answer(clock: SandboxClock) -> web.Response:
    content = {"now": clock.now().isoformat(), "ahead_seconds": clock.offset.total_seconds()}
    return web.json_response(content, headers={"Cache-Control": "no-store"})
