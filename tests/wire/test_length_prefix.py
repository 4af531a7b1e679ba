from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portside.defaults import MAX_FRAME
from portside.errors import FrameTooLarge, IncompleteRead, ProtocolError, UnsendablePayload
from portside.wire import END, NEED_DATA, FrameReader, LengthPrefix, ReceiveBuffer
from portside.wire.framing import Oversize
from wire.cuts import TOO_LARGE, cuts, in_every_way, read_one_by_one

POLICIES: list[Oversize] = ["raise", "discard"]


@st.composite
def framings(draw: st.DrawFn) -> LengthPrefix:
    """Any layout in which lengths of 0 to 12 bytes are told, and none is negative."""
    width = draw(st.integers(1, 8))
    offset = draw(st.integers(0, 4))
    return LengthPrefix(
        width,
        draw(st.sampled_from(["big", "little"])),
        offset,
        adjustment=draw(st.integers(-width - offset, 0)),
        strip=draw(st.none() | st.integers(0, width + offset)),
        limit=draw(st.integers(0, 12)),
        oversize=draw(st.sampled_from(POLICIES)),
    )


def frame(framing: LengthPrefix, body: bytes) -> bytes:
    length = len(body) - framing.adjustment
    return b"?" * framing.offset + length.to_bytes(framing.width, framing.byteorder) + body


def as_read(framing: LengthPrefix, bodies: list[bytes]) -> list[Any]:
    header = framing.offset + framing.width
    dropped = header if framing.strip is None else framing.strip
    told: list[Any] = []
    for body in bodies:
        if len(body) <= framing.limit:
            told.append(frame(framing, body)[dropped:])
        elif framing.oversize == "raise":
            told.append(TOO_LARGE)
    return told


@given(framing=framings(), bodies=st.lists(st.binary(max_size=16), max_size=5), places=cuts())
def test_messages_do_not_depend_on_how_the_bytes_were_cut(
    framing: LengthPrefix, bodies: list[bytes], places: list[int]
) -> None:
    data = b"".join(frame(framing, body) for body in bodies)

    assert in_every_way(framing, data, places) == as_read(framing, bodies)


@given(framing=framings(), bodies=st.lists(st.binary(max_size=16), max_size=5))
def test_what_was_received_can_be_sent_again_and_is_the_same(
    framing: LengthPrefix, bodies: list[bytes]
) -> None:
    bodies = [body for body in bodies if len(body) <= framing.limit]
    messages = as_read(framing, bodies)

    sent = framing.encode_many(messages)

    assert read_one_by_one(framing, [sent] if sent else []) == messages
    assert len(sent) == sum(len(frame(framing, body)) for body in bodies)


@pytest.mark.parametrize(
    ("framing", "message", "sent"),
    [
        (LengthPrefix(), b"hi", b"\0\0\0\x02hi"),
        (LengthPrefix(), b"", b"\0\0\0\0"),
        (LengthPrefix(2), b"hi", b"\0\x02hi"),
        (LengthPrefix(3, "little"), b"hi", b"\x02\0\0hi"),
        (LengthPrefix(8, "little"), b"hi", b"\x02\0\0\0\0\0\0\0hi"),
        (LengthPrefix(4, adjustment=-4), b"hi", b"\0\0\0\x06hi"),
        (LengthPrefix(2, adjustment=1), b"Thi", b"\0\x02Thi"),
        (LengthPrefix(2, offset=1), b"hi", b"\0\0\x02hi"),
        (LengthPrefix(2, offset=1, strip=0), b"T\0\x02hi", b"T\0\x02hi"),
        (LengthPrefix(2, offset=2, strip=1), b"T\0\x02hi", b"\0T\0\x02hi"),
        (LengthPrefix(2, offset=1, strip=1), b"\0\x02hi", b"\0\0\x02hi"),
        (LengthPrefix(2, strip=1), b"\x02hi", b"\0\x02hi"),
        (LengthPrefix(2, "little", offset=1, strip=2), b"\0hi", b"\0\x02\0hi"),
        (LengthPrefix(2, offset=1, strip=0, adjustment=-3), b"T\0\x05hi", b"T\0\x05hi"),
    ],
    ids=repr,
)
def test_the_parts_of_a_frame_stand_where_the_framing_says(
    framing: LengthPrefix, message: bytes, sent: bytes
) -> None:
    assert framing.encode(message) == sent
    assert read_one_by_one(framing, [sent]) == [message]


