from __future__ import annotations

import pytest

from portside.addresses import Inet4Address
from portside.plans.connecting import News, Resolve, Start
from portside.plans.draining import AbortAll, AwaitIdle, StopAccepting
from portside.plans.steps import Clock, Plan, Sleep, Step

HERE = Inet4Address("127.0.0.1", 80)


def wait_twice(seconds: float) -> Plan[float]:
    began = yield from Clock()
    yield from Sleep(seconds)
    yield from Sleep(seconds * 2)
    now = yield from Clock()
    return now - began


def test_a_plan_asks_for_steps_and_is_told_their_answers() -> None:
    plan = wait_twice(1.5)

    assert next(plan) == Clock()
    assert plan.send(100.0) == Sleep(1.5)
    assert plan.send(None) == Sleep(3.0)
    assert plan.send(None) == Clock()
    with pytest.raises(StopIteration) as finished:
        plan.send(104.5)

    assert finished.value.value == 4.5


def test_a_step_is_answered_once() -> None:
    asking = iter(Clock())

    assert next(asking) == Clock()
    with pytest.raises(StopIteration) as finished:
        asking.send(3.0)
    assert finished.value.value == 3.0


def test_a_step_that_fails_is_told_to_the_plan() -> None:
    plan = wait_twice(1.0)
    next(plan)

    with pytest.raises(OSError, match="the step failed"):
        plan.throw(OSError("the step failed"))
    with pytest.raises(StopIteration):
        next(plan)


def test_plans_are_made_of_plans() -> None:
    def outer() -> Plan[str]:
        took = yield from wait_twice(0.5)
        return f"{took:g} s"

    plan = outer()
    assert [next(plan), plan.send(0.0), plan.send(None), plan.send(None)] == [
        Clock(),
        Sleep(0.5),
        Sleep(1.0),
        Clock(),
    ]
    with pytest.raises(StopIteration) as finished:
        plan.send(1.5)
    assert finished.value.value == "1.5 s"


def test_a_step_is_a_value() -> None:
    assert Sleep(1.0) == Sleep(1.0) != Sleep(2.0)
    assert len({Clock(), Clock(), Sleep(1.0)}) == 2
    assert repr(Sleep(1.0)) == "Sleep(seconds=1.0)"
    with pytest.raises(AttributeError):
        Sleep(1.0).seconds = 2.0  # type: ignore[misc]


@pytest.mark.parametrize(
    "step",
    [
        *(Clock(), Sleep(1.0), StopAccepting(), AwaitIdle(1.0), AbortAll()),
        *(Resolve(HERE, None), Start(HERE), News(None)),
    ],
    ids=repr,
)
def test_every_step_is_small_and_stays_as_it_is(step: Step[object]) -> None:
    assert not hasattr(step, "__dict__")
    assert isinstance(hash(step), int)
    with pytest.raises((AttributeError, TypeError)):
        step.extra = 1  # type: ignore[attr-defined]
