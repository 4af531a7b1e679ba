"""What only tasks can do to a stream: cancel, take turns, fall behind."""

from __future__ import annotations

import asyncio

import pytest

from shells.kinds import BULK, Pair
from worlds import LoopWorld


async def test_a_cancelled_read_lost_nothing(loop_world: LoopWorld, pair: Pair) -> None:
    async with pair(loop_world) as (client, server):
        await client.write(b"abc")
        for wanted in (
            server.read_exactly(6),
            server.read_line(),
            server.read_all(),
            server.read_until(b"\n"),
        ):
            reading = asyncio.create_task(wanted)
            await asyncio.sleep(0.005)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading

        await client.write(b"def\n")
        assert await server.read_line() == b"abcdef"


async def test_bytes_that_come_with_the_cancellation_are_kept(
    loop_world: LoopWorld, pair: Pair
) -> None:
    async with pair(loop_world) as (client, server):
        for n in range(50):
            reading = asyncio.create_task(server.read_exactly(4))
            await asyncio.sleep(0)
            await client.write(b"%04d" % n)
            if n % 2:
                await asyncio.sleep(0)
            reading.cancel()
            try:
                received = await reading
            except asyncio.CancelledError:
                received = await server.read_exactly(4)
            assert received == b"%04d" % n


async def test_a_cancelled_write_is_finished_by_the_next(loop_world: LoopWorld, pair: Pair) -> None:
    async with pair(loop_world) as (client, server):
        writing = asyncio.create_task(client.write(BULK))
        await asyncio.sleep(0.02)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

        reading = asyncio.create_task(server.read_all())
        await client.write(b"end")
        await client.close_write()
        assert await reading == BULK + b"end"


async def test_a_task_that_never_waits_lets_the_others_run(
    loop_world: LoopWorld, pair: Pair
) -> None:
    async with pair(loop_world) as (client, server):
        await client.write(b"x\n" * 30_000)
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count_turns())
        for _ in range(30_000):
            await server.read_line()
        counting.cancel()

        assert turns >= 100


async def test_input_that_nobody_reads_is_left_in_the_kernel(
    loop_world: LoopWorld, pair: Pair
) -> None:
    async with pair(loop_world) as (client, server):
        writing = asyncio.create_task(client.write(BULK * 2))
        await asyncio.sleep(0.1)

        assert server.buffered < 1_000_000
        assert not writing.done()
        assert await server.read_exactly(2 * len(BULK)) == BULK * 2
        await writing
