from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portside.defaults import MAX_FRAME
from portside.errors import FrameTooLarge, IncompleteRead, ProtocolError, UnsendablePayload
from portside.wire import END, NEED_DATA, FrameReader, ReceiveBuffer, Varint
from portside.wire.framing import Oversize
from wire.cuts import TOO_LARGE, byte_by_byte, cuts, in_every_way, read_one_by_one
from wire.scans import CountingBuffer

POLICIES: list[Oversize] = ["raise", "discard"]
LARGEST = b"\xff" * 9 + b"\x01"

# Lengths of every sort, whole and not, mixed with what may be messages.
BYTES = st.lists(
    st.sampled_from([b"\0", b"\1a", b"\2ab", b"\x05", b"\x81", b"\x80", b"\xff", b"abc", LARGEST]),
    max_size=14,
).map(b"".join)


def as_read(data: bytes, limit: int, oversize: Oversize) -> list[Any]:
    """Return what a reader is told, but for what an error says."""
    told: list[Any] = []
    while head := re.match(rb"[\x80-\xff]{0,9}[\0-\x7f]", data):
        size = sum((digit & 127) * 128**place for place, digit in enumerate(head[0]))
        if size >= 2**64:
            return [*told, "broken"]
        if size <= limit and len(data) < head.end() + size:
            break
        if size <= limit:
            told.append(data[head.end() :][:size])
        elif oversize == "raise":
            told.append(TOO_LARGE)
        data = data[head.end() + size :]
    if not head and len(data) >= 10:
        return [*told, "broken"]
    return [*told, ("incomplete", data)] if data else told


def without_texts(told: list[Any]) -> list[Any]:
    return [one[0] if type(one) is tuple and one[0] == "broken" else one for one in told]


@pytest.mark.parametrize("oversize", POLICIES)
@given(data=BYTES | st.binary(max_size=40), limit=st.integers(0, 12), places=cuts())
@example(data=b"\x80" * 10, limit=12, places=[3])
@example(data=b"\1a" + b"\x80" * 9 + b"\0", limit=12, places=[3])
def test_messages_do_not_depend_on_how_the_bytes_were_cut(
    oversize: Oversize, data: bytes, limit: int, places: list[int]
) -> None:
    told = in_every_way(Varint(limit, oversize), data, places)

    assert without_texts(told) == as_read(data, limit, oversize)


@given(messages=st.lists(st.binary(max_size=20) | st.integers(120, 300).map(bytes), max_size=6))
def test_what_is_sent_is_what_is_received(messages: list[bytes]) -> None:
    sent = Varint().encode_many(iter(messages))

    assert sent == b"".join(map(Varint().encode, messages))
    assert in_every_way(Varint(), sent, [7, 15]) == messages


@pytest.mark.parametrize(
    ("size", "length"),
    [
        (0, "00"),
        (1, "01"),
        (127, "7f"),
        (128, "80 01"),
        # From protobuf's description of the encoding.
        (150, "96 01"),
        (300, "ac 02"),
        (16383, "ff 7f"),
        (16384, "80 80 01"),
        (1 << 20, "80 80 40"),
    ],
)
def test_a_length_takes_as_few_bytes_as_it_can(size: int, length: str) -> None:
    message = b"x" * size
    sent = Varint().encode(message)

    assert sent == bytes.fromhex(length) + message
    assert read_one_by_one(Varint(), [sent]) == [message]


@pytest.mark.parametrize("length", ["82 00", "82 80 80 80 00", "82 80 80 80 80 80 80 80 80 00"])
def test_a_length_that_takes_more_bytes_than_it_needs_is_one_too(length: str) -> None:
    sent = bytes.fromhex(length) + b"hi"

    assert in_every_way(Varint(), sent * 3, [1, 5]) == [b"hi"] * 3


@pytest.mark.parametrize(
    "length",
    [
        "ff ff ff ff ff ff ff ff ff 02",
        "80 80 80 80 80 80 80 80 80 02",
        "80 80 80 80 80 80 80 80 80 80",
        "80 80 80 80 80 80 80 80 80 81",
        "82 80 80 80 80 80 80 80 80 80 00",
    ],
)
@pytest.mark.parametrize("oversize", POLICIES)
def test_a_length_of_more_than_64_bits_is_refused_at_its_tenth_byte(
    length: str, oversize: Oversize
) -> None:
    sent = bytes.fromhex(length)[:10]
    reader = FrameReader(Varint(oversize=oversize))
    for piece in byte_by_byte(sent[:9]):
        reader.feed(piece)
        assert reader.next_frame() is NEED_DATA

    reader.feed(sent[9:])

    reason = f"a length has at most 64 bits, in 10 bytes; the peer sent {sent.hex(' ')}"
    for _ in range(2):
        with pytest.raises(ProtocolError, match=reason):
            reader.next_frame()


