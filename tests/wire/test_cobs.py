from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portside.defaults import MAX_FRAME
from portside.errors import FrameTooLarge, IncompleteRead, ProtocolError, UnsendablePayload
from portside.wire import END, NEED_DATA, Cobs, FrameReader, ReceiveBuffer
from portside.wire.framing import Oversize
from wire.cuts import TOO_LARGE, byte_by_byte, cuts, in_every_way, read_one_by_one
from wire.scans import CountingBuffer, counted

POLICIES: list[Oversize] = ["raise", "discard"]
RUNS = st.sampled_from([0, 1, 2, 253, 254, 255, 507, 508, 509]).map(b"x".__mul__)
MESSAGES = st.binary(max_size=20) | st.lists(RUNS, min_size=1, max_size=4).map(b"\0".join)
BYTES = st.lists(st.integers(0, 6), max_size=40).map(bytes)

UP_TO_FE = bytes(range(1, 255))
UP_TO_FF = bytes(range(2, 256))


def unstuffed(frame: bytes) -> bytes | None:
    """Return the message of a frame, or None if it is bad, as the paper's program reads it."""
    message = b""
    while frame:
        code = frame[0]
        if code > len(frame):
            return None
        message += frame[1:code] + (b"\0" if code < 255 else b"")
        last, frame = code, frame[code:]
    return message[:-1] if last < 255 else message


def as_read(data: bytes, limit: int, oversize: Oversize) -> list[Any]:
    """Return what a reader is told, but for what an error says."""
    *frames, rest = data.split(b"\0")
    longest = limit + limit // 254 + 1
    told: list[Any] = []
    for frame in filter(None, frames):
        message = b"?" * (limit + 1) if len(frame) > longest else unstuffed(frame)
        if message is None:
            told.append("broken")
        else:
            told.append(message if len(message) <= limit else TOO_LARGE)
    if rest:
        told.append(TOO_LARGE if len(rest) > longest else ("incomplete", rest))
    return [one for one in told if one != TOO_LARGE or oversize == "raise"]


def without_texts(told: list[Any]) -> list[Any]:
    return [one[0] if type(one) is tuple and one[0] == "broken" else one for one in told]


@pytest.mark.parametrize("oversize", POLICIES)
@given(data=BYTES, limit=st.integers(0, 8), places=cuts())
@example(data=b"\2a\0\3a\0\2b\0", limit=8, places=[3])
@example(data=b"\2a\0\1\1\1\0\0\2b\0", limit=1, places=[3])
def test_messages_do_not_depend_on_how_the_bytes_were_cut(
    oversize: Oversize, data: bytes, limit: int, places: list[int]
) -> None:
    told = in_every_way(Cobs(limit, oversize), data, places, hang_up=False)

    assert without_texts(told) == as_read(data, limit, oversize)


@given(messages=st.lists(MESSAGES, max_size=4))
def test_what_is_sent_is_what_is_received(messages: list[bytes]) -> None:
    sent = Cobs().encode_many(iter(messages))

    assert sent == b"".join(map(Cobs().encode, messages))
    assert in_every_way(Cobs(), sent, [7, 15]) == messages


