"""Writing to streams and ending them, of every kind and in every world."""

from __future__ import annotations

from pathlib import Path

import pytest

from certificates import Certificates
from portside import (
    StreamBusy,
    StreamClosed,
    TruncatedStream,
)
from portside.aio import Stream
from shells.kinds import BULK, Pair, being_read, send_and_end
from worlds import World

# Writing


async def test_a_slow_reader_makes_the_writer_wait(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        sending = world.spawn(send_and_end(client, BULK * 2))
        received = 0
        while chunk := await server.read(300_000):
            received += len(chunk)

        assert received == 2 * len(BULK)
        await sending.result()


async def test_both_directions_at_once(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        sending = [
            world.spawn(send_and_end(client, BULK)),
            world.spawn(send_and_end(server, BULK)),
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
