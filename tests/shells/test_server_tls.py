"""Serving TLS: strangers, slow ones, and other certificates."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from certificates import Certificates
from portside import ConnectError, HandshakeFailed, TruncatedStream
from shells.echoing import ask, echo
from worlds import World


@asynccontextmanager
async def served(
    world: World, certificates: Certificates, **settings: Any
) -> AsyncIterator[tuple[Any, list[BaseException]]]:
    """Echo over TLS, and collect the errors that are reported."""
    told: list[BaseException] = []
    async with world.shell.serve(
        echo,
        "tls://127.0.0.1:0",
        tls=certificates.server_context(),
        on_error=lambda error, _: told.append(error),
        **settings,
    ) as server:
        yield server, told


async def test_plain_http_and_noise_at_a_tls_port_touch_nobody_else(
    world: World, certificates: Certificates
) -> None:
    async with served(world, certificates) as (server, told):
        neighbour = await world.shell.connect(
            server.addresses[0], tls=certificates.client_context()
        )
        noise = os.urandom(400)
        for words in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x80" + noise):
            stray = await world.shell.connect(("127.0.0.1", server.port))
            await stray.write(words)
            await stray.close_write()
            await stray.read_all()  # an alert, or nothing
            await stray.close()
        await world.until(lambda: server.stats().handshake_failures == 2)

        await neighbour.write(b"still here\n")
        assert await neighbour.read_line() == b"still here"
        await neighbour.close()
    assert [type(error) for error in told] == [HandshakeFailed, HandshakeFailed]
    assert "http request" in str(told[0])


async def test_a_client_that_is_slow_in_the_handshake_is_cut_and_holds_up_nobody(
    world: World, certificates: Certificates
) -> None:
    async with served(world, certificates, handshake_timeout=0.3) as (server, told):
        silent = await world.shell.connect(("127.0.0.1", server.port))
        assert await ask(world, server.addresses[0], certificates.client_context()) == b"hello"
        assert await silent.read_all() == b""
        await silent.close()
    assert [type(error) for error in told] == [TimeoutError]
    assert server.stats().handshake_failures == 1


async def test_a_client_that_resets_within_the_handshake(
    world: World, certificates: Certificates
) -> None:
    async with served(world, certificates) as (server, told):
        rude = await world.shell.connect(("127.0.0.1", server.port))
        await rude.write(b"\x16\x03\x01")
        await world.until(lambda: any(one.moved for one in server.connections))
        rude.abort()
        await world.until(lambda: server.stats().handshake_failures == 1)
    assert [type(error) for error in told] == [HandshakeFailed]


async def test_an_end_without_close_notify_is_not_the_end(
    world: World, certificates: Certificates
) -> None:
    async with served(world, certificates) as (server, told):
        client = await world.shell.connect(server.addresses[0], tls=certificates.client_context())
        await client.write(b"hello\n")
        assert await client.read_line() == b"hello"
        client.socket.shutdown(socket.SHUT_WR)  # below TLS
        await world.until(lambda: bool(told))
        client.abort()
    assert [type(error) for error in told] == [TruncatedStream]


async def test_a_certificate_is_changed_for_those_who_come_from_now_on(
    world: World, certificates: Certificates
) -> None:
    stranger = world.shell.server_context(certificates.stranger)
    client = certificates.client_context()
    async with world.shell.serve(
        echo, "tls://127.0.0.1:0", tls=stranger, on_error=lambda *_: None
    ) as server:
        with pytest.raises(ConnectError, match="certificate verify failed"):
            await world.shell.connect(server.addresses[0], tls=client)
        server.reload_tls(certificates.server_context())

        assert await ask(world, server.addresses[0], client) == b"hello"
    async with world.shell.serve(echo, "127.0.0.1:0") as plain:
        with pytest.raises(ValueError, match="does not speak TLS"):
            plain.reload_tls(stranger)


async def test_who_is_silent_in_the_handshake_is_cut_at_the_end(
    world: World, certificates: Certificates
) -> None:
    async with served(world, certificates, grace=0, handshake_timeout=None) as (server, _):
        silent = await world.shell.connect(("127.0.0.1", server.port))
        await world.until(lambda: bool(server.connections))
    assert server.connections == ()
    with suppress(ConnectionResetError):
        await silent.read_all(timeout=5)  # an alert, maybe: what counts is that it ends
    await silent.close()
