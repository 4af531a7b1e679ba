"""Serving: every kind at once, bad handlers, bad peers, limits."""

from __future__ import annotations

import errno
import logging
import socket
import struct
from pathlib import Path
from typing import Any

import pytest

import portside
from certificates import Certificates
from portside import ConnectError, Lines
from shells.echoing import ask, echo
from worlds import LoopWorld, World


async def test_one_handler_serves_every_kind_at_once(
    world: World, certificates: Certificates, tmp_path: Path
) -> None:
    name = f"unix:{tmp_path}/s.sock"
    targets = ["tcp://127.0.0.1:0", "tls://127.0.0.1:0", name]
    async with world.shell.serve(echo, *targets, tls=certificates.server_context()) as server:
        tcp, tls, unix = server.addresses

        assert await ask(world, tcp) == b"hello"
        assert await ask(world, tls, certificates.client_context()) == b"hello"
        assert await ask(world, unix) == b"hello"
        assert repr(server) == f"<Server {tcp}, {tls}, {name}>"
        with pytest.raises(ValueError, match="several ports"):
            _ = server.port
    assert not (tmp_path / "s.sock").exists()
    assert server.addresses == (tcp, tls, unix)


async def test_the_address_is_bound_at_once_and_served_from_with_on(world: World) -> None:
    server = await world.shell.serve(echo, "127.0.0.1:0")
    early = await world.shell.connect(server.addresses[0])
    await early.write(b"before\n")
    assert server.connections == ()

    async with server:
        assert await early.read_line() == b"before"
        assert [one.peer_address for one in server.connections] == [early.local_address]
        await early.close()


async def test_ipv4_and_ipv6_share_a_port(world: World, ipv6: None) -> None:
    del ipv6
    async with world.shell.serve(echo, "localhost:0") as server:
        assert [address.host for address in server.addresses] == ["127.0.0.1", "::1"]
        for host in ("127.0.0.1", "::1"):
            assert await ask(world, (host, server.port)) == b"hello"


async def test_a_listener_may_be_brought_along(world: World) -> None:
    listener = await world.shell.listen("127.0.0.1:0")
    async with world.shell.serve(echo, listener, "127.0.0.1:0") as server:
        assert server.addresses[0] == listener.addresses[0]
        assert await ask(world, listener.addresses[0]) == b"hello"
    assert listener.closed


async def test_serving_nowhere_and_serving_twice(world: World) -> None:
    with pytest.raises(ValueError, match="a server listens somewhere"):
        await world.shell.serve(echo)
    async with world.shell.serve(echo, "127.0.0.1:0") as server:
        port = server.port
        with pytest.raises(OSError, match=f"127.0.0.1:{port}: it is in use") as caught:
            await world.shell.serve(echo, "127.0.0.1:0", server.addresses[0])
        assert caught.value.errno == errno.EADDRINUSE


async def test_a_context_without_a_tls_target_is_refused(
    world: World, certificates: Certificates
) -> None:
    with pytest.raises(ValueError, match=r"there is none among tcp://127\.0\.0\.1:0"):
        await world.shell.serve(echo, "127.0.0.1:0", tls=certificates.server_context())
    with pytest.raises(ValueError, match="needs a certificate"):
        await world.shell.serve(echo, "tls://127.0.0.1:0")


@pytest.mark.parametrize("limit", ["max_connections", "max_per_peer", "idle_timeout"])
async def test_a_limit_of_nothing_is_refused(world: World, limit: str) -> None:
    with pytest.raises(ValueError, match=limit):
        await world.shell.serve(echo, "127.0.0.1:0", **{limit: 0})


# Handlers


