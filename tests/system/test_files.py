from __future__ import annotations

import io
import pickle
from array import array
from collections.abc import Callable
from typing import Any

import pytest

from portside.system.files import StreamFile, open_stream_file


class FakeStream:
    """What arrives in the pieces that it was cut into, and what is sent."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.sent: list[bytes] = []

    def read_into(self, buffer: memoryview) -> int:
        piece = self.pieces.pop(0) if self.pieces else b""
        taken, rest = piece[: len(buffer)], piece[len(buffer) :]
        if rest:
            self.pieces.insert(0, rest)
        buffer[: len(taken)] = taken
        return len(taken)

    def write(self, data: memoryview) -> None:
        self.sent.append(bytes(data))

    def open(self, mode: str, encoding: str | None = None, newline: str | None = None) -> Any:
        return open_stream_file(
            mode, self.read_into, self.write, encoding=encoding, newline=newline
        )


def test_a_raw_file_reads_what_is_here() -> None:
    stream = FakeStream(b"abc", b"def")
    file = StreamFile(stream.read_into, None)
    buffer = bytearray(10)

    assert file.readinto(buffer) == 3
    assert buffer[:3] == b"abc"
    assert file.read(2) == b"de"
    assert file.read(10) == b"f"
    assert file.read(10) == b""


def test_a_raw_file_writes_all_of_it() -> None:
    stream = FakeStream()
    file = StreamFile(None, stream.write)

    assert file.write(b"abc") == 3
    assert file.write(array("I", [1, 2])) == 8, "the answer counts bytes, not items"
    assert stream.sent == [b"abc", array("I", [1, 2]).tobytes()]


def test_a_buffer_of_any_items_is_filled_with_bytes() -> None:
    stream = FakeStream(array("I", [7, 8]).tobytes())
    numbers = array("I", [0, 0])

    assert StreamFile(stream.read_into, None).readinto(numbers) == 8
    assert list(numbers) == [7, 8]


@pytest.mark.parametrize(
    ("mode", "readable", "writable"),
    [("r", True, False), ("w", False, True), ("rw", True, True)],
)
@pytest.mark.parametrize("binary", ["", "b"])
def test_the_mode_says_what_a_file_can_do(
    mode: str, binary: str, *, readable: bool, writable: bool
) -> None:
    file = FakeStream().open(mode + binary)

    assert file.readable() is readable
    assert file.writable() is writable
    assert not file.seekable()
    assert isinstance(file, io.TextIOBase) is not bool(binary)


@pytest.mark.parametrize(
    ("mode", "use", "reason"),
    [
        (StreamFile(None, print), lambda file: file.readinto(bytearray(1)), "for writing only"),
        (StreamFile(lambda _: 0, None), lambda file: file.write(b"x"), "for reading only"),
    ],
    ids=["reading", "writing"],
)
def test_what_a_file_was_not_opened_for_it_refuses(
    mode: StreamFile, use: Callable[[StreamFile], object], reason: str
) -> None:
    with pytest.raises(io.UnsupportedOperation, match=reason):
        use(mode)


@pytest.mark.parametrize("mode", ["", "b", "a", "r+", "rt", "x", "rwx", "R"])
def test_any_other_mode_is_refused(mode: str) -> None:
    with pytest.raises(
        ValueError, match=rf"the mode is 'r', 'w' or 'rw'.*, not '{mode}'".replace("+", r"\+")
    ):
        FakeStream().open(mode)


@pytest.mark.parametrize("mode", ["rr", "bb", "rbb"])
def test_a_letter_stands_in_a_mode_once(mode: str) -> None:
    with pytest.raises(ValueError, match="the mode is"):
        FakeStream().open(mode)


def test_what_is_written_is_sent_when_it_is_flushed() -> None:
    stream = FakeStream()
    file = stream.open("wb")

    file.write(b"ab")
    file.write(b"cd")
    before = list(stream.sent)
    file.flush()

    assert before == []
    assert stream.sent == [b"abcd"]


def test_what_is_written_is_sent_when_the_file_is_closed() -> None:
    stream = FakeStream()

    with stream.open("w") as file:
        file.write("gr\u00fc\u00df")

    assert b"".join(stream.sent) == "gr\u00fc\u00df".encode()


def test_lines_do_not_depend_on_how_the_bytes_were_cut() -> None:
    stream = FakeStream(b"on", b"e\r", b"\ntwo\n", b"three")

    assert list(stream.open("r")) == ["one\n", "two\n", "three"]


def test_the_text_is_as_encoding_and_newline_say() -> None:
    stream = FakeStream("\u00e4\r\n".encode("latin-1"))
    file = stream.open("rw", encoding="latin-1", newline="\r\n")

    assert file.readline() == "\u00e4\r\n"
    file.write("\u00f6\n")
    file.flush()
    assert stream.sent == ["\u00f6\r\n".encode("latin-1")]


def test_a_file_that_reads_and_writes_does_both() -> None:
    stream = FakeStream(b"question\n")
    file = stream.open("rwb")

    assert file.readline() == b"question\n"
    file.write(b"answer\n")
    file.flush()
    assert stream.sent == [b"answer\n"]


def test_pickle_finds_its_way_through_the_pieces() -> None:
    value = {"name": "portside", "numbers": list(range(1000))}
    pickled = pickle.dumps(value)
    stream = FakeStream(*(pickled[at : at + 7] for at in range(0, len(pickled), 7)), b"rest")
    file = stream.open("rb")

    assert pickle.load(file) == value
    assert file.read() == b"rest"


def test_an_error_of_the_stream_reaches_the_reader() -> None:
    def broken(_: memoryview) -> int:
        raise ConnectionResetError("gone")

    file: Any = open_stream_file("rb", broken, print, encoding=None, newline=None)

    with pytest.raises(ConnectionResetError, match="gone"):
        file.read(1)
