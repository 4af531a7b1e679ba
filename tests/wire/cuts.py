"""Bytes cut into pieces, as a network does, and what a framing makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from portside.errors import FrameTooLarge, IncompleteRead, ProtocolError
from portside.wire import END, NEED_DATA, FrameReader, Framing, ReceiveBuffer

TOO_LARGE = "too large"


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Return the pieces of ``data`` between ``places``; none of them is empty."""
    edges = sorted({0, len(data), *(place for place in places if 0 < place < len(data))})
    return [data[start:end] for start, end in pairwise(edges)]


def every_cut_in_two(data: bytes) -> list[list[bytes]]:
    return [cut(data, [place]) for place in range(1, len(data))]


def byte_by_byte(data: bytes) -> list[bytes]:
    return cut(data, range(len(data)))


def cuts() -> st.SearchStrategy[list[int]]:
    """Places at which to cut; those past the end do not count."""
    return st.lists(st.integers(1, 60), max_size=12)


def read_one_by_one(
    framing: Framing[bytes], pieces: Sequence[bytes], *, hang_up: bool = True
) -> list[Any]:
    """Return what a reader tells: messages, refusals, and what was left at the end.

    An error is told by its text, and is the last thing told if ``hang_up`` is true.
    """
    reader = FrameReader(framing)
    told: list[Any] = []
    for piece in [*pieces, b""]:
        reader.feed(piece)
        while True:
            try:
                answer = reader.next_frame()
            except FrameTooLarge:
                told.append(TOO_LARGE)
            except IncompleteRead as rest:
                told.append(("incomplete", rest.partial))
            except ProtocolError as error:
                told.append(("broken", str(error)))
                if hang_up:
                    return told
            else:
                if answer is NEED_DATA or answer is END:
                    break
                assert type(answer) is bytes
                told.append(answer)
    return told


def read_in_batches(
    framing: Framing[bytes], pieces: Sequence[bytes], *, hang_up: bool = True
) -> list[Any]:
    """Return the messages and refusals that ``decode_many`` tells after each piece."""
    buffer = ReceiveBuffer()
    told: list[Any] = []
    for piece in pieces:
        buffer.append(piece)
        while True:
            try:
                messages = framing.decode_many(buffer)
            except FrameTooLarge:
                told.append(TOO_LARGE)
                continue
            except ProtocolError as error:
                told.append(("broken", str(error)))
                if hang_up:
                    return told
                continue
            told += messages
            if not messages:
                break
    if len(buffer):
        told.append(("incomplete", buffer.take_up_to(len(buffer))))
    return told


def in_every_way(
    framing: Framing[bytes], data: bytes, places: Sequence[int], *, hang_up: bool = True
) -> list[Any]:
    """Return what is read from ``data``, after making sure that no cut changes it."""
    whole = read_one_by_one(framing, [data] if data else [], hang_up=hang_up)
    for pieces in (cut(data, places), byte_by_byte(data)):
        assert read_one_by_one(framing, pieces, hang_up=hang_up) == whole
        assert read_in_batches(framing, pieces, hang_up=hang_up) == whole
    assert read_in_batches(framing, [data], hang_up=hang_up) == whole
    return whole
