"""The contract that a framing of one's own gets its batch methods from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portside.errors import FrameTooLarge, ProtocolError, UnsendablePayload
from portside.wire import (
    NEED_DATA,
    Delimited,
    FixedSize,
    FrameReader,
    Framing,
    LengthPrefix,
    ReceiveBuffer,
)
from portside.wire.lines import Lines
from wire.cuts import cut, cuts
from wire.scans import CountingBuffer


@dataclass(frozen=True, slots=True)
class Numbers(Framing[int]):
    """Decimal numbers, each followed by a dot: a message need not be bytes."""

    def encode(self, message: int) -> bytes:
        if message < 0:
            raise UnsendablePayload(f"{message} is less than nothing")
        return b"%d." % message

    def decode(self, buffer: ReceiveBuffer) -> int | None:
        digits = buffer.take_until((b".",), 9)
        if digits is None:
            return None
        if not digits.isdigit():
            raise ProtocolError(f"{digits!r} is no number")
        return int(digits)


def test_a_framing_is_an_encode_and_a_decode() -> None:
    class Half(Framing[bytes]):
        def encode(self, message: bytes) -> bytes:
            return message

    with pytest.raises(TypeError, match=r"abstract method '?decode"):
        Half()  # type: ignore[abstract]


@given(numbers=st.lists(st.integers(0, 999_999_999), max_size=6), places=cuts())
def test_what_is_sent_is_what_is_received_however_it_is_cut(
    numbers: list[int], places: list[int]
) -> None:
    reader = FrameReader(Numbers())
    received: list[int] = []

    sent = Numbers().encode_many(numbers)
    for piece in cut(sent, places) if sent else []:
        reader.feed(piece)
        received += reader

    assert received == numbers
    assert reader.next_frame() is NEED_DATA


def test_a_batch_is_refused_if_one_of_its_messages_is() -> None:
    assert Numbers().encode_many(iter([1, 22])) == b"1.22."
    with pytest.raises(UnsendablePayload, match=r"-1 is less than nothing"):
        Numbers().encode_many([1, -1, 2])


def test_a_batch_takes_every_message_that_is_whole() -> None:
    buffer = ReceiveBuffer()
    assert Numbers().decode_many(buffer) == []

    buffer.append(b"1.22.3")

    assert Numbers().decode_many(buffer) == [1, 22]
    assert Numbers().decode_many(buffer) == []
    assert buffer.take_up_to(10) == b"3"


def test_good_messages_in_front_of_a_bad_one_are_delivered_and_the_next_call_raises() -> None:
    buffer = ReceiveBuffer()
    buffer.append(b"1.22.x.4.")

    assert Numbers().decode_many(buffer) == [1, 22]
    assert len(buffer) == len(b"x.4.")
    with pytest.raises(ProtocolError, match=r"b'x' is no number"):
        Numbers().decode_many(buffer)
    assert Numbers().decode_many(buffer) == [4]


def test_what_is_left_of_a_refused_message_is_skipped_once_it_was_told() -> None:
    buffer = ReceiveBuffer()
    buffer.append(b"1." + b"9" * 12)

    assert Numbers().decode_many(buffer) == [1]
    assert not buffer.skipping
    with pytest.raises(FrameTooLarge):
        Numbers().decode_many(buffer)
    assert buffer.skipping
    buffer.append(b"99.5.")
    assert Numbers().decode_many(buffer) == [5]


def test_a_zero_is_a_message_too() -> None:
    buffer = ReceiveBuffer()
    buffer.append(b"0.0.")

    assert Numbers().decode_many(buffer) == [0, 0]


def test_a_decoder_has_its_buffer_already() -> None:
    buffer = ReceiveBuffer()
    decode = Numbers().decoder(buffer)

    assert decode() is None
    buffer.append(b"7.")
    assert decode() == 7
    assert decode() is None


def test_a_framing_is_a_value() -> None:
    assert Lines(limit=5) == Lines(limit=5) != Lines(limit=6)
    assert len({LengthPrefix(2), LengthPrefix(2), LengthPrefix(4)}) == 2
    for framing in (Lines(), Delimited(b"\0"), LengthPrefix()):
        with pytest.raises(AttributeError):
            framing.limit = 1  # type: ignore[misc]
        assert not hasattr(framing, "__dict__")


def test_one_framing_serves_any_number_of_connections() -> None:
    framing = Lines(limit=5)
    first, second = FrameReader(framing), FrameReader(framing)

    first.feed(b"too long a line")
    with pytest.raises(FrameTooLarge):
        first.next_frame()
    second.feed(b"good\n")

    assert second.next_frame() == b"good"
    assert first.next_frame() is NEED_DATA


@pytest.mark.parametrize("framing", [Lines, partial(Delimited, b";"), LengthPrefix])
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"limit": -1}, "0 bytes or more, not -1"),
        ({"oversize": "drop"}, "oversize is 'raise' or 'discard', not 'drop'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(
    framing: Any, settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        framing(**settings)


def test_a_length_has_one_of_two_byte_orders() -> None:
    with pytest.raises(ValueError, match="'big' or 'little', not 'middle'"):
        LengthPrefix(byteorder="middle")  # type: ignore[arg-type]  # which is the point


@pytest.mark.parametrize(
    "framing", [Lines(), Delimited(b";"), FixedSize(4), LengthPrefix()], ids=repr
)
def test_text_is_not_bytes(framing: Framing[Any]) -> None:
    with pytest.raises(TypeError, match="a message is bytes here, not str: encode it first"):
        framing.encode("text")


@pytest.mark.parametrize("framing", [Lines(limit=1), Delimited(b"\n", limit=1)], ids=repr)
@pytest.mark.parametrize("kilobytes", [4, 64])
def test_a_batch_with_many_bad_messages_is_not_taken_apart_for_each(
    framing: Framing[bytes], kilobytes: int
) -> None:
    buffer = CountingBuffer()
    hostile = b"a\nbb\n" * (kilobytes * 1024 // 5)
    buffer.append(hostile)
    good = bad = 0
    while len(buffer):
        try:
            good += len(framing.decode_many(buffer))
        except FrameTooLarge:
            bad += 1

    assert good == bad == len(hostile) // 5
    assert buffer.peeked <= 1024 * bad, "at most a first window for each"
