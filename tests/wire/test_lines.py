from __future__ import annotations

from functools import partial
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portside.defaults import MAX_LINE
from portside.errors import FrameTooLarge, IncompleteRead, UnsendablePayload
from portside.wire import END, NEED_DATA, FrameReader, Lines, ReceiveBuffer
from portside.wire.framing import Oversize
from wire.cuts import TOO_LARGE, byte_by_byte, cuts, every_cut_in_two, in_every_way, read_one_by_one
from wire.scans import counted

Newline = Literal[b"\n", b"\r\n"]
POLICIES: list[Oversize] = ["raise", "discard"]
NEWLINES: list[Newline] = [b"\n", b"\r\n"]

LINES = st.lists(st.text("ab\r", max_size=8).map(str.encode), max_size=6)
SENDABLE = st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"").rstrip(b"\r"))


def as_read(data: bytes, limit: int, oversize: Oversize) -> list[Any]:
    """Return what a reader of ``data`` is told, according to the manual."""
    *lines, rest = data.split(b"\n")
    whole = [line.removesuffix(b"\r") for line in lines]
    told: list[Any] = [line if len(line) <= limit else TOO_LARGE for line in whole]
    if len(rest) > limit + 1:
        told.append(TOO_LARGE)
    elif rest:
        told.append(("incomplete", rest))
    return [one for one in told if one != TOO_LARGE or oversize == "raise"]


@pytest.mark.parametrize("oversize", POLICIES)
@given(data=st.text("ab\r\n", max_size=40).map(str.encode), limit=st.integers(0, 6), places=cuts())
def test_lines_do_not_depend_on_how_the_bytes_were_cut(
    oversize: Oversize, data: bytes, limit: int, places: list[int]
) -> None:
    lines = Lines(limit=limit, oversize=oversize)

    assert in_every_way(lines, data, places) == as_read(data, limit, oversize)


@pytest.mark.parametrize("newline", NEWLINES)
@given(lines=st.lists(SENDABLE, max_size=6))
def test_what_is_sent_is_what_is_received(newline: Newline, lines: list[bytes]) -> None:
    framing = Lines(newline)
    sent = b"".join(map(framing.encode, lines))

    assert framing.encode_many(lines) == sent
    assert framing.encode_many(iter(lines)) == sent
    assert in_every_way(Lines(), sent, [7, 15]) == lines


@given(lines=LINES, newline=st.sampled_from(NEWLINES))
def test_a_batch_is_refused_exactly_if_one_of_its_lines_is(
    lines: list[bytes], newline: Newline
) -> None:
    framing = Lines(newline, limit=6)

    assert outcome(partial(framing.encode_many, lines)) == outcome(
        lambda: b"".join(map(framing.encode, lines))
    )


def outcome(encode: Any) -> Any:
    try:
        return encode()
    except UnsendablePayload as refusal:
        return str(refusal)


@pytest.mark.parametrize("pieces", every_cut_in_two(b"a\r\nb\nc\r\r\nd\re\r\n"), ids=repr)
def test_a_line_ends_in_crlf_or_lf_even_if_the_two_are_cut_apart(pieces: list[bytes]) -> None:
    assert read_one_by_one(Lines(), pieces) == [b"a", b"b", b"c\r", b"d\re"]


@pytest.mark.parametrize("newline", NEWLINES)
def test_the_limit_counts_the_line_without_its_ending(newline: Newline) -> None:
    framing = Lines(newline, limit=5)
    reader = FrameReader(framing)

    reader.feed(framing.encode(b"12345"))
    assert reader.next_frame() == b"12345"
    reader.feed(b"123456" + newline)
    with pytest.raises(FrameTooLarge, match=r"a message of 6 bytes, over the limit of 5"):
        reader.next_frame()
    with pytest.raises(UnsendablePayload, match=r"a line of 6 bytes passes the limit of 5"):
        framing.encode(b"123456")


def test_the_limit_is_64_kib_if_nothing_is_said() -> None:
    assert Lines().encode(b"x" * MAX_LINE) == b"x" * 65536 + b"\n"
    with pytest.raises(UnsendablePayload, match=r"65537 bytes passes the limit of 65536"):
        Lines().encode(b"x" * (MAX_LINE + 1))


def test_an_endless_line_is_refused_as_soon_as_it_cannot_become_a_good_one() -> None:
    reader = FrameReader(Lines(limit=5))
    for piece in byte_by_byte(b"12345\r"):
        reader.feed(piece)
        assert reader.next_frame() is NEED_DATA

    reader.feed(b"!")

    with pytest.raises(FrameTooLarge, match=r"a message of more bytes, over the limit of 5"):
        reader.next_frame()
    assert reader.next_frame() is NEED_DATA


