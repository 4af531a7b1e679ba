"""A frame reader for whoever does the I/O alone: a file, a serial line, a test."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, Generic, Literal

from portside.errors import IncompleteRead
from portside.wire.framing import Framing, Message
from portside.wire.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["END", "NEED_DATA", "FrameReader", "Signal"]


class Signal(enum.Enum):
    """What a reader answers when it has no frame to give."""

    NEED_DATA = "feed me what the next read returns"
    END = "the peer has finished sending"


NEED_DATA: Final = Signal.NEED_DATA
END: Final = Signal.END


class FrameReader(Generic[Message]):
    """Turns received bytes into messages, one at a time, and performs no I/O.

    It is asked for messages rather than returning a list of them, so that the good ones in
    front of a bad one are delivered before the error is raised.  Iterating gives those that
    are here.
    """

    def __init__(self, framing: Framing[Message]) -> None:
        self._framing = framing
        self._inbox = Inbox()

    def feed(self, data: bytes) -> None:
        """Add what a read returned; ``b""`` means the peer finished sending."""
        if data:
            self._inbox.append(data)
        else:
            self._inbox.end()

    def next_frame(self) -> Message | Literal[Signal.NEED_DATA, Signal.END]:
        """Return the next whole message, or say why there is none.

        Raises:
            IncompleteRead: If the peer finished sending inside a message.
            ProtocolError: If the bytes break the rules of the framing.
        """
        message = self._framing.decode(self._inbox)
        if message is not None:
            return message
        if not self._inbox.ended:
            return NEED_DATA
        shortage = self._inbox.shortage()
        if isinstance(shortage, IncompleteRead):
            raise shortage
        return END

    def __iter__(self) -> Iterator[Message]:
        while not isinstance(message := self.next_frame(), Signal):
            yield message
