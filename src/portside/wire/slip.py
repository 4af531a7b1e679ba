"""SLIP: an END on both sides of each message, and escapes for the ENDs within.

+----+-------------------------------+----+
| c0 |  message: c0 becomes db dc,   | c0 |
|    |           db becomes db dd    |    |
+----+-------------------------------+----+

Source: RFC 1055, A Nonstandard for Transmission of IP Datagrams over Serial Lines: SLIP (1988).

Between two ENDs with nothing in between there is no message: the END in front of each one is
there to close whatever noise came before it, and may be missing in what is received.  So an
empty message cannot be sent.

The RFC calls an escape of anything else a protocol violation, and its program keeps the byte
behind it.  Here it is an error: the message is not what was sent.  The frame is dropped then,
and the next END begins another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portside.defaults import MAX_FRAME
from portside.errors import FrameTooLarge, ProtocolError, UnsendablePayload
from portside.wire.framing import Framing, Oversize, check_limit, collect

if TYPE_CHECKING:
    from portside.wire.buffer import ReceiveBuffer

__all__ = ["Slip"]

_END = b"\xc0"
_ESCAPE = b"\xdb"
_ESCAPED_END = b"\xdb\xdc"
_ESCAPED_ESCAPE = b"\xdb\xdd"


@dataclass(frozen=True, slots=True)
class Slip(Framing[bytes]):
    """Messages of at least one byte between ENDs.

    Attributes:
        limit: Bytes in the largest message accepted either way, before escaping.
        oversize: What to do about a received message over the limit; see ``Oversize``.
    """

    limit: int = MAX_FRAME
    oversize: Oversize = "raise"

    def __post_init__(self) -> None:
        check_limit(self.limit, self.oversize)

    def encode(self, message: bytes) -> bytes:
        """Escape ``message`` and put ENDs around it.

        Raises:
            UnsendablePayload: If it is empty, or passes the limit.
        """
        if not message:
            raise UnsendablePayload("SLIP has no empty messages: receivers skip them")
        if len(message) > self.limit:
            raise UnsendablePayload(
                f"a message of {len(message)} bytes passes the limit of {self.limit}"
            )
        # The escape first, or those of the ENDs would be escaped as well.
        escaped = message.replace(_ESCAPE, _ESCAPED_ESCAPE).replace(_END, _ESCAPED_END)
        return b"%b%b%b" % (_END, escaped, _END)

    def decode(self, buffer: ReceiveBuffer) -> bytes | None:
        """Take one message, or None until the END behind it has arrived.

        Raises:
            FrameTooLarge: If it passes the limit, before the rest of it arrives.
            ProtocolError: If an escape stands before another byte than it may, once the END
                has arrived; the next message is in step.
        """
        while True:
            try:
                frame = buffer.take_escaped(_END, _ESCAPE, self.limit)
            except FrameTooLarge:
                if self.oversize == "raise":
                    raise
                continue
            if frame is None:
                return None
            if frame:
                return _unescape(frame)

    def decode_many(self, buffer: ReceiveBuffer) -> list[bytes]:
        """Take every message that is whole.

        Raises:
            FrameTooLarge: If the first one passes the limit.
            ProtocolError: If an escape in the first one is bad.
        """
        return collect(self, buffer, self._scan)

    def _scan(self, block: bytes) -> tuple[list[bytes], int]:
        messages: list[bytes] = []
        position = 0
        while (end := block.find(_END, position)) >= 0:
            # One that only its escapes put over the limit is left for decode to judge, too.
            if end - position > self.limit:
                break
            if end > position:
                try:
                    messages.append(_unescape(block[position:end]))
                except ProtocolError:
                    break
            position = end + 1
        return messages, position


def _unescape(frame: bytes) -> bytes:
    escapes = frame.count(_ESCAPE)
    if not escapes:
        return frame
    if frame.count(_ESCAPED_END) + frame.count(_ESCAPED_ESCAPE) < escapes:
        raise ProtocolError(
            f"an escape (db) stands before dc or dd; the peer sent {_bad_escape(frame)}"
        )
    # The other way round, an escaped escape before dc would be read as an escaped END.
    return frame.replace(_ESCAPED_END, _END).replace(_ESCAPED_ESCAPE, _ESCAPE)


def _bad_escape(frame: bytes) -> str:
    """Return what the first escape stands before that may not, in words."""
    behind = [part[:1] for part in frame.split(_ESCAPE)[1:]]
    bad = next(place for place, byte in enumerate(behind) if byte not in {b"\xdc", b"\xdd"})
    if behind[bad]:
        return f"one before {behind[bad].hex()}"
    return "one at the end of a frame" if bad == len(behind) - 1 else "one before db"
