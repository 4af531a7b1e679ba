"""How a connection is made: look the name up, race its addresses, keep the report.

One deadline covers all of it.  The plan makes every decision; a shell only looks names up,
starts attempts, and says what became of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from portside.defaults import BUSY_PAUSE_LONGEST, BUSY_PAUSE_SHORTEST, LONGEST_TIMEOUT
from portside.errors import ConnectError, ConnectTimeout
from portside.plans.racing import Race, interleave
from portside.plans.steps import Clock, Plan, Step

if TYPE_CHECKING:
    from portside.addresses import Address

__all__ = ["Attempt", "News", "Resolve", "Start", "connect_first", "handshake_failed"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one address while a connection was made.

    Attributes:
        address: Where to.
        started: Seconds after the call of ``connect``, lookup included.
        elapsed: Seconds from the start of this attempt to its outcome.
        outcome: ``"connected"``, ``"failed"``, or ``"abandoned"``: still unanswered when
            another address won or the time was up.
        error: What the operating system said, if it failed.
    """

    address: Address
    started: float
    elapsed: float
    outcome: Literal["connected", "failed", "abandoned"]
    error: OSError | None = None

    def __str__(self) -> str:
        took = f"{self.elapsed * 1000:.3g} ms" if self.elapsed < 1 else f"{self.elapsed:.3g} s"
        if self.error is not None:
            why = self.error.strerror or str(self.error)
            return f"{self.address}: {why[:1].lower()}{why[1:]} after {took}"
        if self.outcome == "connected":
            return f"{self.address}: connected in {took}"
        return f"{self.address}: no answer in {took}"


@dataclass(frozen=True, slots=True)
class Resolve(Step["Sequence[Address] | OSError"]):
    """Look ``target`` up, for ``timeout`` seconds at the most.

    Answered with its addresses in the resolver's order, or the error.
    """

    target: Address
    timeout: float | None


@dataclass(frozen=True, slots=True)
class Start(Step[None]):
    """Begin to connect to ``address``; the outcome comes with the ``News``."""

    address: Address


Outcome: TypeAlias = "tuple[Address, OSError | None]"


@dataclass(frozen=True, slots=True)
class News(Step[Sequence[Outcome]]):
    """Wait for the outcome of attempts, for ``timeout`` seconds at the most.

    Answered with each address that has an outcome, and its error or None; with nothing if
    the time passed.
    """

    timeout: float | None


def connect_first(
    target: Address, *, timeout: float | None, attempt_delay: float
) -> Plan[tuple[Address, tuple[Attempt, ...]]]:
    """Connect to the first address of ``target`` that answers.

    Args:
        target: Where to; a name is looked up.
        timeout: Seconds for the lookup and the race together, or None.
        attempt_delay: Seconds before the next address joins the race.

    Returns:
        The address that won, and what became of each.

    Raises:
        ConnectTimeout: If the time was up first.
        ConnectError: If the name is unknown, or every address refused.
    """
    if timeout is not None and timeout > LONGEST_TIMEOUT:
        timeout = None
    began = yield from Clock()
    found = yield from Resolve(target, timeout)
    if isinstance(found, OSError):
        raise _unresolved(target, found, timeout) from found
    now = yield from Clock()
    left = None if timeout is None else max(0.0, timeout - (now - began))
    addresses = interleave(found, lambda address: address.family)
    race = Race(addresses, delay=attempt_delay, timeout=left)
    report = _Report(began)
    pause = BUSY_PAUSE_SHORTEST
    while not race.lost:
        now = yield from Clock()
        if timeout is not None and now - began >= timeout:
            raise report.timed_out(target, timeout, now)
        while (address := race.due(now)) is not None:
            report.started(address, now)
            yield from Start(address)
        patience = race.patience(now)
        left = None if timeout is None else timeout - (now - began)
        news = yield from News(min((p for p in (patience, left) if p is not None), default=None))
        now = yield from Clock()
        winner: Address | None = None
        for address, error in news:
            if error is None:
                winner = winner or address
                continue
            if isinstance(error, BlockingIOError):
                # The queue of a Unix listener is full: EAGAIN from connect(2), which
                # stands for "in progress" on every other kind of socket.
                race.again(address, now + pause)
                pause = min(2 * pause, BUSY_PAUSE_LONGEST)
            else:
                race.failed()
            report.failed(address, error, now)
        if winner is not None:
            return winner, report.won(winner, now)
    raise report.refused(target)


def handshake_failed(
    target: Address, attempts: tuple[Attempt, ...], error: Exception, timeout: float | None
) -> ConnectError:
    """Return what ``connect`` raises when the winner of the race cannot agree on TLS."""
    failure: ConnectError
    if isinstance(error, TimeoutError):
        reason = f"the TLS handshake was not over within {timeout:g} s"
        failure = ConnectTimeout(str(target), attempts, reason)
    else:
        failure = ConnectError(str(target), attempts, str(error))
    failure.__cause__ = error
    return failure


class _Report:
    """Collects what becomes of each attempt, in the order of their starts."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._starts: dict[Address, float] = {}
        self._done: dict[Address, Attempt] = {}

    def started(self, address: Address, now: float) -> None:
        self._starts.setdefault(address, now)
        self._done.pop(address, None)

    def failed(self, address: Address, error: OSError, now: float) -> None:
        self._settle(address, now, "failed", error)

    def won(self, address: Address, now: float) -> tuple[Attempt, ...]:
        self._settle(address, now, "connected")
        return self._attempts(now)

    def refused(self, target: Address) -> ConnectError:
        attempts = self._attempts(0.0)
        error = ConnectError(str(target), attempts)
        error.__cause__ = _cause(attempts)
        return error

    def timed_out(self, target: Address, timeout: float, now: float) -> ConnectTimeout:
        attempts = self._attempts(now)
        error = ConnectTimeout(str(target), attempts, f"the {timeout:g} s are over")
        error.__cause__ = _cause(attempts)
        return error

    def _settle(
        self,
        address: Address,
        now: float,
        outcome: Literal["connected", "failed", "abandoned"],
        error: OSError | None = None,
    ) -> None:
        start = self._starts[address]
        self._done[address] = Attempt(address, start - self._began, now - start, outcome, error)

    def _attempts(self, now: float) -> tuple[Attempt, ...]:
        for address in self._starts.keys() - self._done.keys():
            self._settle(address, now, "abandoned")
        return tuple(self._done[address] for address in self._starts)


def _cause(attempts: Sequence[Attempt]) -> Exception | None:
    errors = [attempt.error for attempt in attempts if attempt.error is not None]
    if len(errors) > 1:
        return ExceptionGroup("no address answered", errors)
    return errors[0] if errors else None


def _unresolved(target: Address, error: OSError, timeout: float | None) -> ConnectError:
    if isinstance(error, TimeoutError) and timeout is not None:
        return ConnectTimeout(str(target), (), f"the name was not looked up within {timeout:g} s")
    return ConnectError(str(target), (), f"the name cannot be looked up: {error.strerror or error}")
