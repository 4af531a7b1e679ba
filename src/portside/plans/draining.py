"""How a server stops: take nobody new, let the handlers finish, then cut what is left."""

from __future__ import annotations

from dataclasses import dataclass

from portside.defaults import ABORT_PATIENCE
from portside.plans.steps import Plan, Step

__all__ = ["AbortAll", "AwaitIdle", "StopAccepting", "drain"]


@dataclass(frozen=True, slots=True)
class StopAccepting(Step[None]):
    """Close the listeners: whoever comes now is refused."""


@dataclass(frozen=True, slots=True)
class AwaitIdle(Step[bool]):
    """Wait until no handler runs, for ``timeout`` seconds at the most; say whether so."""

    timeout: float | None


@dataclass(frozen=True, slots=True)
class AbortAll(Step[None]):
    """Cut every connection, and cancel its handler where that is possible."""


def drain(grace: float | None) -> Plan[bool]:
    """Stop a server.

    Args:
        grace: Seconds that handlers get to finish, or None for as long as they take.

    Returns:
        Whether every handler finished by itself.
    """
    yield from StopAccepting()
    if (yield from AwaitIdle(grace)):
        return True
    yield from AbortAll()
    # A handler that is told to stop may need a moment for its own cleaning up.  One that
    # ignores it must not hold the server up.
    yield from AwaitIdle(ABORT_PATIENCE)
    return False
