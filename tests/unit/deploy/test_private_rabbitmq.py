"""The private RabbitMQ of the tests: quorum queues work, the machine's own broker is not touched, nothing is left."""

from __future__ import annotations

from pathlib import Path

import aio_pika
import pytest

from libs.common.testing.servers import find
from libs.common.testing.servers.rabbitmq import NAMED, RabbitError, answers, find_scripts, rabbitmq


def processes_with(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and text.encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.mark.timeout(240)
@pytest.mark.skipif(find_scripts() is None, reason="RabbitMQ is not installed: the tests use one elsewhere")
async def test_private_broker_serves_quorum_queues_and_leaves_nothing() -> None:
    async with rabbitmq() as broker:
        folder = broker.folder
        connection = await aio_pika.connect(broker.url)
        channel = await connection.channel()
        await channel.declare_queue("story", durable=True, arguments={"x-queue-type": "quorum"})
        await channel.default_exchange.publish(aio_pika.Message(b"told"), "story", mandatory=True)
        await connection.close()
        assert find._api_answers(broker.api_url)
        assert processes_with(str(folder))
    assert not processes_with(str(folder)), "the broker, its port mapper or a helper is left"
    assert not folder.exists()
    assert not await answers(broker.url)


async def test_absent_broker_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "may_install", lambda: False)
    with pytest.raises(RabbitError, match=r"The tests need a RabbitMQ.*apt-get install rabbitmq-server"):
        find._install_broker()


async def test_a_named_folder_without_a_broker_is_one_clear_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(NAMED, str(tmp_path))
    with pytest.raises(RabbitError, match=r"HALLES_RABBITMQ_SCRIPTS.*no rabbitmq-server.*docs/brokers\.md"):
        find_scripts()


async def test_a_named_folder_wins_over_the_broker_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "rabbitmq-server").touch()
    monkeypatch.setenv(NAMED, str(tmp_path))
    assert find_scripts() == tmp_path
