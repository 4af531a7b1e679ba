from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portside.defaults import MAX_FRAME
from portside.errors import FrameTooLarge, IncompleteRead, ProtocolError, UnsendablePayload
from portside.wire import END, NEED_DATA, FrameReader, Netstring, ReceiveBuffer
from portside.wire.framing import Oversize
from wire.cuts import TOO_LARGE, byte_by_byte, cuts, in_every_way, read_one_by_one
from wire.scans import CountingBuffer

POLICIES: list[Oversize] = ["raise", "discard"]
MESSAGES = st.lists(st.binary(max_size=14), max_size=6)

# Whole netstrings, parts of them, and what only looks like one.
BYTES = st.lists(
    st.sampled_from(
        [b"0:,", b"1:a,", b"3:a,b,", b"9:123456789,", b"0", b"1", b"2", b":", b",", b"a"]
    ),
    max_size=12,
).map(b"".join)


def as_read(data: bytes, limit: int, oversize: Oversize) -> list[Any]:
    """Return what a reader is told, but for what an error says."""
    told: list[Any] = []
    while head := re.match(rb"(0|[1-9][0-9]{0,19}):", data):
        size = int(head[1])
        rest = data[head.end() :]
        if size > limit:
            told += [TOO_LARGE] * (oversize == "raise")
            data = rest[size + 1 :]
            continue
        if len(rest) <= size:
            break
        if rest[size : size + 1] != b",":
            return [*told, "broken"]
        told.append(rest[:size])
        data = rest[size + 1 :]
    if not head and data and not re.fullmatch(rb"0|[1-9][0-9]{0,19}", data):
        return [*told, "broken"]
    return [*told, ("incomplete", data)] if data else told


def without_texts(told: list[Any]) -> list[Any]:
    return [one[0] if type(one) is tuple and one[0] == "broken" else one for one in told]


@pytest.mark.parametrize("oversize", POLICIES)
@given(data=BYTES, limit=st.integers(0, 12), places=cuts())
@example(data=b"1" * 21, limit=12, places=[3])
@example(data=b"1" * 20 + b":", limit=12, places=[3])
def test_messages_do_not_depend_on_how_the_bytes_were_cut(
    oversize: Oversize, data: bytes, limit: int, places: list[int]
) -> None:
    told = in_every_way(Netstring(limit, oversize), data, places)

    assert without_texts(told) == as_read(data, limit, oversize)


@given(messages=MESSAGES)
def test_what_is_sent_is_what_is_received(messages: list[bytes]) -> None:
    sent = Netstring().encode_many(iter(messages))

    assert sent == b"".join(map(Netstring().encode, messages))
    assert in_every_way(Netstring(), sent, [7, 15]) == messages


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        # Both from Bernstein's text.
        (b"hello world!", b"12:hello world!,"),
        (b"", b"0:,"),
        (b"12:hello world!,", b"16:12:hello world!,,"),
        (b"\0\xff,:\n", b"5:\0\xff,:\n,"),
    ],
)
def test_the_examples_of_the_source(message: bytes, sent: bytes) -> None:
    assert Netstring().encode(message) == sent
    assert read_one_by_one(Netstring(), [sent]) == [message]


@pytest.mark.parametrize(
    ("sent", "at_fault"),
    [
        # An endless length, no length, no comma, and numbers that are not strictly digits.
        (b"9999999999999999999999", b"999999999999999999999"),
        (b"abc", b"a"),
        (b"4:abcde", b""),
        (b"51:" + b"a" * 51 + b"!", b""),
        (b"  3:abc,", b" "),
        (b"+3:abc,", b"+"),
        (b"-3:abc,", b"-"),
        (b"3 :abc,", b"3 "),
        (b"1_0:0123456789,", b"1_"),
        (b"0x3:abc,", b"0x"),
        (b"03:abc,", b"03"),
        (b"00:,", b"00"),
        (b":,", b":"),
        (b",", b","),
        (b"\n3:abc,", b"\n"),
        ("\u0663:abc,".encode(), b"\xd9"),
        (b"3:abc;", b""),
        (b"3:abc\n", b""),
        (b"0:0:,", b""),
    ],
)
def test_what_is_no_netstring_is_refused_at_the_first_byte_that_shows_it(
    sent: bytes, at_fault: bytes
) -> None:
    expected = f"the peer sent {at_fault!r}" if at_fault else "a comma ends a netstring"
    needed = len(at_fault) or sent.index(b":") + 1 + int(sent.split(b":")[0]) + 1
    reader = FrameReader(Netstring())
    for piece in byte_by_byte(sent[: needed - 1]):
        reader.feed(piece)
        assert reader.next_frame() is NEED_DATA

    reader.feed(sent[needed - 1 : needed])

    for _ in range(2):
        with pytest.raises(ProtocolError, match=re.escape(expected)):
            reader.next_frame()


def test_an_error_says_what_was_expected() -> None:
    buffer = ReceiveBuffer()
    buffer.append(b"007:")
    with pytest.raises(ProtocolError) as no_length:
        Netstring().decode(buffer)
    buffer.clear()
    buffer.append(b"2:abc,")
    with pytest.raises(ProtocolError) as no_comma:
        Netstring().decode(buffer)

    assert str(no_length.value) == (
        "a netstring begins with a length of 1 to 20 digits, without extra zeros, and a colon; "
        "the peer sent b'00'"
    )
    assert str(no_comma.value) == (
        "a comma ends a netstring; the peer sent b'c' behind a message of 2 bytes"
    )


