"""What a stream and its framing read from and write to: the inbox above, the link below.

The hot path is a read that the inbox can satisfy and a write that the kernel takes at once:
neither touches the loop.  Two counters guard it.  ``reads_left`` and ``writes_left`` run down
with each such operation and are 0 when there is something to think about: a turn for other
tasks, a reader that waits, TLS to be agreed on, a connection that is closed or broken.

Corking: while unread input is at hand, a reply is only collected, and goes out with the
others in one call: before the task waits for more input, when there are many, or on the next
turn of the loop at the latest.  For pipelined requests that is worth a factor of five.  With
nothing unread a write goes to the kernel at once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from portside.aio.completion import CompletionLink
from portside.aio.readiness import ReadinessLink
from portside.aio.tls import TLSLink
from portside.aio.waiter import Waiter
from portside.defaults import CLOSE_TIMEOUT, CORK_BOUND, HANDSHAKE_TIMEOUT, TURNS
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
        tls: What the TLS handshake agreed on, or None.
        closed: Whether this side gave the connection up.
        write_closed: Whether this side has said that it will send nothing more.
        reads_left: Reads that may be done without a look at anything but the inbox.
        writes_left: Writes that may be done without a look at anything but the link.
    """

    __slots__ = (
        "_alert",
        "_broken",
        "_cork",
        "_corked",
        "_greeting",
        "_handshake_due",
        "_link",
        "_loop",
        "_reading",
        "_untold",
        "_waiter",
        "_writers",
        "_writing",
        "closed",
        "inbox",
        "reads_left",
        "tls",
        "write_closed",
        "writes_left",
    )

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(0)
        self.inbox = Inbox()
        self.tls: TLSInfo | None = None
        self.closed = self.write_closed = False
        self.reads_left = self.writes_left = TURNS
        self._loop = asyncio.get_running_loop()
        self._waiter = Waiter(self._loop)
        self._link: Link = _open_link(sock, self._loop, self.inbox, self._waiter)
        self._handshake_due: TLSLink | None = None
        self._greeting: asyncio.Lock | None = None
        self._reading = False
        # Writers on the slow path, and the queue in which they wait for each other.
        self._writers = 0
        self._writing: asyncio.Lock | None = None
        self._cork: list[bytes] = []
        self._corked = 0
        # What broke the connection, and whether no caller has been told yet.
        self._broken: OSError | None = None
        self._untold = False
        # Whether readers have to look at more than the inbox: see _look.
        self._alert = False

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
        inbox = self.inbox
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
                if (self._alert or self._cork or inbox.ended) and await self._look(
                    expected, at_end
                ):
                    continue
                await self._waiter.park()
        finally:
            self._reading = False
            self.reads_left = 0 if self._alert else TURNS

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
        self._uncork()
        if self._untold:
            raise self._tell()
        return False

    # Writing

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
        if not self.writes_left:
            return data
        self.writes_left -= 1
        if self._cork or self.inbox.data:
            if not self._cork:
                self._loop.call_soon(self._uncork_at_last)
            # The caller may change a buffer of its own once the call has ended.
            self._cork.append(data if type(data) is bytes else bytes(data))
            self._corked += len(data)
            if self._corked >= CORK_BOUND:
                self._uncork()
            return None
        try:
            if self._link.write(data):
                return None
        except OSError as error:
            self._break(error)
            raise
        self.writes_left = 0
        return b""

    async def write_rest(self, rest: bytes | memoryview, timeout: float | None) -> None:
        """Send ``rest`` behind everything else, and wait until the kernel has taken it."""
        self.check_open()
        if self._writing is None:
            self._writing = asyncio.Lock()
        self._writers += 1
        self.writes_left = 0
        try:
            if timeout is None:
                await self._write_in_turn(rest, self._writing)
            else:
                async with asyncio.timeout(timeout):
                    await self._write_in_turn(rest, self._writing)
        finally:
            self._writers -= 1
            self._open_to_writers()

    def _open_to_writers(self) -> None:
        """Open their hot path again, if nothing stands against it."""
        stands = self._alert or self._broken or self.write_closed or self._writers
        self.writes_left = 0 if stands or self._link.pending else TURNS

    async def _write_in_turn(self, rest: bytes | memoryview, queue: asyncio.Lock) -> None:
        async with queue:
            if self._handshake_due is not None:
                await self.handshake()
            self._uncork()
            if self._link.pending:
                await self._link.drained()
            elif rest:
                await asyncio.sleep(0)  # the others' turn: see ``defaults.TURNS``
            self.check_open()
            if rest and self.write_closed:
                raise StreamClosed("the writing side of this stream is closed")
            if self._broken is not None:
                raise self._tell()
            if rest and not self._send(rest):
                await self._link.drained()

    def _send(self, data: bytes | memoryview) -> bool:
        """Hand ``data`` to the link; return False if some of it is queued there."""
        try:
            taken = self._link.write(data)
        except OSError as error:
            self._break(error)
            raise
        if not taken:
            self.writes_left = 0
        return taken

    def _break(self, error: OSError) -> None:
        self._broken = error
        self.writes_left = 0

    def _uncork(self) -> None:
        if self._cork:
            data = b"".join(self._cork)
            self._cork.clear()
            self._corked = 0
            self._send(data)

    def _uncork_at_last(self) -> None:
        """Send what was collected, as the task went on to something else."""
        try:
            self._uncork()
        except OSError:
            self._untold = True
            self._alarm()

    def _tell(self) -> OSError:
        """Return what broke the connection, to be raised."""
        assert self._broken is not None  # noqa: S101  the callers have looked
        self._untold = False
        self._alert = self.closed or self._handshake_due is not None
        return self._broken.with_traceback(None)

    async def close_write(self, timeout: float | None = None) -> None:
        """Send what is pending, then tell the peer that nothing more will come."""
        if not self.write_closed:
            await self.write_rest(b"", timeout)
            self.write_closed = True
            self.writes_left = 0
            self._link.close_write()

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
        await self.write_rest(b"", timeout)
        self.expect_tls(records)
        await self.handshake(timeout)

    def expect_tls(self, records: TLSRecords) -> None:
        """Go over to TLS; what is unread is taken for the peer's first words in it.

        The handshake is for whoever reads or writes next.
        """
        link = TLSLink(self._link, records, self.inbox)
        self._link = self._handshake_due = link
        self._alarm()
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
        self._alert = self.closed or self._untold
        self._open_to_writers()

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

    async def close(self) -> None:
        """Send what is pending and give the connection up; does nothing the second time.

        Raises:
            OSError: If what was written could not be handed to the kernel; the connection
                is reset then.
        """
        if self.closed:
            return
        self._close_to_callers()
        lost: OSError | None = self._broken if self._untold else None
        resets = True
        try:
            if self._broken is None:
                await self._say_goodbye()
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

    async def _say_goodbye(self) -> None:
        self._uncork()
        if self._link.pending:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._link.drained()
        if self.tls is not None:
            try:
                self._link.close_write()
            except OSError:
                # The peer has left already: there is nobody to say goodbye to.
                return

    def abort(self) -> None:
        """Give the connection up at once, and reset it."""
        if not self.closed:
            self._close_to_callers()
            self._cork.clear()
            self._link.abort()

    def _alarm(self) -> None:
        """Close the hot paths: there is something to look at."""
        self._alert = True
        self.reads_left = self.writes_left = 0

    def _close_to_callers(self) -> None:
        """Send every caller away, those who wait too."""
        self.closed = True
        self._alarm()
        self.inbox.clear()
        self._waiter.wake_soon()

    def detach(self) -> None:
        """Let go of the socket.

        Raises:
            ValueError: If that would lose something.
        """
        self.check_open()
        self._uncork()
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
