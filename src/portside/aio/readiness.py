"""Sockets on a loop that says when they are ready: ``add_reader`` and ``add_writer``.

Every loop but Windows' Proactor has them: asyncio's selector loop, uvloop, winloop.  The
reader stays registered for the life of the stream, and its callback calls ``recv`` itself:
no transport, no protocol, no copy, and the error that ``recv`` raises is ours to report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portside.aio.link import SocketLink
from portside.aio.watch import unwatch, watch
from portside.defaults import RECEIVE_SIZE, UNREAD_BOUND

if TYPE_CHECKING:
    import asyncio
    import socket

    from portside.aio.link import Sink
    from portside.aio.waiter import Waiter

__all__ = ["ReadinessLink"]


class ReadinessLink(SocketLink):
    """A link that the loop calls when its socket is ready."""

    __slots__ = ("_number",)

    def __init__(
        self, sock: socket.socket, loop: asyncio.AbstractEventLoop, sink: Sink, waiter: Waiter
    ) -> None:
        self._number = sock.fileno()
        super().__init__(sock, loop, sink, waiter)

    def _on_readable(self) -> None:
        # One chunk a call, so that a fast peer cannot starve the others.
        try:
            chunk = self._receive(RECEIVE_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._ended(error)
            chunk = b""
        else:
            if chunk:
                self.received += len(chunk)
                self._sink.append(chunk)
            else:
                self._ended(None)
        waiter = self._waiter
        if waiter.parked:
            waiter.wake()
        elif chunk and len(self._sink) >= UNREAD_BOUND:
            self._pause()
            self._stop_reading()

    def _start_reading(self) -> None:
        watch(self._loop, self._number, self._on_readable)

    def _stop_reading(self) -> None:
        unwatch(self._loop, self._number, self._on_readable)

    def _start_writing(self) -> None:
        self._loop.add_writer(self._sock, self._send_queued)

    def _stop_writing(self) -> None:
        self._loop.remove_writer(self._sock)
