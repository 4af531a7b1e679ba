"""The inbox of a stream: its receive buffer, and how the stream ended."""

from __future__ import annotations

from portside.errors import EndOfStream, FrameTooLarge, IncompleteRead
from portside.wire.buffer import ReceiveBuffer

__all__ = ["Inbox", "at_least"]


class Inbox(ReceiveBuffer):
    """What a peer sent, up to its end; performs no I/O.

    The methods here know about the end; those of the buffer, which return None for "not
    yet", do not.  A reader that got None asks ``ended``, and raises ``shortage`` if so.

    Attributes:
        ended: Whether nothing more can come.
        failure: What broke the stream, or None if the peer ended it in good order.
    """

    __slots__ = ("ended", "failure")

    def __init__(self) -> None:
        super().__init__()
        self.ended = False
        self.failure: Exception | None = None

    def end(self, failure: Exception | None = None) -> None:
        """Note that nothing more will come; the first reason given is kept."""
        if not self.ended:
            self.ended, self.failure = True, failure

    def reopen(self) -> tuple[bool, Exception | None]:
        """Forget the end and return what it was: TLS begins, and has an end of its own."""
        was = self.ended, self.failure
        self.ended, self.failure = False, None
        return was

    def shortage(self, expected: int | None = None) -> Exception:
        """Return what a reader has to raise that wants more than will ever come.

        That is the failure, if there was one.  Otherwise what is left goes into the
        ``IncompleteRead``, and the next reader finds the clean end.

        Args:
            expected: How many bytes the reader wants in all, if it knows.
        """
        if self.failure is not None:
            # Each raise would add its own frames to the traceback of the one before.
            return self.failure.with_traceback(None)
        if not len(self):
            return EndOfStream()
        return IncompleteRead(self.take_up_to(len(self)), expected)

    @property
    def _ended_well(self) -> bool:
        return self.ended and self.failure is None

    def take_some(self, count: int) -> bytes | None:
        """Take 1 to ``count`` bytes; ``b""`` at the clean end, None if none are here yet."""
        taken = self.take_up_to(count)
        return taken if taken or self._ended_well else None

    def take_some_into(self, target: memoryview) -> int | None:
        """Move at least one byte into ``target``; 0 at the clean end, None if none is here."""
        count = self.take_into(target)
        return count if count or self._ended_well else None

    def peek_some(self, count: int) -> bytes | None:
        """Return the next ``count`` bytes and keep them: fewer at the end only, else None."""
        if len(self) >= count or (self.ended and len(self)) or self._ended_well:
            return self.peek_up_to(count)
        return None

    def take_all(self, limit: int) -> bytes | None:
        """Take everything up to the clean end, or None until it has come.

        Raises:
            FrameTooLarge: If more than ``limit`` bytes are here; they stay.
        """
        if len(self) > limit:
            raise FrameTooLarge(limit)
        return self.take_up_to(len(self)) if self._ended_well else None


def at_least(least: int, count: int) -> int:
    """Return ``count``, a number of bytes to read.

    Where 1 is the least, an answer to 0 would look like the end of the stream.

    Raises:
        ValueError: If it is less than ``least``.
    """
    if count < least:
        raise ValueError(f"at least {least} byte{'s' * (least != 1)} can be read, not {count}")
    return count
