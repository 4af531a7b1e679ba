"""What a stream tells about itself; the standard library's sockets in and out."""

from __future__ import annotations

import socket

import pytest

from portside import (
    StreamClosed,
)
from portside.aio import Stream
from shells.kinds import Pair
from worlds import World

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
