from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portside.errors import IncompleteRead, UnsendablePayload
from portside.wire import END, NEED_DATA, FixedSize, FrameReader, ReceiveBuffer
from wire.cuts import cuts, in_every_way


@given(data=st.binary(max_size=40), size=st.integers(1, 7), places=cuts())
def test_messages_do_not_depend_on_how_the_bytes_were_cut(
    data: bytes, size: int, places: list[int]
) -> None:
    whole = len(data) // size * size
    expected: list[object] = [data[start : start + size] for start in range(0, whole, size)]
    if len(data) > whole:
        expected.append(("incomplete", data[whole:]))

    assert in_every_way(FixedSize(size), data, places) == expected


def test_a_message_is_sent_as_it_is() -> None:
    assert FixedSize(3).encode(b"abc") == b"abc"
    assert FixedSize(3).encode_many([b"abc", b"def"]) == b"abcdef"


@pytest.mark.parametrize("message", [b"", b"ab", b"abcd"])
def test_a_message_of_another_size_is_not_sent(message: bytes) -> None:
    reason = rf"a message has 3 bytes here, not {len(message)}"
    with pytest.raises(UnsendablePayload, match=reason):
        FixedSize(3).encode(message)


def test_a_batch_leaves_what_is_not_whole() -> None:
    buffer = ReceiveBuffer()
    buffer.append(b"aabbc")

    assert FixedSize(2).decode_many(buffer) == [b"aa", b"bb"]
    assert FixedSize(2).decode_many(buffer) == []
    assert buffer.take_up_to(10) == b"c"


def test_a_message_that_the_end_cut_short_is_told_with_what_came_of_it() -> None:
    reader = FrameReader(FixedSize(4))
    reader.feed(b"wholepar")
    assert reader.next_frame() == b"whol"
    assert reader.next_frame() == b"epar"
    reader.feed(b"t")
    assert reader.next_frame() is NEED_DATA
    reader.feed(b"")

    with pytest.raises(IncompleteRead) as caught:
        reader.next_frame()
    assert caught.value.partial == b"t"
    assert reader.next_frame() is END


@pytest.mark.parametrize("size", [0, -1])
def test_a_message_has_at_least_one_byte(size: int) -> None:
    with pytest.raises(ValueError, match=rf"a message has at least 1 byte, not {size}"):
        FixedSize(size)
