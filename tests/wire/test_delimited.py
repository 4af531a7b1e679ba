from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portside.defaults import MAX_FRAME
from portside.errors import FrameTooLarge, UnsendablePayload
from portside.wire import NEED_DATA, Delimited, FrameReader, ReceiveBuffer
from portside.wire.delimited import as_delimiters
from portside.wire.framing import Oversize
from wire.cuts import TOO_LARGE, cuts, every_cut_in_two, in_every_way, read_one_by_one
from wire.scans import counted

POLICIES: list[Oversize] = ["raise", "discard"]
DELIMITERS: list[tuple[bytes, ...]] = [
    (b"b",),
    (b"ab",),
    (b"cab",),
    (b"aa",),
    (b"aba",),
    (b"c", b"ab"),
    (b"b", b"ab"),
    (b"ab", b"bc"),
    (b"abcab", b"cc"),
]
BYTES = st.text("abc", max_size=40).map(str.encode)


def as_read(
    data: bytes, delimiters: tuple[bytes, ...], limit: int, oversize: Oversize
) -> list[Any]:
    """Return what a reader is told that looks at one byte after the other."""
    longest = max(map(len, delimiters))
    told: list[Any] = []
    message = b""
    for position in range(len(data)):
        message += data[position : position + 1]
        ended_by = [one for one in delimiters if message.endswith(one)]
        if ended_by:
            message = message[: -max(map(len, ended_by))]
            told.append(message if len(message) <= limit else TOO_LARGE)
            message = b""
    if len(message) >= limit + longest:
        told.append(TOO_LARGE)
    elif message:
        told.append(("incomplete", message))
    return [one for one in told if one != TOO_LARGE or oversize == "raise"]


@pytest.mark.parametrize("oversize", POLICIES)
@pytest.mark.parametrize("delimiters", DELIMITERS, ids=repr)
@given(data=BYTES, limit=st.integers(0, 6), places=cuts())
@example(data=b"caaacaac", limit=6, places=[3])
@example(data=b"ababa", limit=6, places=[3])
def test_messages_do_not_depend_on_how_the_bytes_were_cut(
    delimiters: tuple[bytes, ...], oversize: Oversize, data: bytes, limit: int, places: list[int]
) -> None:
    framing = Delimited(delimiters, limit, oversize)

    assert in_every_way(framing, data, places) == as_read(data, delimiters, limit, oversize)


def test_a_blank_line_too_many_belongs_to_the_next_message_in_a_batch_too() -> None:
    framing = Delimited(b"\r\n\r\n")
    buffer = ReceiveBuffer()
    buffer.append(b"one\r\n\r\n\r\n")

    assert framing.decode_many(buffer) == [b"one"]
    assert buffer.take_up_to(10) == b"\r\n"


@pytest.mark.parametrize("delimiters", DELIMITERS, ids=repr)
@given(messages=st.lists(st.text("abcd", max_size=9).map(str.encode), max_size=5))
def test_what_is_sent_is_what_is_received(
    delimiters: tuple[bytes, ...], messages: list[bytes]
) -> None:
    framing = Delimited(delimiters, limit=8)
    sendable = []
    for message in messages:
        try:
            framing.encode(message)
        except UnsendablePayload:
            assert len(message) > 8 or as_read(message + delimiters[0], delimiters, 8, "raise") != [
                message
            ]
        else:
            sendable.append(message)

    sent = framing.encode_many(sendable)

    assert read_one_by_one(framing, [sent] if sent else []) == sendable
    assert sent == b"".join(message + delimiters[0] for message in sendable)


@pytest.mark.parametrize(
    ("delimiters", "message", "reason"),
    [
        (b"\0", b"a\0b", r"the delimiter b'\\x00' would end the message early"),
        (b"\0", b"a\0", r"would end the message early"),
        ([b"\0", b"\n"], b"a\nb", r"the delimiter b'\\n' would end the message early"),
        (b"aa", b"xa", r"the delimiter b'aa' would end the message early"),
        ([b"\n", b"\r\n"], b"x\r", r"the delimiter b'\\r\\n' would end the message early"),
        (b"\0", b"123456", r"a message of 6 bytes passes the limit of 5"),
    ],
)
def test_what_would_be_read_as_something_else_is_not_sent(
    delimiters: bytes | list[bytes], message: bytes, reason: str
) -> None:
    with pytest.raises(UnsendablePayload, match=reason):
        Delimited(delimiters, limit=5).encode(message)


