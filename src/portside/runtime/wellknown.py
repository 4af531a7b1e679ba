"""Services everybody knows, to try a network with: echo, discard, chargen, daytime, chat."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from portside.defaults import CHAT_PATIENCE
from portside.errors import (
    FrameTooLarge,
    IncompleteRead,
    PortsideError,
    StreamClosed,
    UnsendablePayload,
)
from portside.wire import Lines

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from portside.aio import FramedStream, Stream

    AsyncHandler: TypeAlias = Callable[[Stream], Awaitable[None]]

__all__ = ["WELL_KNOWN", "Chat", "chargen", "daytime", "discard", "echo"]

_PRINTABLE: Final = bytes(range(0x21, 0x7F))
_CHAT_LINE: Final = 1000  # bytes: more than anybody types, and little to keep
_CHARGEN_WIDTH: Final = 72  # RFC 864: "lines of 72 characters"


async def echo(stream: Stream) -> None:
    """Send back what comes (RFC 862)."""
    async for chunk in stream:
        await stream.write(chunk)


async def discard(stream: Stream) -> None:
    """Read and forget what comes (RFC 863)."""
    async for _ in stream:
        pass


async def chargen(stream: Stream) -> None:
    """Send lines of characters until the client has had enough (RFC 864)."""
    ring = _PRINTABLE * 2
    lines = [ring[n : n + _CHARGEN_WIDTH] + b"\r\n" for n in range(len(_PRINTABLE))]
    try:
        for line in itertools.cycle(lines):
            await stream.write(line)
    except ConnectionError:
        return  # hanging up is the only way to end this


async def daytime(stream: Stream) -> None:
    """Send the time of day, and hang up (RFC 867)."""
    now = datetime.now().astimezone()
    await stream.write(now.strftime("%A, %B %d, %Y %H:%M:%S-%Z\r\n").encode())


class Chat:
    """A room: whatever one client says in a line, all the others read.

    The first line of a client is its name.  One that does not read what the others say is
    shown out, so that it cannot make everybody wait.
    """

    def __init__(self) -> None:
        self._members: dict[FramedStream[bytes], bytes] = {}

    async def __call__(self, stream: Stream) -> None:
        """Take one client into the room until it leaves."""
        lines = stream.framed(Lines(limit=_CHAT_LINE + 100))  # with a name in front
        await lines.send(b"Your name?")
        try:
            name = await self._name(lines)
        except PortsideError:
            return  # it left, or talked nonsense
        self._members[lines] = name
        try:
            await self._tell_others(lines, b"* %b joined; %d here" % (name, len(self._members)))
            await self._listen_to(lines, name)
        except StreamClosed:
            return  # it was shown out
        finally:
            del self._members[lines]
            await self._tell_others(lines, b"* %b left" % name)

    async def _listen_to(self, lines: FramedStream[bytes], name: bytes) -> None:
        words = lines.stream.framed(Lines(limit=_CHAT_LINE))
        try:
            async for line in words:
                await self._tell_others(lines, b"%b: %b" % (name, line))
        except FrameTooLarge as error:
            await lines.send(f"* {error}".encode())
        except IncompleteRead as error:  # the last line needs no end
            await self._tell_others(lines, b"%b: %b" % (name, error.partial))

    async def _name(self, lines: FramedStream[bytes]) -> bytes:
        wanted = (await lines.receive()).strip()[:32] or b"somebody"
        taken = set(self._members.values())
        others = (b"%b-%d" % (wanted, number) for number in itertools.count(2))
        return next(name for name in itertools.chain([wanted], others) if name not in taken)

    async def _tell_others(self, speaker: FramedStream[bytes], line: bytes) -> None:
        for member in tuple(self._members):
            if member is not speaker:
                try:
                    await member.send(line.rstrip(b"\r"), timeout=CHAT_PATIENCE)
                except UnsendablePayload:
                    continue
                except OSError:
                    member.stream.abort()


WELL_KNOWN: Final[dict[str, Callable[[], AsyncHandler]]] = {
    "echo": lambda: echo,
    "discard": lambda: discard,
    "chargen": lambda: chargen,
    "daytime": lambda: daytime,
    "chat": Chat,
}
"""What makes the handler of each: a chat has a room of its own."""
