"""Both shells for programs of other people: served in the background, or called, and left."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from portside.addresses import Address
from worlds import PATIENCE, BlockingWorld, LoopWorld, World

Handler = Callable[[Any], Coroutine[Any, Any, Any]]


class Served:
    """A server of ours that runs.

    Attributes:
        addresses: Where.
        errors: What its handlers ended with.
        ready: Set when it accepts connections.
        over: Set when it is wanted no longer.
    """

    def __init__(self) -> None:
        self.addresses: tuple[Address, ...] = ()
        self.errors: list[BaseException] = []
        self.ready = threading.Event()
        self.over = threading.Event()

    def note(self, error: BaseException, _: Any) -> None:
        """Remember what a handler ended with."""
        self.errors.append(error)

    @property
    def address(self) -> str:
        """The first of the addresses."""
        return str(self.addresses[0])

    @property
    def port(self) -> int:
        """The port in the first of the addresses."""
        return int(self.address.rpartition(":")[2])

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds that tells nobody when it does."""
        give_up = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < give_up, f"this never came to hold; errors: {self.errors}"
            time.sleep(0.001)


class Shell:
    """One of the shells, for tests that wait for a program rather than for a stream."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __repr__(self) -> str:
        return repr(self._world)

    @contextmanager
    def serving(self, handler: Handler, *targets: Any, **settings: Any) -> Iterator[Served]:
        """Serve for as long as a block lasts; handlers are cut at its end."""
        served = Served()
        serve = partial(self._world.shell.serve, handler, *targets, grace=0, on_error=served.note)
        opening = partial(serve, **settings)
        thread = _Story(self._world, self._serve(served, opening))
        try:
            while not served.ready.wait(0.01):
                thread.check()
            yield served
        finally:
            served.over.set()
            thread.end()

    async def _serve(self, served: Served, opening: Callable[[], Any]) -> None:
        async with opening() as server:
            served.addresses = tuple(server.addresses)
            served.ready.set()
            if isinstance(self._world, LoopWorld):
                await asyncio.to_thread(served.over.wait)
            else:
                served.over.wait()

    def connected(self, talk: Handler, target: Any, **settings: Any) -> Any:
        """Connect, and return what ``talk`` returns about its stream."""
        answers = []

        async def story() -> None:
            async with self._world.shell.connect(target, timeout=PATIENCE, **settings) as stream:
                answers.append(await talk(stream))

        self._world.run(story())
        return answers[0]


class _Story(threading.Thread):
    """A story in a thread of its own, whose errors are not lost."""

    def __init__(self, world: World, story: Coroutine[Any, Any, Any]) -> None:
        super().__init__(daemon=True)
        self._world = world
        self._story = story
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._world.run(self._story)
        except BaseException as error:
            self._error = error

    def check(self) -> None:
        if self._error is not None:
            raise self._error
        assert self.is_alive(), "it ended too soon"

    def end(self) -> None:
        self.join(PATIENCE)
        assert not self.is_alive(), "it did not end"
        if self._error is not None:
            raise self._error


BOTH = (Shell(BlockingWorld("blocking")), Shell(LoopWorld("asyncio", asyncio.SelectorEventLoop)))
"""The blocking shell, and the async one."""