async def test_a_handler_that_raises_is_reported_once_and_touches_nobody_else(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def divide(stream: Any) -> None:
        async for line in stream.framed(Lines()):
            await stream.write(b"%d\n" % (100 // int(line)))

    async with world.shell.serve(divide, "127.0.0.1:0") as server:
        good = await world.shell.connect(server.addresses[0])
        bad = await world.shell.connect(server.addresses[0])
        await bad.write(b"0\n")
        assert await bad.read() == b""
        await world.until(lambda: len(server.connections) == 1)

        await good.write(b"4\n")
        assert await good.read_line() == b"25"
        await good.close()
        await bad.close()

    assert server.stats().handler_failures == 1
    failures = [record for record in caplog.records if record.name == "portside"]
    assert [record.levelno for record in failures] == [logging.ERROR]
    assert failures[0].exc_info is not None
    assert failures[0].exc_info[0] is ZeroDivisionError


async def test_a_reporter_of_ones_own_is_given_the_error_and_the_stream(world: World) -> None:
    told: list[tuple[type, Any]] = []

    async def fail(stream: Any) -> None:
        raise LookupError(str(stream.peer_address))

    def report(error: BaseException, stream: Any) -> None:
        told.append((type(error), stream.peer_address))
        raise RuntimeError("the reporter itself fails")

    async with world.shell.serve(fail, "127.0.0.1:0", on_error=report) as server:
        for _ in range(2):
            stream = await world.shell.connect(server.addresses[0])
            assert await stream.read() == b""
            assert told.pop() == (LookupError, stream.local_address)
            await stream.close()


async def test_a_handler_that_returns_at_once_says_goodbye(world: World) -> None:
    async def hang_up(stream: Any) -> None:
        await stream.write(b"go away\n")

    async with (
        world.shell.serve(hang_up, "127.0.0.1:0") as server,
        world.shell.connect(server.addresses[0]) as stream,
    ):
        assert await stream.read_all() == b"go away\n"


async def test_a_handler_may_close_or_abort_its_stream(world: World) -> None:
    async def close(stream: Any) -> None:
        await stream.close()

    async with (
        world.shell.serve(close, "127.0.0.1:0") as server,
        world.shell.connect(server.addresses[0]) as stream,
    ):
        assert await stream.read() == b""
    assert server.stats().handler_failures == 0


async def test_a_peer_that_resets_within_a_message_is_reported_without_a_traceback(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def read_a_line(stream: Any) -> None:
        await stream.read_line()

    async with world.shell.serve(read_a_line, "127.0.0.1:0") as server:
        stream = await world.shell.connect(server.addresses[0])
        await stream.write(b"half a l")
        await world.until(lambda: any(one.moved for one in server.connections))
        stream.abort()
        await world.until(lambda: server.stats().handler_failures == 1)

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "reset" in record.getMessage()
    assert record.exc_info is None


# Limits


async def test_those_over_the_limit_wait_in_the_kernel(world: World) -> None:
    async with world.shell.serve(echo, "127.0.0.1:0", max_connections=1) as server:
        first = await world.shell.connect(server.addresses[0])
        second = await world.shell.connect(server.addresses[0])
        await second.write(b"patient\n")
        await first.write(b"x\n")
        assert await first.read_line() == b"x"
        assert len(server.connections) == 1
        await first.close()

        assert await second.read_line() == b"patient"
        await second.close()
    assert server.stats().accepted == 2


async def test_one_peer_with_too_many_is_reset(world: World) -> None:
    async with world.shell.serve(echo, "127.0.0.1:0", max_per_peer=1) as server:
        first = await world.shell.connect(server.addresses[0])
        await first.write(b"x\n")
        assert await first.read_line() == b"x"
        # The reset may come before or after connect has returned.
        with pytest.raises((ConnectionResetError, ConnectError)):
            async with world.shell.connect(server.addresses[0]) as second:
                await second.read()
        await first.close()
        await world.until(lambda: not server.connections)

        assert await ask(world, server.addresses[0]) == b"hello"
    assert server.stats().refused == 1


async def test_who_is_silent_for_too_long_is_cut(world: World) -> None:
    async with world.shell.serve(echo, "127.0.0.1:0", idle_timeout=0.2) as server:
        stream = await world.shell.connect(server.addresses[0])
        with pytest.raises(ConnectionResetError):
            await stream.read()
        await stream.close()
        await world.until(lambda: not server.connections)
    assert server.stats().idle_timeouts == 1
    assert server.stats().handler_failures == 0


async def test_a_server_can_be_paused(world: World) -> None:
    async with world.shell.serve(echo, "127.0.0.1:0") as server:
        server.pause()
        stream = await world.shell.connect(server.addresses[0])
        await stream.write(b"early\n")
        with pytest.raises(TimeoutError):
            await stream.read_line(timeout=0.05)
        server.resume()

        assert await stream.read_line() == b"early"
        await stream.close()


async def test_a_connection_that_was_reset_in_the_queue_is_passed_over(world: World) -> None:
    server = await world.shell.serve(echo, "127.0.0.1:0")
    with socket.create_connection(("127.0.0.1", server.port)) as rude:
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    async with server:
        assert await ask(world, server.addresses[0]) == b"hello"


# The other world's handlers


def test_an_async_handler_is_not_for_the_blocking_shell() -> None:
    with pytest.raises(TypeError, match=r"is async: serve it with portside\.aio\.serve"):
        portside.serve(echo, "127.0.0.1:0")


async def test_a_blocking_handler_is_not_for_the_async_shell(loop_world: LoopWorld) -> None:
    told: list[BaseException] = []

    def blocking(_: object) -> None:
        """Return nothing that could be awaited."""

    async with loop_world.shell.serve(
        blocking, "127.0.0.1:0", on_error=lambda error, _: told.append(error)
    ) as server:
        stream = await loop_world.shell.connect(server.addresses[0])
        assert await stream.read() == b""
        await stream.close()
    assert "is not async: serve it with portside.serve" in str(told[0])


async def test_a_reporter_may_be_async(loop_world: LoopWorld) -> None:
    told: list[BaseException] = []

    async def fail(_: object) -> None:
        raise LookupError("no such thing")

    async def report(error: BaseException, _: object) -> None:
        told.append(error)

    async with loop_world.shell.serve(fail, "127.0.0.1:0", on_error=report) as server:
        stream = await loop_world.shell.connect(server.addresses[0])
        assert await stream.read() == b""
        await stream.close()
    assert [type(error) for error in told] == [LookupError]
