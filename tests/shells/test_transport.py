"""The middle of a stream: who may do what at the same time, and what closing means for them."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

import portside
from portside import StreamBusy, StreamClosed
from portside.aio import Stream
from shells.kinds import BULK, Pair, being_read
from worlds import World


async def test_one_reads_while_another_writes(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        reading = world.spawn(client.read_line())
        await world.until(lambda: being_read(client))
        await client.write(b"question\n")
        assert await server.read_line() == b"question"
        await server.write(b"answer\n")
        assert await reading.result() == b"answer"


@pytest.mark.parametrize("method", ["read", "read_line", "read_all", "peek"])
async def test_a_second_reader_is_refused_whatever_it_wants(
    world: World, pair: Pair, method: str
) -> None:
    async with pair(world) as (client, server):
        reading = world.spawn(client.read_exactly(3))
        await world.until(lambda: being_read(client))
        with pytest.raises(StreamBusy):
            await getattr(client, method)()
        await server.write(b"abc")
        assert await reading.result() == b"abc"


async def test_closing_sends_a_reader_and_a_writer_away(world: World, pair: Pair) -> None:
    async with pair(world) as (client, _):
        reading = world.spawn(client.read())
        await world.until(lambda: being_read(client))
        writing = world.spawn(client.write(BULK * 2))
        await world.until(lambda: client.moved > 100_000)
        client.abort()
        with pytest.raises(StreamClosed):
            await reading.result()
        with pytest.raises(StreamClosed):
            await writing.result()
        assert client.fileno() == -1
        assert client.closed


@pytest.mark.parametrize(
    "use",
    [
        "read",
        "read_line",
        "read_all",
        "peek",
        "flush",
        "close_write",
        "detach",
        "write",
        "unread",
        "handshake",
    ],
)
async def test_nothing_can_be_done_with_a_closed_stream(world: World, pair: Pair, use: str) -> None:
    async with pair(world) as (client, _):
        await client.close()
        if use == "handshake":
            await client.handshake()  # none is due
            return
        with pytest.raises(StreamClosed):
            await _do(client, use)


async def _do(stream: Stream, use: str) -> None:
    arguments: tuple[Any, ...] = (b"x",) if use in ("write", "unread") else ()
    outcome = getattr(stream, use)(*arguments)
    if hasattr(outcome, "__await__"):
        await outcome


async def test_moved_counts_both_directions(world: World, pair: Pair, kind: str) -> None:
    async with pair(world) as (client, server):
        before = client.moved
        await client.write(b"x" * 1000)
        await server.read_exactly(1000)
        await server.write(b"y" * 500)
        await client.read_exactly(500)
        least = 1500
        assert client.moved - before >= least
        assert (client.moved - before == least) is (kind != "tls"), "TLS counts what is on the wire"


def test_a_descriptor_is_not_reused_under_a_blocked_reader() -> None:
    # The reader sits in recv while another thread closes, and a third opens something: had
    # close really closed, that would get the number, and the reader its bytes.
    for _ in range(50):
        client, server = portside.stream_pair()
        number = client.fileno()
        outcome: list[BaseException] = []

        def read(stream: portside.Stream = client, told: list[BaseException] = outcome) -> None:
            try:
                stream.read()
            except BaseException as error:
                told.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        while not being_read(client):  # type: ignore[arg-type]  # of either shell
            pass
        client.close()
        others = [os.dup(server.fileno()) for _ in range(3)]
        reader.join()
        assert isinstance(outcome[0], StreamClosed)
        assert client.fileno() == -1
        for one in others:
            os.close(one)
        server.close()
        del number


async def test_a_writer_that_waits_its_turn_has_a_deadline_of_its_own(
    world: World, pair: Pair
) -> None:
    async with pair(world) as (client, server):
        first = world.spawn(client.write(BULK * 2))
        await world.until(lambda: client.moved > 100_000)
        with pytest.raises(TimeoutError):
            await client.write(b"second", timeout=0.05)
        assert await server.read_exactly(2 * len(BULK)) == BULK * 2
        await first.result()
