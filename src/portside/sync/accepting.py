"""Taking connections off the kernel's queues, through every trouble that accept(2) knows."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from portside.errors import StreamBusy, StreamClosed
from portside.plans.accepting import AcceptTrouble
from portside.system.polling import deadline_after, time_left
from portside.system.report import report_accept_trouble

if TYPE_CHECKING:
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
        self._trouble = AcceptTrouble()
        self._busy = threading.Lock()
        # Held for each try to accept, so that there is none once pause or close returned.
        # A signal handler may call those two in the middle of one: the lock is re-entrant.
        self._trying = threading.RLock()
        self._paused = False
        self._closed = False
        # Whoever pauses, resumes or closes writes a byte, which ends a wait.
        self._bell, self._rung = socket.socketpair()
        self._bell.settimeout(0)
        self._rung.settimeout(0)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._rung, selectors.EVENT_READ)
        for sock in self._sockets:
            self._selector.register(sock, selectors.EVENT_READ)

    def next(
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
            StreamBusy: If another thread is waiting here.
            TimeoutError: If the time was up first.
            OSError: If connections cannot be accepted.
        """
        if not self._busy.acquire(blocking=False):
            self._check_open()  # as whoever closes it holds the lock for a moment
            raise StreamBusy("another thread is accepting from this listener")
        try:
            return self._next(deadline_after(timeout), patient=patient)
        finally:
            self._busy.release()
            if self._closed:
                self._release()

    def _next(
        self, deadline: float | None, *, patient: bool
    ) -> tuple[socket.socket, socket.socket, Any]:
        while True:
            try:
                accepted = self._accept()
            except OSError as error:
                self._check_open()  # it may have been closed in the middle of this
                self.bear(error, patient=patient)
                continue
            if accepted is not None:
                return accepted
            self._wait(time_left(deadline))

    def _accept(self) -> tuple[socket.socket, socket.socket, Any] | None:
        """Return a connection that is waiting, if there is one and it is wanted."""
        with self._trying:
            self._check_open()
            for listener in () if self._paused else self._sockets:
                try:
                    sock, peer = listener.accept()
                except BlockingIOError:
                    continue
                self._trouble.accepted()
                # The next one that is asked for comes from another socket, if that has any.
                self._sockets.append(self._sockets.pop(self._sockets.index(listener)))
                return listener, sock, peer
            return None

    def _check_open(self) -> None:
        if self._closed:
            raise StreamClosed("this listener is closed")

    def bear(self, error: OSError, *, patient: bool) -> None:
        """Wait for as long as an error of accept(2) asks for.

        Raises:
            OSError: The same error, if it does not pass, or nobody is patient.
        """
        pause = self._trouble.pause_after(error)
        if not pause:
            return
        if not patient:
            raise error
        untold = self._trouble.report_due(time.monotonic())
        if untold is not None:
            report_accept_trouble(error, self._name, pause, untold)
        self._rung.settimeout(pause)
        self._answer_bell()
        self._rung.settimeout(0)

    def _wait(self, timeout: float | None) -> None:
        if self._paused:
            self._rung.settimeout(timeout)
            self._answer_bell()
            self._rung.settimeout(0)
        elif any(key.fileobj is self._rung for key, _ in self._selector.select(timeout)):
            self._answer_bell()

    def _answer_bell(self) -> None:
        with contextlib.suppress(BlockingIOError, TimeoutError):
            self._rung.recv(64)

    def pause(self) -> None:
        """Leave connections in the kernel's queue."""
        with self._trying:
            self._paused = True
        self._ring()

    def resume(self) -> None:
        """Accept connections again."""
        self._paused = False
        self._ring()

    def _ring(self) -> None:
        with contextlib.suppress(OSError):
            self._bell.send(b"!")

    def close(self) -> None:
        """Send whoever waits here away."""
        with self._trying:
            self._closed = True
        self._ring()
        if self._busy.acquire(blocking=False):
            try:
                self._release()
            finally:
                self._busy.release()

    def _release(self) -> None:
        self._selector.close()
        self._bell.close()
        self._rung.close()
