"""Running plans: each step is done by the shell, and its answer goes back in."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import pytest

from portside.aio import driver as aio_driver
from portside.plans.steps import Clock, Plan, Sleep, Step
from portside.sync import driver as sync_driver

LOOPS = pytest.mark.usefixtures("loop_world")


@dataclass(frozen=True, slots=True)
class Ask(Step[int]):
    question: str


def add(cleaned: list[str]) -> Plan[int]:
    """Ask for two numbers, and return their sum."""
    try:
        return (yield from Ask("first")) + (yield from Ask("second"))
    finally:
        cleaned.append("up")


ANSWERS = {"first": 40, "second": 2}


def test_the_answers_of_a_blocking_shell_go_into_the_plan() -> None:
    cleaned: list[str] = []

    assert sync_driver.run(add(cleaned), lambda step: ANSWERS[step.question]) == 42  # type: ignore[attr-defined]  # the plan asks nothing else
    assert cleaned == ["up"]


def test_a_step_that_fails_in_a_blocking_shell_ends_the_plan() -> None:
    cleaned: list[str] = []

    def fail(_: Step[Any]) -> Any:
        raise LookupError

    with pytest.raises(LookupError):
        sync_driver.run(add(cleaned), fail)
    assert cleaned == ["up"]


@LOOPS
async def test_the_answers_of_an_async_shell_go_into_the_plan() -> None:
    cleaned: list[str] = []

    async def answer(step: Any) -> int:
        await asyncio.sleep(0)
        return ANSWERS[step.question]

    assert await aio_driver.run(add(cleaned), answer) == 42
    assert cleaned == ["up"]


@LOOPS
async def test_a_plan_that_is_cancelled_cleans_up() -> None:
    cleaned: list[str] = []

    async def never(_: Step[Any]) -> None:
        await asyncio.Event().wait()

    running = asyncio.create_task(aio_driver.run(add(cleaned), never))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert cleaned == ["up"]


def test_the_steps_that_every_plan_may_ask_for_block() -> None:
    before = time.monotonic()
    assert before <= sync_driver.perform(Clock()) <= time.monotonic()
    sync_driver.perform(Sleep(0.01))
    assert time.monotonic() - before >= 0.01
    with pytest.raises(TypeError, match=r"nobody here knows how to do Ask\(question='x'\)"):
        sync_driver.perform(Ask("x"))


@LOOPS
async def test_the_steps_that_every_plan_may_ask_for_wait() -> None:
    before = time.monotonic()
    assert before <= await aio_driver.perform(Clock()) <= time.monotonic()
    await aio_driver.perform(Sleep(0.01))
    assert time.monotonic() - before >= 0.009  # uvloop counts in whole milliseconds
    with pytest.raises(TypeError, match=r"nobody here knows how to do Ask\(question='x'\)"):
        await aio_driver.perform(Ask("x"))
