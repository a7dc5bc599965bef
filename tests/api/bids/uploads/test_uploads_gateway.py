"""Uploads through the gateway: its own configuration, in a real nginx (HALLES_NGINX, or the one on the path)."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from tests.api.bids.bids_world import World
from tests.api.bids.uploads.api_process import ApiProcess, api_processes
from tests.api.bids.uploads.uploads_world import ALPHA, MEDIA, MODES, Uploads, uploads

NGINX = os.environ.get("HALLES_NGINX") or shutil.which("nginx")
CONFIGURATION = Path(__file__).resolve().parents[4] / "deploy" / "gateway" / "nginx.conf"
DATA = os.urandom(20_000_000)
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(NGINX is None, reason="there is no nginx"),
]


@contextmanager
def gateway(api: ApiProcess, folder: Path) -> Iterator[str]:
    """Run the gateway in front of one process of the api; give its address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    text = CONFIGURATION.read_text().replace("listen 8080", f"listen 127.0.0.1:{port}").replace("/tmp/", f"{folder}/")  # noqa: S108
    text = re.sub(r"proxy_pass http://\$upstream:8080", f"proxy_pass {api.url}", text)
    text = text.replace("/dev/stderr", f"{folder}/error.log").replace("/dev/stdout", f"{folder}/access.log")
    text = re.sub(r"\n\s*include /etc/nginx/sandbox[^\n]*", "", text)
    (folder / "nginx.conf").write_text(text)
    folder.chmod(0o777)
    assert NGINX is not None
    process = subprocess.Popen([NGINX, "-c", folder / "nginx.conf", "-p", folder, "-g", "daemon off;"])
    try:
        _listening(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _listening(port: int) -> None:
    for _ in range(600):
        with socket.socket() as asking:
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("nginx does not listen")


async def test_uploads_pass_the_gateway_and_nothing_of_them_stays_there(lasting: World, tmp_path: Path) -> None:
    async with api_processes(lasting, 1) as (api,):
        with gateway(api, tmp_path) as base:
            for mode in MODES:
                await _through(await uploads(lasting, [len(DATA)], mode), base)
    assert _kept(tmp_path) == []  # no body was buffered to a file


def _kept(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file() and each.suffix not in {".log", ".conf", ".pid"}]


async def _through(u: Uploads, base: str) -> None:
    headers = {"Tus-Resumable": "1.0.0"} | u.w.h.headers(ALPHA, "company")
    async with aiohttp.ClientSession() as client:
        sent = headers | {"Upload-Length": str(len(DATA))}
        async with client.post(base + u.endpoint(), headers=sent) as got:
            assert got.status == 201, await got.text()
            assert got.headers["Location"].startswith(base)
            address = got.headers["Location"]
        for start, end in ((0, 9_000_000), (9_000_000, len(DATA))):
            sent = headers | MEDIA | {"Upload-Offset": str(start)}
            async with client.patch(address, headers=sent, data=BytesIO(DATA[start:end])) as got:
                assert (got.status, int(got.headers["Upload-Offset"])) == (204, end)
        async with client.head(address, headers=headers) as got:
            assert int(got.headers["Upload-Offset"]) == len(DATA)
