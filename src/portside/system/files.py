"""A stream as a file object, for code that wants one: ``pickle.load``, ``csv``, ``tarfile``."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["StreamFile", "open_stream_file"]


class StreamFile(io.RawIOBase):
    """An unbuffered binary file over two functions that wait.

    Args:
        read_into: Fills some of a buffer and returns how much; 0 at the end.
        write: Sends all of a buffer.
    """

    def __init__(
        self,
        read_into: Callable[[memoryview], int] | None,
        write: Callable[[memoryview], None] | None,
    ) -> None:
        super().__init__()
        self._read_into = read_into
        self._write = write

    def readable(self) -> bool:
        return self._read_into is not None

    def writable(self) -> bool:
        return self._write is not None

    def readinto(self, buffer: Any, /) -> int:
        """Fill some of ``buffer`` and return how many bytes; 0 at the end."""
        if self._read_into is None:
            raise io.UnsupportedOperation("the file is open for writing only")
        return self._read_into(memoryview(buffer).cast("B"))

    def write(self, buffer: Any, /) -> int:
        """Send all of ``buffer`` and return how many bytes that is."""
        if self._write is None:
            raise io.UnsupportedOperation("the file is open for reading only")
        view = memoryview(buffer).cast("B")
        self._write(view)
        return len(view)


def open_stream_file(
    mode: str,
    read_into: Callable[[memoryview], int],
    write: Callable[[memoryview], None],
    *,
    encoding: str | None,
    newline: str | None,
) -> io.IOBase:
    """Return a buffered file over a stream, as ``socket.makefile`` does.

    Raises:
        ValueError: If the mode is none of ``r``, ``w``, ``rw``, with or without ``b``.
    """
    letters = set(mode)
    if letters - set("rwb") or not letters & set("rw") or len(letters) < len(mode):
        raise ValueError(f"the mode is 'r', 'w' or 'rw', with a 'b' for bytes, not {mode!r}")
    raw = StreamFile(read_into if "r" in mode else None, write if "w" in mode else None)
    buffered: Any  # three classes without a common parent but IOBase
    if raw.readable() and raw.writable():
        buffered = io.BufferedRWPair(raw, raw)
    elif raw.readable():
        buffered = io.BufferedReader(raw)
    else:
        buffered = io.BufferedWriter(raw)
    if "b" not in mode:
        buffered = io.TextIOWrapper(buffered, encoding=encoding or "utf-8", newline=newline)
    file: io.IOBase = buffered
    return file
