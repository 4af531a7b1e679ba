"""What a plan can ask for: the vocabulary of decisions over time.

A plan is a generator that decides and never waits.  It yields steps, and each shell has a
driver that performs them: the blocking one by sleeping, the other by awaiting.  Tests drive
a plan by hand, with no clock and no socket::

    plan = drain(grace=10)
    assert next(plan) == StopAccepting()
    assert plan.send(None) == AwaitIdle(10)

``answer = yield from Sleep(1)`` reads like ``await``, and is typed: each step says what it
is answered with.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

__all__ = ["Clock", "Plan", "Sleep", "Step"]

Answer = TypeVar("Answer")
Result = TypeVar("Result")


class Step(Generic[Answer]):
    """Something a plan needs done before it can go on."""

    __slots__ = ()

    def __iter__(self) -> Generator[Step[Any], Any, Answer]:
        answer: Answer = yield self
        return answer


Plan: TypeAlias = Generator[Step[Any], Any, Result]


@dataclass(frozen=True, slots=True)
class Clock(Step[float]):
    """Tell the time, in seconds on a clock that never goes back."""


@dataclass(frozen=True, slots=True)
class Sleep(Step[None]):
    """Let ``seconds`` pass."""

    seconds: float
