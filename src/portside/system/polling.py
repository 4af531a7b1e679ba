"""Waiting for one socket to be ready, with a deadline."""

from __future__ import annotations

import math
import select
import time
from typing import TYPE_CHECKING

from portside.defaults import LONGEST_TIMEOUT

if TYPE_CHECKING:
    import socket

__all__ = ["deadline_after", "is_deadline", "is_ready", "time_left", "wait_until_ready"]


def deadline_after(timeout: float | None) -> float | None:
    """Return the moment, on the monotonic clock, at which ``timeout`` seconds are over.

    None if that is never, or so late that nobody can wait for it; see ``LONGEST_TIMEOUT``.
    """
    if timeout is None or timeout > LONGEST_TIMEOUT:
        return None
    return time.monotonic() + timeout


def time_left(deadline: float | None) -> float | None:
    """Return the seconds until ``deadline``: at least 0, or None if there is none.

    Raises:
        TimeoutError: If it has passed.
    """
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is up")
    return left


def is_deadline(error: OSError) -> bool:
    """Return whether a ``TimeoutError`` is ours, rather than the kernel's ETIMEDOUT.

    The kernel's says that the peer is gone: Python uses one class for both.
    """
    return isinstance(error, TimeoutError) and error.errno is None


def is_ready(sock: socket.socket, *, writing: bool) -> bool:
    """Return whether ``sock`` can be read from, or written to, without waiting."""
    return _ready(sock, writing=writing, timeout=0)


def wait_until_ready(sock: socket.socket, *, writing: bool, deadline: float | None) -> None:
    """Wait until ``sock`` can be read from, or written to.

    Raises:
        TimeoutError: If the deadline passed first.
    """
    while True:
        left = time_left(deadline)
        if _ready(sock, writing=writing, timeout=left):
            return


if hasattr(select, "poll"):

    def _ready(sock: socket.socket, *, writing: bool, timeout: float | None) -> bool:
        poller = select.poll()
        poller.register(sock, select.POLLOUT if writing else select.POLLIN)
        # poll(2) counts in whole milliseconds; rounding down would spin at the end.
        return bool(poller.poll(None if timeout is None else math.ceil(timeout * 1000)))

else:

    def _ready(sock: socket.socket, *, writing: bool, timeout: float | None) -> bool:
        # Windows.  A failed connect counts as an exceptional condition there.
        readers, writers = ([], [sock]) if writing else ([sock], [])
        return any(select.select(readers, writers, writers, timeout))
