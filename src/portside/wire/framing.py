"""The framing contract: how messages are marked off in a stream of bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Generic, Literal, TypeAlias, TypeVar, get_args

from portside.defaults import RECEIVE_SIZE
from portside.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portside.wire.buffer import ReceiveBuffer

__all__ = ["Framing", "Message", "Oversize", "check_limit", "not_bytes"]

Message = TypeVar("Message")

Oversize: TypeAlias = Literal["raise", "discard"]
"""What to do about a received message that passes the limit.

Either way it is never held in memory: what is here of it is dropped at once, and the rest
as it arrives.  ``"raise"`` reports it with ``FrameTooLarge`` first; ``"discard"`` goes
straight on to the next message.
"""


def check_limit(limit: int, oversize: Oversize) -> None:
    """Refuse settings that no framing can work with.

    Raises:
        ValueError: If the limit is negative, or ``oversize`` is none of its words.
    """
    if limit < 0:
        raise ValueError(f"the limit of a message is 0 bytes or more, not {limit}")
    if oversize not in get_args(Oversize):
        raise ValueError(f"oversize is 'raise' or 'discard', not {oversize!r}")


def not_bytes(message: object) -> TypeError:
    """Return what to raise about a message that is text, say, where bytes are framed."""
    return TypeError(f"a message is bytes here, not {type(message).__name__}: encode it first")


class Framing(ABC, Generic[Message]):
    """Turns messages into bytes and back; performs no I/O.

    A framing is a value: it holds settings and no state, so one instance serves any number
    of connections at once.  To make one, write ``encode`` and ``decode``; the two batch
    methods follow from them, and a framing overrides them where it can be faster.
    """

    __slots__ = ()

    @abstractmethod
    def encode(self, message: Message) -> bytes:
        """Return the bytes that carry ``message`` on the wire.

        Raises:
            UnsendablePayload: If the framing cannot carry it.
        """

    @abstractmethod
    def decode(self, buffer: ReceiveBuffer) -> Message | None:
        """Take one whole message off ``buffer``, or None until it is complete.

        Raises:
            ProtocolError: If the bytes break the rules of the framing.
        """

    def decoder(self, buffer: ReceiveBuffer) -> Callable[[], Message | None]:
        """Return ``decode`` with ``buffer`` already given.

        Streams ask once for each connection, and call what they got for every message.
        """
        return partial(self.decode, buffer)

    def encode_many(self, messages: Iterable[Message]) -> bytes:
        """Return the bytes that carry ``messages``, one after the other.

        Raises:
            UnsendablePayload: If the framing cannot carry one of them.
        """
        return b"".join(map(self.encode, messages))

    def decode_many(self, buffer: ReceiveBuffer) -> list[Message]:
        """Take every message that is whole; the list is empty if none is.

        Good messages in front of a bad one are returned, and the next call raises.

        Raises:
            ProtocolError: If the first message breaks the rules of the framing.
        """
        return collect(self, buffer)


Scan: TypeAlias = Callable[[bytes], tuple[list[Message], int]]
"""Takes bytes apart: returns the good messages they begin with, and where those end.

It stops where the first message begins that is not whole, not good, or over the limit.
"""


def collect(
    framing: Framing[Message], buffer: ReceiveBuffer, scan: Scan[Message] | None = None
) -> list[Message]:
    """Take every message that is whole, as ``Framing.decode_many`` does.

    ``decode`` alone decides.  ``scan`` may run ahead of it where that is faster, and only
    behind a message that was taken: bytes that come one by one are not scanned each time.

    Raises:
        ProtocolError: If the first message breaks the rules of the framing.
    """
    messages: list[Message] = []
    # It grows while all is well: whoever goes on behind each of many bad messages does not
    # have all the rest taken apart for every one of them.
    window = RECEIVE_SIZE >> 6
    while True:
        mark = buffer.mark()
        try:
            message = framing.decode(buffer)
        except ProtocolError:
            if not messages:
                raise
            buffer.rewind(mark)
            return messages
        if message is None:
            return messages
        messages.append(message)
        if scan is not None and buffer.data:
            found, end = scan(buffer.peek_up_to(window))
            buffer.skip(end)
            messages += found
            window = min(8 * window, RECEIVE_SIZE)