@pytest.mark.parametrize("oversize", POLICIES)
@pytest.mark.parametrize("width", [4, 8])
@pytest.mark.parametrize("byteorder", ["big", "little"])
def test_the_largest_length_there_is_costs_no_memory(
    width: int, byteorder: Literal["big", "little"], oversize: Oversize
) -> None:
    buffer = ReceiveBuffer()
    framing = LengthPrefix(width, byteorder, oversize=oversize)
    buffer.append(b"\xff" * width)

    if oversize == "raise":
        with pytest.raises(FrameTooLarge) as caught:
            framing.decode(buffer)
        assert (caught.value.limit, caught.value.size) == (MAX_FRAME, 256**width - 1)
    for _ in range(100):
        assert framing.decode(buffer) is None
        buffer.append(b"x" * 1000)
        assert len(buffer) == 0


def test_a_size_over_the_limit_is_refused_before_any_of_the_message_arrives() -> None:
    reader = FrameReader(LengthPrefix(limit=10))
    reader.feed(b"\0\0\0")
    assert reader.next_frame() is NEED_DATA
    reader.feed(b"\x0b")

    with pytest.raises(FrameTooLarge, match=r"a message of 11 bytes, over the limit of 10"):
        reader.next_frame()
    assert reader.next_frame() is NEED_DATA


@pytest.mark.parametrize("arrived", range(12))
@pytest.mark.parametrize("oversize", POLICIES)
def test_the_next_message_is_in_step_however_much_of_a_refused_one_was_here(
    arrived: int, oversize: Oversize
) -> None:
    reader = FrameReader(LengthPrefix(1, limit=10, oversize=oversize))
    refused = b"x" * 11
    reader.feed(b"\x0b" + refused[:arrived])
    if oversize == "raise":
        with pytest.raises(FrameTooLarge):
            reader.next_frame()
    assert reader.next_frame() is NEED_DATA

    reader.feed(refused[arrived:] + b"\x02ok")

    assert reader.next_frame() == b"ok"


@pytest.mark.parametrize(
    "framing",
    [
        LengthPrefix(2, limit=5),
        LengthPrefix(2, limit=5, adjustment=-2),
        LengthPrefix(2, limit=5, adjustment=3),
        LengthPrefix(2, limit=5, offset=3),
        LengthPrefix(2, limit=5, strip=1),
    ],
    ids=repr,
)
def test_the_limit_counts_the_body_alone(framing: LengthPrefix) -> None:
    own = b"" if framing.strip is None else b"\x05"
    good = framing.encode(own + b"12345")

    assert read_one_by_one(framing, [good]) == [own + b"12345"]
    assert read_one_by_one(framing, [frame(framing, b"123456")]) == [TOO_LARGE]
    with pytest.raises(UnsendablePayload, match=r"of 6 bytes passes the limit of 5"):
        framing.encode((own and b"\x06") + b"123456")


def test_the_limit_is_1_mib_if_nothing_is_said() -> None:
    assert len(LengthPrefix().encode(b"x" * MAX_FRAME)) == 4 + (1 << 20)
    with pytest.raises(UnsendablePayload, match=r"1048577 bytes passes the limit of 1048576"):
        LengthPrefix().encode(b"x" * (MAX_FRAME + 1))


