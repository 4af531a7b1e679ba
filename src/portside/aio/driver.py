"""Runs plans: does what they ask for, and waits where they cannot."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

from portside.plans.steps import Clock, Sleep

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from portside.plans.steps import Plan, Step

__all__ = ["perform", "run"]

Result = TypeVar("Result")


async def run(plan: Plan[Result], perform: Callable[[Step[Any]], Awaitable[Any]]) -> Result:
    """Run ``plan`` to its end and return its result.

    Args:
        plan: What to do.
        perform: Does one step and returns the answer to it.
    """
    answer: Any = None
    # closing() lets the plan's own finally blocks run if a step fails.
    with closing(plan):
        while True:
            try:
                step = plan.send(answer)
            except StopIteration as finished:
                result: Result = finished.value
                return result
            answer = await perform(step)


async def perform(step: Step[Any]) -> Any:
    """Do one of the steps that every plan may ask for.

    Raises:
        TypeError: If it is not one of them.
    """
    match step:
        case Clock():
            # Not the loop's own time, which uvloop counts in whole milliseconds.
            return time.monotonic()
        case Sleep(seconds):
            return await asyncio.sleep(seconds)
        case _:
            raise TypeError(f"nobody here knows how to do {step!r}")
