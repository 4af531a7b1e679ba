"""Who is connected to a server, and what has happened to its connections so far."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from portside.errors import HandshakeFailed
from portside.plans.admission import Admission

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["Ledger", "ServerSettings", "ServerStats", "is_async"]

Connection = TypeVar("Connection")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The limits of a server; the arguments of ``serve``."""

    max_connections: int | None
    max_per_peer: int | None
    handshake_timeout: float | None
    idle_timeout: float | None
    grace: float | None

    def __post_init__(self) -> None:
        for name in ("max_connections", "max_per_peer"):
            limit = getattr(self, name)
            if limit is not None and limit < 1:
                raise ValueError(f"{name} is at least 1, or None for no limit, not {limit}")
        if self.idle_timeout is not None and self.idle_timeout <= 0:
            raise ValueError(
                f"idle_timeout is over 0, or None for no limit, not {self.idle_timeout:g}"
            )


def is_async(handler: Callable[..., object]) -> bool:
    """Return whether calling ``handler`` gives a coroutine, as far as can be seen."""
    if isinstance(handler, type):
        return False  # calling it makes an instance, whatever that can do
    call = getattr(handler, "__call__", None)  # noqa: B004  of an object with the method
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call)


@dataclass(slots=True)
class ServerStats:
    """What has happened to a server's connections so far.

    Attributes:
        accepted: Connections that were taken in.
        open: Those of them that are open now.
        refused: Connections that were reset at once, as their peer had too many.
        handshake_failures: Those that could not agree on TLS, or not in time.
        handler_failures: Handlers that ended with an exception.
        idle_timeouts: Connections that were cut because they said nothing.
    """

    accepted: int = 0
    open: int = 0
    refused: int = 0
    handshake_failures: int = 0
    handler_failures: int = 0
    idle_timeouts: int = 0


class Ledger(Generic[Connection]):
    """Keeps the books of one server; whoever has several threads brings the lock.

    Args:
        settings: Its limits.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._admission = Admission(settings.max_connections, settings.max_per_peer)
        self._peers: dict[Connection, Hashable] = {}
        self._cut: set[Connection] = set()
        self._stats = ServerStats()

    @property
    def connections(self) -> tuple[Connection, ...]:
        """Those that are open, in the order in which they came."""
        return tuple(self._peers)

    @property
    def full(self) -> bool:
        """Whether nobody more can be let in."""
        return self._admission.full

    def stats(self) -> ServerStats:
        """Return the counters as they are now."""
        return replace(self._stats, open=len(self._peers))

    def admit(self, peer: Hashable) -> bool:
        """Return whether a connection of ``peer`` may be let in, and count it."""
        if self._admission.admit(peer):
            return True
        self._stats.refused += 1
        return False

    def dismiss(self, peer: Hashable) -> None:
        """Take back an ``admit`` that came to nothing."""
        self._admission.leave(peer)

    def enter(self, connection: Connection, peer: Hashable) -> None:
        """Note a connection that was admitted."""
        self._peers[connection] = peer
        self._stats.accepted += 1

    def leave(self, connection: Connection) -> None:
        """Note that a connection has ended."""
        self._cut.discard(connection)
        self._admission.leave(self._peers.pop(connection))

    def cut(self, connection: Connection, *, idle: bool = False) -> None:
        """Note that the server itself is about to end a connection."""
        self._cut.add(connection)
        self._stats.idle_timeouts += idle

    def judge(self, connection: Connection, error: BaseException, *, greeting: bool) -> bool:
        """Count what ended a connection's handler; return whether to report it.

        Args:
            connection: Whose.
            error: What the handler raised.
            greeting: Whether it was the TLS handshake, and no handler ran yet.
        """
        if connection in self._cut and isinstance(error, OSError | EOFError):
            return False  # our own doing: its stream was closed under it
        if greeting and isinstance(error, HandshakeFailed | TimeoutError | OSError):
            self._stats.handshake_failures += 1
        else:
            self._stats.handler_failures += 1
        return True
