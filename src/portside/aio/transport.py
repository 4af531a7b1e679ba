"""What a stream and its framing read from and write to.

    Stream, FramedStream
      │ receive      │ write
    Transport ────▶ Outbox
      │ take           │
    Inbox ◀── Link ◀───┘

The hot path is a read that the inbox can satisfy and a write that the kernel takes at once:
neither touches the loop.  A counter guards each, ``reads_left`` here and ``left`` in the
outbox.  They run down with every such operation, and are 0 when there is something to think
about: a turn for other tasks, a reader that waits, TLS to be agreed on, a connection that is
closed or broken.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from portside.aio.completion import CompletionLink
from portside.aio.outbox import Outbox
from portside.aio.readiness import ReadinessLink
from portside.aio.tls import TLSLink
from portside.aio.waiter import Waiter
from portside.defaults import CLOSE_TIMEOUT, HANDSHAKE_TIMEOUT, TURNS
from portside.errors import EndOfStream, StreamBusy, StreamClosed
from portside.system.sockets import require_detachable
from portside.wire.inbox import Inbox

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from portside.aio.link import Link
    from portside.wire.tls_info import TLSInfo
    from portside.wire.tls_records import TLSRecords

__all__ = ["Transport"]

Got = TypeVar("Got")


class Transport:
    """The bytes of one connection, in both directions.

    Attributes:
        inbox: What has arrived and was not read yet.
        outbox: What was written, on its way to the kernel.
        tls: What the TLS handshake agreed on, or None.
        closed: Whether this side gave the connection up.
        alert: Whether something has to be looked at before more is read or written.
        reads_left: Reads that may be done without a look at anything but the inbox.
    """

    __slots__ = (
        "_greeting",
        "_handshake_due",
        "_link",
        "_reading",
        "_waiter",
        "alert",
        "closed",
        "inbox",
        "outbox",
        "reads_left",
        "tls",
    )

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(0)
        loop = asyncio.get_running_loop()
        self.inbox = Inbox()
        self.tls: TLSInfo | None = None
        self.closed = False
        self.alert = False
        self.reads_left = TURNS
        self._reading = False
        self._waiter = Waiter(loop)
        self._link: Link = _open_link(sock, loop, self.inbox, self._waiter)
        self.outbox = Outbox(self._link, self.inbox, loop, self)
        self._handshake_due: TLSLink | None = None
        self._greeting: asyncio.Lock | None = None

    @property
    def moved(self) -> int:
        """Bytes that went through, in both directions together."""
        return self._link.moved

    # Reading

    async def receive(
        self,
        take: Callable[[], Got | None],
        timeout: float | None = None,
        expected: int | None = None,
        at_end: type[Exception] = EndOfStream,
    ) -> Got:
        """Wait until ``take`` gets what it wants from the inbox, and return that.

        Args:
            take: Returns None while not enough is here; it wants a byte at least, or the end.
            timeout: Seconds to wait, or None.
            expected: How many bytes it wants in all, if that is known.
            at_end: What to raise at the clean end.

        Raises:
            StreamBusy: If another task is reading.
            StreamClosed: If this side has closed the connection.
            IncompleteRead: If the peer ended it in the middle of what is wanted.
            TimeoutError: If the time was up first.
        """
        inbox, cork = self.inbox, self.outbox.cork
        if inbox.data and self.reads_left and (got := take()) is not None:
            self.reads_left -= 1
            return got
        if timeout is not None:
            async with asyncio.timeout(timeout):
                return await self.receive(take, None, expected, at_end)
        if self._reading:
            raise StreamBusy
        others_wait = not self.reads_left
        self._reading, self.reads_left = True, 0
        try:
            if others_wait:
                self.check_open()
                await asyncio.sleep(0)
            while True:
                if (inbox.data or inbox.ended) and (got := take()) is not None:
                    return got
                if (self.alert or cork or inbox.ended) and await self._look(expected, at_end):
                    continue
                await self._waiter.park()
        finally:
            self._reading = False
            self.reads_left = 0 if self.alert else TURNS

    async def _look(self, expected: int | None, at_end: type[Exception]) -> bool:
        """Do what has to be done before waiting for input.

        Returns:
            Whether that may have brought some.

        Raises:
            Exception: What says that there will be none.
        """
        self.check_open()
        if self._handshake_due is not None:
            await self.handshake()
            return True
        if self.inbox.ended:
            shortage = self.inbox.shortage(expected)
            raise at_end if type(shortage) is EndOfStream else shortage
        self.outbox.uncork()
        if self.outbox.untold:
            error = self.outbox.tell()
            self._calm()
            raise error
        return False

    # TLS

    async def start_tls(self, records: TLSRecords, timeout: float | None) -> None:
        """Go over to TLS and do the handshake.

        Raises:
            StreamBusy: If another task is reading.
            HandshakeFailed: If there is no agreement.
            TimeoutError: If the time was up first.
        """
        if self._reading:
            raise StreamBusy
        await self.outbox.write(b"", timeout)
        self.expect_tls(records)
        await self.handshake(timeout)

    def expect_tls(self, records: TLSRecords) -> None:
        """Go over to TLS; what is unread is taken for the peer's first words in it.

        The handshake is for whoever reads or writes next.
        """
        link = TLSLink(self._link, records, self.inbox)
        self._link = self.outbox.link = self._handshake_due = link
        self.alarm()
        received, (ended, failure) = self.inbox.take_up_to(len(self.inbox)), self.inbox.reopen()
        link.start(received)
        if ended:
            link.end(failure)

    async def handshake(self, timeout: float | None = HANDSHAKE_TIMEOUT) -> None:
        """Agree on TLS, if that is still to be done; reading and writing do it too."""
        if self._handshake_due is None:
            return
        if self._greeting is None:
            self._greeting = asyncio.Lock()
        async with asyncio.timeout(timeout), self._greeting:
            await self._agree()
        self._calm()

    async def _agree(self) -> None:
        link = self._handshake_due
        if link is None:
            return  # another task did it, while this one waited for its turn
        while link.info is None:
            self.check_open()
            if link.refusal is not None:
                raise link.refusal.with_traceback(None)
            await self._waiter.park()
        self.tls, self._handshake_due = link.info, None

    # Ending

    def check_open(self) -> None:
        """Raise ``StreamClosed`` if this side has closed the connection."""
        if self.closed:
            raise StreamClosed

    def alarm(self) -> None:
        """Close the hot paths: there is something to look at."""
        self.alert = True
        self.reads_left = self.outbox.left = 0

    def _calm(self) -> None:
        """Open the hot paths again, if nothing stands against it."""
        self.alert = self.closed or self.outbox.untold or self._handshake_due is not None
        self.reads_left = 0 if self.alert or self._reading else TURNS
        self.outbox.open()

    async def close(self) -> None:
        """Send what is pending and give the connection up; does nothing the second time.

        Raises:
            OSError: If what was written could not be handed to the kernel; the connection
                is reset then.
        """
        if self.closed:
            return
        self._close_to_callers()
        lost = self.outbox.broken if self.outbox.untold else None
        resets = True
        try:
            if self.outbox.broken is None:
                await self.outbox.drain(CLOSE_TIMEOUT)
                self._say_goodbye()
            resets = False
        except OSError as error:
            lost = error
        finally:
            if resets:
                self._link.abort()
            else:
                self._link.close()
        if lost is not None:
            raise lost

    def _say_goodbye(self) -> None:
        """Tell a TLS peer that this is the end, if it is still there."""
        if self.tls is not None:
            with suppress(OSError):
                self._link.close_write()

    def abort(self) -> None:
        """Give the connection up at once, and reset it."""
        if not self.closed:
            self._close_to_callers()
            self.outbox.cork.clear()
            self._link.abort()

    def _close_to_callers(self) -> None:
        """Send every caller away, those who wait too."""
        self.closed = True
        self.alarm()
        self.inbox.clear()
        self._waiter.wake_soon()

    def detach(self) -> None:
        """Let go of the socket.

        Raises:
            ValueError: If that would lose something.
        """
        self.check_open()
        self.outbox.uncork()
        require_detachable(self.inbox, self._link.pending, tls=self.tls is not None)
        self._link.release()
        self._close_to_callers()


def _open_link(
    sock: socket.socket, loop: asyncio.AbstractEventLoop, inbox: Inbox, waiter: Waiter
) -> Link:
    """Return the kind of link that this loop can serve."""
    try:
        return ReadinessLink(sock, loop, inbox, waiter)
    except NotImplementedError:
        # A loop without ``add_reader``: Windows' Proactor.
        return CompletionLink(sock, loop, inbox, waiter)
