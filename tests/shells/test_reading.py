"""Reading from streams, of every kind and in every world."""

from __future__ import annotations

import pytest

from portside import (
    EndOfStream,
    FrameTooLarge,
    IncompleteRead,
)
from portside.aio import Stream
from shells.kinds import BULK, Pair, send_and_end
from worlds import World


async def test_bytes_arrive_in_order_both_ways(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        await client.write(b"hello")
        assert await server.read_exactly(5) == b"hello"

        await server.write(b"good ")
        await server.write_many([b"m", bytearray(b"orn"), memoryview(b"ing")])
        assert await client.read_exactly(12) == b"good morning"


async def test_read_gives_what_is_here_and_never_more_than_asked(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        await client.write(b"abcdef")

        assert await server.read(4) == b"abcd"
        assert await server.read(100) == b"ef"


async def test_read_tells_the_end_by_an_empty_answer_again_and_again(
    world: World, pair: Pair
) -> None:
    async with pair(world) as (client, server):
        await client.close_write()

        assert await server.read() == b""
        assert await server.read() == b""
        with pytest.raises(EndOfStream):
            await server.read_exactly(1)
        with pytest.raises(EndOfStream):
            await server.read_line()


@pytest.mark.parametrize("count", [0, -1])
async def test_reading_less_than_one_byte_is_refused(world: World, pair: Pair, count: int) -> None:
    async with pair(world) as (_, server):
        with pytest.raises(ValueError, match="at least 1 byte can be read"):
            await server.read(count)


async def test_read_exactly_nothing_needs_nothing(world: World, pair: Pair) -> None:
    async with pair(world) as (_, server):
        assert await server.read_exactly(0) == b""


async def test_an_end_inside_a_message_tells_what_did_arrive(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        await client.write(b"half a li")
        await client.close_write()

        with pytest.raises(IncompleteRead, match="after 9 bytes of a whole message") as caught:
            await server.read_line()
        assert caught.value.partial == b"half a li"
        assert caught.value.expected is None
        with pytest.raises(EndOfStream):
            await server.read_line()


async def test_read_exactly_at_the_end_tells_how_much_was_expected(
    world: World, pair: Pair
) -> None:
    async with pair(world) as (client, server):
        await client.write(b"abc")
        await client.close_write()

        with pytest.raises(IncompleteRead, match="after 3 bytes of 10 bytes") as caught:
            await server.read_exactly(10)
        assert (caught.value.partial, caught.value.expected) == (b"abc", 10)


async def test_lines_end_in_crlf_or_lf_and_nothing_else(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        await client.write(b"one\r\ntwo\nthr\ree\r\r\n\r\n\n")

        assert [await server.read_line() for _ in range(5)] == [
            b"one", b"two", b"thr\ree\r", b"", b"",
        ]  # fmt: skip


async def test_a_line_over_the_limit_is_refused_and_the_next_one_is_fine(
    world: World, pair: Pair
) -> None:
    async with pair(world) as (client, server):
        await client.write(b"x" * 70_000 + b"\nnext\n")

        with pytest.raises(FrameTooLarge, match="over the limit of 65536"):
            await server.read_line()
        assert await server.read_line() == b"next"


async def test_a_line_without_end_is_refused_before_it_ends(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        await client.write(b"x" * 102)

        with pytest.raises(FrameTooLarge) as caught:
            await server.read_line(limit=100)
        assert caught.value.limit == 100

        await client.write(b"y" * 100_000 + b"\nnext\n")
        assert await server.read_line(limit=100) == b"next"


async def test_read_until_several_delimiters(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        await client.write(b"a;b\0c;")

        assert await server.read_until(b";") == b"a"
        assert await server.read_until([b";", b"\0"], keep=True) == b"b\0"
        assert await server.read_until(b";", limit=1) == b"c"


async def test_read_all_collects_up_to_the_end(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        sending = world.spawn(send_and_end(client, BULK))

        assert await server.read_all() == BULK
        await sending.result()


async def test_read_all_has_a_limit_and_loses_nothing(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        await client.write(b"abcdef")

        with pytest.raises(FrameTooLarge):
            await server.read_all(limit=5)
        assert await server.read(100) == b"abcdef"


async def test_read_into_fills_what_the_caller_brings(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        await client.write(b"abc")
        await client.close_write()
        buffer = bytearray(b"......")

        assert await server.read_into(memoryview(buffer)[1:3]) == 2
        assert await server.read_into(buffer) == 1
        assert await server.read_into(buffer) == 0
        assert buffer == b"cab..."


async def test_peek_and_unread(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        await client.write(b"abc")

        assert await server.peek(2) == b"ab"
        assert server.buffered == 3
        server.unread(b"<")
        assert await server.read(10) == b"<abc"

        await client.write(b"z")
        await client.close_write()
        assert await server.peek(5) == b"z"
        assert await server.read() == b"z"
        assert await server.peek() == b""


async def test_a_stream_gives_its_chunks_by_iteration(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        sending = world.spawn(send_and_end(client, BULK))

        chunks = [chunk async for chunk in server]

        assert b"".join(chunks) == BULK
        await sending.result()


async def test_bytes_are_the_same_whichever_way_they_are_cut(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        sending = world.spawn(_send_byte_by_byte(client, b"one\r\ntwo\n\nfour"))

        assert await server.read_line() == b"one"
        assert await server.read_line() == b"two"
        assert await server.read_line() == b""
        assert await server.read_all() == b"four"
        await sending.result()


async def _send_byte_by_byte(stream: Stream, data: bytes) -> None:
    for value in data:
        await stream.write(bytes([value]))
    await stream.close_write()


# Timeouts


async def test_a_read_that_timed_out_lost_nothing(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        await client.write(b"abc")
        with pytest.raises(TimeoutError):
            await server.read_exactly(6, timeout=0.02)

        await client.write(b"def\n")
        assert await server.read_line(timeout=5) == b"abcdef"


async def test_what_is_here_is_read_even_without_any_time(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        await client.write(b"abc")
        assert await server.peek(3) == b"abc"

        assert await server.read(timeout=0) == b"abc"
        with pytest.raises(TimeoutError):
            await server.read(timeout=0)


async def test_a_write_that_timed_out_goes_on_with_the_next(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        with pytest.raises(TimeoutError):
            await client.write(BULK, timeout=0.05)

        reading = world.spawn(server.read_all())
        await client.flush()
        await client.write(b"end")
        await client.close_write()

        assert await reading.result() == BULK + b"end"
