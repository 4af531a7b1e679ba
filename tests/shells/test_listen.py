"""Listening: where, on what terms, and what is left when it is over."""

from __future__ import annotations

import socket
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from certificates import Certificates
from portside import AddressError, BindError
from worlds import World


async def exchange(world: World, listener: Any, target: Any, **how: Any) -> None:
    """Connect, and send a line each way."""
    accepting = world.spawn(listener.accept(timeout=10))
    async with world.shell.connect(target, **how) as client, await accepting.result() as server:
        await client.write(b"ping\n")
        assert await server.read_line() == b"ping"
        await server.write(b"pong\n")
        assert await client.read_line() == b"pong"


@pytest.mark.parametrize("target", ["127.0.0.1:0", "tcp://127.0.0.1:0", ":0", ("127.0.0.1", 0)])
async def test_a_port_may_be_chosen_by_the_kernel(world: World, target: Any) -> None:
    async with world.shell.listen(target) as listener:
        assert listener.port > 0
        assert repr(listener) == f"<Listener {', '.join(map(str, listener.addresses))}>"
        await exchange(world, listener, listener.addresses[0])
    assert repr(listener).endswith(" closed>")
    assert listener.port > 0


async def test_every_interface_and_both_families_are_one_port(world: World, ipv6: None) -> None:
    del ipv6
    async with world.shell.listen("tcp://*:0") as listener:
        for host in ("127.0.0.1", "::1"):
            await exchange(world, listener, (host, listener.port))


async def test_a_unix_socket_has_the_mode_that_was_asked_for(world: World, tmp_path: Path) -> None:
    path = tmp_path / "private.sock"
    async with world.shell.listen(path, mode=0o600) as listener:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        await exchange(world, listener, path)
        with pytest.raises(ValueError, match="no port"):
            _ = listener.port
        with pytest.raises(BindError, match="it is in use"):
            await world.shell.listen(path)
    assert not path.exists()


async def test_a_path_that_is_no_longer_ours_stays(world: World, tmp_path: Path) -> None:
    path = tmp_path / "taken.sock"
    first = await world.shell.listen(path)
    path.unlink()
    async with world.shell.listen(path) as second:
        await first.close()
        assert path.exists()
        await exchange(world, second, path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract Unix sockets")
async def test_an_abstract_name(world: World) -> None:
    async with world.shell.listen("unix:@portside-test-listen") as listener:
        await exchange(world, listener, "unix:@portside-test-listen")
    async with world.shell.listen("unix:@portside-test-listen"):
        assert listener.closed


async def test_tls(world: World, certificates: Certificates) -> None:
    async with world.shell.listen(
        "tls://127.0.0.1:0", tls=certificates.server_context()
    ) as listener:
        accepting = world.spawn(_answer_one(listener))
        async with world.shell.connect(
            listener.addresses[0], tls=certificates.client_context()
        ) as client:
            assert await client.read_line() == b"hello"
        await accepting.result()


async def _answer_one(listener: Any) -> None:
    async with await listener.accept() as stream:
        await stream.write(b"hello\n")  # which does the handshake first
        assert stream.tls is not None


async def test_a_port_that_is_taken_is_said_to_be(world: World) -> None:
    async with world.shell.listen("127.0.0.1:0") as listener:
        with pytest.raises(BindError, match="it is in use"):
            await world.shell.listen(listener.addresses[0])
        async with (
            world.shell.listen("127.0.0.1:0", reuse_port=True) as sharing,
            world.shell.listen(sharing.addresses[0], reuse_port=True) as other,
        ):
            assert other.port == sharing.port


async def test_a_port_is_free_again_at_once(world: World) -> None:
    async with world.shell.listen("127.0.0.1:0") as listener:
        await exchange(world, listener, listener.addresses[0])
    async with world.shell.listen(listener.addresses[0]) as again:
        assert again.port == listener.port


@pytest.mark.parametrize(
    ("target", "kind", "reason"),
    [
        ("localhost:70000", AddressError, "70000"),
        ("nonsense", AddressError, "port"),
        ("udp://localhost:0", ValueError, "not for streams"),
        ("fd:3", ValueError, "cannot be opened for listening"),
        ("tls://localhost:0", ValueError, "needs a certificate"),
        ("192.0.2.1:0", BindError, "cannot listen on"),
    ],
)
async def test_what_cannot_be_listened_on(
    world: World, target: str, kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind, match=reason):
        await world.shell.listen(target)


async def test_a_name_that_does_not_resolve(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(BindError, match=r"nowhere\.example.*the name cannot be looked up"):
        await world.shell.listen("nowhere.example:0")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands options down by accept")
async def test_options_are_inherited(world: World) -> None:
    async with world.shell.listen("127.0.0.1:0", options={"nodelay": False}) as listener:
        async with (
            world.shell.connect(listener.addresses[0]) as client,
            await listener.accept() as server,
        ):
            assert server.options.nodelay is False
            assert client.options.nodelay is True
        with pytest.raises(ValueError, match="nodelya"):
            await world.shell.listen("127.0.0.1:0", options={"nodelya": True})


async def test_a_paused_listener_leaves_them_in_the_queue(world: World) -> None:
    async with world.shell.listen("127.0.0.1:0") as listener:
        listener.pause()
        client = await world.shell.connect(listener.addresses[0])
        with pytest.raises(TimeoutError):
            await listener.accept(timeout=0.05)
        listener.resume()
        await (await listener.accept(timeout=10)).close()
        await client.close()


async def test_iterating_gives_streams_until_it_is_closed(world: World) -> None:
    listener = await world.shell.listen("127.0.0.1:0")
    clients = [await world.shell.connect(listener.addresses[0]) for _ in range(3)]
    accepted = 0
    async for stream in listener:
        accepted += 1
        await stream.close()
        if accepted == 3:
            await listener.close()
    assert accepted == 3
    for client in clients:
        await client.close()
    await listener.close()


async def test_several_sockets_are_accepted_from_in_turns(world: World, ipv6: None) -> None:
    del ipv6
    async with world.shell.listen("localhost:0") as listener:
        clients = [
            await world.shell.connect((host, listener.port))
            for host in ("127.0.0.1", "127.0.0.1", "127.0.0.1", "::1")
        ]
        first, second = await listener.accept(), await listener.accept()
        assert {first.local_address.host, second.local_address.host} == {"127.0.0.1", "::1"}
        for stream in (first, second, *clients):
            await stream.close()
