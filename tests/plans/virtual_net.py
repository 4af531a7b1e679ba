"""A network without sockets and without a clock: it does what the plan of a connect asks."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from portside.addresses import Address
from portside.plans.connecting import News, Outcome, Resolve, Start
from portside.plans.steps import Clock, Plan, Step

Result = TypeVar("Result")


@dataclass(frozen=True)
class Answer:
    """What comes of one attempt: after so many seconds, an error or a connection."""

    after: float
    error: OSError | None = None


DEAD = [Answer(math.inf)]


def good(after: float) -> list[Answer]:
    return [Answer(after)]


def bad(after: float, error: OSError) -> list[Answer]:
    return [Answer(after, error)]


@dataclass
class VirtualNet:
    """Tells what comes of each attempt, and when.

    Attributes:
        answers: For each address, those to one attempt after the other; the last one stays.
        found: What the lookup answers.
        lookup_takes: Seconds that it takes.
        now: The time.
        starts: Who was started, and when.
        lookups: How many seconds each lookup was given.
    """

    answers: Mapping[Address, Sequence[Answer]]
    found: Sequence[Address] | OSError | None = None
    lookup_takes: float = 0.0
    now: float = 1000.0
    starts: list[tuple[float, Address]] = field(default_factory=list)
    lookups: list[float | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.began = self.now
        self._to_come: list[tuple[float, int, Outcome]] = []
        self._order = count()

    def run(self, plan: Plan[Result]) -> Result:
        """Run ``plan`` to its end."""
        answer: Any = None
        for _ in range(10_000):
            try:
                step = plan.send(answer)
            except StopIteration as finished:
                result: Result = finished.value
                return result
            answer = self.perform(step)
        raise AssertionError("the plan does not end")

    def perform(self, step: Step[Any]) -> Any:
        match step:
            case Clock():
                return self.now
            case Resolve(_, timeout):
                return self._resolve(timeout)
            case Start(address):
                return self._start(address)
            case News(timeout):
                return self._news(timeout)
        raise AssertionError(f"{step} is no part of a connect")

    @property
    def elapsed(self) -> float:
        return self.now - self.began

    def starts_after(self) -> list[tuple[float, Address]]:
        """Return the starts, in seconds after the beginning."""
        return [(at - self.began, address) for at, address in self.starts]

    def _resolve(self, timeout: float | None) -> Sequence[Address] | OSError:
        self.lookups.append(timeout)
        if timeout is not None and self.lookup_takes > timeout:
            self.now += timeout
            return TimeoutError("not looked up in time")
        self.now += self.lookup_takes
        return list(self.answers) if self.found is None else self.found

    def _start(self, address: Address) -> None:
        tries = sum(started == address for _, started in self.starts)
        self.starts.append((self.now, address))
        answers = self.answers[address]
        answer = answers[min(tries, len(answers) - 1)]
        outcome = address, answer.error
        heapq.heappush(self._to_come, (self.now + answer.after, next(self._order), outcome))

    def _news(self, timeout: float | None) -> Sequence[Outcome]:
        assert timeout is None or timeout >= 0, "nobody waits for less than nothing"
        earliest = self._to_come[0][0] if self._to_come else math.inf
        until = math.inf if timeout is None else self.now + timeout
        assert min(earliest, until) < math.inf, "this plan waits for ever"
        if earliest <= until:
            self.now = max(self.now, earliest)
        else:  # a real clock moves on even if a wait is too short to be added to it
            self.now = max(self.now + 1e-9, until)
        news = []
        while self._to_come and self._to_come[0][0] <= self.now:
            news.append(heapq.heappop(self._to_come)[2])
        return news
