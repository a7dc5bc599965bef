"""The code of docs/webhooks.md verifies what the platform signs, and refuses what it did not."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from standardwebhooks import WebhookVerificationError

from libs.common.messages.notices import NoticePublishedV1
from libs.common.schemas import sample_of
from services.alerts.webhooks.signing import Signer, headers, public_text, secret_text

PAGE = (Path(__file__).resolve().parents[2] / "docs/webhooks.md").read_text(encoding="utf-8")
SECRET, OTHER = bytes(range(32)), bytes(32)
SAMPLE = sample_of(NoticePublishedV1)
BODY = SAMPLE.to_json()
NODE = shutil.which("node")


def signed(*signers: Signer, at: float | None = None) -> dict[str, str]:
    return headers(str(SAMPLE.id), BODY, signers, int(at or time.time()))


def python(number: int) -> Any:  # noqa: ANN401  # the function of the page
    code = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[number]
    scope: dict[str, Any] = {}
    exec(compile(code, "docs/webhooks.md", "exec"), scope)  # noqa: S102  # our own page
    return scope["receive"]


def test_the_python_example_takes_our_calls_and_no_other() -> None:
    receive = python(0)
    told = receive(secret_text(SECRET), signed(("v1", OTHER), ("v1", SECRET)), BODY.decode())
    assert told == json.loads(BODY)
    for wrong in (signed(("v1", OTHER)), signed(("v1", SECRET), at=time.time() - 900)):
        with pytest.raises(WebhookVerificationError):
            receive(secret_text(SECRET), wrong, BODY.decode())


def test_the_ed25519_example_takes_our_calls_and_no_other() -> None:
    receive = python(1)
    assert receive(public_text(SECRET), signed(("v1a", SECRET), ("v1a", OTHER)), BODY.decode()) == json.loads(BODY)
    with pytest.raises(InvalidSignature):
        receive(public_text(SECRET), signed(("v1a", OTHER)), BODY.decode())
    with pytest.raises(ValueError, match="too old"):
        receive(public_text(SECRET), signed(("v1a", SECRET), at=time.time() - 900), BODY.decode())


def javascript(told: dict[str, str], body: str) -> subprocess.CompletedProcess[str]:
    (code,) = re.findall(r"```js\n(.*?)```", PAGE, re.DOTALL)
    given = json.dumps([secret_text(SECRET), told, body])
    run = f"{code}\nconsole.log(receive(...JSON.parse(require('fs').readFileSync(0, 'utf8'))).type);"
    return subprocess.run([NODE or "", "-e", run], input=given, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_javascript_example_takes_our_calls_and_no_other() -> None:
    done = javascript(signed(("v1", OTHER), ("v1", SECRET)), BODY.decode())
    assert done.stdout.strip() == SAMPLE.type, done.stderr
    assert "not signed" in javascript(signed(("v1", OTHER)), BODY.decode()).stderr
    assert "not signed" in javascript(signed(("v1", SECRET)), BODY.decode().replace("Dijon", "Lyon")).stderr
    assert "too old" in javascript(signed(("v1", SECRET), at=time.time() - 900), BODY.decode()).stderr


def test_each_operation_of_the_page_exists() -> None:
    routes = (Path(__file__).resolve().parents[2] / "docs/openapi/alerts.json").read_text(encoding="utf-8")
    paths = set(json.loads(routes)["paths"])
    told = set(re.findall(r"`(?:GET|POST|PUT|PATCH) (/alerts/v1/[\w/{}-]+)`", PAGE))
    told |= {
        f"/alerts/v1/webhooks/{{webhook_id}}/{end}" for end in re.findall(r"`(?:GET|POST) \.\.\./([\w/{}-]+)", PAGE)
    }
    assert len(told) >= 8
    assert told <= paths | {path.removeprefix("/alerts") for path in paths} | {f"/alerts{path}" for path in paths}
