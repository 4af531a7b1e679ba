"""What stands before an end that may be escaped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portside.errors import FrameTooLarge
from portside.wire import ReceiveBuffer
from wire.cuts import byte_by_byte, cut, cuts
from wire.scans import counted

TOO_LARGE = "too large"


def take(buffer: ReceiveBuffer, limit: int) -> bytes | str | None:
    try:
        return buffer.take_escaped(b";", b"/", limit)
    except FrameTooLarge:
        return TOO_LARGE


def as_taken(data: bytes, limit: int) -> list[bytes | str]:
    *ended, rest = data.split(b";")
    fits = [
        len(one) <= 2 * limit and len(one.replace(b"/", b"")) <= limit for one in [*ended, rest]
    ]
    told = [one if fit else TOO_LARGE for one, fit in zip([*ended, rest], fits, strict=True)]
    return told if told[-1] == TOO_LARGE else told[:-1]


@given(data=st.text("ab/;", max_size=40).map(str.encode), limit=st.integers(0, 6), places=cuts())
def test_what_is_taken_does_not_depend_on_how_the_bytes_were_cut(
    data: bytes, limit: int, places: list[int]
) -> None:
    for pieces in ([data], cut(data, places), byte_by_byte(data)):
        buffer = ReceiveBuffer()
        taken: list[bytes | str] = []
        for piece in filter(None, pieces):
            buffer.append(piece)
            while (one := take(buffer, limit)) is not None:
                taken.append(one)

        assert taken == as_taken(data, limit)


@given(data=st.text("a/", max_size=20).map(str.encode), taken=st.integers(0, 9), places=cuts())
def test_escapes_are_counted_from_the_front_whatever_was_done_in_between(
    data: bytes, taken: int, places: list[int]
) -> None:
    buffer = ReceiveBuffer()
    for piece in cut(data, places) if data else []:
        buffer.append(piece)
        mark = buffer.mark()
        assert buffer.take_escaped(b";", b"/", 20) is None
        buffer.take_up_to(taken)
        assert buffer.take_escaped(b";", b"/", 20) is None
        buffer.rewind(mark)

    buffer.append(b";")

    expected = data if len(data.replace(b"/", b"")) <= 9 and len(data) <= 18 else TOO_LARGE
    assert take(buffer, 9) == expected


def test_a_search_for_either_byte_begins_in_front() -> None:
    buffer = ReceiveBuffer()
    buffer.append(b"a/b")
    assert buffer.take_escaped(b";", b"/", 10) is None

    assert buffer.take_until((b";", b"/"), 10) == b"a"


def test_an_endless_message_is_searched_once() -> None:
    buffer = ReceiveBuffer()
    content = counted(buffer)
    for _ in range(2500):
        buffer.append(b"x/")
        assert buffer.take_escaped(b";", b"/", 1 << 20) is None

    # Once for its end, and once for escapes.
    assert content.looked_at <= 2 * (2 + 5000)


def test_it_is_refused_as_soon_as_it_has_too_many_bytes() -> None:
    buffer = ReceiveBuffer()
    for piece in byte_by_byte(b"/ab/cd"):
        buffer.append(piece)
        assert buffer.take_escaped(b";", b"/", 4) is None
    buffer.append(b"/")
    assert buffer.take_escaped(b";", b"/", 4) is None

    buffer.append(b"e")
    with pytest.raises(FrameTooLarge, match=r"a message of more bytes, over the limit of 4"):
        buffer.take_escaped(b";", b"/", 4)

    buffer.append(b"f;ok;")
    assert buffer.take_escaped(b";", b"/", 4) == b"ok"


def test_escapes_alone_do_not_go_on_for_ever() -> None:
    buffer = ReceiveBuffer()
    buffer.append(b"/" * 8)
    assert buffer.take_escaped(b";", b"/", 4) is None

    buffer.append(b"/")

    assert take(buffer, 4) == TOO_LARGE
    assert len(buffer) == 0
