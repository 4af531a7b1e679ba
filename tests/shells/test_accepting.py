"""Accepting through every trouble that accept(2) knows."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from portside import StreamBusy, StreamClosed
from shells.kinds import being_accepted
from worlds import LoopWorld, World

WAITING = 8


@contextmanager
def out_of_descriptors() -> Iterator[None]:
    """Let nobody open another file descriptor."""
    resource = pytest.importorskip("resource", reason="this system has no RLIMIT_NOFILE")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = socket.socket()  # its number is the lowest free one
    lowest = probe.fileno()
    probe.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def callers(port: int) -> Iterator[list[socket.socket]]:
    """Connect clients that wait in the kernel's queue, and have said something."""
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(WAITING)]
    try:
        for number, sock in enumerate(sockets):
            sock.settimeout(10)
            sock.sendall(b"%d\n" % number)
        yield sockets
    finally:
        for sock in sockets:
            sock.close()


async def answer(stream: Any) -> None:
    await stream.write(b"you are " + await stream.read_line() + b"\n")


async def test_a_server_out_of_descriptors_waits_tells_once_and_serves_everybody(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("portside").warning("logging is loaded, and needs no descriptor later")
    caplog.clear()
    server = await world.shell.serve(answer, "127.0.0.1:0")
    with callers(server.port) as sockets:
        with out_of_descriptors():
            server.start()
            await world.until(lambda: bool(caplog.records))
            cpu = time.process_time()
            await pause(world, 0.3)
            spent = time.process_time() - cpu
        for number, sock in enumerate(sockets):
            reply = world.spawn(receive_all(world, sock))
            assert await reply.result() == b"you are %d\n" % number
    await server.shutdown()

    assert spent < 0.2, "it spins while it waits"
    (record,) = caplog.records
    assert "cannot accept" in record.getMessage()
    assert "Too many open files" in record.getMessage()
    assert server.stats().accepted == WAITING


async def pause(world: World, seconds: float) -> None:
    """Let time pass: here it is what is tested."""
    if isinstance(world, LoopWorld):
        await asyncio.sleep(seconds)
    else:
        time.sleep(seconds)  # noqa: ASYNC251  this world blocks, and has no loop


async def receive_all(world: World, sock: socket.socket) -> bytes:
    stream = world.shell.wrap(sock.dup()) if not isinstance(world, LoopWorld) else None
    if stream is None:
        stream = world.shell.Stream.wrap(sock.dup())
    async with stream:
        received: bytes = await stream.read_all()
        return received


async def test_accept_raises_where_iterating_is_patient(world: World) -> None:
    async with world.shell.listen("127.0.0.1:0") as listener:
        with callers(listener.port):
            with out_of_descriptors(), pytest.raises(OSError, match="Too many open") as caught:
                await listener.accept()
            assert caught.value.errno == errno.EMFILE

            for number in range(WAITING):
                async with await listener.accept() as stream:
                    assert await stream.read_line() == b"%d" % number


def make_faulty(monkeypatch: pytest.MonkeyPatch, listener: Any, *errors: int) -> None:
    """Have the next calls of accept on this listener fail in these ways."""
    (faulty,) = listener.sockets
    numbers, accept = list(errors), socket.socket.accept

    def fail_first(sock: socket.socket) -> Any:
        if sock is faulty and numbers:
            raise OSError(numbers.pop(0), "as the test wants it")
        return accept(sock)

    monkeypatch.setattr(socket.socket, "accept", fail_first)


async def test_errors_of_a_connection_are_passed_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.shell.listen("127.0.0.1:0") as listener:
        make_faulty(
            monkeypatch, listener, errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.EINTR
        )
        with callers(listener.port):
            async with await listener.accept() as stream:
                assert await stream.read_line() == b"0"


async def test_an_error_that_nobody_has_listed_pauses_a_listener(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.shell.listen("127.0.0.1:0") as listener:
        make_faulty(monkeypatch, listener, errno.EDOM, errno.EDOM, errno.EDOM)
        with callers(listener.port):
            async for stream in listener:
                assert await stream.read_line() == b"0"
                await stream.close()
                break
    assert len(caplog.records) == 1


async def test_closing_sends_away_who_accepts(world: World) -> None:
    listener = await world.shell.listen("127.0.0.1:0")
    accepting = world.spawn(listener.accept())
    await world.until(lambda: being_accepted(listener))
    await listener.close()

    with pytest.raises(StreamClosed, match="this listener is closed"):
        await accepting.result()
    with pytest.raises(StreamClosed, match="this listener is closed"):
        await listener.accept()
    async for _ in listener:
        raise AssertionError("a closed listener gives nothing")


async def test_two_who_accept_at_once(world: World) -> None:
    async with world.shell.listen("127.0.0.1:0") as listener:
        accepting = world.spawn(listener.accept())
        await world.until(lambda: being_accepted(listener))
        with pytest.raises(StreamBusy, match="is accepting from this listener"):
            await listener.accept()

        client = await world.shell.connect(listener.addresses[0])
        await (await accepting.result()).close()
        await client.close()


async def test_the_time_for_accepting_is_up(world: World) -> None:
    async with world.shell.listen("127.0.0.1:0") as listener:
        with pytest.raises(TimeoutError):
            await listener.accept(timeout=0.02)
        client = await world.shell.connect(listener.addresses[0])
        await (await listener.accept(timeout=5)).close()
        await client.close()


async def test_an_accept_that_is_cancelled_loses_no_connection(loop_world: LoopWorld) -> None:
    async with loop_world.shell.listen("127.0.0.1:0") as listener:
        for turns in range(30):
            accepting = asyncio.create_task(listener.accept())
            await asyncio.sleep(0)
            client = await loop_world.shell.connect(listener.addresses[0])
            for _ in range(turns % 6):
                await asyncio.sleep(0)
            accepting.cancel()
            try:
                stream = await accepting
            except asyncio.CancelledError:
                stream = await listener.accept()
            assert stream.peer_address == client.local_address
            await stream.close()
            await client.close()


async def test_a_loop_that_accepts_lets_the_others_run(loop_world: LoopWorld) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with loop_world.shell.listen("127.0.0.1:0") as listener:
        with callers(listener.port):
            counting = asyncio.create_task(count())
            for _ in range(WAITING):
                await (await listener.accept()).close()
            await asyncio.sleep(0)
            counting.cancel()
    assert turns
