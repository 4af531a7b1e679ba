"""What ``connect``, ``listen`` and ``serve`` return: awaited, entered, or given to a task."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import pytest

from portside.aio.opening import Opening

LOOPS = pytest.mark.usefixtures("loop_world")


class Thing:
    """Something that is opened and closed."""

    def __init__(self) -> None:
        self.entered = self.closed = False

    async def __aenter__(self) -> Self:
        self.entered = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self.closed = True
        return kind is LookupError


async def open_thing() -> Thing:
    await asyncio.sleep(0)
    return Thing()


async def fail() -> Thing:
    await asyncio.sleep(0)
    raise OSError("it cannot be opened")


@LOOPS
async def test_it_is_awaited() -> None:
    thing = await Opening(open_thing())
    assert (thing.entered, thing.closed) == (False, False)


@LOOPS
async def test_it_is_entered() -> None:
    async with Opening(open_thing()) as thing:
        assert (thing.entered, thing.closed) == (True, False)
    assert thing.closed


@LOOPS
async def test_what_was_opened_may_swallow_an_error() -> None:
    async with Opening(open_thing()):
        raise LookupError
    with pytest.raises(ValueError, match="not this one"):
        async with Opening(open_thing()):
            raise ValueError("not this one")


@LOOPS
async def test_it_may_be_given_to_a_task() -> None:
    assert isinstance(await asyncio.create_task(Opening(open_thing())), Thing)
    assert isinstance(await asyncio.wait_for(Opening(open_thing()), 5), Thing)
    assert await asyncio.gather(Opening(fail()), return_exceptions=True)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(Opening(open_thing()))
    assert isinstance(task.result(), Thing)


@LOOPS
async def test_what_cannot_be_opened() -> None:
    with pytest.raises(OSError, match="it cannot be opened"):
        await Opening(fail())
    with pytest.raises(OSError, match="it cannot be opened"):
        await Opening(fail()).__aenter__()


def test_one_that_nobody_awaits_can_be_closed() -> None:
    Opening(open_thing()).close()


def test_one_that_is_forgotten_is_told_like_any_coroutine() -> None:
    forgotten = [Opening(open_thing())]
    with pytest.warns(RuntimeWarning, match="open_thing' was never awaited"):
        forgotten.clear()
