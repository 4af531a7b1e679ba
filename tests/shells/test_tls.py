"""TLS in both shells: bad ends, half-close, two at once, and TLS from the middle of a stream."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from certificates import Certificates
from portside import HandshakeFailed, StreamBusy, TruncatedStream
from portside.aio import Stream
from shells.kinds import BULK, being_read, pair_of, send_and_end
from worlds import World


async def test_an_end_without_close_notify_is_truncation_and_every_byte_before_it_is_read(
    world: World, certificates: Certificates, tmp_path: Path
) -> None:
    async with pair_of(world, "tls", certificates, tmp_path) as (client, server):
        await client.write(b"a line\nhalf a li")
        client.socket.shutdown(socket.SHUT_WR)  # below TLS

        assert await server.read_line() == b"a line"
        for _ in range(2):
            with pytest.raises(TruncatedStream, match="without TLS close_notify"):
                await server.read_line()


@pytest.mark.parametrize("method", ["read", "read_all", "iterate"])
async def test_truncation_is_never_taken_for_the_end(
    world: World, certificates: Certificates, tmp_path: Path, method: str
) -> None:
    async with pair_of(world, "tls", certificates, tmp_path) as (client, server):
        client.socket.shutdown(socket.SHUT_WR)
        with pytest.raises(TruncatedStream):
            await _read_to_the_end(server, method)


async def _read_to_the_end(stream: Stream, method: str) -> None:
    if method == "iterate":
        async for _ in stream:
            pass
    else:
        while await getattr(stream, method)():
            pass


async def test_writing_after_the_connection_was_cut_is_an_error(
    world: World, certificates: Certificates, tmp_path: Path
) -> None:
    async with pair_of(world, "tls", certificates, tmp_path) as (client, server):
        client.socket.shutdown(socket.SHUT_WR)
        with pytest.raises(TruncatedStream):
            await server.read()
        with pytest.raises(BrokenPipeError, match="TLS with the peer has ended"):
            await server.write(b"anybody there?")


async def test_a_reply_is_delivered_after_the_peers_close_notify(
    world: World, certificates: Certificates, tmp_path: Path
) -> None:
    async with pair_of(world, "tls", certificates, tmp_path) as (client, server):
        asking = world.spawn(send_and_end(client, BULK))
        assert await server.read_all() == BULK
        await asking.result()

        answering = world.spawn(send_and_end(server, BULK[::-1]))
        assert await client.read_all() == BULK[::-1]
        await answering.result()


async def test_bytes_that_were_tampered_with_end_the_stream(
    world: World, certificates: Certificates, tmp_path: Path
) -> None:
    async with pair_of(world, "tls", certificates, tmp_path) as (client, server):
        # A record of application data that no key made.
        client.socket.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
        with pytest.raises(Exception, match="the peer broke TLS"):
            await server.read()


async def test_tls_begins_in_the_middle_of_a_stream(
    world: World, certificates: Certificates
) -> None:
    client, server = world.shell.stream_pair()

    async def upgrade() -> None:
        assert await server.read_line() == b"STARTTLS"
        await server.write(b"go ahead\n")
        await server.start_tls(certificates.server_context(), server_side=True)
        await server.write(b"secret\n")

    upgrading = world.spawn(upgrade())
    await client.write(b"STARTTLS\n")
    assert await client.read_line() == b"go ahead"
    await client.start_tls(certificates.client_context(), server_hostname="localhost")
    assert await client.read_line() == b"secret"
    assert client.tls is not None
    assert client.tls.version == "TLSv1.3"
    await upgrading.result()
    await client.close()
    await server.close()


async def test_a_clients_first_words_in_tls_may_come_with_its_last_in_plain_text(
    world: World, certificates: Certificates
) -> None:
    client, server = world.shell.stream_pair()
    starting = world.spawn(
        client.start_tls(certificates.client_context(), server_hostname="localhost")
    )
    # The client does not wait for an answer, so the server reads both at once.
    await server.peek(1)
    await server.start_tls(certificates.server_context(), server_side=True)
    await starting.result()
    await server.write(b"hello\n")
    assert await client.read_line() == b"hello"
    await client.close()
    await server.close()


async def test_tls_does_not_begin_under_a_reader(world: World, certificates: Certificates) -> None:
    client, server = world.shell.stream_pair()
    reading = world.spawn(client.read_line())
    await world.until(lambda: being_read(client))
    with pytest.raises(StreamBusy):
        await client.start_tls(certificates.client_context(), server_hostname="localhost")
    await server.write(b"plain\n")
    assert await reading.result() == b"plain"
    await client.close()
    await server.close()


async def test_a_handshake_has_a_deadline(world: World, certificates: Certificates) -> None:
    client, server = world.shell.stream_pair()
    with pytest.raises(TimeoutError):
        await client.start_tls(
            certificates.client_context(), server_hostname="localhost", timeout=0.05
        )
    await client.close()
    await server.close()


@pytest.mark.parametrize("words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 100])
async def test_a_peer_that_does_not_speak_tls(
    world: World, certificates: Certificates, words: bytes
) -> None:
    client, server = world.shell.stream_pair()
    await server.write(words)
    with pytest.raises(HandshakeFailed):
        await client.start_tls(certificates.client_context(), server_hostname="localhost")
    # It stays failed, whatever is tried.
    with pytest.raises((HandshakeFailed, OSError)):
        await client.write(b"secret")
    client.abort()
    await server.close()


async def test_a_client_whose_certificate_is_wanted(
    world: World, certificates: Certificates
) -> None:
    wanting = world.shell.server_context(certificates.server, client_ca=certificates.ca)
    told: list[BaseException] = []

    async def greet(stream: Any) -> None:
        await stream.write(b"%d certificates\n" % len(stream.tls.peer_certificates))

    async with world.shell.serve(
        greet, "tls://127.0.0.1:0", tls=wanting, on_error=lambda error, _: told.append(error)
    ) as service:
        own = world.shell.client_context(trust=certificates.ca, cert=certificates.client)
        async with world.shell.connect(service.addresses[0], tls=own) as stream:
            assert await stream.read_line() == b"2 certificates"
        async with world.shell.connect(
            service.addresses[0], tls=certificates.client_context()
        ) as stream:
            with pytest.raises(Exception, match=r"certificate required|reset|hung up"):
                await stream.read_line()
        await world.until(lambda: bool(told))
    assert isinstance(told[0], HandshakeFailed)


async def test_two_threads_or_tasks_one_in_each_direction(
    world: World, certificates: Certificates, tmp_path: Path
) -> None:
    async with pair_of(world, "tls", certificates, tmp_path) as (client, server):
        sending = [world.spawn(send_and_end(client, BULK)), world.spawn(send_and_end(server, BULK))]
        reading = world.spawn(client.read_all())
        assert await server.read_all() == BULK
        assert await reading.result() == BULK
        for one in sending:
            await one.result()