@pytest.mark.parametrize("pieces", every_cut_in_two(b"a\r\nb\rc\nd\r\n"), ids=repr)
def test_with_crlf_alone_a_bare_lf_ends_nothing(pieces: list[bytes]) -> None:
    assert read_one_by_one(Delimited(b"\r\n"), pieces) == [b"a", b"b\rc\nd"]


@pytest.mark.parametrize("delimiter", [b"\0", b"\r\n", b"--END--"])
def test_the_limit_counts_the_message_without_its_delimiter(delimiter: bytes) -> None:
    framing = Delimited(delimiter, limit=5)
    reader = FrameReader(framing)

    reader.feed(framing.encode(b"12345"))
    assert reader.next_frame() == b"12345"
    reader.feed(b"123456" + delimiter)
    with pytest.raises(FrameTooLarge, match=r"a message of 6 bytes, over the limit of 5"):
        reader.next_frame()
    assert reader.next_frame() is NEED_DATA


def test_the_limit_is_1_mib_if_nothing_is_said() -> None:
    assert len(Delimited(b"\0").encode(b"x" * MAX_FRAME)) == (1 << 20) + 1
    with pytest.raises(UnsendablePayload, match=r"1048577 bytes passes the limit of 1048576"):
        Delimited(b"\0").encode(b"x" * (MAX_FRAME + 1))


@pytest.mark.parametrize("oversize", POLICIES)
def test_nothing_of_an_endless_message_is_held(oversize: Oversize) -> None:
    buffer = ReceiveBuffer()
    framing = Delimited([b"--END--", b"\0"], 100, oversize)
    refusals = 0
    for _ in range(1000):
        buffer.append(b"--END+" * 10)
        try:
            assert framing.decode(buffer) is None
        except FrameTooLarge:
            refusals += 1
        assert len(buffer) < 100 + 7

    buffer.append(b"-\0next\0")
    assert framing.decode(buffer) == b"next"
    assert refusals == (oversize == "raise")


def test_an_endless_message_is_searched_once_by_whoever_takes_them_in_batches() -> None:
    buffer = ReceiveBuffer()
    content = counted(buffer)
    for _ in range(4000):
        buffer.append(b"x")
        assert Delimited(b"\r\n").decode_many(buffer) == []

    assert content.looked_at < 20 * 4000


def test_good_messages_in_front_of_a_bad_one_are_delivered_in_a_batch() -> None:
    framing = Delimited(b";", limit=5)
    buffer = ReceiveBuffer()
    buffer.append(b"one;two;thirteen;four;")

    assert framing.decode_many(buffer) == [b"one", b"two"]
    with pytest.raises(FrameTooLarge):
        framing.decode_many(buffer)
    assert framing.decode_many(buffer) == [b"four"]


@pytest.mark.parametrize(
    ("delimiters", "several"),
    [
        (b"\n", (b"\n",)),
        ([b"\n"], (b"\n",)),
        ([b"\n", b"\r\n"], (b"\n", b"\r\n")),
        ((b"\r\n", b"\n"), (b"\r\n", b"\n")),
        ([b"ab", b"bc"], (b"ab", b"bc")),
        ([b"a", b"a"], (b"a", b"a")),
    ],
)
def test_a_delimiter_stands_alone_or_with_others(
    delimiters: bytes | Sequence[bytes], several: tuple[bytes, ...]
) -> None:
    assert as_delimiters(delimiters) == several
    assert Delimited(delimiters).delimiters == several
    assert hash(Delimited(delimiters)) == hash(Delimited(several))


@pytest.mark.parametrize(
    ("delimiters", "error", "reason"),
    [
        ([], ValueError, r"no delimiter was given"),
        (b"", ValueError, r"a delimiter has at least one byte"),
        ([b"a", b""], ValueError, r"a delimiter has at least one byte"),
        ("\n", TypeError, r"a delimiter is bytes, not str"),
        ([b"a", "b"], TypeError, r"a delimiter is bytes, not str"),
        ([b"a", 10], TypeError, r"a delimiter is bytes, not int"),
        ([b"\r", b"\r\n"], ValueError, r"b'\\r\\n' can never end .*: b'\\r' ends it first"),
        ([b"\r\n", b"\r"], ValueError, r"b'\\r\\n' can never end .*: b'\\r' ends it first"),
        ([b"abc", b"b"], ValueError, r"b'abc' can never end a message: b'b' ends it first"),
        ([b"aa", b"a"], ValueError, r"b'aa' can never end a message: b'a' ends it first"),
    ],
)
def test_delimiters_that_cannot_match_are_refused(
    delimiters: Any, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        Delimited(delimiters)
