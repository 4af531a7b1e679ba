from __future__ import annotations

import pytest

from portside.errors import FrameTooLarge, IncompleteRead, ProtocolError
from portside.wire import END, NEED_DATA, FixedSize, FrameReader, LengthPrefix, Lines


def test_a_reader_says_whether_to_feed_it_or_to_stop() -> None:
    reader = FrameReader(Lines())
    assert reader.next_frame() is NEED_DATA

    reader.feed(b"one\ntw")
    assert reader.next_frame() == b"one"
    assert reader.next_frame() is NEED_DATA
    reader.feed(b"o\n")
    reader.feed(b"")

    assert reader.next_frame() == b"two"
    assert reader.next_frame() is END
    assert reader.next_frame() is END


def test_an_empty_message_is_no_end() -> None:
    reader = FrameReader(Lines())
    reader.feed(b"\n\n")

    assert list(reader) == [b"", b""]
    assert reader.next_frame() is NEED_DATA


def test_iterating_gives_the_messages_that_are_here() -> None:
    reader = FrameReader(FixedSize(2))
    assert list(reader) == []

    reader.feed(b"aabbc")
    assert list(reader) == [b"aa", b"bb"]
    reader.feed(b"cd")
    assert list(reader) == [b"cc"]
    reader.feed(b"d")
    reader.feed(b"")

    assert list(reader) == [b"dd"]
    assert reader.next_frame() is END


def test_a_message_cut_short_by_the_end_is_told_once() -> None:
    reader = FrameReader(Lines())
    reader.feed(b"one\nhal")
    reader.feed(b"")

    assert reader.next_frame() == b"one"
    with pytest.raises(IncompleteRead) as caught:
        reader.next_frame()
    assert (caught.value.partial, caught.value.expected) == (b"hal", None)
    assert reader.next_frame() is END


def test_good_messages_in_front_of_a_bad_one_are_delivered() -> None:
    reader = FrameReader(LengthPrefix(1, limit=3))
    reader.feed(b"\x01a\x04late\x01b")

    assert reader.next_frame() == b"a"
    with pytest.raises(FrameTooLarge):
        reader.next_frame()
    assert reader.next_frame() == b"b"


def test_a_peer_that_breaks_the_rules_is_told_as_often_as_somebody_asks() -> None:
    reader = FrameReader(LengthPrefix(1, adjustment=-1))
    reader.feed(b"\x00\x01")

    for _ in range(2):
        with pytest.raises(ProtocolError, match=r"sent the length 0"):
            reader.next_frame()


def test_the_signals_say_what_to_do() -> None:
    assert NEED_DATA.value == "feed me what the next read returns"
    assert END.value == "the peer has finished sending"