@pytest.mark.parametrize("oversize", POLICIES)
def test_nothing_of_an_endless_line_is_held(oversize: Oversize) -> None:
    buffer = ReceiveBuffer()
    framing = Lines(limit=100, oversize=oversize)
    refusals = 0
    for _ in range(1000):
        buffer.append(b"x" * 100)
        try:
            assert framing.decode(buffer) is None
        except FrameTooLarge:
            refusals += 1
        assert len(buffer) <= 101

    buffer.append(b"x\nnext\n")
    assert framing.decode(buffer) == b"next"
    assert refusals == (oversize == "raise")


def test_an_endless_line_is_searched_once_by_whoever_takes_lines_in_batches() -> None:
    buffer = ReceiveBuffer()
    content = counted(buffer)
    for _ in range(4000):
        buffer.append(b"x")
        assert Lines().decode_many(buffer) == []

    assert content.looked_at < 10 * 4000


@pytest.mark.parametrize("decode_all", [False, True])
def test_good_lines_in_front_of_a_bad_one_are_delivered(*, decode_all: bool) -> None:
    buffer = ReceiveBuffer()
    buffer.append(b"one\ntwo\nthirteen\nfour\n")
    framing = Lines(limit=5)
    decode = framing.decode_many if decode_all else framing.decode

    good = [decode(buffer)] if decode_all else [decode(buffer), decode(buffer)]

    assert good == ([[b"one", b"two"]] if decode_all else [b"one", b"two"])
    with pytest.raises(FrameTooLarge):
        decode(buffer)
    assert decode(buffer) == ([b"four"] if decode_all else b"four")


def test_a_line_that_the_end_cut_short_is_told_with_what_came_of_it() -> None:
    reader = FrameReader(Lines())
    reader.feed(b"whole\npart\r")
    reader.feed(b"")

    assert reader.next_frame() == b"whole"
    with pytest.raises(IncompleteRead, match=r"after 5 bytes of a whole message") as caught:
        reader.next_frame()
    assert caught.value.partial == b"part\r"
    assert reader.next_frame() is END


@pytest.mark.parametrize("oversize", POLICIES)
def test_a_decoder_does_what_decode_does(oversize: Oversize) -> None:
    framing = Lines(limit=5, oversize=oversize)
    buffer = ReceiveBuffer()
    decode = framing.decoder(buffer)
    assert decode() is None

    buffer.append(b"one\r\nthirteen\nfour\n")

    assert decode() == b"one"
    if oversize == "raise":
        with pytest.raises(FrameTooLarge):
            decode()
    assert decode() == b"four"
    assert decode() is None


@pytest.mark.parametrize(
    ("framing", "line", "reason"),
    [
        (Lines(), b"a\nb", r"a line cannot hold a line feed: it would be read as two"),
        (Lines(), b"\n", r"a line cannot hold a line feed"),
        (Lines(b"\r\n"), b"a\nb", r"a line cannot hold a line feed"),
        (Lines(b"\r\n"), b"a\r\nb", r"a line cannot hold a line feed"),
        (Lines(), b"a\r", r"ends in a carriage return would lose it: CRLF is one line ending"),
    ],
)
def test_what_would_be_read_as_something_else_is_not_sent(
    framing: Lines, line: bytes, reason: str
) -> None:
    with pytest.raises(UnsendablePayload, match=reason):
        framing.encode(line)
    with pytest.raises(UnsendablePayload, match=reason):
        framing.encode_many([b"good", line])


def test_a_carriage_return_at_the_end_is_sent_and_received_where_crlf_ends_lines() -> None:
    framing = Lines(b"\r\n")

    sent = outcome(partial(framing.encode, b"a\r"))

    assert isinstance(sent, bytes), sent
    assert read_one_by_one(framing, [sent]) == [b"a\r"]


def test_a_batch_of_nothing_is_nothing() -> None:
    assert Lines().encode_many([]) == b""
    assert Lines().decode_many(ReceiveBuffer()) == []


@pytest.mark.parametrize("newline", [b"", b"\r", b"\n\r", b"\0", "\n"])
def test_a_newline_is_lf_or_crlf(newline: Any) -> None:
    with pytest.raises(ValueError, match=r"newline is b'\\n' or b'\\r\\n', not "):
        Lines(newline)
