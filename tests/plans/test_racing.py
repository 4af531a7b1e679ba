from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portside.plans.racing import Race, interleave

# Who comes when


@pytest.mark.parametrize(
    ("found", "turns"),
    [
        ("", ""),
        ("A", "A"),
        ("AaBb", "AaBb"),
        ("ABCab", "AaBbC"),
        ("abcA", "aAbc"),
        ("ABC", "ABC"),
        ("aABA", "aAB"),
        ("AAaa", "Aa"),
        ("A1a2", "A1a2"),
        ("AB12ab", "A1aB2b"),
    ],
)
def test_families_take_turns_and_the_first_one_stays_first(found: str, turns: str) -> None:
    assert "".join(interleave(found, family_of)) == turns


def family_of(candidate: str) -> int:
    return 2 if candidate.isdigit() else int(candidate.islower())


@given(found=st.text("ABCabc123", max_size=12))
def test_every_candidate_has_one_turn_and_each_family_keeps_its_order(found: str) -> None:
    turns = interleave(found, family_of)

    assert sorted(turns) == sorted(set(found))
    for family in range(3):
        ours = [one for one in turns if family_of(one) == family]
        assert ours == [one for one in dict.fromkeys(found) if family_of(one) == family]
    if found:
        assert turns[0] == found[0]


# Pace


def test_the_second_candidate_waits_for_the_delay() -> None:
    race = Race(["v6", "v4"], delay=0.25)

    assert race.patience(now=10.0) == 0.0
    assert race.due(now=10.0) == "v6"
    assert race.due(now=10.0) is None
    assert race.due(now=10.2) is None
    assert race.patience(now=10.125) == 0.125
    assert race.due(now=10.25) == "v4"
    assert race.due(now=20.0) is None
    assert race.patience(now=10.25) is None


def test_the_delay_counts_from_one_start_to_the_next() -> None:
    race = Race("abc", delay=1.0)
    race.due(now=0.0)

    assert race.due(now=1.75) == "b"
    assert race.due(now=2.0) is None
    assert race.patience(now=2.0) == 0.75
    assert race.due(now=2.75) == "c"


def test_a_start_that_is_overdue_needs_no_more_patience() -> None:
    race = Race("ab", delay=1.0)
    race.due(now=0.0)

    assert race.patience(now=5.0) == 0.0


def test_a_failure_lets_the_next_candidate_start_at_once_and_only_that_one() -> None:
    race = Race("abc", delay=0.25)
    race.due(now=0.0)

    race.failed()

    assert race.patience(now=0.01) == 0.0
    assert race.due(now=0.01) == "b"
    assert race.due(now=0.02) is None
    assert race.patience(now=0.01) == 0.25


def test_without_a_delay_all_start_at_once() -> None:
    race = Race("abc", delay=0.0)

    assert [race.due(now=0.0) for _ in range(4)] == ["a", "b", "c", None]


# Losing


def test_a_race_is_lost_when_every_attempt_was_made_and_failed() -> None:
    race = Race("ab", delay=0.25)
    assert not race.lost
    race.due(now=0.0)
    race.failed()
    assert not race.lost
    race.due(now=0.0)
    assert not race.lost

    race.failed()

    assert race.lost
    assert race.patience(now=1.0) is None
    assert race.due(now=1.0) is None


def test_a_race_is_not_lost_while_one_of_several_still_runs() -> None:
    race = Race("ab", delay=0.0)
    race.due(now=0.0)
    race.due(now=0.0)

    race.failed()
    assert not race.lost
    race.failed()
    assert race.lost


# Again


def test_who_could_not_take_us_now_is_due_again_at_the_time() -> None:
    race = Race("a", delay=0.25)
    race.due(now=0.0)

    race.again("a", at=0.5)

    assert not race.lost
    assert race.patience(now=0.125) == 0.375
    assert race.due(now=0.25) is None
    assert race.due(now=0.5) == "a"
    assert race.due(now=0.5) is None
    assert race.patience(now=0.5) is None
    assert not race.lost
    race.failed()
    assert race.lost


def test_who_is_tried_again_does_not_hurry_the_others() -> None:
    race = Race("abc", delay=0.25)
    race.due(now=0.0)

    race.again("a", at=0.125)

    assert race.due(now=0.0) is None
    assert race.patience(now=0.0) == 0.125
    assert race.due(now=0.125) == "a"
    assert race.patience(now=0.125) == 0.125
    assert race.due(now=0.25) == "b"


def test_several_are_tried_again_each_at_its_own_time() -> None:
    race = Race("ab", delay=0.0)
    race.due(now=0.0)
    race.due(now=0.0)
    race.again("a", at=2.0)
    race.again("b", at=1.0)

    assert race.patience(now=0.0) == 1.0
    assert race.due(now=1.5) == "b"
    assert race.due(now=1.5) is None
    assert race.due(now=2.5) == "a"


# With a deadline


@pytest.mark.parametrize(
    ("timeout", "starts"),
    [
        (None, [0.0, 0.25, 0.5, 0.75]),
        (10.0, [0.0, 0.25, 0.5, 0.75]),
        (1.0, [0.0, 0.25, 0.5, 0.75]),
        (0.5, [0.0, 0.125, 0.25, 0.375]),
        (0.0, [0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_the_last_candidate_gets_its_share_of_the_time(
    timeout: float | None, starts: list[float]
) -> None:
    assert starts_of(Race("abcd", delay=0.25, timeout=timeout), 4) == starts


@given(
    candidates=st.integers(1, 20),
    delay=st.floats(0.001, 2.0),
    timeout=st.floats(0.001, 10.0),
)
def test_nobody_starts_too_late_to_succeed(candidates: int, delay: float, timeout: float) -> None:
    starts = starts_of(Race(range(candidates), delay=delay, timeout=timeout), candidates)

    share = timeout / candidates
    assert timeout - starts[-1] >= share * 0.999
    assert all(later - sooner <= delay * 1.001 for sooner, later in pairwise(starts))


def starts_of(race: Race[int] | Race[str], candidates: int) -> list[float]:
    """Return when each starts if nothing fails and nobody dawdles."""
    now = 0.0
    starts: list[float] = []
    while len(starts) < candidates:
        if race.due(now) is not None:
            starts.append(now)
        else:
            patience = race.patience(now)
            assert patience is not None
            now += max(patience, 1e-9)  # a sum of floats may fall short of what it stands for
    return starts
