from __future__ import annotations

import pytest

from portside.defaults import ABORT_PATIENCE
from portside.plans.draining import AbortAll, AwaitIdle, StopAccepting, drain


def result_of(finished: pytest.ExceptionInfo[StopIteration]) -> object:
    return finished.value.value


@pytest.mark.parametrize("grace", [10.0, 0.0, None])
def test_a_server_whose_handlers_finish_is_not_cut(grace: float | None) -> None:
    plan = drain(grace)

    assert next(plan) == StopAccepting()
    assert plan.send(None) == AwaitIdle(grace)
    with pytest.raises(StopIteration) as finished:
        plan.send(True)  # noqa: FBT003  the answer

    assert result_of(finished) is True


@pytest.mark.parametrize("clean", [True, False])
def test_handlers_that_do_not_finish_are_cut_and_get_a_moment_to_clean_up(*, clean: bool) -> None:
    plan = drain(2.5)

    assert next(plan) == StopAccepting()
    assert plan.send(None) == AwaitIdle(2.5)
    assert plan.send(False) == AbortAll()  # noqa: FBT003  the answer
    assert plan.send(None) == AwaitIdle(ABORT_PATIENCE)
    with pytest.raises(StopIteration) as finished:
        plan.send(clean)

    assert result_of(finished) is False


@pytest.mark.parametrize("steps", range(4))
def test_a_drain_can_be_given_up_at_every_step(steps: int) -> None:
    plan = drain(1.0)
    next(plan)
    for answer in [None, False, None][:steps]:
        plan.send(answer)

    plan.close()

    with pytest.raises(StopIteration):
        next(plan)
