from __future__ import annotations

import gc
import weakref
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portside.plans.admission import Admission


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_a_server_is_full_exactly_at_its_limit(limit: int) -> None:
    admission = Admission(limit, None)
    for _ in range(limit):
        assert not admission.full
        assert admission.admit("peer")

    assert admission.full
    admission.leave("peer")
    assert not admission.full


def test_whoever_was_accepted_before_the_server_was_full_is_let_in() -> None:
    admission = Admission(1, None)
    admission.admit("first")

    # Two listeners may each hand one over before either is paused.
    assert admission.admit("second")
    assert admission.full
    admission.leave("first")
    assert admission.full
    admission.leave("second")
    assert not admission.full


def test_without_a_limit_a_server_is_never_full() -> None:
    admission = Admission(None, None)

    assert all(admission.admit("peer") for _ in range(20_000))
    assert not admission.full


def test_a_peer_that_has_its_share_is_refused_and_the_others_are_not() -> None:
    admission = Admission(None, 2)

    assert [admission.admit("greedy") for _ in range(4)] == [True, True, False, False]
    assert admission.admit("modest")
    admission.leave("greedy")
    assert [admission.admit("greedy") for _ in range(2)] == [True, False]


def test_who_is_refused_counts_for_nothing() -> None:
    admission = Admission(2, 1)
    admission.admit("greedy")

    assert not admission.admit("greedy")
    assert not admission.full
    assert admission.admit("modest")
    assert admission.full


@pytest.mark.parametrize("share", [3, None])
def test_a_peer_that_has_left_is_forgotten(share: int | None) -> None:
    class Peer:
        """Something that can be a key and be watched."""

    admission, peer = Admission(None, share), Peer()
    watched = weakref.ref(peer)
    admission.admit(peer)
    admission.admit(peer)
    admission.leave(peer)
    admission.leave(peer)

    del peer
    gc.collect()

    assert watched() is None


@given(
    moves=st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=40),
    most=st.none() | st.integers(1, 5),
    share=st.none() | st.integers(1, 3),
)
def test_the_books_agree_with_who_is_inside(
    moves: list[tuple[str, bool]], most: int | None, share: int | None
) -> None:
    admission = Admission(most, share)
    inside: Counter[str] = Counter()

    for peer, comes in moves:
        if comes:
            admitted = admission.admit(peer)
            assert admitted == (share is None or inside[peer] < share)
            inside[peer] += admitted
        elif inside[peer]:
            admission.leave(peer)
            inside[peer] -= 1
        assert admission.full == (most is not None and inside.total() >= most)
