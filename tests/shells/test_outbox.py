"""The outbox: replies are collected while requests wait, and none is late or lost."""

from __future__ import annotations

import asyncio
import socket

import pytest

from portside.aio import Stream, StreamClosed
from portside.defaults import CORK_BOUND
from shells.kinds import BULK

pytestmark = pytest.mark.usefixtures("loop_world")


def a_pair() -> tuple[Stream, socket.socket]:
    """Return a stream, and its other end to be read by hand."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(5)
    return Stream.wrap(ours), theirs


async def corked() -> tuple[Stream, socket.socket]:
    """Return a stream with a reply that waits, as there is another request."""
    stream, peer = a_pair()
    peer.sendall(b"one\ntwo\n")
    assert await stream.read_line() == b"one"
    await stream.write(b"reply")
    assert arrived(peer) == b""
    peer.settimeout(5)
    return stream, peer


def arrived(sock: socket.socket) -> bytes:
    """Return what has arrived already."""
    sock.settimeout(0)
    try:
        return sock.recv(1 << 20)
    except BlockingIOError:
        return b""


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_with_nothing_unread_a_write_goes_out_at_once() -> None:
    stream, peer = a_pair()
    await stream.write(b"now")
    assert arrived(peer) == b"now"
    peer.close()
    await stream.close()


async def test_replies_wait_while_requests_do_and_go_out_together() -> None:
    stream, peer = a_pair()
    peer.sendall(b"one\ntwo\nthree\n")
    for word in (b"one", b"two"):
        assert await stream.read_line() == word
        await stream.write(word)
        assert arrived(peer) == b""
    assert await stream.read_line() == b"three"
    await stream.write(b"three")
    reading = asyncio.create_task(stream.read_line())
    await settle()
    assert arrived(peer) == b"onetwothree"
    reading.cancel()
    peer.close()
    await stream.close()


@pytest.mark.parametrize("how", ["another wait", "flush", "close_write", "close", "many"])
async def test_replies_that_were_collected_are_never_late(how: str) -> None:
    stream, peer = await corked()
    match how:
        case "another wait":  # the handler goes on to something else
            await settle()
        case "flush":
            await stream.flush()
        case "close_write":
            await stream.close_write()
        case "close":
            await stream.close()
        case "many":
            for _ in range(CORK_BOUND // 1000 + 1):
                await stream.write(b"x" * 1000)
    assert arrived(peer).startswith(b"reply")
    await stream.close()
    peer.close()


async def test_a_buffer_that_is_collected_may_change_afterwards() -> None:
    stream, peer = a_pair()
    peer.sendall(b"one\ntwo\n")
    await stream.read_line()
    words = bytearray(b"reply")
    await stream.write(words)
    words[:] = b"XXXXX"
    await stream.flush()
    assert arrived(peer) == b"reply"
    peer.close()
    await stream.close()


async def test_a_failure_of_what_was_collected_is_told_to_the_next_reader() -> None:
    stream, peer = await corked()
    peer.shutdown(socket.SHUT_RD)
    await settle()  # here the reply goes out, and nobody is there
    assert await stream.read_line() == b"two"
    with pytest.raises(BrokenPipeError):
        await stream.read_line()
    peer.close()
    await stream.close()  # it has been told


async def test_a_failure_of_what_was_collected_is_told_to_the_next_writer() -> None:
    stream, peer = await corked()
    peer.close()
    await settle()
    with pytest.raises(BrokenPipeError):
        await stream.write(b"more")
    await stream.close()


async def test_a_failure_of_what_was_collected_is_told_by_close_at_the_latest() -> None:
    stream, peer = await corked()
    peer.close()
    await settle()
    with pytest.raises(BrokenPipeError):
        await stream.close()
    assert stream.closed


async def test_a_writer_waits_for_a_slow_peer_and_others_queue_behind() -> None:
    stream, peer = a_pair()
    order: list[int] = []

    async def write(number: int) -> None:
        await stream.write(b"%d" % number * 1_000_000)
        order.append(number)

    tasks = [asyncio.create_task(write(number)) for number in range(3)]
    await settle()
    assert order == []
    reading = asyncio.create_task(asyncio.to_thread(peer.makefile("rb").read, 3_000_000))
    for task in tasks:
        await task
    assert await reading == b"0" * 1_000_000 + b"1" * 1_000_000 + b"2" * 1_000_000
    assert order == [0, 1, 2]
    peer.close()
    await stream.close()


async def test_closing_sends_away_who_waits_to_write() -> None:
    stream, peer = a_pair()
    writing = [asyncio.create_task(stream.write(BULK)) for _ in range(2)]
    await settle()
    stream.abort()
    for task in writing:
        with pytest.raises(StreamClosed):
            await task
    peer.close()


async def test_a_writer_that_never_waits_lets_the_others_run() -> None:
    stream, peer = a_pair()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            arrived(peer)
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    for _ in range(5000):
        await stream.write(b"x")
    counting.cancel()
    assert turns >= 10
    peer.close()
    await stream.close()
