"""COBS: blocks that tell where the next zero was, and a zero behind the message.

+------+--------------------+------+--------------------+-----+----+
| code |  code - 1 bytes,   | code |  code - 1 bytes,   | ... | 00 |
|      |  none of them zero |      |  none of them zero |     |    |
+------+--------------------+------+--------------------+-----+----+

Behind each block stood a zero, except behind the last one and behind those whose code is ff::

    11 22 00 33    is sent as    03 11 22 02 33 00

So a message grows by one byte for each 254 of it, and one, whatever is in it.

Source: S. Cheshire and M. Baker, Consistent Overhead Byte Stuffing, IEEE/ACM Transactions on
Networking 7(2), 1999, http://www.stuartcheshire.org/papers/COBSforToN.pdf.

Where a block of ff ends a message, the program in the paper puts an empty one behind it, 01.
Both forms are accepted, and the shorter one is sent, as it is by most.

A zero with nothing in front of it is skipped: some senders put one in front of each message,
too, to close whatever noise came before it.  A frame that is bad is dropped, and the next zero
begins another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portside.defaults import MAX_FRAME
from portside.errors import FrameTooLarge, ProtocolError, UnsendablePayload
from portside.wire.framing import Framing, Oversize, check_limit, collect

if TYPE_CHECKING:
    from portside.wire.buffer import ReceiveBuffer

__all__ = ["Cobs"]

_ZERO = b"\0"
_DELIMITERS = (_ZERO,)

_LONGEST = 254
"""Bytes in the longest block; behind one of them stood no zero."""

_NO_ZERO = _LONGEST + 1
"""The code of such a block."""


@dataclass(frozen=True, slots=True)
class Cobs(Framing[bytes]):
    """Messages stuffed so that no zero is in them, with a zero behind each.

    Attributes:
        limit: Bytes in the largest message accepted either way, before stuffing.
        oversize: What to do about a received message over the limit; see ``Oversize``.
    """

    limit: int = MAX_FRAME
    oversize: Oversize = "raise"

    def __post_init__(self) -> None:
        check_limit(self.limit, self.oversize)

    def encode(self, message: bytes) -> bytes:
        """Stuff ``message`` and put a zero behind it.

        Raises:
            UnsendablePayload: If it passes the limit.
        """
        if len(message) > self.limit:
            raise UnsendablePayload(
                f"a message of {len(message)} bytes passes the limit of {self.limit}"
            )
        return _stuff(message)

    def decode(self, buffer: ReceiveBuffer) -> bytes | None:
        """Take one message, or None until the zero behind it has arrived.

        Raises:
            FrameTooLarge: If it passes the limit: before the rest of it arrives, as soon as
                there are more bytes than a message within the limit can be stuffed into.
            ProtocolError: If its last block is cut short, once the zero has arrived; the
                next message is in step.
        """
        while True:
            try:
                frame = self._take_frame(buffer)
                if frame is None:
                    return None
                if frame:
                    return self._within_limit(_unstuff(frame))
            except FrameTooLarge:
                if self.oversize == "raise":
                    raise

    def decode_many(self, buffer: ReceiveBuffer) -> list[bytes]:
        """Take every message that is whole.

        Raises:
            FrameTooLarge: If the first one passes the limit.
            ProtocolError: If the last block of the first one is cut short.
        """
        return collect(self, buffer, self._scan)

    def _take_frame(self, buffer: ReceiveBuffer) -> bytes | None:
        longest = self.limit + self.limit // _LONGEST + 1
        try:
            return buffer.take_until(_DELIMITERS, longest)
        except FrameTooLarge:
            # That told of stuffed bytes; how many they stand for is not known.
            raise FrameTooLarge(self.limit) from None

    def _within_limit(self, message: bytes) -> bytes:
        if len(message) > self.limit:
            raise FrameTooLarge(self.limit, len(message))
        return message

    def _scan(self, block: bytes) -> tuple[list[bytes], int]:
        messages: list[bytes] = []
        position = 0
        while (end := block.find(_ZERO, position)) >= 0:
            # One that only its stuffing puts over the limit is left for decode to judge, too.
            if end - position > self.limit:
                break
            if end > position:
                try:
                    messages.append(_unstuff(block[position:end]))
                except ProtocolError:
                    break
            position = end + 1
        return messages, position


def _stuff(message: bytes) -> bytes:
    """Return the blocks of ``message``, and the zero behind them."""
    stuffed = bytearray()
    runs = message.split(_ZERO)
    for run in runs:
        full = len(run) // _LONGEST * _LONGEST
        for start in range(0, full, _LONGEST):
            stuffed.append(_NO_ZERO)
            stuffed += run[start : start + _LONGEST]
        stuffed.append(len(run) - full + 1)
        stuffed += run[full:] if full else run
    if runs[-1] and not len(runs[-1]) % _LONGEST:
        del stuffed[-1]  # an empty block behind a full one, which the end needs not
    stuffed += _ZERO
    return bytes(stuffed)


def _unstuff(frame: bytes) -> bytes:
    """Return the message that a frame of at least one byte, and without zeros, stands for.

    Raises:
        ProtocolError: If the last block is cut short.
    """
    available = len(frame)
    if frame[0] == available:  # one block, as most short messages have
        return frame[1:]
    message = bytearray()
    start = 0
    while True:
        code = frame[start]
        end = start + code
        if end > available:
            raise ProtocolError(
                f"the peer sent a block with the code {code:02x} and a zero behind "
                f"{available - start - 1} of its {code - 1} bytes"
            )
        message += frame[start + 1 : end]
        if end == available:
            return bytes(message)
        if code != _NO_ZERO:
            message += _ZERO
        start = end
