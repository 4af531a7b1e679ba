"""The worlds in which a story is told: blocking, asyncio, uvloop, a loop without add_reader.

A story is an ``async def`` that uses the names of ``portside.aio``.  In an async world it
runs as it stands.  In the blocking world the same coroutine runs on the blocking shell:
each ``await`` of ours blocks, a spawned story is a thread, and no event loop exists.  So
each story is written once, and both shells have to make it true.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from types import ModuleType
from typing import Any, NoReturn, Self

import portside
from portside import aio

PATIENCE = 20.0
"""Seconds after which a story that does not end has failed."""


class Event(ABC):
    """Something that happens once, and that others wait for."""

    @abstractmethod
    def set(self) -> None: ...

    @abstractmethod
    async def wait(self) -> None: ...

    @abstractmethod
    def is_set(self) -> bool: ...


class Spawned(ABC):
    """A story that runs beside this one."""

    @abstractmethod
    async def result(self) -> Any:
        """Wait for its end; raise what it raised."""


class World(ABC):
    """What a story may use: the names of the shell, and a way to do two things at once."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    @abstractmethod
    def shell(self) -> Any:
        """``portside.aio``, or the blocking shell in its clothes."""

    @abstractmethod
    def run(self, story: Coroutine[Any, Any, Any]) -> None: ...

    @abstractmethod
    def spawn(self, story: Coroutine[Any, Any, Any]) -> Spawned: ...

    @abstractmethod
    def event(self) -> Event: ...

    @abstractmethod
    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the others go on until something holds that tells nobody when it does."""

    def __repr__(self) -> str:
        return self.name


# Async worlds


class LoopEvent(Event):
    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        await asyncio.wait_for(self._event.wait(), PATIENCE)

    def is_set(self) -> bool:
        return self._event.is_set()


class SpawnedTask(Spawned):
    def __init__(self, story: Coroutine[Any, Any, Any]) -> None:
        self._task = asyncio.get_running_loop().create_task(story)

    async def result(self) -> Any:
        return await self._task


class LoopWithoutReaders(asyncio.SelectorEventLoop):
    """A loop that hides ``add_reader`` and its kin, as Windows' Proactor loop lacks them.

    Its own ``sock_recv`` and so on do use them, always with a number for the socket.
    """

    def add_reader(self, fd: Any, *_: object) -> NoReturn:
        raise NotImplementedError

    def add_writer(self, fd: Any, *_: object) -> NoReturn:
        raise NotImplementedError

    def remove_reader(self, fd: Any) -> bool:
        if not isinstance(fd, int):
            raise NotImplementedError
        return super().remove_reader(fd)

    def remove_writer(self, fd: Any) -> bool:
        if not isinstance(fd, int):
            raise NotImplementedError
        return super().remove_writer(fd)


class LoopWorld(World):
    """The async shell on some event loop."""

    def __init__(self, name: str, make_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        super().__init__(name)
        self._make_loop = make_loop

    @property
    def shell(self) -> ModuleType:
        return aio

    def spawn(self, story: Coroutine[Any, Any, Any]) -> Spawned:
        return SpawnedTask(story)

    def event(self) -> Event:
        return LoopEvent()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110  nobody sets an event for it
                await asyncio.sleep(0)

    def run(self, story: Coroutine[Any, Any, Any]) -> None:
        complaints: list[dict[str, Any]] = []
        with asyncio.Runner(loop_factory=self._make_loop) as runner:
            loop = runner.get_loop()
            loop.set_exception_handler(lambda _, context: complaints.append(context))
            runner.run(asyncio.wait_for(self._tell(story), PATIENCE))
            # An exception that nobody asked for is told when its task is collected.
            gc.collect()
        assert not complaints, f"the loop complained: {complaints}"

    async def _tell(self, story: Coroutine[Any, Any, Any]) -> None:
        before = asyncio.all_tasks()
        await story
        for _ in range(5):  # what was cancelled at the very end needs a turn or two
            await asyncio.sleep(0)
        left = asyncio.all_tasks() - before
        assert not left, f"the story left tasks behind: {left}"


# The blocking world


def run_blocking(story: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine whose every await blocks, and return its result."""
    try:
        waited_for = story.send(None)
    except StopIteration as ended:
        return ended.value
    story.close()
    raise AssertionError(f"a story in the blocking world awaited {waited_for!r} of some loop")


