"""When a connection has been silent for too long."""

from __future__ import annotations

from portside.defaults import IDLE_CHECKS

__all__ = ["Idleness"]


class Idleness:
    """Watches one connection's progress from afar; reads no clock.

    The hot path pays nothing for it: whoever watches looks at the connection's counters a
    few times per timeout, instead of noting the time at each read and write.

    Args:
        timeout: Seconds without a byte in either direction.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._progress = -1
        self._since = 0.0

    def next_check(self, now: float, progress: int) -> float | None:
        """Return in how many seconds to look again, or None if the silence was too long.

        Args:
            now: The time, in seconds.
            progress: A number that changes with every byte.
        """
        if progress != self._progress:
            self._progress, self._since = progress, now
        silent = now - self._since
        if silent >= self._timeout:
            return None
        return min(self._timeout / IDLE_CHECKS, self._timeout - silent)
