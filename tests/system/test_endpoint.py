from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from portside.addresses import Address, Inet4Address, UnixAddress
from portside.plans.connecting import Attempt
from portside.system.endpoint import Endpoint
from portside.system.sockets import reset_now

needs_unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there is no AF_UNIX here")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        closing(socket.create_connection(listener.getsockname())) as calling,
    ):
        answering, _ = listener.accept()
        with closing(answering):
            yield calling, answering


def test_both_ends_agree_on_their_addresses(pair: tuple[socket.socket, socket.socket]) -> None:
    calling, answering = map(Endpoint, pair)

    assert calling.peer_address == answering.local_address
    assert answering.peer_address == calling.local_address
    assert isinstance(calling.local_address, Inet4Address)
    assert str(answering.local_address).startswith("tcp://127.0.0.1:")


def test_the_addresses_are_known_after_close(pair: tuple[socket.socket, socket.socket]) -> None:
    ours = Endpoint(pair[0])
    before = ours.local_address, ours.peer_address

    pair[0].close()

    assert (ours.local_address, ours.peer_address) == before


def test_the_addresses_are_known_after_a_reset(pair: tuple[socket.socket, socket.socket]) -> None:
    ours = Endpoint(pair[0])
    before = ours.peer_address
    reset_now(pair[1])
    with pytest.raises(ConnectionResetError):
        pair[0].recv(1)

    assert ours.peer_address == before


def test_a_peer_that_accept_has_told_is_not_asked_for() -> None:
    with socket.socket() as unconnected:
        unconnected.bind(("127.0.0.1", 0))

        endpoint = Endpoint(unconnected, ("192.0.2.1", 99))

        assert str(endpoint.peer_address) == "tcp://192.0.2.1:99"


def test_a_socket_without_a_peer_is_no_end_of_a_connection() -> None:
    with socket.socket() as unconnected, pytest.raises(OSError, match=r"."):
        Endpoint(unconnected)


@needs_unix
def test_a_unix_peer_without_a_name_has_an_address_without_a_name(tmp_path: Path) -> None:
    path = str(tmp_path / "x")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as calling:
        listener.bind(path)
        listener.listen()
        calling.connect(path)
        answering, peer = listener.accept()
        with closing(answering):
            endpoint = Endpoint(answering, peer)

            assert endpoint.local_address == UnixAddress(path)
            assert endpoint.peer_address == UnixAddress()
            assert Endpoint(calling).peer_address == UnixAddress(path)


@needs_unix
def test_a_unix_peer_has_credentials() -> None:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        assert Endpoint(ours).peer_credentials.uid == os.geteuid()


def test_a_peer_over_tcp_has_none(pair: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(OSError, match="only a Unix socket"):
        _ = Endpoint(pair[0]).peer_credentials


def test_the_attempts_are_those_it_was_made_of(pair: tuple[socket.socket, socket.socket]) -> None:
    attempt = Attempt(Address.parse("tcp://127.0.0.1:80"), 0.0, 0.1, "connected")

    assert Endpoint(pair[0], attempts=(attempt,)).attempts == (attempt,)
    assert Endpoint(pair[1]).attempts == ()


def test_the_options_are_those_of_the_socket(pair: tuple[socket.socket, socket.socket]) -> None:
    endpoint = Endpoint(pair[0])

    endpoint.options.nodelay = True

    assert pair[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert endpoint.socket is pair[0]


def test_the_descriptor_is_gone_after_close(pair: tuple[socket.socket, socket.socket]) -> None:
    endpoint = Endpoint(pair[0])
    assert not endpoint.closed
    assert endpoint.fileno() == pair[0].fileno()

    pair[0].close()

    assert endpoint.closed
    assert endpoint.fileno() == -1
    with pytest.raises(OSError, match=r"."):
        assert endpoint.options.nodelay
