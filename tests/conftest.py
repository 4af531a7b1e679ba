"""What every test gets: a world to run in, and a check that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import inspect
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from certificates import Certificates
from worlds import BlockingWorld, LoopWithoutReaders, LoopWorld, World

settings.register_profile("portside", deadline=None, max_examples=100)
settings.load_profile("portside")


def loop_worlds() -> list[LoopWorld]:
    worlds = [LoopWorld("asyncio", asyncio.SelectorEventLoop)]
    if sys.platform == "win32":
        worlds.append(LoopWorld("proactor", asyncio.ProactorEventLoop))
    else:
        import uvloop

        worlds.append(LoopWorld("uvloop", uvloop.new_event_loop))
    worlds.append(LoopWorld("no-readers", LoopWithoutReaders))
    return worlds


@pytest.fixture(params=[BlockingWorld("blocking"), *loop_worlds()], ids=repr)
def world(request: pytest.FixtureRequest) -> World:
    """Each world in turn: a test that asks for it is told in all of them."""
    chosen: World = request.param
    return chosen


@pytest.fixture(params=loop_worlds(), ids=repr)
def loop_world(request: pytest.FixtureRequest) -> LoopWorld:
    """Each async world in turn, for what only tasks can do."""
    chosen: LoopWorld = request.param
    return chosen


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine in the world that it asked for."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    chosen: Any = pyfuncitem.funcargs.get("world") or pyfuncitem.funcargs.get("loop_world")
    assert chosen is not None, "an async test asks for the fixture world or loop_world"
    names = inspect.signature(pyfuncitem.obj).parameters
    chosen.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(scope="session")
def ipv6() -> None:
    """Skip a test that needs IPv6 where the kernel has none on the loopback."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"this system has no IPv6 on its loopback: {error}")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate authority of the tests' own, and what it signed."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


def open_descriptors() -> dict[int, str]:
    """Return the open file descriptors and what they are, where the system shows them."""
    for folder in (Path("/proc/self/fd"), Path("/dev/fd")):
        if folder.is_dir():
            found = {}
            for entry in folder.iterdir():
                with suppress(OSError):  # the one that lists the folder
                    found[int(entry.name)] = str(entry.readlink())
            return found
    return {}


@pytest.fixture(scope="session")
def warmed_up() -> None:
    """Let every kind of loop open what it keeps open for good: uvloop has such a pipe."""
    for one in loop_worlds():
        one.run(asyncio.sleep(0))


@pytest.fixture(autouse=True)
def nothing_left_behind(certificates: Certificates, warmed_up: None) -> Iterator[None]:
    """Fail a test that leaves a file descriptor or a thread; worlds look for tasks."""
    del certificates, warmed_up  # done before the first look
    descriptors, threads = open_descriptors(), set(threading.enumerate())
    yield
    give_up = time.monotonic() + 5
    while left := {thread for thread in threading.enumerate() if thread not in threads}:
        assert time.monotonic() < give_up, f"the test left threads behind: {left}"
        for thread in left:
            thread.join(0.1)
    if open_descriptors() != descriptors:
        gc.collect()  # it takes a while, and is rarely needed
    new = {fd: what for fd, what in open_descriptors().items() if descriptors.get(fd) != what}
    assert not new, f"the test left file descriptors open: {new}"
