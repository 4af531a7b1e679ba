"""The receive buffer: what has arrived and was not asked for yet.

Whatever a peer does with the sizes of its packets, the work is linear in the bytes:

- A chunk that finds the buffer empty is kept as it came, and frames are sliced from it.
- A chunk that finds bytes waiting is joined to them.  While they are no longer than the
  chunk, that is one copy of at most twice the chunk.  Where they are longer, they move into
  a ``bytearray`` once, and from then on chunks are appended in place.
- Bytes that were taken are only stepped over, and dropped when the next chunk arrives.
  CPython moves a bytearray's start then, instead of copying its tail
  (https://bugs.python.org/issue19087).
- A search that found nothing remembers how far it looked.  Without that, a peer that sends
  an endless line byte by byte makes us scan all of it for every byte.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from portside.errors import FrameTooLarge

__all__ = ["ReceiveBuffer"]

_NEWLINES = (b"\n",)


class _Skip(NamedTuple):
    """What is dropped as it arrives, the rest of a frame that was refused.

    Either so many bytes, or all up to a delimiter, of which the beginning may be here.
    """

    size: int = 0
    delimiters: tuple[bytes, ...] = ()
    tail: bytes = b""


Mark: TypeAlias = tuple[bytes | bytearray, int, _Skip | None]


class ReceiveBuffer:
    """Bytes in, frames out; performs no I/O.

    The ``take`` methods return None while what they want has not arrived, and consume
    nothing then.

    Attributes:
        data: Holds the unread bytes, behind some that were taken; it is empty exactly when
            nothing is unread, which is all that others should ask of it.
    """

    __slots__ = (
        "_escapes",
        "_searched",
        "_skip",
        "_sought",
        "_start",
        "data",
    )

    def __init__(self) -> None:
        self.data: bytes | bytearray = b""
        self._start = 0
        # Where the next search for _sought goes on; _sought is empty if none is remembered.
        self._searched = 0
        self._sought: tuple[bytes, ...] = ()
        self._escapes = 0  # how many take_escaped met in front of _searched
        self._skip: _Skip | None = None

    def __len__(self) -> int:
        return len(self.data) - self._start

    def append(self, chunk: bytes) -> None:
        """Add what a read returned."""
        if self._skip is not None:
            self._append_while_skipping(self._skip, chunk)
        elif not self.data:
            self.data = chunk
        else:
            self._join(chunk)

    def _join(self, chunk: bytes) -> None:
        data, start = self.data, self._start
        if isinstance(data, bytearray):
            del data[:start]
            data += chunk
        elif len(data) - start <= len(chunk):
            self.data = data[start:] + chunk
        else:
            self.data = bytearray(memoryview(data)[start:])
            self.data += chunk
        self._start = 0
        if self._sought:
            self._searched = max(0, self._searched - start)

    def unread(self, data: bytes) -> None:
        """Put ``data`` back in front of everything else."""
        self.data = data + bytes(memoryview(self.data)[self._start :])
        self._start, self._sought = 0, ()

    def clear(self) -> None:
        """Forget everything."""
        self.data, self._start, self._sought, self._skip = b"", 0, (), None

    # Taking

    def take(self, count: int) -> bytes | None:
        """Take exactly ``count`` bytes, or None until that many are here.

        Raises:
            ValueError: If ``count`` is negative.
        """
        if count < 0:
            raise ValueError(f"{count} bytes cannot be taken")
        end = self._start + count
        return None if end > len(self.data) else self._cut(end, end)

    def take_up_to(self, count: int) -> bytes:
        """Take what is here, at most ``count`` bytes; ``b""`` if nothing is."""
        end = min(self._start + count, len(self.data))
        return self._cut(end, end)

    def take_into(self, target: memoryview) -> int:
        """Move bytes into ``target`` and return how many: as many as are here and fit."""
        count = min(len(target), len(self))
        end = self._start + count
        target[:count] = memoryview(self.data)[self._start : end]
        self._step_to(end)
        return count

    def peek(self, count: int) -> bytes | None:
        """Return the next ``count`` bytes and keep them, or None until they are here."""
        end = self._start + count
        return None if end > len(self.data) else bytes(self.data[self._start : end])

    def peek_up_to(self, count: int) -> bytes:
        """Return what is here, at most ``count`` bytes, and keep it."""
        return bytes(self.data[self._start : self._start + count])

    def take_line(self, limit: int) -> bytes | None:
        """Take one line without its ending, CRLF or LF, or None until it is complete.

        Raises:
            FrameTooLarge: If the line has more than ``limit`` bytes, as soon as that many
                arrived; the rest of it is skipped.
        """
        # The hot path of line protocols: one call, and nothing in it that need not be.
        data, start = self.data, self._start
        newline = data.find(b"\n", self._searched if self._sought is _NEWLINES else start)
        if newline < 0:
            self._sought, self._searched = _NEWLINES, len(data)
            if len(data) - start > limit + 1:  # the one may be a carriage return
                self.skip_through(_NEWLINES)
                raise FrameTooLarge(limit)
            return None
        end = newline
        if end > start and data[end - 1] == 0x0D:  # noqa: PLR2004  a carriage return
            end -= 1
        if end - start > limit:
            self._step_to(newline + 1)
            raise FrameTooLarge(limit, end - start)
        line = data[start:end]
        self._sought = ()
        self._start = newline + 1
        if self._start == len(data):
            self.data, self._start = b"", 0
        return line if type(line) is bytes else bytes(line)

    def take_until(
        self, delimiters: tuple[bytes, ...], limit: int, *, keep: bool = False
    ) -> bytes | None:
        """Take what stands before the first delimiter, or None until one arrived.

        The first is the one that is complete first, whichever way the bytes are cut; of two
        that end at the same byte, the longer.  The delimiter is dropped, or returned with
        the rest if ``keep`` is true.

        Raises:
            FrameTooLarge: If more than ``limit`` bytes stand before it, as soon as that is
                certain; they are skipped up to and with the delimiter.
        """
        found = self._find(delimiters)
        start = self._start
        if found is None:
            if len(self) >= limit + max(map(len, delimiters)):
                self.skip_through(delimiters)
                raise FrameTooLarge(limit)
            return None
        end, after = found
        if end - start > limit:
            self._step_to(after)
            raise FrameTooLarge(limit, end - start)
        return self._cut(after if keep else end, after)

    def take_escaped(self, end: bytes, escape: bytes, limit: int) -> bytes | None:
        """Take what stands before the byte ``end``, or None until that arrived.

        The byte ``end`` is dropped.  The escapes stay, each of which counts as one byte
        together with what it stands before.

        Raises:
            FrameTooLarge: If that makes more than ``limit`` bytes, or there are more than
                twice as many without counting so, as soon as they arrived; they are skipped
                up to and with ``end``.
        """
        data, start = self.data, self._start
        # Nobody else seeks b"", so no other search goes on where this one left off.
        sought = (end, b"", escape)
        begin, escapes = (self._searched, self._escapes) if self._sought == sought else (start, 0)
        found = data.find(end, begin)
        stop = len(data) if found < 0 else found
        escapes += data.count(escape, begin, stop)
        size = stop - start - escapes
        if size > limit or stop - start > 2 * limit:
            self.skip_through((end,))
            raise FrameTooLarge(limit, size if found >= 0 and size > limit else None)
        if found < 0:
            self._sought, self._searched, self._escapes = sought, stop, escapes
            return None
        return self._cut(found, found + 1)

    # Going back

    def mark(self) -> Mark:
        """Return what ``rewind`` needs to undo what is taken from here on.

        A mark is good until the next ``append`` or ``unread``.
        """
        return self.data, self._start, self._skip

    def rewind(self, mark: Mark) -> None:
        """Put back everything that was taken since ``mark``."""
        self.data, self._start, self._skip = mark
        self._sought = ()

    # Skipping

    def skip(self, count: int) -> None:
        """Drop the next ``count`` bytes, those not here yet as they arrive."""
        here = min(count, len(self))
        self._step_to(self._start + here)
        if count > here:
            # Two skips in a row, of a body and what follows it say, are one.
            pending = self._skip.size if self._skip is not None else 0
            self._skip = _Skip(size=count - here + pending)

    def skip_through(self, delimiters: tuple[bytes, ...]) -> None:
        """Drop everything up to and with the next delimiter, now or when it arrives."""
        found = self._find(delimiters)
        if found is not None:
            self._step_to(found[1])
            return
        dropped = self.take_up_to(len(self))
        tail = dropped[max(0, len(dropped) - max(map(len, delimiters)) + 1) :]
        self._skip = _Skip(delimiters=delimiters, tail=tail)

    @property
    def skipping(self) -> bool:
        """Whether the rest of a refused frame is still to come."""
        return self._skip is not None

    def _append_while_skipping(self, skip: _Skip, chunk: bytes) -> None:
        unread = self.take_up_to(len(self))  # put back since the frame was refused
        self._skip = None
        self.append(skip.tail + chunk)
        if skip.size:
            self.skip(skip.size)
        else:
            self.skip_through(skip.delimiters)
        if unread:
            self.unread(unread)

    # Searching

    def _find(self, delimiters: tuple[bytes, ...]) -> tuple[int, int] | None:
        """Return where the first delimiter starts and ends, or None."""
        begin = self._searched if self._sought == delimiters else self._start
        found: tuple[int, int] | None = None
        reach = len(self.data)
        for delimiter in delimiters:
            # Nothing that ends behind the best so far is of interest.
            at = self.data.find(delimiter, begin, reach)
            if at >= 0 and (found is None or (at + len(delimiter), at) < (found[1], found[0])):
                found = at, at + len(delimiter)
                reach = found[1]
        if found is None:
            # A delimiter may be split across two reads, so its first bytes stay in sight.
            seen = len(self.data) - max(map(len, delimiters)) + 1
            self._sought, self._searched = delimiters, max(self._start, seen)
        return found

    # Moving on

    def _cut(self, end: int, after: int) -> bytes:
        """Return the bytes before ``end`` and go on behind ``after``."""
        data = self.data
        taken = data[self._start : end]
        self._sought = ()
        if after == len(data):
            self.data, self._start = b"", 0
        else:
            self._start = after
        return taken if isinstance(taken, bytes) else bytes(taken)

    def _step_to(self, position: int) -> None:
        self._cut(self._start, position)
