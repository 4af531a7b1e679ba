"""Ending a server: nobody who is inside is lost, and nobody who stays too long holds it up."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from portside import ConnectError, StreamClosed
from worlds import Event, LoopWorld, World


class Slow:
    """A handler that waits for somebody to let it finish."""

    def __init__(self, world: World) -> None:
        self.inside: Event = world.event()
        self.may_finish: Event = world.event()

    async def __call__(self, stream: Any) -> None:
        self.inside.set()
        await self.may_finish.wait()
        await stream.write(b"done\n")


async def test_handlers_finish_and_nobody_new_is_let_in(world: World) -> None:
    slow = Slow(world)
    listener = await world.shell.listen("127.0.0.1:0")
    server = await world.shell.serve(slow, listener)
    serving = world.spawn(server.serve_forever())
    client = await world.shell.connect(server.addresses[0])
    await slow.inside.wait()

    stopping = world.spawn(server.shutdown(grace=None))
    await world.until(lambda: all(sock.fileno() < 0 for sock in listener.sockets))
    with pytest.raises(ConnectError, match="refused"):
        await world.shell.connect(server.addresses[0])
    slow.may_finish.set()

    assert await client.read_all() == b"done\n"
    assert await stopping.result() is True
    await serving.result()
    await client.close()


async def test_who_does_not_finish_in_time_is_cut(world: World) -> None:
    started = world.event()

    async def never_return(stream: Any) -> None:
        started.set()
        await stream.read()

    server = await world.shell.serve(never_return, "127.0.0.1:0")
    server.start()
    client = await world.shell.connect(server.addresses[0])
    await started.wait()
    before = time.monotonic()

    assert await server.shutdown(grace=0.1) is False

    assert 0.09 <= time.monotonic() - before < 5  # uvloop counts in whole milliseconds
    with pytest.raises(ConnectionResetError):
        await client.read()
    assert server.stats().open == 0
    assert server.stats().handler_failures == 0
    await client.close()


async def test_a_second_call_makes_the_first_one_hurry(world: World) -> None:
    slow = Slow(world)
    listener = await world.shell.listen("127.0.0.1:0")
    server = await world.shell.serve(slow, listener)
    server.start()
    client = await world.shell.connect(server.addresses[0])
    await slow.inside.wait()
    patient = world.spawn(server.shutdown(grace=60))
    await world.until(lambda: all(sock.fileno() < 0 for sock in listener.sockets))

    assert await server.shutdown(grace=0) is False

    assert await patient.result() is False
    slow.may_finish.set()
    await client.close()


async def test_a_handler_may_shut_its_own_server_down(world: World) -> None:
    stopping: list[Any] = []

    async def obey(stream: Any) -> None:
        if await stream.read_line() == b"stop":
            stopping.append(await stopping_server[0].shutdown())
            await stream.write(b"stopped\n")

    server = await world.shell.serve(obey, "127.0.0.1:0")
    stopping_server = [server]
    serving = world.spawn(server.serve_forever())
    client = await world.shell.connect(server.addresses[0])
    await client.write(b"stop\n")

    assert await client.read_all() == b"stopped\n"
    await serving.result()
    await client.close()
    await world.until(lambda: not server.connections)
    assert stopping == [True]


async def test_a_server_that_never_ran_shuts_down_as_well(world: World) -> None:
    server = await world.shell.serve(Slow(world), "127.0.0.1:0")

    assert await server.shutdown() is True
    assert await server.shutdown() is True
    with pytest.raises(ConnectError):
        await world.shell.connect(server.addresses[0])


async def test_leaving_with_shuts_down_with_the_grace_of_serve(world: World) -> None:
    slow = Slow(world)
    async with world.shell.serve(slow, "127.0.0.1:0", grace=0) as server:
        client = await world.shell.connect(server.addresses[0])
        await slow.inside.wait()
    with pytest.raises(ConnectionResetError):
        await client.read()
    slow.may_finish.set()
    await client.close()


async def test_a_thousand_who_say_nothing_cost_no_time_to_shut_down(loop_world: LoopWorld) -> None:
    async def wait(stream: Any) -> None:
        await stream.read()

    async with loop_world.shell.serve(wait, "127.0.0.1:0", max_connections=1000) as server:
        silent = [await loop_world.shell.connect(server.addresses[0]) for _ in range(1000)]
        await loop_world.until(lambda: len(server.connections) == 1000)
        before = time.monotonic()
        assert await server.shutdown(grace=0.05) is False
        assert time.monotonic() - before < 10
        assert server.connections == ()
        for stream in silent:
            await stream.close()


async def test_a_handler_that_is_cancelled_may_clean_up(loop_world: LoopWorld) -> None:
    cleaned: list[str] = []
    started = asyncio.Event()

    async def tidy(stream: Any) -> None:
        try:
            started.set()
            await stream.read()
        finally:
            with pytest.raises(StreamClosed):
                await stream.write(b"too late")
            await asyncio.sleep(0)
            cleaned.append("up")

    async with loop_world.shell.serve(tidy, "127.0.0.1:0", grace=0.01) as server:
        client = await loop_world.shell.connect(server.addresses[0])
        await started.wait()
    assert cleaned == ["up"]
    await client.close()


async def test_serve_forever_that_is_cancelled_shuts_down_first(loop_world: LoopWorld) -> None:
    finished = asyncio.Event()
    inside = asyncio.Event()

    async def linger(_: object) -> None:
        inside.set()
        await asyncio.sleep(0.02)
        finished.set()

    server = await loop_world.shell.serve(linger, "127.0.0.1:0")
    serving = asyncio.create_task(server.serve_forever())
    client = await loop_world.shell.connect(server.addresses[0])
    await inside.wait()
    serving.cancel()

    with pytest.raises(asyncio.CancelledError):
        await serving
    assert finished.is_set()
    await client.close()


async def test_a_shutdown_that_is_cancelled_cuts_who_is_left(loop_world: LoopWorld) -> None:
    slow = Slow(loop_world)
    server = await loop_world.shell.serve(slow, "127.0.0.1:0")
    server.start()
    client = await loop_world.shell.connect(server.addresses[0])
    await slow.inside.wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await server.shutdown(grace=None)

    with pytest.raises(ConnectionResetError):
        await client.read()
    await loop_world.until(lambda: not server.connections)
    await client.close()
