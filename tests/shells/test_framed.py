"""Framed streams: messages over streams, in every world."""

from __future__ import annotations

import pytest

from portside import (
    Delimited,
    EndOfStream,
    FixedSize,
    FrameTooLarge,
    Framing,
    IncompleteRead,
    LengthPrefix,
    Lines,
    ProtocolError,
    UnsendablePayload,
)
from portside.aio import Stream
from worlds import World

MESSAGES = [b"one", b"two", b"", b"x" * 5000, b"end"]


@pytest.mark.parametrize(
    "framing",
    [Lines(), Lines(newline=b"\r\n"), Delimited(b"\0"), LengthPrefix(), LengthPrefix(2, "little")],
    ids=repr,
)
async def test_messages_arrive_whole(world: World, framing: Framing[bytes]) -> None:
    ours, theirs = world.shell.stream_pair()
    async with ours, theirs:
        sender, receiver = ours.framed(framing), theirs.framed(framing)
        for message in MESSAGES:
            await sender.send(message)
        await sender.send_many(MESSAGES)
        await ours.close_write()

        assert [message async for message in receiver] == MESSAGES * 2
        with pytest.raises(EndOfStream):
            await receiver.receive()


async def test_receive_many_gives_all_that_are_here(world: World) -> None:
    ours, theirs = world.shell.stream_pair()
    async with ours, theirs:
        receiver = theirs.framed(FixedSize(2))
        await ours.write(b"aabbc")
        assert await theirs.peek(5) == b"aabbc"

        assert await receiver.receive_many() == [b"aa", b"bb"]
        await ours.write(b"c")
        assert await receiver.receive_many() == [b"cc"]
        await ours.write(b"d")
        await ours.close_write()
        with pytest.raises(IncompleteRead):
            await receiver.receive_many()


async def test_bytes_and_messages_may_be_mixed(world: World) -> None:
    ours, theirs = world.shell.stream_pair()
    async with ours, theirs:
        lines = theirs.framed(Lines())
        await ours.write(b"header: 4\n\nbodynext\nlast\n")

        assert await lines.receive() == b"header: 4"
        assert await lines.receive() == b""
        assert await theirs.read_exactly(4) == b"body"
        assert await lines.receive() == b"next"
        assert await theirs.read_line() == b"last"
        assert lines.stream == theirs


async def test_a_bad_message_is_told_once_and_the_next_is_received(world: World) -> None:
    ours, theirs = world.shell.stream_pair()
    async with ours, theirs:
        receiver = theirs.framed(LengthPrefix(limit=10))
        await ours.write(b"\0\0\0\2ok\0\0\0\x0b" + b"x" * 11 + b"\0\0\0\2go")

        assert await receiver.receive() == b"ok"
        with pytest.raises(FrameTooLarge, match="11 bytes, over the limit of 10"):
            await receiver.receive()
        assert await receiver.receive() == b"go"


async def test_a_length_of_four_gigabytes_is_refused_at_once(world: World) -> None:
    ours, theirs = world.shell.stream_pair()
    async with ours, theirs:
        await ours.write(b"\xff\xff\xff\xff")

        with pytest.raises(FrameTooLarge) as caught:
            await theirs.framed(LengthPrefix()).receive(timeout=5)
        assert caught.value.size == 2**32 - 1
        assert theirs.buffered == 0


async def test_what_cannot_be_sent_is_not_sent(world: World) -> None:
    ours, theirs = world.shell.stream_pair()
    async with ours, theirs:
        lines = ours.framed(Lines(limit=10))

        for bad in (b"two\nlines", b"x" * 11, b"ends in\r"):
            with pytest.raises(UnsendablePayload):
                await lines.send(bad)
        with pytest.raises(UnsendablePayload):
            await lines.send_many([b"fine", b"not\nfine"])
        await lines.send(b"good")
        assert await theirs.read_line() == b"good"


async def test_a_reset_inside_a_message_is_an_error(world: World) -> None:
    async with world.shell.listen("127.0.0.1:0") as listener:
        ours = await world.shell.connect(listener.addresses[0])
        theirs = await listener.accept()
        await ours.write(b"\0\0\0\x0aabc")
        assert await theirs.peek(7) == b"\0\0\0\x0aabc"
        ours.abort()

        with pytest.raises(ConnectionResetError):
            await theirs.framed(LengthPrefix()).receive()
        await theirs.close()


class Numbers(Framing[int]):
    """A framing of a user's own: decimal numbers, each with a semicolon behind it."""

    def encode(self, message: int) -> bytes:
        return b"%d;" % message

    def decode(self, buffer: object) -> int | None:
        digits = buffer.take_until((b";",), 20)  # type: ignore[attr-defined]  # a ReceiveBuffer
        if digits is None:
            return None
        if not digits.isdigit():
            raise ProtocolError(f"{digits!r} is not a number")
        return int(digits)


async def test_a_framing_of_ones_own_needs_two_methods(world: World) -> None:
    ours, theirs = world.shell.stream_pair()
    async with ours, theirs:
        numbers = theirs.framed(Numbers())
        await ours.framed(Numbers()).send_many([1, 22, 0])
        await ours.write(b"x;7;")
        await ours.close_write()

        assert await numbers.receive() == 1
        assert await numbers.receive_many() == [22, 0]
        with pytest.raises(ProtocolError, match="b'x' is not a number"):
            await numbers.receive()
        assert [number async for number in numbers] == [7]


async def test_pipelined_requests_are_answered_in_order(world: World) -> None:
    ours, theirs = world.shell.stream_pair()
    async with ours, theirs:
        requests = [b"%d" % n for n in range(5000)]
        answering = world.spawn(_answer(theirs))
        asking = world.spawn(_ask(ours, requests))

        assert [answer async for answer in ours.framed(Lines())] == requests
        await asking.result()
        await answering.result()


async def _answer(stream: Stream) -> None:
    lines = stream.framed(Lines())
    async for line in lines:
        await lines.send(line)
    await stream.close_write()


async def _ask(stream: Stream, requests: list[bytes]) -> None:
    await stream.framed(Lines()).send_many(requests)
    await stream.close_write()