class ThreadEvent(Event):
    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        assert self._event.wait(PATIENCE), "this never happened"

    def is_set(self) -> bool:
        return self._event.is_set()


class SpawnedThread(Spawned):
    def __init__(self, story: Coroutine[Any, Any, Any]) -> None:
        self._answer: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, args=(story,), daemon=True)
        self._thread.start()

    def _work(self, story: Coroutine[Any, Any, Any]) -> None:
        try:
            self._answer = run_blocking(story)
        except BaseException as error:
            self._error = error

    async def result(self) -> Any:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "a spawned story did not end"
        if self._error is not None:
            raise self._error
        return self._answer


TWINS: dict[type, type] = {
    portside.Stream: aio.Stream,
    portside.FramedStream: aio.FramedStream,
    portside.Listener: aio.Listener,
    portside.Server: aio.Server,
}


class Clothed:
    """An object of the blocking shell that is awaited, as its async twin is."""

    def __init__(self, naked: Any) -> None:
        self.naked = naked

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.naked, name)
        twin = getattr(TWINS[type(self.naked)], name, None)
        if inspect.iscoroutinefunction(twin):
            return awaited(value)
        if callable(value) and not isinstance(value, type):
            return lambda *args, **kwargs: clothe(value(*undress(args), **kwargs))
        return clothe(value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "naked":
            object.__setattr__(self, name, value)
        else:
            setattr(self.naked, name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Clothed) and self.naked is other.naked

    def __hash__(self) -> int:
        return hash(self.naked)

    def __repr__(self) -> str:
        return repr(self.naked)

    def __aiter__(self) -> Clothed:
        return self

    async def __anext__(self) -> Any:
        try:
            return clothe(next(self.naked))
        except StopIteration:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        self.naked.__enter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        self.naked.__exit__(*error)


class ClothedOpening:
    """What a call of ``connect``, ``listen`` or ``serve`` gives: awaitable, enterable."""

    def __init__(self, open_it: Callable[[], Any]) -> None:
        self._open = open_it

    def __await__(self) -> Any:
        return self._result().__await__()

    async def _result(self) -> Any:
        return clothe(self._open())

    async def __aenter__(self) -> Any:
        self._opened = clothe(self._open())
        return await self._opened.__aenter__()

    async def __aexit__(self, *error: object) -> None:
        await self._opened.__aexit__(*error)


def clothe(value: Any) -> Any:
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(map(clothe, value))
    return Clothed(value) if type(value) in TWINS else value


def undress(values: tuple[Any, ...]) -> list[Any]:
    return [value.naked if isinstance(value, Clothed) else value for value in values]


def awaited(method: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        return clothe(method(*undress(args), **kwargs))

    return call


class ClothedShell:
    """The names of ``portside``, to be awaited like those of ``portside.aio``."""

    def __getattr__(self, name: str) -> Any:
        return getattr(portside, name)

    def connect(self, *args: Any, **kwargs: Any) -> ClothedOpening:
        return ClothedOpening(lambda: portside.connect(*args, **kwargs))

    def listen(self, *args: Any, **kwargs: Any) -> ClothedOpening:
        return ClothedOpening(lambda: portside.listen(*args, **kwargs))

    def serve(self, handler: Any, *targets: Any, **kwargs: Any) -> ClothedOpening:
        def handle(stream: portside.Stream) -> Any:
            return run_blocking(handler(clothe(stream)))

        if "on_error" in kwargs:
            on_error = kwargs["on_error"]
            kwargs["on_error"] = lambda error, stream: on_error(error, clothe(stream))
        return ClothedOpening(lambda: portside.serve(handle, *undress(targets), **kwargs))

    def stream_pair(self) -> Any:
        return clothe(portside.stream_pair())

    def wrap(self, sock: Any) -> Any:
        return clothe(portside.Stream.wrap(sock))


class BlockingWorld(World):
    """The blocking shell, with a thread for every story."""

    @property
    def shell(self) -> Any:
        return ClothedShell()

    def run(self, story: Coroutine[Any, Any, Any]) -> None:
        run_blocking(story)

    def spawn(self, story: Coroutine[Any, Any, Any]) -> Spawned:
        return SpawnedThread(story)

    def event(self) -> Event:
        return ThreadEvent()

    async def until(self, condition: Callable[[], bool]) -> None:
        give_up = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < give_up, "this never came to hold"
            time.sleep(0)  # noqa: ASYNC251  this world blocks, and has no loop
