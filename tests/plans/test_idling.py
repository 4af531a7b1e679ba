from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portside.plans.idling import Idleness


def test_a_silent_connection_is_looked_at_four_times_and_then_cut() -> None:
    idleness = Idleness(8.0)

    assert idleness.next_check(now=100.0, progress=0) == 2.0
    assert idleness.next_check(now=102.0, progress=0) == 2.0
    assert idleness.next_check(now=104.0, progress=0) == 2.0
    assert idleness.next_check(now=106.0, progress=0) == 2.0
    assert idleness.next_check(now=108.0, progress=0) is None


def test_every_byte_starts_the_time_again() -> None:
    idleness = Idleness(8.0)
    idleness.next_check(now=0.0, progress=0)

    assert idleness.next_check(now=7.0, progress=1) == 2.0
    assert idleness.next_check(now=14.0, progress=1) == 1.0
    assert idleness.next_check(now=14.5, progress=2) == 2.0
    assert idleness.next_check(now=22.25, progress=2) == 0.25
    assert idleness.next_check(now=22.5, progress=2) is None


@pytest.mark.parametrize(
    ("silent", "answer"), [(6.0, 2.0), (6.5, 1.5), (7.75, 0.25), (8.0, None), (9.0, None)]
)
def test_the_last_look_is_at_the_end_of_the_timeout(silent: float, answer: float | None) -> None:
    idleness = Idleness(8.0)
    idleness.next_check(now=0.0, progress=5)

    assert idleness.next_check(now=silent, progress=5) == answer


def test_a_connection_that_had_bytes_before_it_was_watched_is_not_cut_at_once() -> None:
    assert Idleness(8.0).next_check(now=1e6, progress=12345) == 2.0
    assert Idleness(8.0).next_check(now=1e6, progress=0) == 2.0


@given(timeout=st.floats(0.01, 1000), last_byte=st.floats(0, 1000))
def test_a_connection_is_cut_after_1_to_1_and_a_quarter_times_its_timeout(
    timeout: float, last_byte: float
) -> None:
    idleness = Idleness(timeout)
    now, progress = 0.0, 0

    while True:
        progress = int(now >= last_byte)
        pause = idleness.next_check(now, progress)
        if pause is None:
            break
        now += max(pause, timeout * 1e-6)

    if progress:
        assert timeout * 0.999 <= now - last_byte <= timeout * 1.251
    else:
        assert now >= timeout * 0.999
