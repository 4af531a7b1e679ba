"""Links: what the kernel takes, what it leaves, and how a connection is given up."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from typing import TypeAlias

import pytest

from portside.aio.completion import CompletionLink
from portside.aio.link import Link as AsyncLink
from portside.aio.readiness import ReadinessLink
from portside.sync.link import Link, SocketLink
from shells.kinds import BULK
from shells.rigs import Rig, run_with

Kind: TypeAlias = type[ReadinessLink] | type[CompletionLink]

NOW = 0.0  # a deadline that has passed


@pytest.fixture
def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair()


def test_a_blocking_link_is_a_link() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Link()  # type: ignore[abstract]  # which is the point
    with pytest.raises(TypeError, match="abstract"):
        AsyncLink()  # type: ignore[abstract]


def test_what_the_kernel_does_not_take_in_time_stays_pending(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    link = SocketLink(ours)
    data = bytearray(BULK)
    with pytest.raises(TimeoutError):
        link.send(memoryview(data), time.monotonic() + 0.02)
    pending = link.pending
    assert 0 < pending < len(BULK)
    assert link.moved == link.sent == len(BULK) - pending
    data[:] = bytes(len(data))  # the caller's buffer is the caller's again

    theirs.settimeout(0)
    received = bytearray()
    while len(received) < len(BULK):
        try:
            received += theirs.recv(1 << 20)
        except BlockingIOError:
            with suppress(TimeoutError):
                link.send(memoryview(b""), NOW)
    assert received == BULK
    assert link.pending == 0
    link.close()
    theirs.close()


def test_what_cannot_arrive_any_more_is_not_kept(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    link = SocketLink(ours)
    with pytest.raises(TimeoutError):
        link.send(memoryview(BULK), time.monotonic() + 0.02)
    theirs.close()
    with pytest.raises(BrokenPipeError):
        link.send(memoryview(b"more"), None)
    assert link.pending == 0
    link.close()


def test_a_blocking_read_has_a_deadline(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    link = SocketLink(ours)
    with pytest.raises(TimeoutError, match="the time is up"):
        link.receive(time.monotonic() + 0.01)
    theirs.sendall(b"hello")
    assert link.receive(NOW) == b"hello"
    assert link.received == 5
    theirs.close()
    assert link.receive(NOW) == b""
    assert link.receive(None) == b""
    link.close()


def test_one_direction_ends_behind_what_is_pending(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    link = SocketLink(ours)
    link.send(memoryview(b"all"), None)
    link.close_write(None)
    assert theirs.makefile("rb").read() == b"all"
    theirs.sendall(b"answer")
    assert link.receive(None) == b"answer"
    link.close()
    theirs.close()


# Async links


@pytest.fixture(params=[ReadinessLink, CompletionLink])
def link_kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


def test_what_arrives_is_delivered_before_anybody_asks(link_kind: Kind) -> None:
    async def story(rig: Rig) -> None:
        rig.peer.sendall(b"hello")
        await rig.settle()
        assert bytes(rig.inbox.data) == b"hello"
        assert rig.link.moved == 5

    run_with(link_kind, story)


def test_the_end_is_delivered_once(link_kind: Kind) -> None:
    async def story(rig: Rig) -> None:
        rig.peer.close()
        await rig.settle()
        assert rig.inbox.ended

    run_with(link_kind, story)


def test_what_the_kernel_does_not_take_at_once_is_queued_and_goes_out_in_order(
    link_kind: Kind,
) -> None:
    async def story(rig: Rig) -> None:
        data = bytearray(BULK)
        assert rig.link.write(memoryview(data)) is False
        data[:] = bytes(len(data))  # the caller's buffer is the caller's again
        assert rig.link.write(b"last") is False
        assert rig.link.pending
        rig.link.close_write()  # behind what is queued
        reading = asyncio.create_task(asyncio.to_thread(rig.peer.makefile("rb").read))
        await rig.link.drained()
        assert rig.link.pending == 0
        assert await reading == BULK + b"last"
        assert rig.link.moved == len(BULK) + 4

    run_with(link_kind, story)


def test_a_peer_that_goes_away_ends_the_wait_for_the_queue(link_kind: Kind) -> None:
    async def story(rig: Rig) -> None:
        rig.link.write(BULK)
        waiting = asyncio.create_task(rig.link.drained())
        await rig.settle()
        rig.peer.close()
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            await waiting
        assert rig.link.pending == 0

    run_with(link_kind, story)


def test_closing_ends_the_wait_for_the_queue(link_kind: Kind) -> None:
    async def story(rig: Rig) -> None:
        rig.link.write(BULK)
        waiting = asyncio.create_task(rig.link.drained())
        await rig.settle()
        rig.link.abort()
        with pytest.raises(OSError, match="closed before all was sent"):
            await waiting

    run_with(link_kind, story)


def test_a_socket_that_is_released_stays_open(link_kind: Kind) -> None:
    async def story(rig: Rig) -> None:
        rig.link.release()
        rig.peer.sendall(b"for others")
        await rig.settle()
        assert not rig.inbox.data

    run_with(link_kind, story)
