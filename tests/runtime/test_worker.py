from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import portside
from portside.addresses import Address
from portside.runtime.worker import Service, run_service
from worlds import PATIENCE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pthread_kill")

Handler = Callable[..., Any]
STOP = [signal.SIGINT, signal.SIGTERM]


def echo_blocking(stream: portside.Stream) -> None:
    for chunk in stream:
        stream.write(chunk)


async def echo(stream: portside.aio.Stream) -> None:
    async for chunk in stream:
        await stream.write(chunk)


def fail_blocking(stream: portside.Stream) -> None:
    raise RuntimeError(f"broken for {stream.read(1)!r}")


async def fail(stream: portside.aio.Stream) -> None:
    raise RuntimeError(f"broken for {await stream.read(1)!r}")


BOTH = pytest.mark.parametrize("handler", [echo_blocking, echo], ids=["blocking", "async"])


def signal_main(number: int = signal.SIGTERM) -> None:
    """Send a signal to the main thread, as an administrator would."""
    ident = threading.main_thread().ident
    assert ident is not None
    signal.pthread_kill(ident, number)


@dataclass
class Story:
    """A service, and what becomes of it while somebody acts on it from a thread.

    Attributes:
        act: Called with its addresses once it is ready; then it is told to stop, if it was
            not yet.
        told: What ``on_stopping`` was called with.
        stopping: Set when it was.
    """

    act: Callable[[Sequence[Address]], object]
    number: int = signal.SIGTERM
    told: list[tuple[signal.Signals, int, float | None]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(
        self, handler: Handler, *targets: str, **settings: Any
    ) -> tuple[bool, portside.ServerStats]:
        acting: list[Future[None]] = []

        def tell(*facts: Any) -> None:
            self.told.append(facts)
            self.stopping.set()

        with ThreadPoolExecutor(1) as threads:
            service = Service(
                handler,
                [Address.parse(target) for target in targets or ("tcp://127.0.0.1:0",)],
                settings,
                on_ready=lambda addresses: acting.append(threads.submit(self._act, addresses)),
                on_stopping=tell,
            )
            answer = run_service(service)
            acting[0].result(PATIENCE)
        return answer

    def _act(self, addresses: Sequence[Address]) -> None:
        try:
            self.act(addresses)
        finally:
            if not self.stopping.is_set():
                signal_main(self.number)


def ask(address: Address, question: bytes = b"ahoy") -> bytes:
    with portside.connect(address, timeout=PATIENCE) as stream:
        stream.write(question)
        stream.close_write()
        return stream.read_all(timeout=PATIENCE)


@BOTH
@pytest.mark.parametrize("number", STOP)
def test_it_serves_until_it_is_told_to_stop(handler: Handler, number: signal.Signals) -> None:
    answers = []
    story = Story(lambda addresses: answers.append(ask(addresses[0])), number)

    drained, stats = story.run(handler, grace=60.0)

    assert answers == [b"ahoy"]
    assert drained
    assert (stats.accepted, stats.open, stats.handler_failures) == (1, 0, 0)
    ((cause, _, grace),) = story.told
    assert (cause, grace) == (number, 60.0)


@BOTH
def test_it_serves_every_target(handler: Handler, tmp_path: Path) -> None:
    answers: list[bytes] = []
    addresses: list[Address] = []

    def act(given: Sequence[Address]) -> None:
        addresses.extend(given)
        answers.extend(map(ask, given))

    _, stats = Story(act).run(handler, "tcp://127.0.0.1:0", f"unix:{tmp_path}/a.sock")

    assert answers == [b"ahoy", b"ahoy"]
    assert str(addresses[1]) == f"unix:{tmp_path}/a.sock"
    assert stats.accepted == 2


@pytest.mark.parametrize("handler", [fail_blocking, fail], ids=["blocking", "async"])
def test_handlers_that_fail_are_counted_and_told_to_whom_it_may_concern(handler: Handler) -> None:
    errors = []
    story = Story(lambda addresses: ask(addresses[0]))

    drained, stats = story.run(handler, on_error=lambda error, _: errors.append(str(error)))

    assert drained
    assert errors == ["broken for b'a'"]
    assert stats.handler_failures == 1


@BOTH
def test_a_connection_that_is_open_is_waited_for(handler: Handler) -> None:
    answers = []

    def act(addresses: Sequence[Address]) -> None:
        with portside.connect(addresses[0]) as stream:
            stream.write(b"one")
            answers.append(stream.read(timeout=PATIENCE))
            signal_main()
            assert story.stopping.wait(PATIENCE)
            stream.write(b"two")
            answers.append(stream.read(timeout=PATIENCE))

    story = Story(act)
    drained, _ = story.run(handler, grace=None)

    assert drained
    assert answers == [b"one", b"two"]
    assert story.told == [(signal.SIGTERM, 1, None)]


@BOTH
def test_a_connection_that_stays_is_cut_when_the_grace_is_over(handler: Handler) -> None:
    def act(addresses: Sequence[Address]) -> None:
        with portside.connect(addresses[0]) as stream:
            stream.write(b"one")
            assert stream.read(timeout=PATIENCE) == b"one"
            signal_main()
            with pytest.raises(ConnectionResetError):
                stream.read(timeout=PATIENCE)

    drained, stats = Story(act).run(handler, grace=0.05)

    assert not drained
    assert stats.open == 0
    assert stats.handler_failures == 0


@BOTH
@pytest.mark.parametrize("second", STOP)
def test_a_second_signal_ends_the_grace(handler: Handler, second: signal.Signals) -> None:
    def act(addresses: Sequence[Address]) -> None:
        with portside.connect(addresses[0]) as stream:
            stream.write(b"one")
            assert stream.read(timeout=PATIENCE) == b"one"
            signal_main(signal.SIGTERM)
            assert story.stopping.wait(PATIENCE)
            signal_main(second)
            with pytest.raises(ConnectionResetError):
                stream.read(timeout=PATIENCE)

    story = Story(act)
    drained, _ = story.run(handler, grace=3600.0)

    assert not drained
    assert len(story.told) == 1


@BOTH
def test_signals_mean_afterwards_what_they_meant_before(handler: Handler) -> None:
    def mine(*_: object) -> None:
        pass

    before = signal.signal(signal.SIGTERM, mine)
    try:
        Story(lambda _: None).run(handler)

        assert signal.getsignal(signal.SIGTERM) is mine
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)


