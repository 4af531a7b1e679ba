from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portside.defaults import MAX_FRAME
from portside.errors import FrameTooLarge, IncompleteRead, ProtocolError, UnsendablePayload
from portside.wire import END, NEED_DATA, FrameReader, ReceiveBuffer, Slip
from portside.wire.framing import Oversize
from wire.cuts import TOO_LARGE, byte_by_byte, cuts, in_every_way, read_one_by_one
from wire.scans import CountingBuffer, counted

POLICIES: list[Oversize] = ["raise", "discard"]
SPECIAL = st.sampled_from([b"\xc0", b"\xdb", b"\xdc", b"\xdd", b"a", b"\xdb\xdc", b"\xdb\xdd"])
BYTES = st.lists(SPECIAL, max_size=30).map(b"".join)
MESSAGES = st.lists(BYTES.filter(bool) | st.binary(min_size=1, max_size=20), max_size=6)

PLAIN = {b"\xdb\xdc": b"\xc0", b"\xdb\xdd": b"\xdb"}


def as_read(data: bytes, limit: int, oversize: Oversize) -> list[Any]:
    """Return what a reader is told, but for what an error says."""
    *frames, rest = data.split(b"\xc0")
    told: list[Any] = []
    for frame in filter(None, frames):
        if is_too_large(frame, limit):
            told.append(TOO_LARGE)
        elif not re.fullmatch(rb"([^\xdb]|\xdb\xdc|\xdb\xdd)*", frame, re.DOTALL):
            told.append("broken")
        else:
            told.append(re.sub(rb"\xdb.", lambda match: PLAIN[match[0]], frame))
    if is_too_large(rest, limit):
        told.append(TOO_LARGE)
    elif rest:
        told.append(("incomplete", rest))
    return [one for one in told if one != TOO_LARGE or oversize == "raise"]


def is_too_large(frame: bytes, limit: int) -> bool:
    return len(frame.replace(b"\xdb", b"")) > limit or len(frame) > 2 * limit


def without_texts(told: list[Any]) -> list[Any]:
    return [one[0] if type(one) is tuple and one[0] == "broken" else one for one in told]


@pytest.mark.parametrize("oversize", POLICIES)
@given(data=BYTES, limit=st.integers(0, 8), places=cuts())
@example(data=b"a\xc0\xdba\xc0b\xc0", limit=8, places=[3])
@example(data=b"a\xc0b\xc0\xdb\xc0c\xc0aaaaaaaaa\xc0d\xc0", limit=8, places=[3])
def test_messages_do_not_depend_on_how_the_bytes_were_cut(
    oversize: Oversize, data: bytes, limit: int, places: list[int]
) -> None:
    told = in_every_way(Slip(limit, oversize), data, places, hang_up=False)

    assert without_texts(told) == as_read(data, limit, oversize)


@given(messages=MESSAGES)
def test_what_is_sent_is_what_is_received(messages: list[bytes]) -> None:
    sent = Slip().encode_many(iter(messages))

    assert sent == b"".join(map(Slip().encode, messages))
    assert in_every_way(Slip(), sent, [7, 15]) == messages


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        ("61", "c0 61 c0"),
        # The two escapes of RFC 1055.
        ("c0", "c0 db dc c0"),
        ("db", "c0 db dd c0"),
        ("dc dd", "c0 dc dd c0"),
        ("db dc", "c0 db dd dc c0"),
        ("db dd", "c0 db dd dd c0"),
        ("c0 db c0", "c0 db dc db dd db dc c0"),
        ("00 ff", "c0 00 ff c0"),
    ],
)
def test_ends_and_escapes_within_a_message_are_escaped(message: str, sent: str) -> None:
    assert Slip().encode(bytes.fromhex(message)).hex(" ") == sent
    assert read_one_by_one(Slip(), [bytes.fromhex(sent)]) == [bytes.fromhex(message)]


@pytest.mark.parametrize(
    "sent",
    [b"a\xc0b\xc0", b"\xc0a\xc0b\xc0", b"\xc0a\xc0\xc0b\xc0", b"\xc0" * 9 + b"a\xc0\xc0b\xc0\xc0"],
)
def test_there_may_be_any_number_of_ends_between_messages(sent: bytes) -> None:
    assert in_every_way(Slip(), sent, [2]) == [b"a", b"b"]


def test_an_empty_message_is_not_sent() -> None:
    with pytest.raises(UnsendablePayload, match=r"no empty messages: receivers skip them"):
        Slip().encode(b"")
    with pytest.raises(UnsendablePayload, match=r"no empty messages"):
        Slip().encode_many([b"a", b""])


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (b"a\xdbb", "one before 62"),
        (b"\xdb\xdc\xdb\x00", "one before 00"),
        (b"\xdb\xdb\xdc", "one before db"),
        (b"ab\xdb", "one at the end of a frame"),
        (b"\xdb\xdb", "one before db"),
        (b"\xdb", "one at the end of a frame"),
    ],
)
@pytest.mark.parametrize("oversize", POLICIES)
def test_the_next_message_is_in_step_after_a_bad_escape(
    frame: bytes, found: str, oversize: Oversize
) -> None:
    text = f"an escape (db) stands before dc or dd; the peer sent {found}"
    sent = b"\xc0a\xc0" + frame + b"\xc0ok\xc0"

    told = in_every_way(Slip(oversize=oversize), sent, [5], hang_up=False)

    assert told == [b"a", ("broken", text), b"ok"]


