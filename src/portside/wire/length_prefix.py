"""Length-prefixed framing: a header that tells how many bytes follow.

The common case, ``LengthPrefix()``::

    +---------------------+-----------------+
    | length (big-endian) |     message     |
    +---------------------+-----------------+
           4 bytes           length bytes

All of it, as Netty's ``LengthFieldBasedFrameDecoder`` and tokio's ``LengthDelimitedCodec``
have it::

    |<-- offset -->|<-- width -->|<-- length + adjustment -->|
    +--------------+-------------+---------------------------+
    |  fore part   |   length    |           body            |
    +--------------+-------------+---------------------------+
    |<-- strip -->|<-------------- message ----------------->|

===========================================  ===================================
a protocol in which                          wants
===========================================  ===================================
the length stands alone                      ``LengthPrefix(2)``
the length counts itself                     ``LengthPrefix(4, adjustment=-4)``
a type byte stands before the length         ``LengthPrefix(2, offset=1, strip=0)``
a type byte follows and is not counted       ``LengthPrefix(2, adjustment=1)``
===========================================  ===================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from portside.defaults import MAX_FRAME
from portside.errors import FrameTooLarge, ProtocolError, UnsendablePayload
from portside.wire.framing import Framing, Oversize, check_limit, not_bytes

if TYPE_CHECKING:
    from portside.wire.buffer import ReceiveBuffer

__all__ = ["LengthPrefix"]

_WIDEST = 8


@dataclass(frozen=True, slots=True)
class LengthPrefix(Framing[bytes]):
    """Messages that start with a header which tells their size.

    Attributes:
        width: Bytes that the length takes, 1 to 8.
        byteorder: Which end of the length comes first.
        offset: Bytes in front of the length.
        adjustment: Added to the length to get the bytes that follow it: negative where the
            length counts the header too, positive where it leaves something out.
        strip: Bytes dropped from the front of a received frame, at most the whole header.
            None drops the header.  What is dropped is sent as zeros, but for the length.
        limit: Bytes in the largest body accepted either way.
        oversize: What to do about a received message over the limit; see ``Oversize``.
    """

    width: int = 4
    byteorder: Literal["big", "little"] = "big"
    offset: int = 0
    adjustment: int = 0
    strip: int | None = None
    limit: int = MAX_FRAME
    oversize: Oversize = "raise"

    def __post_init__(self) -> None:
        if not 1 <= self.width <= _WIDEST:
            raise ValueError(f"a length takes 1 to {_WIDEST} bytes, not {self.width}")
        if self.byteorder not in ("big", "little"):
            raise ValueError(f"byteorder is 'big' or 'little', not {self.byteorder!r}")
        check_limit(self.limit, self.oversize)
        if self.offset < 0:
            raise ValueError(f"the offset of the length is at least 0, not {self.offset}")
        if self.strip is not None and not 0 <= self.strip <= self._header:
            raise ValueError(
                f"strip is 0 to {self._header}, the size of the header, not {self.strip}"
            )

    def encode(self, message: bytes) -> bytes:
        """Put the header in front of ``message``, or what ``strip`` drops of it.

        Raises:
            UnsendablePayload: If the body passes the limit, its length does not fit the
                width, or the message holds a length (``strip``) that is not its own.
            TypeError: If it is text.
        """
        if isinstance(message, str):
            raise not_bytes(message)
        own = self._header - self._stripped
        body = len(message) - own
        if not 0 <= body <= self.limit:
            self._refuse(body, own)
        length = body - self.adjustment
        if not 0 <= length < 1 << 8 * self.width:
            raise UnsendablePayload(
                f"a body of {body} bytes makes the length {length}: "
                f"{self.width} bytes hold 0 to {(1 << 8 * self.width) - 1}"
            )
        header = bytes(self.offset) + length.to_bytes(self.width, self.byteorder)
        if own:
            return self._with_own_header(header, message, own)
        return header + message

    def decode(self, buffer: ReceiveBuffer) -> bytes | None:
        """Take one message, or None until all of it has arrived.

        Raises:
            FrameTooLarge: If it passes the limit, as soon as the length arrives.
            ProtocolError: If the length and the adjustment make less than nothing.
        """
        while True:
            header = buffer.peek(self._header)
            if header is None:
                return None
            body = int.from_bytes(header[self.offset :], self.byteorder) + self.adjustment
            if 0 <= body <= self.limit:
                if len(buffer) < self._header + body:
                    return None
                buffer.skip(self._stripped)
                return buffer.take(self._header - self._stripped + body)
            if body < 0:
                raise ProtocolError(
                    f"the peer sent the length {body - self.adjustment}, "
                    f"less than the {-self.adjustment} bytes that it counts itself"
                )
            buffer.skip(self._header + body)
            if self.oversize == "raise":
                raise FrameTooLarge(self.limit, body)

    @property
    def _header(self) -> int:
        return self.offset + self.width

    @property
    def _stripped(self) -> int:
        return self._header if self.strip is None else self.strip

    def _with_own_header(self, header: bytes, message: bytes, own: int) -> bytes:
        """Return the frame of a message that brings the last ``own`` bytes of its header."""
        measured = min(own, self.width)
        if message[own - measured : own] != header[-measured:]:
            told = int.from_bytes(message[own - measured : own], self.byteorder)
            right = int.from_bytes(header[-measured:], self.byteorder)
            raise UnsendablePayload(f"the message says its length is {told}, but it is {right}")
        return header[: self._stripped] + message

    def _refuse(self, body: int, own: int) -> None:
        if body < 0:
            raise UnsendablePayload(f"the message is shorter than its header of {own} bytes")
        raise UnsendablePayload(f"a message of {body} bytes passes the limit of {self.limit}")
