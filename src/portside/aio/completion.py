"""Sockets on a loop that only says when it is done: ``loop.sock_recv`` and its kin.

Windows' Proactor loop has no ``add_reader``.  There a task of the stream's own receives, and
it is never cancelled while a read is under way: an overlapped read that is cancelled may
have taken bytes already, and they would be lost.  What the readers of the stream cancel is
their wait for this task, not its read.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from portside.aio.link import SocketLink
from portside.defaults import RECEIVE_SIZE, UNREAD_BOUND

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from portside.aio.link import Sink
    from portside.aio.waiter import Waiter

__all__ = ["CompletionLink"]


class CompletionLink(SocketLink):
    """A link with a task that receives, and one that sends what was queued."""

    __slots__ = ("_cancelled", "_receiver", "_sender")

    def __init__(
        self, sock: socket.socket, loop: asyncio.AbstractEventLoop, sink: Sink, waiter: Waiter
    ) -> None:
        self._receiver: asyncio.Task[None] | None = None
        self._sender: asyncio.Task[None] | None = None
        self._cancelled: set[asyncio.Task[None]] = set()
        super().__init__(sock, loop, sink, waiter)

    async def _receive_all(self) -> None:
        """Receive until the end, or until nobody takes what arrives."""
        while not self._paused:
            try:
                chunk = await self._loop.sock_recv(self._sock, RECEIVE_SIZE)
            except OSError as error:
                self._receiver = None
                self._ended(error)
                break
            if not chunk:
                self._receiver = None
                self._ended(None)
                break
            self.received += len(chunk)
            self._sink.append(chunk)
            self._waiter.wake_soon()
            if not self._waiter.parked and len(self._sink) >= UNREAD_BOUND:
                self._pause()
        self._receiver = None
        self._waiter.wake_soon()

    async def _send_all(self) -> None:
        """Send until the queue is empty."""
        while not self._send_queued():
            try:
                await self._loop.sock_sendall(self._sock, self._queue[0])
                self.sent += len(self._queue.popleft())
            except OSError as error:
                self._failure = error
                self._queue.clear()
        self._sender = None

    def _start_reading(self) -> None:
        if self._receiver is None:
            self._receiver = self._loop.create_task(self._receive_all())

    def _stop_reading(self) -> None:
        self._cancel(self._receiver)
        self._receiver = None

    def _start_writing(self) -> None:
        self._sender = self._loop.create_task(self._send_all())

    def _stop_writing(self) -> None:
        if self._sender is not asyncio.current_task():
            self._cancel(self._sender)
        self._sender = None

    def _cancel(self, task: asyncio.Task[None] | None) -> None:
        if task is not None and task.cancel():
            self._cancelled.add(task)

    def _when_free(self, end: Callable[[socket.socket], None]) -> None:
        # A loop that still has the socket in a call must not find another one under its
        # number: the tasks that made the calls have to be over first.
        def note(task: asyncio.Task[None]) -> None:
            self._cancelled.discard(task)
            if not self._cancelled:
                end(self._sock)

        for task in tuple(self._cancelled):
            task.add_done_callback(note)
        if not self._cancelled:
            end(self._sock)
