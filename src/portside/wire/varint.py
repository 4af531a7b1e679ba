"""Varint framing: the length in groups of seven bits, then the message.

+------------------+-----------------+
|      length      |     message     |    5 bytes: 05 | 68 65 6c 6c 6f
+------------------+-----------------+    300 bytes: ac 02 | ...
   1 to 10 bytes      length bytes

The length is an unsigned LEB128: the lowest seven bits come first, and a byte with its highest
bit set has another one behind it.  This is how protobuf delimits messages in a stream
(``writeDelimitedTo`` in Java, ``SerializeDelimitedToOstream`` in C++).

Source: Protocol Buffers, Encoding, section "Base 128 Varints",
https://protobuf.dev/programming-guides/encoding/#varints: ten bytes at the most, for 64 bits.

A received length need not be the shortest one: ``85 00`` is 5 too.  Protobuf's own decoders
take it so, and there are writers that leave room for a length of a fixed width and fill it in
when they know it.  What is sent is the shortest.

A length of more than 64 bits is no length.  Nothing tells where the next message begins then,
so the bad bytes stay where they are, and every further read finds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portside.defaults import MAX_FRAME
from portside.errors import FrameTooLarge, ProtocolError, UnsendablePayload
from portside.wire.framing import Framing, Oversize, check_limit, collect

if TYPE_CHECKING:
    from portside.wire.buffer import ReceiveBuffer

__all__ = ["Varint"]

_MORE = 0x80
"""The bit that says that another byte follows; also the first number that takes two."""

_WIDEST = 10
"""Bytes that 64 bits take in groups of seven; of the last, one bit is left."""


@dataclass(frozen=True, slots=True)
class Varint(Framing[bytes]):
    """Messages behind a length that takes as many bytes as it needs.

    Attributes:
        limit: Bytes in the largest message accepted either way.
        oversize: What to do about a received message over the limit; see ``Oversize``.
    """

    limit: int = MAX_FRAME
    oversize: Oversize = "raise"

    def __post_init__(self) -> None:
        check_limit(self.limit, self.oversize)

    def encode(self, message: bytes) -> bytes:
        """Put the length in front of ``message``.

        Raises:
            UnsendablePayload: If it passes the limit.
        """
        rest = len(message)
        if rest > self.limit:
            raise UnsendablePayload(f"a message of {rest} bytes passes the limit of {self.limit}")
        length = bytearray()
        while rest >= _MORE:
            length.append(rest & 0x7F | _MORE)
            rest >>= 7
        length.append(rest)
        return bytes(length) + message

    def decode(self, buffer: ReceiveBuffer) -> bytes | None:
        """Take one message, or None until all of it has arrived.

        Raises:
            FrameTooLarge: If it passes the limit, as soon as the length arrives.
            ProtocolError: If the length has more than 64 bits.
        """
        while True:
            size, width = _length(buffer.peek_up_to(_WIDEST), 0)
            if not width:
                return None
            if size <= self.limit:
                if len(buffer) < width + size:
                    return None
                buffer.skip(width)
                return buffer.take(size)
            buffer.skip(width + size)
            if self.oversize == "raise":
                raise FrameTooLarge(self.limit, size)

    def decode_many(self, buffer: ReceiveBuffer) -> list[bytes]:
        """Take every message that is whole.

        Raises:
            FrameTooLarge: If the first one passes the limit.
            ProtocolError: If the length of the first one has more than 64 bits.
        """
        return collect(self, buffer, self._scan)

    def _scan(self, block: bytes) -> tuple[list[bytes], int]:
        messages: list[bytes] = []
        position, limit, available = 0, self.limit, len(block)
        while position < available:
            size, start = block[position], position + 1
            if size >= _MORE:
                # A length that is bad is so for decode as well, which says it.
                try:
                    size, start = _length(block, position)
                except ProtocolError:
                    break
            if not start or size > limit or start + size > available:
                break
            position = start + size
            messages.append(block[start:position])
        return messages, position


def _length(data: bytes, position: int) -> tuple[int, int]:
    """Return the length that begins at ``position`` and where it ends: at 0 if it is not whole.

    Raises:
        ProtocolError: If it has more than 64 bits.
    """
    length = 0
    digits = data[position : position + _WIDEST]
    for place, digit in enumerate(digits):
        if place == _WIDEST - 1 and digit > 1:
            raise ProtocolError(
                f"a length has at most 64 bits, in {_WIDEST} bytes; the peer sent {digits.hex(' ')}"
            )
        length |= (digit & 0x7F) << 7 * place
        if digit < _MORE:
            return length, position + place + 1
    return 0, 0
