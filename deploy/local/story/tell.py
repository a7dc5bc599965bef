"""`make demo`: start the platform, tell the story on it, stop it. Exit 0 only if every step was proved."""

from __future__ import annotations

import time
from pathlib import Path

import aiohttp

from deploy.local.platform import Options, Platform, platform
from deploy.local.story.cast import PARTNER, log_in
from deploy.local.story.client import Api, StoryError
from deploy.local.story.play import built_in_scripts, play, play_folder
from deploy.local.story.report import Reporter
from deploy.local.story.scene import Stage

__all__ = ["tell"]


async def tell(options: Options, notices: Path | None, reporter: Reporter) -> int:
    """Tell the whole story; give the exit code. The last line printed is its JSON summary."""
    reporter.say("Halles: the platform tells its story, through its public HTTP API.")
    started = time.perf_counter()
    async with platform(options) as running:
        proof = {"address": running.url, "database": running.database, "bus": running.bus}
        reporter.done("the platform starts", "platform", started, proof)
        try:
            await _chapters(running, notices, reporter)
        except StoryError as error:
            reporter.say(f"\nThe story stopped at: {error}")
        reporter.say("\nKeep the platform up: make up (embedded parts, data kept), or docker compose up.")
        reporter.say("Its API pages are then at /docs on the port it says.")
    return reporter.finish()


async def _chapters(running: Platform, notices: Path | None, reporter: Reporter) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        stage = await _stage(running, session, reporter)
        if notices is not None:
            await play_folder(stage, notices)
            return
        for script in built_in_scripts():
            await play(stage, script)


async def _stage(running: Platform, session: aiohttp.ClientSession, reporter: Reporter) -> Stage:
    partner = await log_in(
        session,
        running.url,
        subject=PARTNER.subject,
        name=PARTNER.name,
        organisation=PARTNER.organisation,
        kind="partner",
    )
    endpoint = {"url": running.sandbox.captures.webhook_url, "types": ["notices.notice.published.v1"]}
    webhook = await partner.api.post("/alerts/v1/webhooks", endpoint)
    return Stage(
        base=running.url,
        session=session,
        reporter=reporter,
        captures=running.sandbox.captures,
        authority=running.sandbox.authority,
        anonymous=Api(session, running.url),
        partner=partner,
        webhook=webhook,
    )
