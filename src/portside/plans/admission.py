"""Who is let in: limits on connections, in all and for each peer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Admission"]


class Admission:
    """Counts connections against their limits; closes none itself.

    Args:
        max_connections: How many may be open at once, or None.
        max_per_peer: How many of them may belong to one peer, or None.
    """

    def __init__(self, max_connections: int | None, max_per_peer: int | None) -> None:
        self._max_connections = max_connections
        self._max_per_peer = max_per_peer
        self._open = 0
        self._by_peer: Counter[Hashable] = Counter()

    def admit(self, peer: Hashable) -> bool:
        """Count a connection of ``peer`` in, unless that peer has too many."""
        if self._max_per_peer is not None:
            if self._by_peer[peer] >= self._max_per_peer:
                return False
            self._by_peer[peer] += 1
        self._open += 1
        return True

    def leave(self, peer: Hashable) -> None:
        """Count a connection that was admitted out again."""
        self._open -= 1
        if self._max_per_peer is not None:
            self._by_peer[peer] -= 1
            if not self._by_peer[peer]:
                del self._by_peer[peer]

    @property
    def full(self) -> bool:
        """Whether nobody more can be let in: who comes now waits in the kernel's queue."""
        return self._max_connections is not None and self._open >= self._max_connections
