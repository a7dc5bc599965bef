"""A task that swallows its cancellation is told again; what a task raised is raised."""

from __future__ import annotations

import asyncio

import pytest

from libs.common.stop import cancel


async def test_a_task_that_swallows_its_cancellation_is_told_again() -> None:
    heard = 0

    async def deaf() -> None:
        nonlocal heard
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                heard += 1
                if heard == 3:
                    raise

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await cancel(task, again=0.05)
    assert task.cancelled()
    assert heard == 3


async def test_what_a_task_raised_as_it_ended_is_raised() -> None:
    async def failing() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError("at the end")

    task = asyncio.create_task(failing())
    await asyncio.sleep(0)
    with pytest.raises(ValueError, match="at the end"):
        await cancel(task)


async def test_a_task_that_is_over_is_left_alone() -> None:
    task = asyncio.create_task(asyncio.sleep(0))
    await task
    await cancel(task)
    assert not task.cancelled()
