"""Framed streams: messages that are sent and received."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from portside.wire.framing import Framing, Message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterable

    from portside.aio.io import Stream
    from portside.aio.transport import Transport

__all__ = ["FramedStream"]


class FramedStream(Generic[Message]):
    """A stream as messages; see ``Stream.framed``.  Iterating gives them up to the end.

    Attributes:
        stream: The stream below, for everything that is not about messages.
    """

    __slots__ = ("_framing", "_inbox", "_outbox", "_take", "_transport", "stream")

    def __init__(self, stream: Stream, transport: Transport, framing: Framing[Message]) -> None:
        self.stream = stream
        self._transport = transport
        self._inbox = transport.inbox
        self._outbox = transport.outbox
        self._framing = framing
        self._take = framing.decoder(transport.inbox)

    async def send(self, message: Message, *, timeout: float | None = None) -> None:
        """Send one message.

        Raises:
            UnsendablePayload: If the framing cannot carry it; nothing was sent.
        """
        rest = self._outbox.write_now(self._framing.encode(message))
        if rest is not None:
            await self._outbox.write_rest(rest, timeout)

    async def send_many(self, messages: Iterable[Message], *, timeout: float | None = None) -> None:
        """Send several messages in one go.

        Raises:
            UnsendablePayload: If the framing cannot carry one of them; nothing was sent.
        """
        await self._outbox.write(self._framing.encode_many(messages), timeout)

    async def receive(self, *, timeout: float | None = None) -> Message:
        """Receive one message.

        Raises:
            EndOfStream: If the peer ended the stream; iterate to avoid it.
            IncompleteRead: If it did so in the middle of a message.
            ProtocolError: If it broke the rules of the framing.
        """
        return await self._transport.receive(self._take, timeout)

    async def receive_many(self, *, timeout: float | None = None) -> list[Message]:
        """Receive every message that is here, waiting only if none is.

        Good messages in front of a bad one are returned, and the next call raises.

        Returns:
            At least one message.

        Raises:
            EndOfStream: If the peer ended the stream.
            IncompleteRead: If it did so in the middle of a message.
            ProtocolError: If it broke the rules of the framing.
        """
        decode_many = self._framing.decode_many
        return await self._transport.receive(lambda: decode_many(self._inbox) or None, timeout)

    def __aiter__(self) -> AsyncIterator[Message]:
        return self

    def __anext__(self) -> Coroutine[Any, Any, Message]:
        return self._transport.receive(self._take, None, None, StopAsyncIteration)
