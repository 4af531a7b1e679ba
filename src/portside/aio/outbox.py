"""The outbox of a stream: what was written, on its way to the kernel.

Corking: while unread input is at hand, a reply is only collected, and goes out with the
others in one call: before the task waits for more input, when there are many, or on the next
turn of the loop at the latest.  For pipelined requests that is worth a factor of five.  With
nothing unread a write goes to the kernel at once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from portside.defaults import CORK_BOUND, TURNS
from portside.errors import StreamClosed

if TYPE_CHECKING:
    from portside.aio.link import Link
    from portside.wire.inbox import Inbox

__all__ = ["Outbox", "Owner"]


class Owner(Protocol):
    """What an outbox has to know of the transport that it belongs to.

    Attributes:
        alert: Whether something has to be looked at before more is read or written.
    """

    alert: bool

    def alarm(self) -> None:
        """Say that there is something to look at."""

    def check_open(self) -> None:
        """Raise ``StreamClosed`` if this side has closed the connection."""

    async def handshake(self) -> None:
        """Agree on TLS, if that is still to be done."""


class Outbox:
    """The writing side of one connection.

    Attributes:
        link: What carries the bytes.
        left: Writes that may be done without a look at anything but the link; 0 when there
            is something to think about.
        cork: Replies that are collected while requests are at hand.
        closed: Whether this side has said that it will send nothing more.
        broken: What broke the connection, or None.
        untold: Whether no caller has been told that yet.
    """

    __slots__ = (
        "_corked",
        "_inbox",
        "_loop",
        "_owner",
        "_queue",
        "_writers",
        "broken",
        "closed",
        "cork",
        "left",
        "link",
        "untold",
    )

    def __init__(
        self, link: Link, inbox: Inbox, loop: asyncio.AbstractEventLoop, owner: Owner
    ) -> None:
        self.link = link
        self.left = TURNS
        self.cork: list[bytes] = []
        self.closed = False
        self.broken: OSError | None = None
        self.untold = False
        self._corked = 0
        self._inbox = inbox
        self._loop = loop
        self._owner = owner
        # Writers who have to wait, and the queue in which they do so for each other.
        self._writers = 0
        self._queue: asyncio.Lock | None = None

    async def write(self, data: bytes | memoryview, timeout: float | None = None) -> None:
        """Send ``data``, or collect it while input is waiting; ``b""`` flushes.

        Raises:
            TimeoutError: If the time was up first; the rest goes with the next write.
            StreamClosed: If this side has closed the connection.
            OSError: If the connection is broken.
        """
        rest = self.write_now(data) if data else data
        if rest is not None:
            await self.write_rest(rest, timeout)

    def write_now(self, data: bytes | memoryview) -> bytes | memoryview | None:
        """Do what can be done without waiting.

        Returns:
            None if that was all; otherwise what ``write_rest`` has to be given: ``data``, or
            ``b""`` if it was taken and has to be waited for.
        """
        if not self.left:
            return data
        self.left -= 1
        if self.cork or self._inbox.data:
            if not self.cork:
                self._loop.call_soon(self._uncork_at_last)
            # The caller may change a buffer of its own once the call has ended.
            self.cork.append(data if type(data) is bytes else bytes(data))
            self._corked += len(data)
            if self._corked >= CORK_BOUND:
                self.uncork()
            return None
        try:
            if self.link.write(data):
                return None
        except OSError as error:
            self._break(error)
            raise
        self.left = 0
        return b""

    async def write_rest(self, rest: bytes | memoryview, timeout: float | None) -> None:
        """Send ``rest`` behind everything else, and wait until the kernel has taken it."""
        self._owner.check_open()
        if self._queue is None:
            self._queue = asyncio.Lock()
        self._writers += 1
        self.left = 0
        try:
            if timeout is None:
                await self._write_in_turn(rest, self._queue)
            else:
                async with asyncio.timeout(timeout):
                    await self._write_in_turn(rest, self._queue)
        finally:
            self._writers -= 1
            self.open()

    async def _write_in_turn(self, rest: bytes | memoryview, queue: asyncio.Lock) -> None:
        async with queue:
            await self._owner.handshake()
            self.uncork()
            if self.link.pending:
                await self.link.drained()
            elif rest:
                await asyncio.sleep(0)  # the others' turn: see ``defaults.TURNS``
            self._owner.check_open()
            if rest and self.closed:
                raise StreamClosed("the writing side of this stream is closed")
            if self.broken is not None:
                raise self.tell()
            if rest and not self._send(rest):
                await self.link.drained()

    def open(self) -> None:
        """Let writers pass without a look at anything, if nothing stands against it."""
        stands = self._owner.alert or self.broken or self.closed or self._writers
        self.left = 0 if stands or self.link.pending else TURNS

    def _send(self, data: bytes | memoryview) -> bool:
        """Hand ``data`` to the link; return False if some of it is queued there."""
        try:
            taken = self.link.write(data)
        except OSError as error:
            self._break(error)
            raise
        if not taken:
            self.left = 0
        return taken

    def _break(self, error: OSError) -> None:
        self.broken = error
        self.left = 0

    def uncork(self) -> None:
        """Send what was collected.

        Raises:
            OSError: If the connection is broken.
        """
        if self.cork:
            data = b"".join(self.cork)
            self.cork.clear()
            self._corked = 0
            self._send(data)

    def _uncork_at_last(self) -> None:
        """Send what was collected, as the task went on to something else."""
        try:
            self.uncork()
        except OSError:
            self.untold = True
            self._owner.alarm()

    def tell(self) -> OSError:
        """Return what broke the connection, to be raised."""
        assert self.broken is not None  # noqa: S101  the callers have looked
        self.untold = False
        return self.broken.with_traceback(None)

    async def close(self, timeout: float | None = None) -> None:
        """Send what is pending, then tell the peer that nothing more will come."""
        if not self.closed:
            await self.write_rest(b"", timeout)
            self.closed = True
            self.left = 0
            self.link.close_write()

    async def drain(self, timeout: float) -> None:
        """Send everything before the connection is given up.

        Raises:
            OSError: If that cannot be, or not in time.
        """
        self.uncork()
        if self.link.pending:
            async with asyncio.timeout(timeout):
                await self.link.drained()
