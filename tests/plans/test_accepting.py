from __future__ import annotations

import errno
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portside.defaults import ACCEPT_PAUSE_LONGEST, ACCEPT_REPORT_INTERVAL
from portside.plans.accepting import AcceptTrouble

# accept(2) on Linux, and what trio found in the manuals and kernels of four systems.
OF_THE_CONNECTION = [
    *("EPERM", "ECONNABORTED", "EPROTO", "ENETDOWN", "ENOPROTOOPT", "EHOSTDOWN", "ENONET"),
    *("EHOSTUNREACH", "EOPNOTSUPP", "ENETUNREACH", "ENOSR", "ESOCKTNOSUPPORT"),
    *("EPROTONOSUPPORT", "ETIMEDOUT", "ECONNRESET", "EAGAIN", "EWOULDBLOCK", "EINTR"),
]
OF_THE_PROCESS = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]
OF_THE_LISTENER = ["EBADF", "EINVAL", "ENOTSOCK"]


def error_named(name: str) -> OSError:
    if not hasattr(errno, name):
        pytest.skip(f"this platform has no {name}")
    return OSError(getattr(errno, name), name)


@pytest.mark.parametrize("name", OF_THE_CONNECTION)
def test_an_error_of_the_connection_is_passed_over_at_once(name: str) -> None:
    trouble = AcceptTrouble()

    assert [trouble.pause_after(error_named(name)) for _ in range(3)] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("name", OF_THE_PROCESS)
def test_exhaustion_pauses_for_longer_and_longer(name: str) -> None:
    trouble = AcceptTrouble()

    pauses = [trouble.pause_after(error_named(name)) for _ in range(10)]

    assert pauses[:7] == [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64]
    assert pauses[7:] == [ACCEPT_PAUSE_LONGEST] * 3


@pytest.mark.parametrize("name", OF_THE_LISTENER)
def test_a_listener_that_is_gone_is_told(name: str) -> None:
    trouble, error = AcceptTrouble(), error_named(name)

    with pytest.raises(OSError, match=name) as caught:
        trouble.pause_after(error)

    assert caught.value is error


@pytest.mark.parametrize("number", [12345, None])
def test_an_error_that_nobody_knows_pauses(number: int | None) -> None:
    error = OSError("odd") if number is None else OSError(number, "odd")
    trouble = AcceptTrouble()

    assert [trouble.pause_after(error) for _ in range(2)] == [0.01, 0.02]


def test_a_success_makes_the_next_pause_short_again() -> None:
    trouble = AcceptTrouble()
    for _ in range(5):
        trouble.pause_after(error_named("EMFILE"))

    trouble.accepted()

    assert trouble.pause_after(error_named("EMFILE")) == 0.01


def test_an_error_of_a_connection_between_two_pauses_changes_nothing() -> None:
    trouble = AcceptTrouble()
    trouble.pause_after(error_named("EMFILE"))

    assert trouble.pause_after(error_named("ECONNABORTED")) == 0.0
    assert trouble.pause_after(error_named("ENFILE")) == 0.02


# Reports


def test_the_first_trouble_is_reported_at_once() -> None:
    assert AcceptTrouble().report_due(now=0.0) == 0
    assert AcceptTrouble().report_due(now=-1e9) == 0


def test_what_follows_is_counted_and_told_with_the_next_report() -> None:
    trouble = AcceptTrouble()
    trouble.report_due(now=100.0)

    assert [trouble.report_due(now=100.0 + seconds) for seconds in (0.0, 1.0, 9.75)] == [None] * 3
    assert trouble.report_due(now=110.0) == 3
    assert trouble.report_due(now=111.0) is None
    assert trouble.report_due(now=500.0) == 1
    assert trouble.report_due(now=1000.0) == 0


@given(times=st.lists(st.floats(0, 1000), max_size=50).map(sorted))
def test_reports_are_rare_and_none_is_forgotten(times: list[float]) -> None:
    trouble = AcceptTrouble()
    told = [(now, trouble.report_due(now)) for now in times]

    reports = [(now, untold) for now, untold in told if untold is not None]

    for (sooner, _), (later, _) in pairwise(reports):
        assert later - sooner >= ACCEPT_REPORT_INTERVAL * 0.999
    last = max((index for index, (_, untold) in enumerate(told) if untold is not None), default=-1)
    assert sum(untold for _, untold in reports) + len(reports) == last + 1