@pytest.mark.parametrize("oversize", POLICIES)
def test_the_largest_length_there_is_costs_no_memory(oversize: Oversize) -> None:
    buffer = ReceiveBuffer()
    framing = Varint(oversize=oversize)
    buffer.append(LARGEST)

    if oversize == "raise":
        with pytest.raises(FrameTooLarge) as caught:
            framing.decode(buffer)
        assert (caught.value.limit, caught.value.size) == (MAX_FRAME, 2**64 - 1)
    for _ in range(100):
        assert framing.decode(buffer) is None
        buffer.append(b"\1a" * 500)
        assert len(buffer) == 0


def test_the_limit_counts_the_message_alone() -> None:
    framing = Varint(limit=200)

    assert read_one_by_one(framing, [framing.encode(b"x" * 200)]) == [b"x" * 200]
    assert read_one_by_one(framing, [b"\xc9\x01" + b"x" * 201]) == [TOO_LARGE]
    with pytest.raises(UnsendablePayload, match=r"of 201 bytes passes the limit of 200"):
        framing.encode(b"x" * 201)


def test_the_limit_is_1_mib_if_nothing_is_said() -> None:
    assert len(Varint().encode(b"x" * MAX_FRAME)) == 3 + (1 << 20)
    with pytest.raises(UnsendablePayload, match=r"1048577 bytes passes the limit of 1048576"):
        Varint().encode(b"x" * (MAX_FRAME + 1))


def test_a_length_over_the_limit_is_refused_before_any_of_the_message_arrives() -> None:
    reader = FrameReader(Varint(limit=10))
    reader.feed(b"\xac")
    assert reader.next_frame() is NEED_DATA
    reader.feed(b"\2")

    with pytest.raises(FrameTooLarge, match=r"a message of 300 bytes, over the limit of 10"):
        reader.next_frame()
    assert reader.next_frame() is NEED_DATA


@pytest.mark.parametrize("arrived", range(12))
@pytest.mark.parametrize("oversize", POLICIES)
def test_the_next_message_is_in_step_however_much_of_a_refused_one_was_here(
    arrived: int, oversize: Oversize
) -> None:
    reader = FrameReader(Varint(10, oversize))
    refused = b"\2no" * 3 + b"xx"
    reader.feed(b"\x0b" + refused[:arrived])
    if oversize == "raise":
        with pytest.raises(FrameTooLarge):
            reader.next_frame()
    assert reader.next_frame() is NEED_DATA

    reader.feed(refused[arrived:] + b"\2ok")

    assert reader.next_frame() == b"ok"


@pytest.mark.parametrize("in_batches", [False, True])
def test_a_message_that_comes_byte_by_byte_is_not_looked_at_again_for_each(
    *, in_batches: bool
) -> None:
    buffer = CountingBuffer()
    decode = Varint().decode_many if in_batches else Varint().decode
    for piece in byte_by_byte(b"\x81\x20" + b"x" * 4096):
        buffer.append(piece)
        assert not decode(buffer)

    assert buffer.peeked <= 10 * 4098


def test_good_messages_in_front_of_a_bad_one_are_delivered() -> None:
    buffer = ReceiveBuffer()
    framing = Varint(limit=3)
    buffer.append(b"\1a\1b\4late\1c\1d" + b"\xff" * 10)

    assert framing.decode_many(buffer) == [b"a", b"b"]
    with pytest.raises(FrameTooLarge):
        framing.decode_many(buffer)
    assert framing.decode_many(buffer) == [b"c", b"d"]
    for _ in range(2):
        with pytest.raises(ProtocolError, match=r"a length has at most 64 bits"):
            framing.decode_many(buffer)


def test_a_batch_takes_large_and_small_messages_alike() -> None:
    messages = [b"a", b"b" * 100_000, b"", *[b"c" * 1000] * 200, b"d" * 70_000, b"e"]
    buffer = ReceiveBuffer()
    buffer.append(Varint().encode_many(messages) + b"\x80")

    assert Varint().decode_many(buffer) == messages
    assert Varint().decode_many(buffer) == []
    assert buffer.take_up_to(10) == b"\x80"


@pytest.mark.parametrize("sent", [b"\x80", b"\3", b"\3ab"])
def test_a_message_that_the_end_cut_short_is_told_with_what_came_of_it(sent: bytes) -> None:
    reader = FrameReader(Varint())
    reader.feed(b"\2ok" + sent)
    reader.feed(b"")

    assert reader.next_frame() == b"ok"
    with pytest.raises(IncompleteRead) as caught:
        reader.next_frame()
    assert caught.value.partial == sent
    assert reader.next_frame() is END


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"0 bytes or more, not -1"):
        Varint(limit=-1)
    with pytest.raises(ValueError, match=r"oversize is 'raise' or 'discard', not 'drop'"):
        Varint(oversize="drop")  # type: ignore[arg-type]  # which is the point
