"""One process that serves a handler until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import portside
import portside.aio
from portside.plans.serving import is_async

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

    from portside.addresses import Address
    from portside.plans.serving import ServerStats

__all__ = ["Service", "run_service"]

# SIGBREAK is Windows': what one process can send another there.
_STOP = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
]


@dataclass(frozen=True, slots=True)
class Service:
    """What to serve, where, and whom to tell.

    Attributes:
        handler: Blocking or async; that decides which shell serves it.
        targets: Where to listen.
        settings: Keyword arguments for ``serve``.
        on_ready: Called with the addresses once connections are accepted.
        on_stopping: Called with the signal, the number of connections that are open, and
            the seconds they are given, when it is told to stop.
    """

    handler: Callable[..., Any]
    targets: Sequence[Address]
    settings: dict[str, Any] = field(default_factory=dict)
    on_ready: Callable[[Sequence[Address]], None] = lambda _: None
    on_stopping: Callable[[signal.Signals, int, float | None], None] = lambda *_: None


def run_service(service: Service) -> tuple[bool, ServerStats]:
    """Serve until SIGINT or SIGTERM, then drain; a second signal cuts what is left.

    To be called in the main thread, as only that one can wait for signals.

    Returns:
        Whether every handler finished by itself, and what happened to connections.

    Raises:
        BindError, ValueError: As ``serve`` does.
    """
    if is_async(service.handler):
        return asyncio.run(_serve_async(service))
    return _serve_blocking(service)


def _serve_blocking(service: Service) -> tuple[bool, ServerStats]:
    server = portside.serve(service.handler, *service.targets, **service.settings)
    with _SignalPipe() as told, server:
        service.on_ready(server.addresses)
        if (cause := told.next()) is not None:
            service.on_stopping(cause, len(server.connections), service.settings.get("grace"))

        def hurry() -> None:
            if told.next() is not None:
                server.shutdown(0)

        hurrying = threading.Thread(target=hurry, daemon=True)
        hurrying.start()
        try:
            return server.shutdown(), server.stats()
        finally:
            told.stop()
            hurrying.join()


async def _serve_async(service: Service) -> tuple[bool, ServerStats]:
    server = await portside.aio.serve(service.handler, *service.targets, **service.settings)
    loop = asyncio.get_running_loop()
    told: asyncio.Future[signal.Signals] = loop.create_future()
    hurrying: list[asyncio.Task[bool]] = []

    def stop(number: int) -> None:
        if told.done():
            hurrying.append(loop.create_task(server.shutdown(0)))
        else:
            told.set_result(signal.Signals(number))

    with _signals_of_loop(loop, stop):
        async with server:
            service.on_ready(server.addresses)
            cause = await told
            service.on_stopping(cause, len(server.connections), service.settings.get("grace"))
            drained = await server.shutdown()
            await asyncio.gather(*hurrying)
            return drained, server.stats()


class _SignalPipe:
    """Makes the stop signals something that a thread can wait for.

    The interpreter itself writes each into a socket (``signal.set_wakeup_fd``), whichever
    thread the kernel gave it to.  A Python handler would not do: one that takes a lock may
    find it taken by the very thread that it interrupts, and while the main thread waits for
    a lock, a signal that another thread got does not wake it.
    """

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._theirs.settimeout(0)

    def __enter__(self) -> Self:
        self._woken = signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, lambda *_: None) for number in _STOP}
        return self

    def __exit__(self, *_: object) -> None:
        for number, previous in self._before.items():
            signal.signal(number, previous)
        signal.set_wakeup_fd(self._woken)
        self._ours.close()
        self._theirs.close()

    def next(self) -> signal.Signals | None:
        """Wait for the next stop signal; None if there will be no more."""
        while True:
            (number,) = self._ours.recv(1)
            if number == 0:
                return None
            if number in _STOP:
                return signal.Signals(number)

    def stop(self) -> None:
        """Send whoever waits away."""
        with contextlib.suppress(BlockingIOError):  # full of signals, which do that, too
            self._theirs.send(b"\0")


@contextlib.contextmanager
def _signals_of_loop(
    loop: asyncio.AbstractEventLoop, handler: Callable[[int], None]
) -> Iterator[None]:
    """Have the loop call ``handler`` at the stop signals, which mean what they did after."""
    before = {number: signal.getsignal(number) for number in _STOP}
    try:
        for number in _STOP:
            try:
                loop.add_signal_handler(number, handler, number)
            except NotImplementedError:
                # Windows, whose loop is woken by every signal that has a handler.
                signal.signal(number, partial(_hand_over, loop, handler))
        yield
    finally:
        for number, previous in before.items():
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, previous)


def _hand_over(
    loop: asyncio.AbstractEventLoop, handler: Callable[[int], None], number: int, _: object
) -> None:
    loop.call_soon_threadsafe(handler, number)
