"""Connecting: lookup, race, TLS, and all the days on which nobody answers."""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from certificates import Certificates
from portside import AddressError, ConnectError, ConnectTimeout, HandshakeFailed
from worlds import LoopWorld, World


@contextmanager
def black_hole() -> Iterator[int]:
    """Give a port of 127.0.0.2 that never answers: its queue is full, so SYNs are dropped."""
    if sys.platform != "linux":
        pytest.skip("only Linux has 127.0.0.2 without asking, and drops SYNs at a full queue")
    with socket.create_server(("127.0.0.2", 0), backlog=0) as full:
        callers = []
        for _ in range(4):
            caller = socket.socket()
            caller.settimeout(0)
            caller.connect_ex(full.getsockname())
            callers.append(caller)
        try:
            yield full.getsockname()[1]
        finally:
            for caller in callers:
                caller.close()


def resolve_to(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    """Have every name resolve to these addresses, in this order."""

    def fake(_: str, port: int, *__: object, **___: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in hosts]

    monkeypatch.setattr(socket, "getaddrinfo", fake)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("nonsense", "it has no port"),
        ("localhost:70000", "70000"),
        ("tcp://", "port"),
        ("tcp4://[::1]:80", "IPv6"),
        ("/run/x.sock", "unix:/run/x.sock"),
        ("ftp://localhost:21", "ftp"),
    ],
)
async def test_a_target_that_cannot_be_read_says_what_was_expected(
    world: World, target: str, reason: str
) -> None:
    with pytest.raises(AddressError, match=reason):
        await world.shell.connect(target)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("tcp://*:80", "every interface"),
        ("udp://localhost:53", "not for streams"),
        ("fd:3", "open already"),
    ],
)
async def test_a_target_that_cannot_be_called_says_why(
    world: World, target: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        await world.shell.connect(target)


async def test_a_refusal_names_every_address_that_was_tried(world: World) -> None:
    async with world.shell.listen("localhost:0") as listener:
        port = listener.port

    with pytest.raises(ConnectError, match="connection refused") as caught:
        await world.shell.connect(f"localhost:{port}")

    error = caught.value
    assert error.target == f"tcp://localhost:{port}"
    assert [attempt.outcome for attempt in error.attempts] == ["failed"] * len(error.attempts)
    assert str(error.attempts[0].address) == f"tcp://127.0.0.1:{port}"
    assert not isinstance(error, TimeoutError)


async def test_a_name_that_does_not_resolve(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(ConnectError, match="cannot be looked up: Name or service") as caught:
        await world.shell.connect("no.such.host.example:80")
    assert caught.value.attempts == ()
    assert isinstance(caught.value.__cause__, socket.gaierror)


async def test_a_resolver_that_hangs_costs_the_timeout_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def hang(*_: object) -> list[Any]:
        release.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        with pytest.raises(ConnectTimeout, match=r"not looked up within 0.05 s"):
            await world.shell.connect("slow.example:80", timeout=0.05)
    finally:
        release.set()


async def test_the_loop_goes_on_during_a_lookup(
    loop_world: LoopWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def hang(*_: object) -> list[Any]:
        release.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    connecting = asyncio.ensure_future(loop_world.shell.connect("slow.example:80"))
    for _ in range(100):  # which a blocked loop would not get through
        await asyncio.sleep(0)
    assert not connecting.done()

    release.set()
    with pytest.raises(ConnectError, match="try again"):
        await connecting


async def test_a_black_hole_costs_the_attempt_delay(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with black_hole() as port:
        async with world.shell.listen(f"127.0.0.1:{port}") as listener:
            resolve_to(monkeypatch, "127.0.0.2", "127.0.0.1")

            stream = await world.shell.connect(f"two.example:{port}", attempt_delay=0.02)

            dead, alive = stream.attempts
            assert (dead.outcome, alive.outcome) == ("abandoned", "connected")
            assert alive.started >= 0.02
            assert stream.peer_address == listener.addresses[0]
            await stream.close()


async def test_black_holes_alone_cost_the_timeout_and_every_one_was_tried(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with black_hole() as port:
        resolve_to(monkeypatch, "127.0.0.2")

        with pytest.raises(ConnectTimeout, match=r"the 0.1 s are over; .*no answer in") as caught:
            await world.shell.connect(f"dead.example:{port}", timeout=0.1)
        assert [attempt.outcome for attempt in caught.value.attempts] == ["abandoned"]
        assert isinstance(caught.value, TimeoutError)


async def test_the_last_address_gets_its_chance_before_the_deadline(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with black_hole() as port:
        async with world.shell.listen(f"127.0.0.1:{port}"):
            resolve_to(monkeypatch, "127.0.0.2", "127.0.0.1")

            stream = await world.shell.connect(
                f"two.example:{port}", timeout=1, attempt_delay=float("inf")
            )

            assert stream.attempts[1].started < 1
            await stream.close()


async def test_a_refusal_starts_the_next_address_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.shell.listen("127.0.0.1:0") as listener:
        resolve_to(monkeypatch, "127.0.0.3", "127.0.0.1")

        stream = await world.shell.connect(f"two.example:{listener.port}", attempt_delay=30)

        assert [attempt.outcome for attempt in stream.attempts] == ["failed", "connected"]
        await stream.close()


async def test_a_socket_that_found_only_itself_is_not_connected(world: World) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        here = probe.getsockname()

    with pytest.raises(ConnectError, match="connected to itself"):
        await world.shell.connect(here, local_address=here)


async def test_the_local_address_and_options_are_set_before_connecting(world: World) -> None:
    async with world.shell.listen("127.0.0.1:0") as listener:
        stream = await world.shell.connect(
            listener.addresses[0], local_address=("127.0.0.1", 0), options={"nodelay": False}
        )

        assert stream.local_address.host == "127.0.0.1"
        assert stream.options.nodelay is False
        assert stream.options.keepalive is not None
        with pytest.raises(ValueError, match="did you mean 'nodelay'"):
            await world.shell.connect(listener.addresses[0], options={"nodelya": True})
        await stream.close()


@pytest.mark.parametrize("timeout", [60 * 86_400, math.inf, None])
async def test_a_timeout_may_be_as_long_as_you_like(world: World, timeout: float | None) -> None:
    async with world.shell.listen("127.0.0.1:0") as listener:
        stream = await world.shell.connect(
            listener.addresses[0], timeout=timeout, attempt_delay=math.inf
        )
        server = await listener.accept(timeout=timeout)
        await stream.write(b"x\n", timeout=timeout)
        assert await server.read_line(timeout=timeout) == b"x"
        await server.handshake(timeout=timeout)
        await server.close()
        await stream.close()


# Unix sockets


async def test_a_unix_listener_with_a_full_queue_is_waited_for(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "full.sock"
    async with world.shell.listen(path, backlog=0) as listener:
        waiting = [await world.shell.connect(path)]
        late = world.spawn(_awaited(world.shell.connect(path)))
        accepted = [await listener.accept(), await listener.accept()]
        waiting.append(await late.result())

        for stream in waiting + accepted:
            await stream.close()


async def _awaited(opening: Any) -> Any:
    return await opening


async def test_a_unix_listener_that_stays_full_costs_the_timeout(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "full.sock"
    async with world.shell.listen(path, backlog=0):
        first = await world.shell.connect(path)

        with pytest.raises(ConnectTimeout, match="the queue of the listener is full"):
            await world.shell.connect(path, timeout=0.1)
        await first.close()


async def test_a_unix_path_where_nobody_is(world: World, tmp_path: Path) -> None:
    with pytest.raises(ConnectError, match="no such file"):
        await world.shell.connect(tmp_path / "nothing.sock")


# TLS


async def test_tls_checks_who_answers(world: World, certificates: Certificates) -> None:
    async with world.shell.serve(
        _wait_for_the_end, "tls://127.0.0.1:0", tls=certificates.server_context()
    ) as server:
        context = certificates.client_context()
        stream = await world.shell.connect(server.addresses[0], tls=context)
        assert stream.tls is not None
        await stream.close()

        with pytest.raises(ConnectError, match=r"certificate verify failed: .*mismatch") as caught:
            await world.shell.connect(
                server.addresses[0], tls=context, server_hostname="other.example"
            )
        assert isinstance(caught.value.__cause__, HandshakeFailed)
        assert isinstance(caught.value.__cause__.__cause__, ssl.SSLCertVerificationError)
        with pytest.raises(ConnectError, match="certificate verify failed"):
            await world.shell.connect(server.addresses[0])  # the system does not trust it
        assert caught.value.attempts[0].outcome == "connected"


async def _wait_for_the_end(stream: Any) -> None:
    async for _ in stream:
        pass


async def test_a_server_that_does_not_speak_tls(world: World, certificates: Certificates) -> None:
    async def greet(stream: Any) -> None:
        await stream.write(b"220 hello, this is plain text\r\n")
        await _wait_for_the_end(stream)

    async with world.shell.serve(greet, "127.0.0.1:0", on_error=lambda *_: None) as server:
        with pytest.raises(ConnectError, match="the TLS handshake failed"):
            await world.shell.connect(server.addresses[0], tls=certificates.client_context())


async def test_a_server_that_is_silent_in_the_handshake_costs_the_timeout(
    world: World, certificates: Certificates
) -> None:
    async with world.shell.listen("127.0.0.1:0") as listener:
        with pytest.raises(ConnectTimeout, match=r"handshake was not over within 0.1 s"):
            await world.shell.connect(
                listener.addresses[0], tls=certificates.client_context(), timeout=0.1
            )


async def test_a_server_that_hangs_up_in_the_handshake(
    world: World, certificates: Certificates
) -> None:
    async def hang_up(stream: Any) -> None:
        await stream.peek(5)
        stream.abort()

    async with world.shell.serve(hang_up, "127.0.0.1:0") as server:
        with pytest.raises(ConnectError, match="handshake failed"):
            await world.shell.connect(server.addresses[0], tls=certificates.client_context())


async def test_application_protocols_are_agreed_on(
    world: World, certificates: Certificates
) -> None:
    context = certificates.server_context()
    context.set_alpn_protocols(["echo", "chat"])
    client = certificates.client_context()
    client.set_alpn_protocols(["chat", "echo"])

    async with (
        world.shell.serve(_wait_for_the_end, "tls://127.0.0.1:0", tls=context) as server,
        world.shell.connect(server.addresses[0], tls=client) as stream,
    ):
        assert stream.tls.alpn == "echo"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"target": "tls://localhost:1", "tls": False}, "forbids it"),
        ({"target": "localhost:1", "alpn": ["h2"]}, "there is none"),
        ({"target": "unix:/x", "tls": True}, "give server_hostname"),
        ({"target": "localhost:1", "local_address": "localhost:0"}, "IP address"),
    ],
)
async def test_arguments_that_contradict_each_other(
    world: World, arguments: dict[str, Any], reason: str
) -> None:
    target = arguments.pop("target")

    with pytest.raises(ValueError, match=reason):
        await world.shell.connect(target, **arguments)
    arguments["target"] = target


# What only tasks can do


async def test_a_connect_that_is_cancelled_leaves_nothing(
    loop_world: LoopWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with black_hole() as port:
        resolve_to(monkeypatch, "127.0.0.2", "127.0.0.2")
        for turns in range(20):
            connecting = asyncio.ensure_future(loop_world.shell.connect(f"dead.example:{port}"))
            for _ in range(turns):
                await asyncio.sleep(0)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting


async def test_connect_may_be_given_to_create_task(loop_world: LoopWorld) -> None:
    async with loop_world.shell.listen("127.0.0.1:0") as listener:
        task = asyncio.create_task(loop_world.shell.connect(listener.addresses[0]))

        async with asyncio.timeout(5), await task as stream:
            assert stream.peer_address == listener.addresses[0]