def test_a_length_that_its_width_cannot_hold_is_not_sent() -> None:
    assert LengthPrefix(1).encode(b"x" * 255) == b"\xff" + b"x" * 255
    with pytest.raises(UnsendablePayload, match=r"makes the length 256: 1 bytes hold 0 to 255"):
        LengthPrefix(1).encode(b"x" * 256)
    with pytest.raises(UnsendablePayload, match=r"a body of 254 bytes makes the length 256"):
        LengthPrefix(1, adjustment=-2).encode(b"x" * 254)
    with pytest.raises(UnsendablePayload, match=r"a body of 2 bytes makes the length -1"):
        LengthPrefix(1, adjustment=3).encode(b"xx")


@pytest.mark.parametrize(
    ("framing", "message", "reason"),
    [
        (LengthPrefix(2, strip=0), b"\0\x03hi", r"says its length is 3, but it is 2"),
        (LengthPrefix(2, "little", strip=0), b"\0\x02hi", r"says its length is 512, but it is 2"),
        (LengthPrefix(2, strip=1), b"\x03hi", r"says its length is 3, but it is 2"),
        (LengthPrefix(2, offset=1, strip=0), b"\0\x02\0hi", r"length is 512, but it is 2"),
        (LengthPrefix(2, strip=0), b"\0", r"shorter than its header of 2 bytes"),
        (LengthPrefix(2, offset=2, strip=1), b"xx", r"shorter than its header of 3 bytes"),
    ],
    ids=repr,
)
def test_a_message_that_brings_its_own_header_has_to_be_right_about_it(
    framing: LengthPrefix, message: bytes, reason: str
) -> None:
    with pytest.raises(UnsendablePayload, match=reason):
        framing.encode(message)


@pytest.mark.parametrize("oversize", POLICIES)
def test_a_length_that_is_less_than_what_it_counts_breaks_the_rules(oversize: Oversize) -> None:
    reader = FrameReader(LengthPrefix(2, adjustment=-2, oversize=oversize))
    reader.feed(b"\0\x02\0\x01")

    assert reader.next_frame() == b""
    with pytest.raises(ProtocolError, match=r"sent the length 1, less than the 2 bytes that it"):
        reader.next_frame()


def test_good_messages_in_front_of_a_bad_one_are_delivered() -> None:
    buffer = ReceiveBuffer()
    framing = LengthPrefix(1, limit=3)
    buffer.append(b"\x01a\x01b\x04late\x01c")

    assert framing.decode_many(buffer) == [b"a", b"b"]
    with pytest.raises(FrameTooLarge):
        framing.decode_many(buffer)
    assert framing.decode_many(buffer) == [b"c"]


@pytest.mark.parametrize(("sent", "left"), [(b"\0\0", b"\0\0"), (b"\0\x04abc", b"\0\x04abc")])
def test_a_message_that_the_end_cut_short_is_told_with_what_came_of_it(
    sent: bytes, left: bytes
) -> None:
    reader = FrameReader(LengthPrefix(2) if len(sent) > 2 else LengthPrefix(4))
    reader.feed(sent)
    reader.feed(b"")

    with pytest.raises(IncompleteRead) as caught:
        reader.next_frame()
    assert caught.value.partial == left
    assert reader.next_frame() is END


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"width": 0}, r"a length takes 1 to 8 bytes, not 0"),
        ({"width": 9}, r"a length takes 1 to 8 bytes, not 9"),
        ({"offset": -1}, r"the offset of the length is at least 0, not -1"),
        ({"strip": -1}, r"strip is 0 to 4, the size of the header, not -1"),
        ({"strip": 5}, r"strip is 0 to 4, the size of the header, not 5"),
        ({"strip": 4, "width": 2, "offset": 1}, r"strip is 0 to 3"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(settings: dict[str, int], reason: str) -> None:
    layout: Any = settings
    with pytest.raises(ValueError, match=reason):
        LengthPrefix(**layout)
