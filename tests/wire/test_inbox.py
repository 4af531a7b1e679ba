from __future__ import annotations

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portside.errors import EndOfStream, FrameTooLarge, IncompleteRead
from portside.wire.inbox import Inbox, at_least


def inbox_of(data: bytes = b"", *, ended: bool = False, failure: Exception | None = None) -> Inbox:
    inbox = Inbox()
    if data:
        inbox.append(data)
    if ended or failure is not None:
        inbox.end(failure)
    return inbox


BROKEN = ConnectionResetError(104, "Connection reset by peer")


def test_the_first_reason_of_an_end_is_kept() -> None:
    inbox = inbox_of(failure=BROKEN)
    inbox.end()
    inbox.end(ValueError("later"))
    assert (inbox.ended, inbox.failure) == (True, BROKEN)

    inbox = inbox_of(ended=True)
    inbox.end(BROKEN)
    assert (inbox.ended, inbox.failure) == (True, None)


def test_a_stream_that_goes_on_in_tls_has_another_end() -> None:
    inbox = inbox_of(failure=BROKEN)

    assert inbox.reopen() == (True, BROKEN)
    assert (inbox.ended, inbox.failure) == (False, None)
    assert inbox.reopen() == (False, None)
    inbox.end()
    assert inbox.reopen() == (True, None)


# What is missing


def test_a_clean_end_with_nothing_left_is_the_end_of_the_stream() -> None:
    shortage = inbox_of(ended=True).shortage(10)

    assert type(shortage) is EndOfStream
    assert str(shortage) == "the peer finished sending"


@pytest.mark.parametrize(
    ("expected", "words"), [(None, r"2 bytes of a whole message"), (9, r"2 bytes of 9 bytes")]
)
def test_what_is_left_at_the_end_is_told_once(expected: int | None, words: str) -> None:
    inbox = inbox_of(b"ab", ended=True)

    with pytest.raises(IncompleteRead, match=words) as caught:
        raise inbox.shortage(expected)

    assert (caught.value.partial, caught.value.expected) == (b"ab", expected)
    assert type(inbox.shortage()) is EndOfStream


def test_a_failure_is_raised_as_often_as_somebody_reads_and_leaves_what_is_here() -> None:
    failure = ConnectionResetError("gone")
    inbox = inbox_of(b"ab", failure=failure)

    for _ in range(3):
        with pytest.raises(ConnectionResetError) as caught:
            raise inbox.shortage(10)
        assert caught.value is failure
        assert len(traceback.extract_tb(failure.__traceback__)) == 1
    assert inbox.take(2) == b"ab"


# Taking


@pytest.mark.parametrize(
    ("inbox", "some"),
    [
        (inbox_of(), None),
        (inbox_of(ended=True), b""),
        (inbox_of(failure=BROKEN), None),
        (inbox_of(b"abc"), b"ab"),
        (inbox_of(b"a"), b"a"),
        (inbox_of(b"a", ended=True), b"a"),
        (inbox_of(b"a", failure=BROKEN), b"a"),
    ],
)
def test_some_bytes_are_at_least_one_unless_the_end_is_clean(
    inbox: Inbox, some: bytes | None
) -> None:
    rest = inbox.peek_up_to(10)[2:]
    mark = inbox.mark()
    assert inbox.take_some(2) == some
    assert inbox.peek_up_to(10) == rest
    inbox.rewind(mark)

    target = bytearray(2)
    count = inbox.take_some_into(memoryview(target))

    assert count == (None if some is None else len(some))
    assert target[: count or 0] == (some or b"")
    assert inbox.peek_up_to(10) == rest


@pytest.mark.parametrize(
    ("inbox", "some"),
    [
        (inbox_of(), None),
        (inbox_of(b"a"), None),
        (inbox_of(b"abc"), b"ab"),
        (inbox_of(b"ab"), b"ab"),
        (inbox_of(b"a", ended=True), b"a"),
        (inbox_of(b"a", failure=BROKEN), b"a"),
        (inbox_of(ended=True), b""),
        (inbox_of(failure=BROKEN), None),
    ],
)
def test_a_peek_waits_for_all_of_it_unless_the_stream_has_ended(
    inbox: Inbox, some: bytes | None
) -> None:
    before = len(inbox)

    assert inbox.peek_some(2) == some
    assert len(inbox) == before


@pytest.mark.parametrize(
    ("inbox", "everything"),
    [
        (inbox_of(), None),
        (inbox_of(b"abc"), None),
        (inbox_of(b"abc", failure=BROKEN), None),
        (inbox_of(b"abc", ended=True), b"abc"),
        (inbox_of(ended=True), b""),
    ],
)
def test_everything_is_what_came_before_the_clean_end(
    inbox: Inbox, everything: bytes | None
) -> None:
    assert inbox.take_all(3) == everything


@pytest.mark.parametrize("ended", [False, True])
def test_more_than_the_limit_is_refused_and_stays(*, ended: bool) -> None:
    inbox = inbox_of(b"abcd", ended=ended)

    with pytest.raises(FrameTooLarge) as caught:
        inbox.take_all(3)

    assert (caught.value.limit, caught.value.size) == (3, None)
    assert inbox.take(4) == b"abcd"


@given(least=st.integers(0, 3), count=st.integers(-3, 10))
def test_a_number_of_bytes_to_read_has_a_least(least: int, count: int) -> None:
    if count >= least:
        assert at_least(least, count) == count
    else:
        words = f"at least {least} byte{'' if least == 1 else 's'} can be read, not {count}$"
        with pytest.raises(ValueError, match=words):
            at_least(least, count)
