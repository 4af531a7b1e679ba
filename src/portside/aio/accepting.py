"""Taking connections off the kernel's queues, through every trouble that accept(2) knows."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from portside.defaults import ACCEPT_TURNS
from portside.errors import StreamBusy, StreamClosed
from portside.plans.accepting import AcceptTrouble
from portside.system.report import report_accept_trouble

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

__all__ = ["Acceptor"]


class Acceptor:
    """Accepts from several listening sockets, whichever has somebody waiting.

    Args:
        sockets: Non-blocking listening sockets; they stay the caller's.
        name: What to call them in a report.
    """

    def __init__(self, sockets: Sequence[socket.socket], name: object) -> None:
        self._sockets = list(sockets)
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._trouble = AcceptTrouble()
        self._busy = False
        self._paused = False
        self._closed = False
        # Set by whoever pauses, resumes or closes, and by a connection that waits.
        self._bell = asyncio.Event()
        self._turns = ACCEPT_TURNS
        self._watched = False
        # On a loop without add_reader, the accept that is under way on each socket.  It
        # is never cancelled: it may have a connection already.
        self._tasks: dict[socket.socket, asyncio.Task[tuple[socket.socket, Any]]] | None = None
        try:
            for sock in self._sockets:
                self._loop.remove_reader(sock)
        except NotImplementedError:
            self._tasks = {}

    async def next(
        self, timeout: float | None = None, *, patient: bool = False
    ) -> tuple[socket.socket, socket.socket, Any]:
        """Wait for a connection.

        Args:
            timeout: Seconds to wait, or None.
            patient: Whether to go on when the process has run out of something, rather
                than raise; what is missing is reported.

        Returns:
            The listening socket, the connection, and its peer's sockaddr.

        Raises:
            StreamClosed: If this was closed.
            StreamBusy: If another task is waiting here.
            TimeoutError: If the time was up first.
            OSError: If connections cannot be accepted.
        """
        if self._busy:
            raise StreamBusy("another task is accepting from this listener")
        self._busy = True
        try:
            # Before the connection is taken: a task that is cancelled here loses none.
            await self._step_aside()
            async with asyncio.timeout(timeout):
                return await self._next(patient=patient)
        finally:
            self._busy = False

    async def _next(self, *, patient: bool) -> tuple[socket.socket, socket.socket, Any]:
        while True:
            if self._closed:
                raise StreamClosed("this listener is closed")
            self._bell.clear()
            try:
                accepted = None if self._paused else self._accept()
            except OSError as error:
                await self.bear(error, patient=patient)
                continue
            if accepted is not None:
                return accepted
            await self._wait()

    def _accept(self) -> tuple[socket.socket, socket.socket, Any] | None:
        """Return a connection that is waiting, if there is one."""
        for listener in self._sockets:
            try:
                sock, peer = self._accept_from(listener)
            except BlockingIOError:
                continue
            self._trouble.accepted()
            # The next one that is asked for comes from another socket, if that has any.
            self._sockets.append(self._sockets.pop(self._sockets.index(listener)))
            return listener, sock, peer
        return None

    def _accept_from(self, listener: socket.socket) -> tuple[socket.socket, Any]:
        if self._tasks is None:
            return listener.accept()
        task = self._tasks.get(listener)
        if task is None or not task.done():
            raise BlockingIOError
        del self._tasks[listener]
        return task.result()

    async def bear(self, error: OSError, *, patient: bool) -> None:
        """Wait for as long as an error of accept(2) asks for.

        Raises:
            OSError: The same error, if it does not pass, or nobody is patient.
        """
        pause = self._trouble.pause_after(error)
        if not pause:
            return
        if not patient:
            raise error
        untold = self._trouble.report_due(self._loop.time())
        if untold is not None:
            report_accept_trouble(error, self._name, pause, untold)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._bell.wait()

    async def _step_aside(self) -> None:
        """Let others have a turn, when many connections came at once."""
        self._turns -= 1
        if not self._turns:
            self._turns = ACCEPT_TURNS
            await asyncio.sleep(0)

    async def _wait(self) -> None:
        if self._paused:
            await self._bell.wait()
            return
        try:
            self._watch()
            await self._bell.wait()
        finally:
            self._unwatch()

    def _unwatch(self) -> None:
        if self._watched:
            self._watched = False
            for sock in self._sockets:
                self._loop.remove_reader(sock)

    def _watch(self) -> None:
        """Have the bell rung when a connection waits."""
        if self._tasks is None:
            self._watched = True
            for sock in self._sockets:
                self._loop.add_reader(sock, self._bell.set)
            return
        for sock in self._sockets:
            if sock not in self._tasks:
                task = self._tasks[sock] = self._loop.create_task(self._loop.sock_accept(sock))
                task.add_done_callback(lambda _: self._bell.set())

    def pause(self) -> None:
        """Leave connections in the kernel's queue."""
        self._paused = True
        self._bell.set()

    def resume(self) -> None:
        """Accept connections again."""
        self._paused = False
        self._bell.set()

    def close(self) -> None:
        """Send whoever waits here away."""
        self._closed = True
        self._bell.set()
        self._unwatch()  # now, as the sockets are about to be closed
        for task in (self._tasks or {}).values():
            task.add_done_callback(_close_unwanted)
            task.cancel()


def _close_unwanted(task: asyncio.Task[tuple[socket.socket, Any]]) -> None:
    """Close a connection that came just when the listener was closed."""
    if not task.cancelled() and task.exception() is None:
        task.result()[0].close()
