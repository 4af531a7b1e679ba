"""Netstrings: the length in decimal digits, a colon, the message, a comma.

+--------------+---+----------------+---+
|    length    | : |    message     | , |    "12:hello world!,"    "0:,"
+--------------+---+----------------+---+
 1 to 20 digits       length bytes

Source: D. J. Bernstein, Netstrings (1997), https://cr.yp.to/proto/netstrings.txt: extra zeros
in front of the length are prohibited, and the length of an empty message is 0.

Bytes that begin with no length, or end with no comma, show that one of the two sides has lost
step.  Nothing tells where the next message begins then, so the bad bytes stay where they are,
and every further read finds them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portside.defaults import MAX_FRAME
from portside.errors import FrameTooLarge, ProtocolError, UnsendablePayload
from portside.wire.framing import Framing, Oversize, check_limit, collect

if TYPE_CHECKING:
    from portside.wire.buffer import ReceiveBuffer

__all__ = ["Netstring"]

_MOST_DIGITS = 20
"""Digits of 2**64 - 1: no memory holds a longer message, and an endless number is refused."""

_LENGTH = re.compile(rb"0|[1-9][0-9]{0,%d}" % (_MOST_DIGITS - 1))
_COLON = 0x3A
_COMMA = 0x2C


@dataclass(frozen=True, slots=True)
class Netstring(Framing[bytes]):
    """Messages between their length and a comma.

    Attributes:
        limit: Bytes in the largest message accepted either way.
        oversize: What to do about a received message over the limit; see ``Oversize``.  It
            is skipped by its length, and the byte behind it is taken for its comma.
    """

    limit: int = MAX_FRAME
    oversize: Oversize = "raise"

    def __post_init__(self) -> None:
        check_limit(self.limit, self.oversize)

    def encode(self, message: bytes) -> bytes:
        """Put the length in front of ``message``, and a comma behind it.

        Raises:
            UnsendablePayload: If it passes the limit.
        """
        if len(message) > self.limit:
            raise UnsendablePayload(
                f"a message of {len(message)} bytes passes the limit of {self.limit}"
            )
        return b"%d:%b," % (len(message), message)

    def decode(self, buffer: ReceiveBuffer) -> bytes | None:
        """Take one message, or None until its comma has arrived.

        Raises:
            FrameTooLarge: If it passes the limit, as soon as the length and its colon arrive.
            ProtocolError: If it is no netstring: as soon as a byte arrives that cannot be
                part of a length, and where another byte than the comma ends the message.
        """
        while True:
            head = buffer.peek_up_to(_MOST_DIGITS + 1)
            length = _LENGTH.match(head)
            digits = length.end() if length else 0
            if digits == len(head):
                return None
            if not digits or head[digits] != _COLON:
                raise ProtocolError(
                    f"a netstring begins with a length of 1 to {_MOST_DIGITS} digits, without "
                    f"extra zeros, and a colon; the peer sent {head[: digits + 1]!r}"
                )
            size = int(head[:digits])
            if size <= self.limit:
                return self._take(buffer, digits + 1, size)
            buffer.skip(digits + 1 + size + 1)
            if self.oversize == "raise":
                raise FrameTooLarge(self.limit, size)

    def decode_many(self, buffer: ReceiveBuffer) -> list[bytes]:
        """Take every message that is whole.

        Raises:
            FrameTooLarge: If the first one passes the limit.
            ProtocolError: If the first one is no netstring.
        """
        return collect(self, buffer, self._scan)

    def _take(self, buffer: ReceiveBuffer, start: int, size: int) -> bytes | None:
        """Take the message that begins at ``start``, if all of it and the comma are here."""
        if len(buffer) <= start + size:
            return None
        mark = buffer.mark()
        buffer.skip(start)
        message = buffer.take(size)
        ended_by = buffer.take(1)
        if ended_by != b",":
            buffer.rewind(mark)
            raise ProtocolError(
                f"a comma ends a netstring; the peer sent {ended_by!r} "
                f"behind a message of {size} bytes"
            )
        return message

    def _scan(self, block: bytes) -> tuple[list[bytes], int]:
        messages: list[bytes] = []
        position, limit, match = 0, self.limit, _LENGTH.match
        while length := match(block, position):
            start = length.end() + 1
            end = start + int(length[0])
            whole = end < len(block) and end - start <= limit
            if not whole or block[start - 1] != _COLON or block[end] != _COMMA:
                break
            messages.append(block[start:end])
            position = end + 1
        return messages, position
