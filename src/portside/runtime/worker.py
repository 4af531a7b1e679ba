"""One process that serves a handler until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import signal
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import portside
import portside.aio
from portside.plans.serving import is_async

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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
    # The one queue that a signal handler may put into while its own thread is in get:
    # an Event's lock would be taken twice.
    told: queue.SimpleQueue[signal.Signals | None] = queue.SimpleQueue()

    def hurry() -> None:
        if told.get() is not None:
            server.shutdown(0)

    hurrying = threading.Thread(target=hurry, daemon=True)
    with _signals(lambda number, _: told.put(signal.Signals(number))), server:
        service.on_ready(server.addresses)
        if (cause := told.get()) is not None:
            service.on_stopping(cause, len(server.connections), service.settings.get("grace"))
        hurrying.start()
        try:
            return server.shutdown(), server.stats()
        finally:
            told.put(None)
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

    def stop_soon(number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(stop, number)

    with _signals(stop_soon):
        async with server:
            service.on_ready(server.addresses)
            cause = await told
            service.on_stopping(cause, len(server.connections), service.settings.get("grace"))
            drained = await server.shutdown()
            await asyncio.gather(*hurrying)
            return drained, server.stats()


@contextlib.contextmanager
def _signals(handler: Callable[[int, object], None]) -> Iterator[None]:
    """Have the stop signals call ``handler``, and restore what they did before."""
    before = {number: signal.signal(number, handler) for number in _STOP}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
