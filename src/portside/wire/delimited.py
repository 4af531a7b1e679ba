r"""Delimited framing: each message ends in a delimiter, one or several bytes long.

+---------+-----------+---------+-----------+
| message | delimiter | message | delimiter |
+---------+-----------+---------+-----------+
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portside.defaults import MAX_FRAME
from portside.errors import FrameTooLarge, UnsendablePayload
from portside.wire.framing import Framing, Oversize, check_limit, collect, not_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portside.wire.buffer import ReceiveBuffer

__all__ = ["Delimited", "as_delimiters"]


def as_delimiters(delimiters: bytes | Sequence[bytes]) -> tuple[bytes, ...]:
    r"""Return one delimiter or several as a tuple, after making sure that each can match.

    Where several stand in the bytes, the one that is complete first counts, or the frames
    would depend on how the bytes were cut.  So of ``b"\r"`` and ``b"\r\n"`` the second could
    never be the one, and asking for both is a mistake.

    Raises:
        ValueError: If there is none, one is empty, or one can never match.
        TypeError: If one is not bytes.
    """
    several = (delimiters,) if isinstance(delimiters, bytes) else tuple(delimiters)
    if not several:
        raise ValueError("no delimiter was given")
    for delimiter in several:
        if not isinstance(delimiter, bytes):
            raise TypeError(f"a delimiter is bytes, not {type(delimiter).__name__}")
        if not delimiter:
            raise ValueError("a delimiter has at least one byte")
    for delimiter in several:
        for other in several:
            if 0 <= delimiter.find(other) < len(delimiter) - len(other):
                raise ValueError(f"{delimiter!r} can never end a message: {other!r} ends it first")
    return several


def _overlaps_itself(delimiter: bytes) -> bool:
    r"""Return whether the end of a delimiter can be the beginning of the next.

    Of ``b"\r\n\r\n\r\n"`` the first four bytes are a delimiter, and the last four are another.
    """
    return any(delimiter.startswith(delimiter[n:]) for n in range(1, len(delimiter)))


@dataclass(frozen=True, slots=True)
class Delimited(Framing[bytes]):
    """Messages without their delimiters.

    Attributes:
        delimiters: What ends a message: one, or several of which any does.  The first is
            the one that is sent.
        limit: Bytes in the longest message accepted either way, without the delimiter.
        oversize: What to do about a received message over the limit; see ``Oversize``.
    """

    delimiters: bytes | Sequence[bytes]
    limit: int = MAX_FRAME
    oversize: Oversize = "raise"

    def __post_init__(self) -> None:
        # A value is frozen for its users; here it is still being made.
        object.__setattr__(self, "delimiters", as_delimiters(self.delimiters))
        check_limit(self.limit, self.oversize)

    def encode(self, message: bytes) -> bytes:
        """Put the first delimiter behind ``message``.

        Raises:
            UnsendablePayload: If it passes the limit, or would be read as something else
                because a delimiter ends in it.
            TypeError: If it is text.
        """
        if isinstance(message, str):
            raise not_bytes(message)
        if len(message) > self.limit:
            raise UnsendablePayload(
                f"a message of {len(message)} bytes passes the limit of {self.limit}"
            )
        frame = message + self._several[0]
        for delimiter in self._several:
            # A delimiter may also lie across the end of the message.
            at = frame.find(delimiter)
            if 0 <= at < len(message):
                raise UnsendablePayload(f"the delimiter {delimiter!r} would end the message early")
        return frame

    def decode(self, buffer: ReceiveBuffer) -> bytes | None:
        """Take one message, or None until a delimiter has arrived.

        Raises:
            FrameTooLarge: If it passes the limit, before the rest of it arrives.
        """
        while True:
            try:
                return buffer.take_until(self._several, self.limit)
            except FrameTooLarge:
                if self.oversize == "raise":
                    raise

    def decode_many(self, buffer: ReceiveBuffer) -> list[bytes]:
        """Take every message that is whole.

        Raises:
            FrameTooLarge: If the first one passes the limit.
        """
        if len(self._several) > 1 or _overlaps_itself(self._several[0]):
            return collect(self, buffer)
        return collect(self, buffer, self._scan)

    def _scan(self, block: bytes) -> tuple[list[bytes], int]:
        (delimiter,) = self._several
        end = block.rfind(delimiter)
        if end < 0:
            return [], 0
        messages = block[:end].split(delimiter)
        if max(map(len, messages)) <= self.limit:
            return messages, end + len(delimiter)
        good = next(n for n, one in enumerate(messages) if len(one) > self.limit)
        return messages[:good], sum(map(len, messages[:good])) + good * len(delimiter)

    @property
    def _several(self) -> tuple[bytes, ...]:
        assert isinstance(self.delimiters, tuple)  # noqa: S101  __post_init__ made it one
        return self.delimiters
