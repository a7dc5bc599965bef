"""What the local platform has that production has not: its own authorities, clock, captures, and settings to match."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from deploy.local import capture, clock, issuer, journals, tsa
from deploy.local.capture import Captures
from deploy.local.pki import TestAuthority, write_seal
from libs.common.actor import OrganisationKind
from libs.common.clock import SandboxClock
from libs.common.http.edge import edge
from libs.common.settings import Settings
from libs.common.testing.issuer import TestIssuer
from services.legality import simulator

__all__ = ["POOL", "Sandbox"]

POOL = 6
"""Connections of a service; with its listener and at most three leaders' sessions, ten: sixty in all."""
JOURNAL_SECONDS = 0.5
"""Until the journals are asked the first time what became of a notice."""
RATE = 100_000
"""Requests a minute: one machine, one user, many roles."""


@dataclass(frozen=True)
class Sandbox:
    """The parts around the services, in one folder and below one address."""

    url: str
    data_dir: Path
    clock: SandboxClock
    issuer: TestIssuer
    authority: TestAuthority
    captures: Captures
    legality_url: str
    """Where the State's simulator reaches the legality service."""

    @classmethod
    def load_or_create(cls, data_dir: Path, url: str, *, legality_url: str | None = None) -> Sandbox:
        """Give the sandbox kept in this folder, made at the first call."""
        authority = TestAuthority.load_or_create(data_dir / "pki")
        (data_dir / "storage").mkdir(mode=0o700, exist_ok=True)  # others on this machine read no document
        trust = data_dir / "trust"
        trust.mkdir(exist_ok=True)
        (trust / "test-root.pem").write_text(authority.root_pem)
        write_seal(authority, data_dir / "seal.pem")
        return cls(
            url=url,
            data_dir=data_dir,
            clock=SandboxClock(data_dir / "clock"),
            issuer=issuer.load_or_create(data_dir, f"{url}/issuer"),
            authority=authority,
            captures=Captures(webhook_url=f"{url}/sandbox/webhooks"),
            legality_url=legality_url or url,
        )

    def settings(self, kind: type[Settings], database_url: str) -> Settings:
        """Give settings of this kind: the sandbox's, over those of the environment. Raises UnsafeStartError in production."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        values: dict[str, Any] = {
            "environment": os.environ.get("HALLES_ENVIRONMENT") or "sandbox",
            "database_url": database_url,
            "pool_size": POOL,
            "data_dir": self.data_dir,
            "secret": self._secret(),
            "issuer": self.issuer.issuer,
            "jwks_url": None,
            "public_url": self.url,
            "host": host,
            "port": int(port),
            "rate_per_minute": RATE,
            "clock": "sandbox",
            "clock_file": self.data_dir / "clock",
            "timestamp_urls": (f"{self.url}/tsa",),
            "trust_dir": self.data_dir / "trust",
            "seal_file": self.data_dir / "seal.pem",
            **self._of_some_services(),
        }
        known = kind.model_fields
        chosen = kind(**{name: value for name, value in values.items() if name in known})
        chosen.refuse_unsafe_start()
        return chosen

    def _of_some_services(self) -> Mapping[str, object]:
        return {
            "smtp_url": self.captures.smtp_url,
            "webhook_allow": (self.url.removeprefix("http://"),),
            "state_url": f"{self.url}/state",
            **self._journals(),
        }

    def _journals(self) -> Mapping[str, object]:
        paper = {"code": "shal-demo", "name": "Le Journal des annonces (bac à sable)"}
        return {
            "joue_url": f"{self.url}/journals/joue",
            "joue_credential": journals.CREDENTIAL,
            "boamp_url": f"{self.url}/journals/boamp",
            "boamp_credential": journals.CREDENTIAL,
            "papers": (paper | {"url": f"{self.url}/journals/shal-demo", "credential": journals.CREDENTIAL},),
            "follow_seconds": JOURNAL_SECONDS,
        }

    def _secret(self) -> str:
        path = self.data_dir / "secret"
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
        return path.read_text()

    def application(self) -> web.Application:
        """Give all of it as one HTTP application, where the services run elsewhere."""
        app = web.Application(middlewares=[edge])
        app.add_routes([web.get("/livez", _alive)])
        for path, inner in self.applications().items():
            app.add_subapp(f"/{path}", inner)
        return app

    def applications(self) -> Mapping[str, web.Application]:
        """Give the HTTP applications of the sandbox, by path."""
        tools = web.Application()
        tools.add_routes([*clock.routes(self.clock), *capture.routes(self.captures)])
        authority = tsa.LocalTimestampAuthority(self.authority.tsa, self.clock)
        state = simulator.application(
            return_url=f"{self.legality_url}/legality/v1/returns", token=self._state_token, clock=self.clock
        )
        return {
            "issuer": issuer.application(self.issuer),
            "tsa": tsa.application(authority),
            "sandbox": tools,
            "state": state,
            "journals": journals.application(self.clock),
        }

    def _state_token(self) -> str:
        persona = next(persona for persona in issuer.PERSONAS if persona.kind is OrganisationKind.STATE)
        return self.issuer.token(
            sub=persona.id, name=persona.name, organisation=persona.organisation, kind=persona.kind.value
        )


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"status": "alive"})
