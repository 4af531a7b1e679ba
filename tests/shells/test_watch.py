"""Many sockets watched through one."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any

import pytest

from conftest import loop_worlds
from portside.aio.watch import unwatch, watch
from worlds import LoopWithoutReaders, LoopWorld, World

RESET_AT_CLOSE = struct.pack("ii", 1, 0)


@pytest.fixture(params=[world for world in loop_worlds() if "no-readers" not in world.name])
def loop_world(request: pytest.FixtureRequest) -> LoopWorld:
    """Each async world whose loop can watch a socket."""
    chosen: LoopWorld = request.param
    if chosen.name == "proactor":
        pytest.skip("Windows' Proactor loop has no add_reader")
    return chosen


async def settle() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


async def test_each_socket_has_a_callback_of_its_own(loop_world: LoopWorld) -> None:
    del loop_world
    loop = asyncio.get_running_loop()
    pairs = [socket.socketpair() for _ in range(100)]
    told: list[int] = []

    def reader(number: int) -> Any:
        def read() -> None:
            told.append(number)
            pairs[number][0].recv(10)

        return read

    readers = [reader(number) for number in range(100)]
    for (ours, _), read in zip(pairs, readers, strict=True):
        watch(loop, ours.fileno(), read)
    for number in (3, 97, 50):
        pairs[number][1].send(b"x")
    await settle()
    assert sorted(told) == [3, 50, 97]

    for _, theirs in pairs:
        theirs.send(b"x")
    while len(told) < 103:
        await settle()
    for (ours, theirs), read in zip(pairs, readers, strict=True):
        unwatch(loop, ours.fileno(), read)
        unwatch(loop, ours.fileno(), read)  # which does nothing
        ours.close()
        theirs.close()


async def test_one_callback_may_close_another_ones_socket(loop_world: LoopWorld) -> None:
    del loop_world
    loop = asyncio.get_running_loop()
    pairs = [socket.socketpair() for _ in range(2)]
    told: list[int] = []

    def reader(number: int) -> Any:
        def read() -> None:
            told.append(number)
            for (ours, _), one in zip(pairs, readers, strict=True):
                if ours.fileno() >= 0:
                    unwatch(loop, ours.fileno(), one)
                    ours.close()

        return read

    readers = [reader(number) for number in range(2)]
    for (ours, theirs), one in zip(pairs, readers, strict=True):
        watch(loop, ours.fileno(), one)
        theirs.send(b"x")
    await settle()
    assert len(told) == 1
    for _, theirs in pairs:
        theirs.close()


async def test_a_number_that_is_somebody_elses_by_now_is_left_alone(
    loop_world: LoopWorld,
) -> None:
    del loop_world
    loop = asyncio.get_running_loop()
    told: list[str] = []
    first, peer = socket.socketpair()
    number = first.fileno()

    def old() -> None:
        told.append("old")

    def new() -> None:
        told.append("new")
        second.recv(10)

    watch(loop, number, old)
    first.close()  # behind our back
    second, other = socket.socketpair()
    if second.fileno() != number:
        second, other = other, second
    assert second.fileno() == number
    watch(loop, number, new)
    unwatch(loop, number, old)
    other.send(b"x")
    await settle()
    assert told == ["new"]
    unwatch(loop, number, new)
    for sock in (second, other, peer):
        sock.close()


def test_a_loop_that_watches_nothing_says_so() -> None:
    loop = LoopWithoutReaders()
    ours, theirs = socket.socketpair()
    with pytest.raises(NotImplementedError):
        watch(loop, ours.fileno(), lambda: None)
    loop.close()
    ours.close()
    theirs.close()


@pytest.mark.parametrize("size", [10, 100_000, 1_000_000])
async def test_what_stands_before_a_reset_does_not_hide_it(world: World, size: int) -> None:
    async with world.shell.listen("127.0.0.1:0") as listener:
        rude = socket.create_connection(("127.0.0.1", listener.port))
        stream = await listener.accept()
        rude.settimeout(0)
        with suppress(BlockingIOError):
            rude.send(bytes(size))
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        rude.close()
        with pytest.raises(ConnectionResetError):
            await read_to_the_end(stream)
        await stream.close()


async def read_to_the_end(stream: Any) -> None:
    while await stream.read(timeout=5):
        pass