def test_the_limit_counts_the_message_without_its_escapes() -> None:
    framing = Slip(limit=4)
    for message in (b"abcd", b"\xc0" * 4, b"a\xdbb\xc0"):
        assert in_every_way(framing, framing.encode(message), [3]) == [message]
        longer = Slip(limit=5).encode(message + b"!")
        assert in_every_way(framing, longer, [3]) == [TOO_LARGE]
        with pytest.raises(UnsendablePayload, match=r"of 5 bytes passes the limit of 4"):
            framing.encode(message + b"!")


def test_the_size_of_a_message_over_the_limit_is_told_if_its_end_is_here() -> None:
    reader = FrameReader(Slip(limit=4))
    reader.feed(b"\xc0abc\xdb\xdce\xc0")
    with pytest.raises(FrameTooLarge, match=r"a message of 5 bytes, over the limit of 4"):
        reader.next_frame()


def test_the_limit_is_1_mib_if_nothing_is_said() -> None:
    assert len(Slip().encode(b"x" * MAX_FRAME)) == 2 + (1 << 20)
    with pytest.raises(UnsendablePayload, match=r"1048577 bytes passes the limit of 1048576"):
        Slip().encode(b"x" * (MAX_FRAME + 1))


@pytest.mark.parametrize("message", [b"abcd", b"a\xdb\xdccd", b"\xdb\xdd" * 4])
def test_an_endless_message_is_refused_at_the_first_byte_too_many(message: bytes) -> None:
    reader = FrameReader(Slip(limit=4))
    for piece in byte_by_byte(b"\xc0" + message):
        reader.feed(piece)
        assert reader.next_frame() is NEED_DATA

    reader.feed(b"!")

    with pytest.raises(FrameTooLarge, match=r"a message of more bytes, over the limit of 4"):
        reader.next_frame()
    assert reader.next_frame() is NEED_DATA


@pytest.mark.parametrize("oversize", POLICIES)
@pytest.mark.parametrize("noise", [b"x" * 60, b"\xdb" * 60, b"\xdb\xdc" * 30])
def test_nothing_of_an_endless_message_is_held(noise: bytes, oversize: Oversize) -> None:
    buffer = ReceiveBuffer()
    framing = Slip(100, oversize)
    refusals = 0
    for _ in range(1000):
        buffer.append(noise)
        try:
            assert framing.decode(buffer) is None
        except FrameTooLarge:
            refusals += 1
        assert len(buffer) <= 200

    buffer.append(b"\xc0next\xc0")
    assert framing.decode(buffer) == b"next"
    assert refusals == (oversize == "raise")


@pytest.mark.parametrize("in_batches", [False, True])
def test_an_endless_message_is_searched_once(*, in_batches: bool) -> None:
    buffer = ReceiveBuffer()
    content = counted(buffer)
    decode = Slip().decode_many if in_batches else Slip().decode
    for _ in range(2000):
        buffer.append(b"x\xdb")
        assert not decode(buffer)

    # Once for the END, and once for escapes.
    assert content.looked_at <= 2 * (2 + 4000)


def test_bytes_that_come_one_by_one_are_not_scanned_for_a_batch_each_time() -> None:
    buffer = CountingBuffer()
    for piece in byte_by_byte(b"\xc0one\xc0" + b"x" * 4000):
        buffer.append(piece)
        Slip().decode_many(buffer)

    assert buffer.peeked < 10


def test_good_messages_in_front_of_a_bad_one_are_delivered() -> None:
    buffer = ReceiveBuffer()
    framing = Slip(limit=3)
    buffer.append(b"\xc0a\xc0b\xc0late\xc0c\xc0\xdb!\xc0d\xc0")

    assert framing.decode_many(buffer) == [b"a", b"b"]
    with pytest.raises(FrameTooLarge):
        framing.decode_many(buffer)
    assert framing.decode_many(buffer) == [b"c"]
    with pytest.raises(ProtocolError, match=r"one before 21"):
        framing.decode_many(buffer)
    assert framing.decode_many(buffer) == [b"d"]


def test_a_batch_takes_large_and_small_messages_alike() -> None:
    messages = [b"a", b"b" * 100_000, *[b"\xc0" * 1000] * 200, b"\xdb" * 70_000, b"e"]
    buffer = ReceiveBuffer()
    buffer.append(Slip().encode_many(messages) + b"\xc0rest")

    assert Slip().decode_many(buffer) == messages
    assert Slip().decode_many(buffer) == []
    assert buffer.take_up_to(10) == b"rest"


def test_a_message_that_the_end_cut_short_is_told_with_what_came_of_it() -> None:
    reader = FrameReader(Slip())
    reader.feed(b"\xc0ok\xc0\xc0cut\xdb")
    reader.feed(b"")

    assert reader.next_frame() == b"ok"
    with pytest.raises(IncompleteRead) as caught:
        reader.next_frame()
    assert caught.value.partial == b"cut\xdb"
    assert reader.next_frame() is END


def test_an_end_too_many_is_not_the_beginning_of_a_message() -> None:
    reader = FrameReader(Slip())
    reader.feed(b"\xc0\xc0")
    reader.feed(b"")

    assert reader.next_frame() is END


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"0 bytes or more, not -1"):
        Slip(limit=-1)
    with pytest.raises(ValueError, match=r"oversize is 'raise' or 'discard', not 'drop'"):
        Slip(oversize="drop")  # type: ignore[arg-type]  # which is the point
