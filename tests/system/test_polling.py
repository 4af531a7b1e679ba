from __future__ import annotations

import errno
import importlib.util
import math
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from types import ModuleType, SimpleNamespace
from typing import Any, TypeAlias

import pytest

from portside.errors import ConnectTimeout
from portside.system import polling
from portside.system.polling import deadline_after, is_deadline, time_left

Pair: TypeAlias = tuple[socket.socket, socket.socket]

DAY = 86_400.0


def without_poll() -> ModuleType:
    """Return the module as it is on a platform whose ``select`` has no ``poll``: Windows."""
    spec = importlib.util.find_spec("portside.system.polling")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(select, "poll", raising=False)
        spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["as it is", "without poll"])
def ready(request: pytest.FixtureRequest) -> Any:
    """The module, in each of its forms."""
    return polling if request.param == "as it is" else without_poll()


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        yield ours, theirs


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that goes when it is told to."""
    told = SimpleNamespace(now=100.0)
    told.monotonic = lambda: told.now
    monkeypatch.setattr(polling, "time", told)
    return told


def fill(sock: socket.socket) -> None:
    """Write until the kernel takes no more."""
    sock.settimeout(0)
    with suppress(BlockingIOError):
        while True:
            sock.send(bytes(65536))


@pytest.mark.usefixtures("clock")
def test_a_deadline_is_a_moment() -> None:
    assert deadline_after(2.5) == 102.5
    assert deadline_after(0) == 100.0


def test_without_a_timeout_there_is_no_deadline() -> None:
    assert deadline_after(None) is None
    assert time_left(None) is None


def test_the_time_that_is_left_runs_out(clock: SimpleNamespace) -> None:
    deadline = deadline_after(3)
    clock.now += 1

    assert time_left(deadline) == 2

    clock.now += 2
    with pytest.raises(TimeoutError, match="the time is up") as caught:
        time_left(deadline)
    assert is_deadline(caught.value)


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (TimeoutError("the time is up"), True),
        (TimeoutError(), True),
        (ConnectTimeout("tcp://localhost:80"), True),
        (TimeoutError(errno.ETIMEDOUT, "Connection timed out"), False),
        (OSError(errno.ETIMEDOUT, "Connection timed out"), False),
        (OSError("no number"), False),
        (ConnectionResetError(errno.ECONNRESET, "reset"), False),
    ],
)
def test_our_deadline_is_told_from_the_kernels(error: OSError, *, ours: bool) -> None:
    assert is_deadline(error) is ours


def test_bytes_that_are_here_are_ready_to_be_read(ready: Any, pair: Pair) -> None:
    ours, theirs = pair
    theirs.send(b"x")

    ready.wait_until_ready(ours, writing=False, deadline=deadline_after(20))
    ready.wait_until_ready(ours, writing=False, deadline=None)


def test_the_end_is_ready_to_be_read(ready: Any, pair: Pair) -> None:
    ours, theirs = pair
    theirs.close()

    ready.wait_until_ready(ours, writing=False, deadline=deadline_after(20))


def test_room_is_ready_to_be_written_to(ready: Any, pair: Pair) -> None:
    ready.wait_until_ready(pair[0], writing=True, deadline=deadline_after(20))


def test_nothing_to_read_is_waited_for_until_the_deadline(ready: Any, pair: Pair) -> None:
    deadline = time.monotonic() + 0.02

    with pytest.raises(TimeoutError) as caught:
        ready.wait_until_ready(pair[0], writing=False, deadline=deadline)

    assert is_deadline(caught.value)
    assert time.monotonic() >= deadline


def test_no_room_is_waited_for_until_the_deadline(ready: Any, pair: Pair) -> None:
    ours, _ = pair
    fill(ours)

    with pytest.raises(TimeoutError):
        ready.wait_until_ready(ours, writing=True, deadline=deadline_after(0.02))


def test_what_is_there_to_be_read_is_no_room_to_write(ready: Any, pair: Pair) -> None:
    ours, theirs = pair
    theirs.send(b"x")
    fill(ours)

    with pytest.raises(TimeoutError):
        ready.wait_until_ready(ours, writing=True, deadline=deadline_after(0.02))


def test_bytes_that_come_later_end_the_wait(ready: Any, pair: Pair) -> None:
    ours, theirs = pair
    sender = threading.Timer(0.01, theirs.send, [b"x"])
    sender.start()

    ready.wait_until_ready(ours, writing=False, deadline=None)

    assert ours.recv(1) == b"x"


def test_a_refused_connection_ends_the_wait(ready: Any) -> None:
    with socket.socket() as deaf, socket.socket() as calling:
        deaf.bind(("127.0.0.1", 0))
        calling.settimeout(0)
        calling.connect_ex(deaf.getsockname())

        ready.wait_until_ready(calling, writing=True, deadline=deadline_after(20))


@pytest.mark.parametrize("timeout", [60 * DAY, math.inf])
def test_a_deadline_may_be_far_away(ready: Any, pair: Pair, timeout: float) -> None:
    ours, theirs = pair
    theirs.send(b"x")

    ready.wait_until_ready(ours, writing=False, deadline=deadline_after(timeout))


def test_a_wait_that_ends_early_is_begun_again(
    pair: Pair, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float | None] = []

    def not_yet(_: socket.socket, *, writing: bool, timeout: float | None) -> bool:
        assert not writing
        waits.append(timeout)
        clock.now += 2
        return len(waits) == 2

    monkeypatch.setattr(polling, "_ready", not_yet)

    polling.wait_until_ready(pair[0], writing=False, deadline=105.0)

    assert waits == [5.0, 3.0]


@pytest.mark.skipif(not hasattr(select, "poll"), reason="select(2) is all this platform has")
@pytest.mark.parametrize("left", [0.0001, 0.0009, 0.0019, 1.0])
def test_a_wait_does_not_spin_through_its_last_millisecond(
    left: float, pair: Pair, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []

    def poll(milliseconds: int) -> list[int]:
        waits.append(milliseconds)
        clock.now += milliseconds / 1000
        return []

    poller = SimpleNamespace(register=lambda *_: None, poll=poll)
    monkeypatch.setattr(select, "poll", lambda: poller)

    with pytest.raises(TimeoutError):
        polling.wait_until_ready(pair[0], writing=False, deadline=clock.now + left)

    assert len(waits) == 1


@pytest.mark.skipif(not hasattr(select, "poll"), reason="select(2) is all this platform has")
def test_a_descriptor_over_the_limit_of_select_can_be_waited_for(pair: Pair) -> None:
    if sys.platform == "win32":
        return
    import fcntl
    import resource

    ours, theirs = pair
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= hard < 2048:
        pytest.skip(f"this process may have {hard} descriptors, and select stops at 1024")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    try:
        with socket.socket(fileno=fcntl.fcntl(ours.fileno(), fcntl.F_DUPFD_CLOEXEC, 1500)) as high:
            theirs.send(b"x")
            assert high.fileno() >= 1500

            polling.wait_until_ready(high, writing=False, deadline=deadline_after(20))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
