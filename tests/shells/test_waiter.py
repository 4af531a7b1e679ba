"""Parking a task and waking it in place."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from portside.aio.waiter import Waiter

LOOPS = pytest.mark.usefixtures("loop_world")


@LOOPS
async def test_a_task_is_woken_in_place() -> None:
    loop = asyncio.get_running_loop()
    waiter = Waiter(loop)
    story: list[str] = []

    async def sleeper() -> None:
        story.append("parks")
        await waiter.park()
        story.append("runs")

    task = asyncio.create_task(sleeper())
    await asyncio.sleep(0)
    assert waiter.parked

    def wake() -> None:
        story.append("is woken")
        waiter.wake()
        story.append("has run")

    loop.call_soon(wake)
    await task
    assert story == ["parks", "is woken", "runs", "has run"]
    assert not waiter.parked


@LOOPS
async def test_it_may_park_again_and_again() -> None:
    loop = asyncio.get_running_loop()
    waiter = Waiter(loop)
    rounds = 0

    async def sleeper() -> None:
        nonlocal rounds
        while rounds < 1000:
            await waiter.park()
            rounds += 1

    task = asyncio.create_task(sleeper())
    await asyncio.sleep(0)
    while not task.done():
        loop.call_soon(waiter.wake)
        await asyncio.sleep(0)
    assert rounds == 1000


@LOOPS
async def test_it_runs_in_the_context_of_its_task() -> None:
    loop = asyncio.get_running_loop()
    waiter = Waiter(loop)
    name = contextvars.ContextVar("name", default="nobody")
    seen: list[object] = []

    async def sleeper() -> None:
        name.set("sleeper")
        await waiter.park()
        seen.extend([name.get(), asyncio.current_task()])

    task = asyncio.create_task(sleeper())
    await asyncio.sleep(0)
    loop.call_soon(waiter.wake)
    await task
    assert seen == ["sleeper", task]


@LOOPS
async def test_a_parked_task_is_cancelled_like_any_other() -> None:
    waiter = Waiter(asyncio.get_running_loop())

    async def sleeper() -> str:
        try:
            await waiter.park()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
        waiter_is_free = not waiter.parked
        await waiter.park()
        return "woken" if waiter_is_free else "still parked"

    task = asyncio.create_task(sleeper())
    await asyncio.sleep(0)
    task.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert waiter.parked
    waiter.wake_soon()
    assert await task == "woken"


@LOOPS
async def test_a_wake_and_a_cancellation_at_once_end_in_the_cancellation() -> None:
    loop = asyncio.get_running_loop()
    waiter = Waiter(loop)
    woken = False

    async def sleeper() -> None:
        nonlocal woken
        await waiter.park()
        woken = True
        await asyncio.sleep(0)

    task = asyncio.create_task(sleeper())
    await asyncio.sleep(0)
    task.cancel()
    loop.call_soon(waiter.wake)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not woken


@LOOPS
async def test_waking_nobody_does_nothing() -> None:
    waiter = Waiter(asyncio.get_running_loop())
    waiter.wake()
    waiter.wake_soon()
    await asyncio.sleep(0)
    assert not waiter.parked


@LOOPS
async def test_something_is_done_once_before_parking() -> None:
    waiter = Waiter(asyncio.get_running_loop())
    done: list[str] = []
    waiter.before_parking = lambda: done.append("once")

    async def sleeper() -> None:
        await waiter.park()
        await waiter.park()

    task = asyncio.create_task(sleeper())
    for _ in range(3):
        await asyncio.sleep(0)
        waiter.wake_soon()
    await task
    assert done == ["once"]
    assert waiter.before_parking is None


@LOOPS
async def test_a_timeout_finds_its_way_in() -> None:
    waiter = Waiter(asyncio.get_running_loop())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await waiter.park()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(_park(waiter), 0.01)
    assert not waiter.parked


async def _park(waiter: Waiter) -> None:
    await waiter.park()


@LOOPS
async def test_debug_mode_does_not_mind() -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    waiter = Waiter(loop)
    task = asyncio.create_task(_park(waiter))
    await asyncio.sleep(0)
    waiter.wake_soon()
    await task
