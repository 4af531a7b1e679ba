"""What to do when accept(2) fails: go on, pause, or give up.

Problem: an error of ``accept`` may belong to the connection that was just taken off the
queue, to the process (no file descriptor left), or to the listener itself.  Servers that
treat them alike die of the first kind, or spin on the second: the queue stays readable, so
"try again" burns a whole core and fills the log.

Others: asyncio pauses one second on four errnos and dies of others; gevent doubles from
10 ms to 1 s; trio pauses 100 ms and lists what belongs to the connection, after reading the
manuals and kernels of four systems (``_highlevel_socket.py``).  The table below is its list.

Choice: errors of the connection are passed over, exhaustion pauses with doubling, and only
what says that the listener is gone ends the loop.  An errno that nobody has listed pauses
too: waiting is safe, and so is telling.
"""

from __future__ import annotations

import errno

from portside.defaults import ACCEPT_PAUSE_LONGEST, ACCEPT_PAUSE_SHORTEST, ACCEPT_REPORT_INTERVAL

__all__ = ["AcceptTrouble"]


def _numbers(*names: str) -> frozenset[int]:
    """Return the errnos of these names that this platform has."""
    return frozenset(getattr(errno, name) for name in names if hasattr(errno, name))


# accept(2): "Linux accept() passes already-pending network errors on the new socket as an
# error code from accept().  [...] the application should detect the network errors [...] and
# treat them like EAGAIN by retrying."  EPERM: a firewall forbade the connection.
CONNECTION_GONE = _numbers(
    *("EAGAIN", "EWOULDBLOCK", "EINTR", "EPERM", "ECONNABORTED", "ECONNRESET", "EPROTO"),
    *("ENETDOWN", "ENOPROTOOPT", "EHOSTDOWN", "ENONET", "EHOSTUNREACH", "EOPNOTSUPP"),
    *("ENETUNREACH", "ENOSR", "ESOCKTNOSUPPORT", "EPROTONOSUPPORT", "ETIMEDOUT"),
)

LISTENER_GONE = _numbers("EBADF", "EINVAL", "ENOTSOCK", "EFAULT")


class AcceptTrouble:
    """Judges the errors of one listener's accept calls; reads no clock."""

    def __init__(self) -> None:
        self._untold = 0
        self._pause = ACCEPT_PAUSE_SHORTEST
        self._next_report = float("-inf")

    def accepted(self) -> None:
        """Note a success: the next trouble starts with a short pause again."""
        self._pause = ACCEPT_PAUSE_SHORTEST

    def pause_after(self, error: OSError) -> float:
        """Return how many seconds to leave the queue alone: 0.0 to try again at once.

        Raises:
            OSError: The same error, if the listener cannot be used any more.
        """
        if error.errno in CONNECTION_GONE:
            return 0.0
        if error.errno in LISTENER_GONE:
            raise error
        pause = self._pause
        self._pause = min(2 * pause, ACCEPT_PAUSE_LONGEST)
        return pause

    def report_due(self, now: float) -> int | None:
        """Return whether to report an error that made us pause, rather than count it.

        Returns:
            How many were only counted since the last report, or None if it is too early.
        """
        if now < self._next_report:
            self._untold += 1
            return None
        self._next_report = now + ACCEPT_REPORT_INTERVAL
        untold, self._untold = self._untold, 0
        return untold
