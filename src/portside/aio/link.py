"""Links: what carries a stream's bytes to and from the kernel.

    Transport ── write ──▶ Link ──▶ kernel
    Inbox ◀──── append ─── Link ◀── kernel      then the waiting task is woken

A link sends at once, and queues only what the kernel refuses.  How it learns that the kernel
is ready again differs by loop: see ``portside.aio.readiness`` and
``portside.aio.completion``.  TLS is a link above another link.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Protocol

from portside.errors import StreamClosed
from portside.system.sockets import close_now, close_write_side, reset_now

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable

    from portside.aio.waiter import Waiter

__all__ = ["Link", "Sink", "SocketLink"]


class Sink(Protocol):
    """Where a link puts what it receives: an ``Inbox``, or the TLS link above."""

    def append(self, chunk: bytes, /) -> None:
        """Add what a read returned."""

    def end(self, failure: Exception | None = None, /) -> None:
        """Note that nothing more will come."""

    def __len__(self) -> int: ...


class Link(ABC):
    """One connection's way to the kernel."""

    __slots__ = ()

    @property
    @abstractmethod
    def moved(self) -> int:
        """Bytes that went through, in both directions together."""

    @abstractmethod
    def attach(self, sink: Sink) -> None:
        """Have ``sink`` receive from now on."""

    @property
    @abstractmethod
    def pending(self) -> int:
        """Bytes that were written and that the kernel has not taken yet."""

    @abstractmethod
    def write(self, data: bytes | memoryview) -> bool:
        """Send ``data``; return False if some of it had to be queued.

        Raises:
            OSError: If the connection is broken.
        """

    @abstractmethod
    async def drained(self) -> None:
        """Wait until the kernel has taken everything that was queued.

        Raises:
            OSError: If the connection broke first.
        """

    @abstractmethod
    def close_write(self) -> None:
        """Tell the peer that nothing more will be sent; what was queued goes first."""

    @abstractmethod
    def close(self) -> None:
        """Give the connection up; what the kernel has is still delivered."""

    @abstractmethod
    def abort(self) -> None:
        """Give the connection up and reset it, so that the peer sees an error."""

    @abstractmethod
    def release(self) -> None:
        """Let go of the socket without closing it."""


class SocketLink(Link):
    """A link to a non-blocking socket; how it waits is for its subclasses to say.

    Attributes:
        received: Bytes that came from the kernel.
        sent: Bytes that the kernel took.
    """

    __slots__ = (
        "_end_after",
        "_failure",
        "_loop",
        "_paused",
        "_queue",
        "_receive",
        "_send",
        "_sink",
        "_sock",
        "_waiter",
        "_waiting",
        "received",
        "sent",
    )

    def __init__(
        self, sock: socket.socket, loop: asyncio.AbstractEventLoop, sink: Sink, waiter: Waiter
    ) -> None:
        self._sock = sock
        self._receive = sock.recv
        self._send = sock.send
        self._loop = loop
        self._queue: deque[memoryview] = deque()
        self._waiting: list[asyncio.Future[None]] = []
        self._end_after = False
        self._sink = sink
        self._waiter = waiter
        self._failure: OSError | None = None
        self._paused = False
        self.received = 0
        self.sent = 0
        self._start_reading()

    @property
    def moved(self) -> int:
        return self.received + self.sent

    def attach(self, sink: Sink) -> None:
        self._sink = sink

    # Writing

    @property
    def pending(self) -> int:
        return sum(map(len, self._queue))

    def write(self, data: bytes | memoryview) -> bool:
        if self._queue:
            self._enqueue(data)
            return False
        try:
            sent = self._send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._failure = error
            raise
        self.sent += sent
        if sent == len(data):
            return True
        self._enqueue(data[sent:] if isinstance(data, memoryview) else memoryview(data)[sent:])
        self._start_writing()
        return False

    def _enqueue(self, data: bytes | memoryview) -> None:
        # The caller may change a buffer of its own once write has returned.
        kept = data if isinstance(data, bytes) or data.readonly else bytes(data)
        self._queue.append(memoryview(kept))

    def _send_queued(self) -> bool:
        """Send what the kernel takes of the queue; return whether it took all."""
        queue = self._queue
        try:
            while queue:
                sent = self._send(queue[0])
                self.sent += sent
                if sent == len(queue[0]):
                    queue.popleft()
                else:
                    queue[0] = queue[0][sent:]
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            self._failure = error
            queue.clear()
        self._written()
        return True

    def _written(self) -> None:
        """Wake everybody who waits for the queue to be empty."""
        self._stop_writing()
        if self._end_after and self._failure is None:
            self.close_write()
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def drained(self) -> None:
        if self._queue:
            future = self._loop.create_future()
            self._waiting.append(future)
            try:
                await future
            finally:
                self._waiting.remove(future)
        if self._failure is not None:
            raise self._failure.with_traceback(None)

    # Ending

    def close_write(self) -> None:
        if self._queue:
            self._end_after = True
            return
        close_write_side(self._sock)

    def close(self) -> None:
        self.release()
        self._when_free(close_now)

    def abort(self) -> None:
        self.release()
        self._when_free(reset_now)

    def release(self) -> None:
        self._stop_reading()
        self._stop_writing()
        if self._queue:
            self._failure = StreamClosed("the stream was closed before all was sent")
            self._queue.clear()
            self._end_after = False
            self._written()

    # Reading

    def _ended(self, failure: OSError | None) -> None:
        """Note that the peer finished sending, or that the connection broke."""
        self._stop_reading()
        if failure is not None and self._failure is None:
            self._failure = failure
        self._sink.end(failure)

    def _pause(self) -> None:
        """Leave further input in the kernel until somebody waits for it.

        The kernel's buffer fills up then, and TCP makes the peer wait.
        """
        self._paused = True
        self._waiter.before_parking = self._resume

    def _resume(self) -> None:
        self._paused = False
        self._start_reading()

    # What the kind of loop decides

    def _when_free(self, end: Callable[[socket.socket], None]) -> None:
        """Call ``end`` with the socket as soon as the loop no longer uses it."""
        end(self._sock)

    @abstractmethod
    def _start_reading(self) -> None: ...

    @abstractmethod
    def _stop_reading(self) -> None: ...

    @abstractmethod
    def _start_writing(self) -> None: ...

    @abstractmethod
    def _stop_writing(self) -> None: ...