def test_the_limit_counts_the_message_alone() -> None:
    framing = Netstring(limit=10)

    assert read_one_by_one(framing, [framing.encode(b"0123456789")]) == [b"0123456789"]
    assert read_one_by_one(framing, [b"11:0123456789a,"]) == [TOO_LARGE]
    with pytest.raises(UnsendablePayload, match=r"of 11 bytes passes the limit of 10"):
        framing.encode(b"0123456789a")


def test_the_limit_is_1_mib_if_nothing_is_said() -> None:
    assert len(Netstring().encode(b"x" * MAX_FRAME)) == len("1048576:,") + (1 << 20)
    with pytest.raises(UnsendablePayload, match=r"1048577 bytes passes the limit of 1048576"):
        Netstring().encode(b"x" * (MAX_FRAME + 1))


def test_a_length_over_the_limit_is_refused_before_any_of_the_message_arrives() -> None:
    reader = FrameReader(Netstring(limit=10))
    reader.feed(b"11")
    assert reader.next_frame() is NEED_DATA
    reader.feed(b":")

    with pytest.raises(FrameTooLarge, match=r"a message of 11 bytes, over the limit of 10"):
        reader.next_frame()
    assert reader.next_frame() is NEED_DATA


@pytest.mark.parametrize("arrived", range(13))
@pytest.mark.parametrize("oversize", POLICIES)
def test_the_next_message_is_in_step_however_much_of_a_refused_one_was_here(
    arrived: int, oversize: Oversize
) -> None:
    reader = FrameReader(Netstring(10, oversize))
    refused = b"2:no,2:no,x,"
    reader.feed(b"11:" + refused[:arrived])
    if oversize == "raise":
        with pytest.raises(FrameTooLarge):
            reader.next_frame()
    assert reader.next_frame() is NEED_DATA

    reader.feed(refused[arrived:] + b"2:ok,")

    assert reader.next_frame() == b"ok"


@pytest.mark.parametrize("oversize", POLICIES)
def test_the_largest_length_there_is_costs_no_memory(oversize: Oversize) -> None:
    buffer = ReceiveBuffer()
    framing = Netstring(oversize=oversize)
    buffer.append(b"9" * 20 + b":")

    if oversize == "raise":
        with pytest.raises(FrameTooLarge) as caught:
            framing.decode(buffer)
        assert (caught.value.limit, caught.value.size) == (MAX_FRAME, 10**20 - 1)
    for _ in range(100):
        assert framing.decode(buffer) is None
        buffer.append(b"1:a," * 250)
        assert len(buffer) == 0


@pytest.mark.parametrize("in_batches", [False, True])
def test_a_message_that_comes_byte_by_byte_is_not_looked_at_again_for_each(
    *, in_batches: bool
) -> None:
    buffer = CountingBuffer()
    decode = Netstring().decode_many if in_batches else Netstring().decode
    for piece in byte_by_byte(b"4000:" + b"x" * 4000):
        buffer.append(piece)
        assert not decode(buffer)

    assert buffer.peeked <= 21 * 4005


def test_good_messages_in_front_of_a_bad_one_are_delivered() -> None:
    buffer = ReceiveBuffer()
    framing = Netstring(limit=3)
    buffer.append(b"1:a,1:b,4:late,1:c,1:d;")

    assert framing.decode_many(buffer) == [b"a", b"b"]
    with pytest.raises(FrameTooLarge):
        framing.decode_many(buffer)
    assert framing.decode_many(buffer) == [b"c"]
    for _ in range(2):
        with pytest.raises(ProtocolError, match=r"a comma ends a netstring; the peer sent b';'"):
            framing.decode_many(buffer)


def test_a_batch_takes_large_and_small_messages_alike() -> None:
    messages = [b"a", b"b" * 100_000, b"", *[b"c" * 1000] * 200, b"d" * 70_000, b"e"]
    buffer = ReceiveBuffer()
    buffer.append(Netstring().encode_many(messages) + b"1:")

    assert Netstring().decode_many(buffer) == messages
    assert Netstring().decode_many(buffer) == []
    assert buffer.take_up_to(10) == b"1:"


@pytest.mark.parametrize("sent", [b"1", b"12:", b"3:abc"])
def test_a_message_that_the_end_cut_short_is_told_with_what_came_of_it(sent: bytes) -> None:
    reader = FrameReader(Netstring())
    reader.feed(b"2:ok," + sent)
    reader.feed(b"")

    assert reader.next_frame() == b"ok"
    with pytest.raises(IncompleteRead) as caught:
        reader.next_frame()
    assert caught.value.partial == sent
    assert reader.next_frame() is END


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"0 bytes or more, not -1"):
        Netstring(limit=-1)
    with pytest.raises(ValueError, match=r"oversize is 'raise' or 'discard', not 'drop'"):
        Netstring(oversize="drop")  # type: ignore[arg-type]  # which is the point