@BOTH
def test_an_address_that_cannot_be_had_is_an_error_and_nothing_stays(
    handler: Handler, tmp_path: Path
) -> None:
    path = tmp_path / "a.sock"
    before = signal.getsignal(signal.SIGTERM)
    with portside.listen("127.0.0.1:0") as taken:
        targets = [Address.parse(f"unix:{path}"), taken.addresses[0]]

        with pytest.raises(portside.BindError, match="it is in use"):
            run_service(Service(handler, targets))

    assert not path.exists()
    assert signal.getsignal(signal.SIGTERM) is before


@BOTH
def test_settings_that_cannot_be_are_an_error(handler: Handler) -> None:
    with pytest.raises(ValueError, match="max_connections is at least 1"):
        run_service(Service(handler, [Address.parse("127.0.0.1:0")], {"max_connections": 0}))
    with pytest.raises(ValueError, match="no target was given"):
        run_service(Service(handler, []))


@BOTH
def test_whoever_is_told_of_readiness_may_fail(handler: Handler) -> None:
    def ready(_: object) -> None:
        raise BrokenPipeError("nobody reads the address")

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(BrokenPipeError):
        run_service(Service(handler, [Address.parse("127.0.0.1:0")], on_ready=ready))

    assert signal.getsignal(signal.SIGTERM) is before


def test_async_handlers_share_one_loop_and_blocking_ones_need_none() -> None:
    loops: list[asyncio.AbstractEventLoop] = []
    threads: list[str] = []

    async def note_loop(_: portside.aio.Stream) -> None:
        loops.append(asyncio.get_running_loop())

    def note_thread(_: portside.Stream) -> None:
        threads.append(threading.current_thread().name)
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()

    def ask_twice(addresses: Sequence[Address]) -> None:
        for _ in range(2):
            with portside.connect(addresses[0]) as stream:
                assert stream.read(timeout=PATIENCE) == b""

    _, stats = Story(ask_twice).run(note_loop)
    assert loops[0] is loops[1]
    assert stats.handler_failures == 0

    _, stats = Story(ask_twice).run(note_thread)
    assert len(threads) == 2
    assert threads[0].startswith("handler of tcp://127.0.0.1:")
    assert stats.handler_failures == 0
