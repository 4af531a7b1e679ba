"""Streams, of every kind and in every world: reading, writing, ending."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from certificates import Certificates
from portside import (
    EndOfStream,
    FrameTooLarge,
    IncompleteRead,
    StreamBusy,
    StreamClosed,
    TruncatedStream,
)
from portside.aio import Stream
from shells.kinds import KINDS, being_read, pair_of
from worlds import LoopWorld, World

Pair: TypeAlias = Callable[[World], AbstractAsyncContextManager[tuple[Stream, Stream]]]

BULK = bytes(range(256)) * 40_000  # 10 MB, which no kernel buffer takes at once


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def pair(kind: str, certificates: Certificates, tmp_path: Path) -> Pair:
    """Makes a pair of connected streams of each kind in turn."""

    @asynccontextmanager
    async def make(world: World) -> AsyncIterator[tuple[Stream, Stream]]:
        async with pair_of(world, kind, certificates, tmp_path) as streams:
            yield streams

    return make


# Reading


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
        sending = world.spawn(_send_and_end(client, BULK))

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
        sending = world.spawn(_send_and_end(client, BULK))

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


async def _send_and_end(stream: Stream, data: bytes) -> None:
    await stream.write(data)
    await stream.close_write()


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


# Writing


async def test_a_slow_reader_makes_the_writer_wait(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        sending = world.spawn(_send_and_end(client, BULK * 2))
        received = 0
        while chunk := await server.read(300_000):
            received += len(chunk)

        assert received == 2 * len(BULK)
        await sending.result()


async def test_both_directions_at_once(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        sending = [
            world.spawn(_send_and_end(client, BULK)),
            world.spawn(_send_and_end(server, BULK)),
        ]
        reading = world.spawn(server.read_all())

        assert await client.read_all() == BULK
        assert await reading.result() == BULK
        for each in sending:
            await each.result()


async def test_many_writers_take_turns_and_cut_no_message(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        messages = [bytes([65 + n]) * 99_999 + b"\n" for n in range(10)]
        sending = [world.spawn(client.write(message)) for message in messages]

        received = [await server.read_line(limit=100_000) + b"\n" for _ in messages]

        assert sorted(received) == messages
        for each in sending:
            await each.result()


async def test_a_callers_buffer_may_be_used_again_at_once(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        await server.write(b"unread")  # which makes the client collect what it writes
        assert await client.peek(6) == b"unread"
        buffer = bytearray(b"first")
        await client.write(buffer)
        buffer[:] = b"XXXXX"
        await client.write(b" second\n")

        assert await server.read_line() == b"first second"


async def test_text_is_not_bytes(world: World, pair: Pair) -> None:
    async with pair(world) as (client, _):
        with pytest.raises(TypeError, match="bytes-like"):
            await client.write("text")  # type: ignore[arg-type]


async def test_writing_to_a_dead_peer_is_an_error(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        server.abort()

        with pytest.raises(OSError, match=r"(?i)reset|broken pipe|aborted"):
            await _write_for_ever(client)


async def _write_for_ever(stream: Stream) -> None:
    while True:
        await stream.write(b"x" * 1000, timeout=5)


# Half-close


async def test_one_direction_ends_and_the_other_goes_on(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        await client.write(b"question")
        await client.close_write()
        await client.close_write()

        assert await server.read_all() == b"question"
        await server.write(b"the answer comes ")
        await server.write(b"after the end")
        await server.close_write()
        assert await client.read_all() == b"the answer comes after the end"


async def test_nothing_can_be_written_behind_the_end(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        await client.close_write()

        with pytest.raises(StreamClosed, match="writing side"):
            await client.write(b"more")
        await client.flush()
        await server.write(b"still readable\n")
        assert await client.read_line() == b"still readable"


# Ending


async def test_closing_twice_is_fine_and_using_it_after_is_not(world: World, pair: Pair) -> None:
    async with pair(world) as (client, _):
        await client.close()
        await client.close()
        client.abort()

        assert client.closed
        assert client.fileno() == -1
        for attempt in (client.read(), client.write(b"x"), client.flush(), client.close_write()):
            with pytest.raises(StreamClosed, match="this stream is closed"):
                await attempt
        with pytest.raises(StreamClosed):
            client.unread(b"x")


async def test_addresses_and_tls_facts_stay_readable(
    world: World, pair: Pair, kind: str, certificates: Certificates
) -> None:
    async with pair(world) as (client, server):
        before = client.local_address, client.peer_address
        await client.close()

        assert (client.local_address, client.peer_address) == before
        assert before == (server.peer_address, server.local_address)
        if kind == "tls":
            assert client.tls is not None
            assert client.tls.version == "TLSv1.3"
            assert client.tls.server_name == "127.0.0.1"
            chain = client.tls.peer_certificates
            assert chain[0] in _der(certificates.server)
            assert chain[-1] in _der(certificates.ca)
        else:
            assert client.tls is None


def _der(path: Path) -> list[bytes]:
    import ssl

    end = "-----END CERTIFICATE-----"
    texts = [part for part in path.read_text().split(end) if "BEGIN CERTIFICATE" in part]
    begin = "-----BEGIN CERTIFICATE-----"
    return [ssl.PEM_cert_to_DER_cert(begin + text.split(begin)[1] + end) for text in texts]


async def test_closing_wakes_a_reader(world: World, pair: Pair) -> None:
    async with pair(world) as (client, _):
        reading = world.spawn(client.read())
        await world.until(lambda: being_read(client))

        await client.close()

        with pytest.raises(StreamClosed):
            await reading.result()


async def test_aborting_wakes_a_writer(world: World, pair: Pair) -> None:
    async with pair(world) as (client, _):
        writing = world.spawn(client.write(BULK))
        with pytest.raises(TimeoutError):  # the kernel is full, as nobody reads
            await client.read(timeout=0.05)

        client.abort()

        with pytest.raises(OSError):  # noqa: PT011  which one depends on who noticed first
            await writing.result()


async def test_an_abort_is_an_error_for_the_peer(world: World, pair: Pair, kind: str) -> None:
    async with pair(world) as (client, server):
        await server.write(b"never read")
        client.abort()

        if kind == "tls":
            with pytest.raises((ConnectionResetError, TruncatedStream)):
                await server.read()
        else:
            with pytest.raises(ConnectionResetError):
                await server.read()


async def test_a_second_reader_is_refused(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        first = world.spawn(client.read_line())
        await world.until(lambda: being_read(client))

        with pytest.raises(StreamBusy, match="another reader"):
            await client.read()
        await server.write(b"for the first\n")
        assert await first.result() == b"for the first"


# Facts


async def test_a_stream_tells_about_itself(world: World, pair: Pair, kind: str) -> None:
    async with pair(world) as (client, _):
        assert str(client.peer_address) in repr(client)
        assert client.fileno() == client.socket.fileno() >= 0
        assert client.attempts == () if kind == "pair" else client.attempts[0].outcome
        await client.close()
        assert "closed" in repr(client)


async def test_a_unix_peer_has_credentials_and_others_have_none(
    world: World, pair: Pair, kind: str
) -> None:
    import os

    async with pair(world) as (client, _):
        if kind in {"unix", "pair"} and client.socket.family == socket.AF_UNIX:
            found = client.peer_credentials
            assert (found.pid, found.uid, found.gid) == (os.getpid(), os.getuid(), os.getgid())
        else:
            with pytest.raises(OSError, match="only a Unix socket"):
                _ = client.peer_credentials


# Wrapping and giving away


async def test_a_socket_of_the_standard_library_is_wrapped(world: World) -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(0.001)  # which is forgotten
    wrap = getattr(world.shell, "wrap", Stream.wrap)

    async with wrap(ours) as stream:
        theirs.sendall(b"hello")
        assert await stream.read() == b"hello"
        await stream.write(b"bye")
        assert theirs.recv(10) == b"bye"
    theirs.close()


async def test_what_is_not_a_connected_stream_is_not_wrapped(world: World) -> None:
    wrap = getattr(world.shell, "wrap", Stream.wrap)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with pytest.raises(ValueError, match="this one listens"):
            wrap(listening)
        with pytest.raises(ValueError, match="this one listens"):
            wrap(listening.fileno())
        assert listening.fileno() >= 0
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        pytest.raises(ValueError, match="SOCK_DGRAM"),
    ):
        wrap(datagrams)
    with socket.socket() as unconnected, pytest.raises(OSError):  # noqa: PT011
        wrap(unconnected)


async def test_a_stream_is_detached_and_nothing_gets_lost(world: World) -> None:
    wrap = getattr(world.shell, "wrap", Stream.wrap)
    ours, theirs = socket.socketpair()
    stream = wrap(ours)
    theirs.sendall(b"abc")
    assert await stream.peek(3) == b"abc"

    with pytest.raises(ValueError, match="3 unread bytes would be lost"):
        stream.detach()
    assert await stream.read() == b"abc"
    sock = stream.detach()

    assert sock is ours
    sock.settimeout(5)
    theirs.sendall(b"def")
    assert sock.recv(10) == b"def"
    with pytest.raises(StreamClosed):
        await stream.read()
    ours.close()
    theirs.close()


# What only tasks can do


async def test_a_cancelled_read_lost_nothing(loop_world: LoopWorld, pair: Pair) -> None:
    async with pair(loop_world) as (client, server):
        await client.write(b"abc")
        for wanted in (
            lambda: server.read_exactly(6),
            server.read_line,
            server.read_all,
            lambda: server.read_until(b"\n"),
        ):
            reading = asyncio.create_task(wanted())
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
