"""What a partner installs: the message models, with pydantic and nothing else, from a wheel built here and now."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
import zipfile
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from packaging.requirements import Requirement
from standardwebhooks import WebhookVerificationError

from libs.common.bus import numberer
from libs.common.http import Routes
from libs.common.messages import registry
from libs.common.messages.notices import NoticePublishedV1
from libs.common.schemas import SAMPLES, sample_of
from libs.common.service import Consumers, Service
from libs.common.settings import Settings
from libs.common.testing.plugin import HarnessFactory
from services.alerts.webhooks import signing as webhooks

ROOT = Path(__file__).resolve().parents[2]
SERVICE = Service("notices", Settings, ROOT / "tests/bus/migrations", Routes("notices"), Consumers("notices"))
"""A service with nothing but its feed."""

PARTNER = """
import importlib, importlib.util, json, pkgutil, sys
sys.path[:0] = sys.argv[1:3]
import libs.common.messages as messages
for module in pkgutil.iter_modules(messages.__path__):
    importlib.import_module(f"libs.common.messages.{module.name}")
from libs.common.messages import registry
from libs.common.messages.envelope import CloudEvent
from pathlib import Path
read = []
for path in sorted(Path(messages.__path__[0], "samples").rglob("*.json")):
    event = registry.parse(CloudEvent.from_json(path.read_bytes()))
    read.append(event.type)
own = [name for name in sys.modules if name.startswith("libs.common.")]
print(json.dumps({
    "read": read,
    "runtime": [name for name in own if not name.startswith("libs.common.messages")],
    "files": [sys.modules[name].__file__ for name in own if name != "libs.common"],
    "aiohttp": importlib.util.find_spec("aiohttp") is not None,
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-P", "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT / "libs/common", check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which the wheel is installed, without its dependencies."""
    target = tmp_path_factory.mktemp("partner")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--target", str(target), str(wheel)], check=True, capture_output=True)
    return target


@pytest.fixture(scope="module")
def pydantic_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with pydantic and what pydantic itself needs."""
    folder = tmp_path_factory.mktemp("pydantic")
    for name in needed_by("pydantic"):
        files = distribution(name).files or []
        for top in {Path(file.parts[0]) for file in files if not file.parts[0].startswith("..")}:
            place = Path(str(distribution(name).locate_file(top)))
            if place.exists() and not (folder / top).exists():
                (folder / top).symlink_to(place)
    return folder


def needed_by(name: str) -> set[str]:
    """Give a distribution and those it requires, extras left out."""
    found, waiting = set[str](), [name]
    while waiting:
        found.add(one := waiting.pop())
        wanted = (Requirement(line) for line in distribution(one).requires or [])
        waiting += [each.name for each in wanted if not each.marker or each.marker.evaluate({"extra": ""})]
        waiting = [each for each in waiting if each not in found]
    return found


def test_the_wheel_asks_for_pydantic_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith("METADATA")]
        told = Parser().parsestr(archive.read(name).decode())
    required = [Requirement(line) for line in told.get_all("Requires-Dist", [])]
    assert [each.name for each in required if each.marker is None] == ["pydantic"]
    extras = [each for each in required if each.marker is not None]
    assert extras
    assert all("extra == 'runtime'" in str(each.marker).replace('"', "'") for each in extras)
    assert told.get_all("Provides-Extra") == ["runtime"]


def test_the_wheel_holds_every_schema_and_sample(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    base = "libs/common/messages"
    assert {f"{base}/schemas/{name}.json" for name in [*registry.all_types(), "cloudevent"]} <= held
    assert {f"{base}/samples/{path.relative_to(SAMPLES)}" for path in SAMPLES.rglob("*.json")} <= held
    assert f"{base}/py.typed" in held, "the partner's type checker reads the models"


def test_the_models_read_every_sample_with_pydantic_and_nothing_else(installed: Path, pydantic_alone: Path) -> None:
    command = [sys.executable, "-I", "-S", "-c", PARTNER, str(installed), str(pydantic_alone)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=installed)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told["read"]) == registry.all_types().keys()
    assert len(told["read"]) == len(list(SAMPLES.rglob("*.json")))
    assert told["runtime"] == [], "the package's own runtime is not imported"
    assert all(file.startswith(str(installed)) for file in told["files"]), "all is read from the installed wheel"
    assert told["aiohttp"] is False, "nor is it there to be imported"


def example() -> dict[str, Any]:
    """Give what the first example of docs/partners.md defines; the second, by AMQP, is run in tests/api/alerts."""
    code, _ = re.findall(r"```python\n(.*?)```", (ROOT / "docs/partners.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(code.splitlines()) <= 15
    scope: dict[str, Any] = {}
    exec(compile(code, "docs/partners.md", "exec"), scope)  # noqa: S102  # our own page
    return scope


async def test_the_example_follows_a_real_feed(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICE)
    sample = NoticePublishedV1.model_validate(sample_of(NoticePublishedV1).data)
    for _ in range(3):
        async with h.runtime.uow() as uow:
            uow.emit(sample.model_copy(update={"aggregate_id": uuid4()}))
    await numberer.drain(h.runtime)
    partner, service = example(), str(h.client._base_url) + "notices"
    events, cursor = await asyncio.to_thread(partner["follow"], service)
    assert [partner["parse"](event).notice for event in events] == [sample.notice] * 3
    assert (await asyncio.to_thread(partner["follow"], service, cursor))[0] == []


def test_the_example_reads_a_webhook_as_the_platform_signs_it_and_refuses_another() -> None:
    secret, sample = bytes(range(32)), sample_of(NoticePublishedV1)
    body = sample.to_json()
    headers = webhooks.headers(str(sample.id), body, [("v1", secret)], int(time.time()))
    receive = example()["receive"]
    assert receive(webhooks.secret_text(secret), headers, body.decode()) == registry.parse(sample)
    with pytest.raises(WebhookVerificationError):
        receive(webhooks.secret_text(secret), headers, body.decode().replace("Dijon", "Lyon"))
    with pytest.raises(WebhookVerificationError):
        receive(webhooks.secret_text(bytes(32)), headers, body.decode())
