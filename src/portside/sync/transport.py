"""What a stream and its framing read from and write to: the inbox above, the link below.

Threads: one may read while another writes.  A second reader is refused, a second writer
waits its turn.  Closing wakes both, and the file descriptor goes away only when the last of
them has left, so that none of them can end up in a connection that got the same number.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from portside.defaults import CLOSE_TIMEOUT, HANDSHAKE_TIMEOUT, LEAVING_PATIENCE
from portside.errors import ProtocolError, StreamBusy, StreamClosed
from portside.sync.link import Link, SocketLink
from portside.sync.tls import TLSLink
from portside.system.polling import deadline_after, is_deadline, time_left
from portside.system.sockets import require_detachable
from portside.wire.inbox import Inbox

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

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
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(None)
        self.inbox = Inbox()
        self.tls: TLSInfo | None = None
        self.closed = self.write_closed = False
        self._link: Link = SocketLink(sock)
        self._handshake_due: TLSLink | None = None
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        self._greeting = threading.Lock()
        self._ending = threading.Lock()
        self._resets = False
        self._gone = False

    @property
    def moved(self) -> int:
        """Bytes that went through, in both directions together."""
        return self._link.moved

    # Reading

    def receive(
        self,
        take: Callable[[], Got | None],
        timeout: float | None = None,
        expected: int | None = None,
    ) -> Got:
        """Wait until ``take`` gets what it wants from the inbox, and return that.

        Args:
            take: Returns None while not enough is here.
            timeout: Seconds to wait, or None.
            expected: How many bytes it wants in all, if that is known.

        Raises:
            StreamBusy: If another thread is reading.
            StreamClosed: If this side has closed the connection.
            EndOfStream: If the peer ended it and less than that came.
            TimeoutError: If the time was up first.
        """
        if not self._reading.acquire(blocking=False):
            raise StreamBusy
        try:
            deadline = deadline_after(timeout)
            self.check_open()
            while (got := take()) is None:
                if self.inbox.ended:
                    raise self.inbox.shortage(expected)
                self._fill(deadline)
            return got
        finally:
            self._reading.release()
            if self.closed:
                self._close_if_last()

    def _fill(self, deadline: float | None) -> None:
        """Wait for input, or for its end."""
        if self._handshake_due is not None:
            self._greet(deadline)
        try:
            chunk = self._link.receive(deadline)
        except (OSError, ProtocolError) as error:
            if isinstance(error, OSError) and is_deadline(error):
                raise
            self.check_open()
            self.inbox.end(error)
            return
        self.check_open()
        if chunk:
            self.inbox.append(chunk)
        else:
            self.inbox.end()

    # Writing

    def write(self, data: bytes | memoryview, timeout: float | None = None) -> None:
        """Send what is pending, then ``data``.

        Raises:
            TimeoutError: If the time was up first; the rest is pending now.
            StreamClosed: If this side has closed the connection.
            OSError: If the connection is broken.
        """
        deadline = deadline_after(timeout)
        self._enter(deadline)
        try:
            if data and self.write_closed:
                raise StreamClosed("the writing side of this stream is closed")
            self._link.send(memoryview(data), deadline)
        except OSError:
            self.check_open()
            raise
        finally:
            self._leave()

    def close_write(self, timeout: float | None = None) -> None:
        """Send what is pending, then tell the peer that nothing more will come."""
        deadline = deadline_after(timeout)
        self._enter(deadline)
        try:
            if not self.write_closed:
                self._link.close_write(deadline)
                self.write_closed = True
        finally:
            self._leave()

    def _enter(self, deadline: float | None) -> None:
        """Wait for the other writers."""
        left = time_left(deadline)
        if not self._writing.acquire(timeout=-1 if left is None else left):
            raise TimeoutError("the time is up while another thread writes")
        try:
            self.check_open()
            if self._handshake_due is not None:
                self._greet(deadline)
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        self._writing.release()
        if self.closed:
            self._close_if_last()

    # TLS

    def start_tls(self, records: TLSRecords, timeout: float | None) -> None:
        """Go over to TLS and do the handshake.

        Raises:
            StreamBusy: If another thread is reading.
            HandshakeFailed: If there is no agreement.
            TimeoutError: If the time was up first.
        """
        deadline = deadline_after(timeout)
        self.write(b"", timeout)
        self.expect_tls(records)
        self.handshake(time_left(deadline))

    def expect_tls(self, records: TLSRecords) -> None:
        """Go over to TLS; what is unread is taken for the peer's first words in it.

        The handshake is for whoever reads or writes next.
        """
        if not self._reading.acquire(blocking=False):
            raise StreamBusy
        try:
            with self._writing:
                self.check_open()
                link = TLSLink(self._link, records)
                if received := self.inbox.take_up_to(len(self.inbox)):
                    link.feed(received)
                self.inbox.reopen()
                self._link = self._handshake_due = link
        finally:
            self._reading.release()
            if self.closed:
                self._close_if_last()

    def handshake(self, timeout: float | None = HANDSHAKE_TIMEOUT) -> None:
        """Agree on TLS, if that is still to be done; reading and writing do it too."""
        if self._handshake_due is None:
            return
        deadline = deadline_after(timeout)
        left = time_left(deadline)
        if not self._greeting.acquire(timeout=-1 if left is None else left):
            raise TimeoutError("the time is up while another thread does the TLS handshake")
        try:
            if self._handshake_due is not None:
                self.tls = self._handshake_due.handshake(deadline)
                self._handshake_due = None
        except OSError:
            self.check_open()
            raise
        finally:
            self._greeting.release()
            if self.closed:
                self._close_if_last()

    def _greet(self, deadline: float | None) -> None:
        """Do the handshake that is due within a read or write."""
        left = time_left(deadline)
        self.handshake(HANDSHAKE_TIMEOUT if left is None else min(left, HANDSHAKE_TIMEOUT))

    # Ending

    def check_open(self) -> None:
        """Raise ``StreamClosed`` if this side has closed the connection."""
        if self.closed:
            raise StreamClosed

    def close(self) -> None:
        """Send what is pending and give the connection up; does nothing the second time.

        Raises:
            OSError: If what was written could not be handed to the kernel; the connection
                is reset then.
        """
        if self.closed:
            return
        idle = self._writing.acquire(blocking=False)
        try:
            if idle and self._handshake_due is None and (self._link.pending or self.tls):
                self._say_goodbye()
        finally:
            if idle:
                self._writing.release()
            self._give_up()

    def _say_goodbye(self) -> None:
        pending = self._link.pending
        try:
            self._link.send(memoryview(b""), deadline_after(CLOSE_TIMEOUT))
            pending = 0
            if self.tls is not None:
                self._link.close_write(0.0)
        except OSError:
            # Without the peer there is nobody to say goodbye to, and that is no error; but
            # bytes that were written and will never arrive are one.
            if pending:
                self._resets = True
                raise

    def detach(self) -> None:
        """Let go of the socket.

        Raises:
            ValueError: If that would lose something.
        """
        self.check_open()
        require_detachable(self.inbox, self._link.pending, tls=self.tls is not None)
        self.closed = self._gone = True

    def abort(self) -> None:
        """Give the connection up at once, and reset it."""
        if not self.closed:
            self._resets = True
            self._give_up()

    def _give_up(self) -> None:
        self.closed = True
        self.inbox.clear()
        self._close_if_last()

    def _close_if_last(self) -> None:
        """Close the socket if no thread is in it; otherwise tell them to leave."""
        with self._ending:
            if not self._gone:
                self._close_if_last_of_all()

    def _close_if_last_of_all(self) -> None:
        if self._greeting.locked():
            # Whoever does the handshake may be in none of the two below, and waits for input.
            self._link.interrupt(reading=True, writing=False)
            return  # it comes here itself when it leaves
        reader_out = self._reading.acquire(blocking=False)
        # A writer that does not wait for the peer is about to leave; and were it interrupted,
        # the peer would take the end of an aborted stream for a clean one.
        patience = 0.0 if self._link.stuck else LEAVING_PATIENCE
        writer_out = self._writing.acquire(timeout=patience)
        try:
            if not (reader_out and writer_out):
                self._link.interrupt(reading=not reader_out, writing=not writer_out)
            else:
                self._gone = True
                if self._resets:
                    self._link.abort()
                else:
                    self._link.close()
        finally:
            if reader_out:
                self._reading.release()
            if writer_out:
                self._writing.release()