@given(message=MESSAGES)
def test_a_message_grows_by_one_byte_and_one_for_each_254_at_the_most(message: bytes) -> None:
    sent = Cobs().encode(message)

    assert sent.count(0) == 1
    assert sent[-1] == 0
    assert len(message) + 1 <= len(sent) - 1 <= len(message) + 1 + len(message) // 254
    assert unstuffed(sent[:-1]) == message


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (b"", b"\1"),
        # Those that every description of the encoding has, from one byte to runs of 254.
        (b"\0", b"\1\1"),
        (b"\0\0", b"\1\1\1"),
        (b"\0\x11\0", b"\1\2\x11\1"),
        (b"\x11\x22\0\x33", b"\3\x11\x22\2\x33"),
        (b"\x11\x22\x33\x44", b"\5\x11\x22\x33\x44"),
        (b"\x11\0\0\0", b"\2\x11\1\1\1"),
        (UP_TO_FE, b"\xff" + UP_TO_FE),
        (b"\0" + UP_TO_FE, b"\1\xff" + UP_TO_FE),
        (UP_TO_FE + b"\xff", b"\xff" + UP_TO_FE + b"\2\xff"),
        (UP_TO_FF + b"\0", b"\xff" + UP_TO_FF + b"\1\1"),
        (UP_TO_FF[1:] + b"\0\1", b"\xfe" + UP_TO_FF[1:] + b"\2\1"),
        (UP_TO_FE * 2, (b"\xff" + UP_TO_FE) * 2),
    ],
)
def test_the_known_vectors(message: bytes, sent: bytes) -> None:
    assert Cobs().encode(message) == sent + b"\0"
    assert read_one_by_one(Cobs(), [sent + b"\0"]) == [message]


@pytest.mark.parametrize("message", [UP_TO_FE, b"\0" + UP_TO_FE, UP_TO_FE * 2])
def test_an_empty_block_behind_a_full_one_at_the_end_may_be_left_out_or_not(
    message: bytes,
) -> None:
    short = Cobs().encode(message)
    full = short[:-1] + b"\1\0"

    assert in_every_way(Cobs(limit=len(message)), short + full, [5]) == [message] * 2


@pytest.mark.parametrize("sent", [b"\2a\0\2b\0", b"\0\2a\0\0\2b\0", b"\0\0\0\2a\0\2b\0\0"])
def test_there_may_be_any_number_of_zeros_between_messages(sent: bytes) -> None:
    assert in_every_way(Cobs(), sent, [2]) == [b"a", b"b"]


@pytest.mark.parametrize(
    ("frame", "block"),
    [
        (b"\2", "02 and a zero behind 0 of its 1 bytes"),
        (b"\5abc", "05 and a zero behind 3 of its 4 bytes"),
        (b"\2a\3b", "03 and a zero behind 1 of its 2 bytes"),
        (b"\1\1\xff", "ff and a zero behind 0 of its 254 bytes"),
        (b"\xff" + b"x" * 253, "ff and a zero behind 253 of its 254 bytes"),
    ],
)
@pytest.mark.parametrize("oversize", POLICIES)
def test_the_next_message_is_in_step_after_a_block_that_was_cut_short(
    frame: bytes, block: str, oversize: Oversize
) -> None:
    text = f"the peer sent a block with the code {block}"
    sent = b"\2a\0" + frame + b"\0\3ok\0"

    told = in_every_way(Cobs(oversize=oversize), sent, [5], hang_up=False)

    assert told == [b"a", ("broken", text), b"ok"]


@pytest.mark.parametrize("limit", [0, 1, 10, 253, 254, 255, 508, 600])
@pytest.mark.parametrize("byte", [b"x", b"\0"])
def test_the_limit_counts_the_message_before_stuffing(limit: int, byte: bytes) -> None:
    framing = Cobs(limit)
    longer = Cobs().encode(byte * (limit + 1))

    assert in_every_way(framing, framing.encode(byte * limit), [3]) == [byte * limit]
    assert in_every_way(framing, longer, [3]) == [TOO_LARGE]
    with pytest.raises(UnsendablePayload, match=rf"of {limit + 1} bytes passes the limit of"):
        framing.encode(byte * (limit + 1))


def test_the_limit_is_1_mib_if_nothing_is_said() -> None:
    assert len(Cobs().encode(b"x" * MAX_FRAME)) == (1 << 20) + (1 << 20) // 254 + 2
    with pytest.raises(UnsendablePayload, match=r"1048577 bytes passes the limit of 1048576"):
        Cobs().encode(b"x" * (MAX_FRAME + 1))


def test_an_endless_message_is_refused_as_soon_as_it_cannot_become_a_good_one() -> None:
    reader = FrameReader(Cobs(limit=4))
    for piece in byte_by_byte(b"\5abcd"):
        reader.feed(piece)
        assert reader.next_frame() is NEED_DATA

    reader.feed(b"\1")

    with pytest.raises(FrameTooLarge, match=r"a message of more bytes, over the limit of 4"):
        reader.next_frame()
    assert reader.next_frame() is NEED_DATA


