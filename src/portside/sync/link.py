"""Links: what carries a stream's bytes to and from the kernel.

The socket stays in blocking mode.  Without a deadline a read is one ``recv`` in which the
kernel waits; with one it is tried first, and only when nothing is here does ``poll`` wait.
Python's own socket timeouts would put a ``poll`` before every ``recv``, and belong to the
socket: a reader and a writer in two threads would set each other's.
"""

from __future__ import annotations

import contextlib
import socket
from abc import ABC, abstractmethod
from collections import deque

from portside.defaults import RECEIVE_SIZE, SEND_SIZE
from portside.system.polling import is_deadline, is_ready, wait_until_ready
from portside.system.sockets import close_now, close_write_side, reset_now

__all__ = ["Link", "SocketLink"]

# Windows has no such flag: there, a socket that poll calls ready is read without it.
_DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)


class Link(ABC):
    """One connection's way to the kernel."""

    __slots__ = ()

    @property
    @abstractmethod
    def moved(self) -> int:
        """Bytes that went through, in both directions together."""

    @property
    @abstractmethod
    def pending(self) -> int:
        """Bytes that were to be sent and that the kernel has not taken yet."""

    @abstractmethod
    def receive(self, deadline: float | None) -> bytes:
        """Wait for bytes and return them; ``b""`` is the clean end.

        Raises:
            TimeoutError: If the deadline passed first.
            OSError, ProtocolError: If the connection is broken.
        """

    @abstractmethod
    def send(self, data: memoryview, deadline: float | None) -> None:
        """Send what is pending, then ``data``.

        Raises:
            TimeoutError: If the deadline passed first; the rest is pending now.
            OSError: If the connection is broken; nothing is pending then.
        """

    @abstractmethod
    def close_write(self, deadline: float | None) -> None:
        """Send what is pending, then tell the peer that nothing more will come.

        Raises:
            TimeoutError: If the deadline passed first.
            OSError: If the connection is broken.
        """

    @property
    @abstractmethod
    def stuck(self) -> bool:
        """Whether a writer has to wait for the peer to read."""

    @abstractmethod
    def interrupt(self, *, reading: bool, writing: bool) -> None:
        """Make the threads that wait in ``receive`` or ``send`` return."""

    @abstractmethod
    def close(self) -> None:
        """Give the connection up; what the kernel has is still delivered."""

    @abstractmethod
    def abort(self) -> None:
        """Give the connection up and reset it, so that the peer sees an error."""


class SocketLink(Link):
    """A link to a blocking socket.

    Attributes:
        received: Bytes that came from the kernel.
        sent: Bytes that the kernel took.
    """

    __slots__ = ("_receive", "_send", "_sock", "_unsent", "received", "sent")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._receive = sock.recv
        self._send = sock.send
        self._unsent: deque[memoryview] = deque()
        self.received = 0
        self.sent = 0

    @property
    def moved(self) -> int:
        return self.received + self.sent

    @property
    def pending(self) -> int:
        return sum(map(len, self._unsent))

    def receive(self, deadline: float | None) -> bytes:
        chunk = self._receive(RECEIVE_SIZE) if deadline is None else self._receive_by(deadline)
        self.received += len(chunk)
        return chunk

    def _receive_by(self, deadline: float) -> bytes:
        while True:
            if _DONT_WAIT:
                try:
                    return self._receive(RECEIVE_SIZE, _DONT_WAIT)
                except BlockingIOError:
                    pass
            wait_until_ready(self._sock, writing=False, deadline=deadline)
            if not _DONT_WAIT:
                return self._receive(RECEIVE_SIZE)

    def send(self, data: memoryview, deadline: float | None) -> None:
        unsent = self._unsent
        if not unsent and not data:
            return
        if not unsent and deadline is None and len(data) <= SEND_SIZE:
            sent = self._send(data)
            self.sent += sent
            if sent == len(data):
                return
            data = data[sent:]
        unsent.append(data)
        try:
            while unsent:
                sent = self._send_some(unsent[0], deadline)
                self.sent += sent
                unsent[0] = unsent[0][sent:]
                if not unsent[0]:
                    unsent.popleft()
        except OSError as error:
            if not is_deadline(error):
                unsent.clear()
            elif unsent:
                # The caller may change a buffer of its own once the call has ended.
                unsent[-1] = memoryview(bytes(unsent[-1]))
            raise

    def _send_some(self, data: memoryview, deadline: float | None) -> int:
        data = data[:SEND_SIZE]
        if deadline is None:
            return self._send(data)
        while True:
            if _DONT_WAIT:
                try:
                    return self._send(data, _DONT_WAIT)
                except BlockingIOError:
                    pass
            wait_until_ready(self._sock, writing=True, deadline=deadline)
            if not _DONT_WAIT:
                return self._send(data)

    def close_write(self, deadline: float | None) -> None:
        self.send(memoryview(b""), deadline)
        close_write_side(self._sock)

    @property
    def stuck(self) -> bool:
        return not is_ready(self._sock, writing=True)

    def interrupt(self, *, reading: bool, writing: bool) -> None:
        # Ending the receiving side wakes a reader and sends nothing.  A waiting writer
        # needs the sending side ended too; as the buffers are full then, the peer does
        # not see that end before the reset that follows.
        how = socket.SHUT_RDWR if writing else socket.SHUT_RD
        if reading or writing:
            with contextlib.suppress(OSError):
                self._sock.shutdown(how)

    def close(self) -> None:
        close_now(self._sock)

    def abort(self) -> None:
        reset_now(self._sock)
