r"""Lines: each message ends in a line feed, or in a carriage return and a line feed.

+---------+----+    +---------+----+----+
| message | \n |    | message | \r | \n |
+---------+----+    +---------+----+----+
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from portside.defaults import MAX_LINE
from portside.errors import FrameTooLarge, UnsendablePayload
from portside.wire.framing import Framing, Oversize, check_limit, collect, not_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from portside.wire.buffer import ReceiveBuffer

__all__ = ["Lines"]

_LINE_FEED = 0x0A


@dataclass(frozen=True, slots=True)
class Lines(Framing[bytes]):
    r"""Lines of bytes, without their endings.

    Received lines may end in CRLF or LF, whichever ``newline`` is: a lone CR is part of the
    line.  A protocol in which a bare LF must not end a line wants ``Delimited(b"\r\n")``.

    Attributes:
        newline: What ends a line that is sent.
        limit: Bytes in the longest line accepted either way, its ending not counted.
        oversize: What to do about a received line over the limit; see ``Oversize``.
    """

    newline: Literal[b"\n", b"\r\n"] = b"\n"
    limit: int = MAX_LINE
    oversize: Oversize = "raise"

    def __post_init__(self) -> None:
        if self.newline not in (b"\n", b"\r\n"):
            raise ValueError(rf"newline is b'\n' or b'\r\n', not {self.newline!r}")
        check_limit(self.limit, self.oversize)

    def encode(self, message: bytes) -> bytes:
        """Put the line's ending behind ``message``.

        Raises:
            UnsendablePayload: If it holds a line feed, passes the limit, or ends in a
                carriage return that would be read as part of the ending.
            TypeError: If it is text.
        """
        # Looking for the byte as a number takes a fifth of the time of b"\n" in message.
        try:
            if _LINE_FEED in message or len(message) > self.limit or message[-1:] == b"\r":
                self._refuse(message)
            return message + self.newline
        except TypeError:
            raise not_bytes(message) from None

    def decode(self, buffer: ReceiveBuffer) -> bytes | None:
        """Take one line, or None until its ending has arrived.

        Raises:
            FrameTooLarge: If it passes the limit, before the rest of it arrives.
        """
        while True:
            try:
                return buffer.take_line(self.limit)
            except FrameTooLarge:
                if self.oversize == "raise":
                    raise

    def decoder(self, buffer: ReceiveBuffer) -> Callable[[], bytes | None]:
        """Return ``decode`` with ``buffer`` already given, which is a bit faster."""
        if self.oversize == "raise":
            return partial(buffer.take_line, self.limit)
        return partial(self.decode, buffer)

    def encode_many(self, messages: Iterable[bytes]) -> bytes:
        """Join ``messages`` into lines.

        Raises:
            UnsendablePayload: As ``encode`` does, if one of them cannot be a line.
        """
        messages = list(messages)
        if not messages:
            return b""
        lines = self.newline.join([*messages, b""])
        endings = lines.count(b"\n")
        if endings == len(messages) and max(map(len, messages)) <= self.limit:
            returns = lines.count(b"\r\n")
            if returns == (endings if self.newline == b"\r\n" else 0):
                return lines
        return b"".join(map(self.encode, messages))

    def decode_many(self, buffer: ReceiveBuffer) -> list[bytes]:
        """Take every line that is whole.

        Raises:
            FrameTooLarge: If the first one passes the limit.
        """
        return collect(self, buffer, self._scan)

    def _scan(self, block: bytes) -> tuple[list[bytes], int]:
        end = block.rfind(b"\n")
        if end < 0:
            return [], 0
        raw = block[:end].split(b"\n")
        lines = raw
        if b"\r" in block:
            lines = [line[:-1] if line[-1:] == b"\r" else line for line in raw]
        if max(map(len, lines)) <= self.limit:
            return lines, end + 1
        good = next(n for n, line in enumerate(lines) if len(line) > self.limit)
        return lines[:good], sum(map(len, raw[:good])) + good

    def _refuse(self, message: bytes) -> None:
        if len(message) > self.limit:
            raise UnsendablePayload(
                f"a line of {len(message)} bytes passes the limit of {self.limit}"
            )
        if b"\n" in message:
            raise UnsendablePayload("a line cannot hold a line feed: it would be read as two")
        if self.newline == b"\n":
            raise UnsendablePayload(
                "a line that ends in a carriage return would lose it: CRLF is one line ending"
            )
