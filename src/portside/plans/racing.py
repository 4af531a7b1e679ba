"""Happy Eyeballs: several addresses race, and the first that answers wins (RFC 8305).

Problem: a name has several addresses, and some of them are dead in the worst way: nothing
comes back.  Trying one after the other costs a whole timeout for each dead one; trying all at
once burdens servers with connections that nobody wants.

Choice: start the first, and the next one when ``delay`` is over or an attempt has failed,
whichever is earlier; families take turns, so that a broken IPv6 delays only every other try.
With a deadline the starts are moved together, so that the last address still gets its share
of the time.  (Go divides its timeout too, but among attempts that do not overlap.)
"""

from __future__ import annotations

import math
from collections import deque
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Race", "interleave"]

Candidate = TypeVar("Candidate")


def interleave(
    candidates: Iterable[Candidate], family: Callable[[Candidate], int]
) -> list[Candidate]:
    """Alternate address families, and drop repetitions.

    Source: RFC 8305, section 4, with a First Address Family Count of 1.

    Args:
        candidates: In the resolver's order of preference (RFC 6724).
        family: Tells a candidate's family, such as ``socket.AF_INET6``.

    Returns:
        The candidates.  Each family keeps its own order, and the family of the first one
        still comes first.
    """
    by_family: dict[int, list[Candidate]] = {}
    for candidate in dict.fromkeys(candidates):
        by_family.setdefault(family(candidate), []).append(candidate)
    turns = chain.from_iterable(zip_longest(*by_family.values()))
    return [candidate for candidate in turns if candidate is not None]


class Race(Generic[Candidate]):
    """Paces attempts; makes none itself and reads no clock.

    Whoever runs the race tells it the time and which attempts failed, and hangs up on the
    others as soon as one succeeds.

    Args:
        candidates: In the order of their start, at least one.
        delay: Seconds between two starts, if nothing fails.
        timeout: Seconds the whole race may take, or None.
    """

    def __init__(
        self, candidates: Iterable[Candidate], *, delay: float, timeout: float | None = None
    ) -> None:
        self._waiting = deque(candidates)
        if timeout is not None:
            # With n shares the last of n starts has one share left to succeed in.
            delay = min(delay, timeout / len(self._waiting))
        self._delay = delay
        self._next_start = -math.inf
        self._again: list[tuple[float, Candidate]] = []
        self._running = 0

    def due(self, now: float) -> Candidate | None:
        """Return who starts at ``now``, or None if it is too early for everybody."""
        for retry in self._again:
            if retry[0] <= now:
                self._again.remove(retry)
                self._running += 1
                return retry[1]
        if not self._waiting or now < self._next_start:
            return None
        self._next_start = now + self._delay
        self._running += 1
        return self._waiting.popleft()

    def failed(self) -> None:
        """Note that one attempt failed, so the next need not wait."""
        self._running -= 1
        self._next_start = -math.inf

    def again(self, candidate: Candidate, at: float) -> None:
        """Note that ``candidate`` could not take us now, and is to be tried again."""
        self._running -= 1
        self._again.append((at, candidate))

    def patience(self, now: float) -> float | None:
        """Seconds until somebody is due; None if only news can move the race."""
        starts = [at for at, _ in self._again]
        if self._waiting:
            starts.append(self._next_start)
        return max(0.0, min(starts) - now) if starts else None

    @property
    def lost(self) -> bool:
        """Whether every attempt was made and every one failed."""
        return not (self._waiting or self._again or self._running)