def test_a_refusal_tells_the_limit_of_the_message_and_its_size_where_that_is_known() -> None:
    buffer = ReceiveBuffer()
    framing = Cobs(limit=254)
    # 254 of them take 256 bytes at the most, and so do 255 without a full block.
    buffer.append(b"\2a" + b"\1" * 254 + b"\0" + b"\xff" + b"x" * 300 + b"\0")

    for size in (255, None):
        with pytest.raises(FrameTooLarge) as caught:
            framing.decode(buffer)
        assert (caught.value.limit, caught.value.size) == (254, size)
    assert len(buffer) == 0


@pytest.mark.parametrize("oversize", POLICIES)
def test_nothing_of_an_endless_message_is_held(oversize: Oversize) -> None:
    buffer = ReceiveBuffer()
    framing = Cobs(100, oversize)
    refusals = 0
    for _ in range(1000):
        buffer.append(b"x" * 60)
        try:
            assert framing.decode(buffer) is None
        except FrameTooLarge:
            refusals += 1
        assert len(buffer) <= 101

    buffer.append(b"\0\5next\0")
    assert framing.decode(buffer) == b"next"
    assert refusals == (oversize == "raise")


@pytest.mark.parametrize("in_batches", [False, True])
def test_an_endless_message_is_searched_once(*, in_batches: bool) -> None:
    buffer = ReceiveBuffer()
    content = counted(buffer)
    decode = Cobs().decode_many if in_batches else Cobs().decode
    for _ in range(4000):
        buffer.append(b"x")
        assert not decode(buffer)

    assert content.looked_at <= 2 + 4000


def test_bytes_that_come_one_by_one_are_not_scanned_for_a_batch_each_time() -> None:
    buffer = CountingBuffer()
    for piece in byte_by_byte(b"\4one\0" + b"x" * 4000):
        buffer.append(piece)
        Cobs().decode_many(buffer)

    assert buffer.peeked < 10


def test_good_messages_in_front_of_a_bad_one_are_delivered() -> None:
    buffer = ReceiveBuffer()
    framing = Cobs(limit=3)
    buffer.append(b"\2a\0\2b\0\5late\0\2c\0\4!\0\2d\0")

    assert framing.decode_many(buffer) == [b"a", b"b"]
    with pytest.raises(FrameTooLarge):
        framing.decode_many(buffer)
    assert framing.decode_many(buffer) == [b"c"]
    with pytest.raises(ProtocolError, match=r"a zero behind 1 of its 3 bytes"):
        framing.decode_many(buffer)
    assert framing.decode_many(buffer) == [b"d"]


def test_a_batch_takes_large_and_small_messages_alike() -> None:
    messages = [b"a", b"b" * 100_000, b"", *[b"c" * 1000] * 200, b"\0" * 70_000, b"e"]
    buffer = ReceiveBuffer()
    buffer.append(Cobs().encode_many(messages) + b"\5cut")

    assert Cobs().decode_many(buffer) == messages
    assert Cobs().decode_many(buffer) == []
    assert buffer.take_up_to(10) == b"\5cut"


def test_a_message_that_the_end_cut_short_is_told_with_what_came_of_it() -> None:
    reader = FrameReader(Cobs())
    reader.feed(b"\3ok\0\0\5cut")
    reader.feed(b"")

    assert reader.next_frame() == b"ok"
    with pytest.raises(IncompleteRead) as caught:
        reader.next_frame()
    assert caught.value.partial == b"\5cut"
    assert reader.next_frame() is END


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"0 bytes or more, not -1"):
        Cobs(limit=-1)
    with pytest.raises(ValueError, match=r"oversize is 'raise' or 'discard', not 'drop'"):
        Cobs(oversize="drop")  # type: ignore[arg-type]  # which is the point
