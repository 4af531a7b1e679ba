from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from certificates import Certificates
from portside import listening
from portside.addresses import Address
from portside.bind import BindSettings, Bound, bind_addresses
from portside.defaults import BACKLOG
from portside.errors import BindError
from portside.listening import (
    ListeningSockets,
    contexts_for,
    one_port,
    open_listeners,
    peer_key,
    renew_context,
    require_listenable,
    speaks_tls,
)
from portside.system.lookup import addresses_at_hand
from portside.system.tls import client_context

needs_unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there is no AF_UNIX here")


def open_at(target: str, *, backlog: int | None = None, **settings: Any) -> ListeningSockets:
    address = Address.parse(target)
    found = addresses_at_hand(address)
    assert found is not None
    return open_listeners(address, found, BindSettings(**settings), backlog=backlog, context=None)


def addresses(*texts: str) -> list[Address]:
    return [Address.parse(text) for text in texts]


def test_the_sockets_listen_and_do_not_block() -> None:
    with closing(open_at("tcp://127.0.0.1:0")) as listeners:
        (sock,) = listeners.sockets
        with closing(socket.create_connection(sock.getsockname(), 20)):
            accepted, _ = sock.accept()
            accepted.close()

        assert sock.gettimeout() == 0
        with pytest.raises(BlockingIOError):
            sock.accept()


@pytest.mark.parametrize(("backlog", "asked"), [(None, BACKLOG), (0, 0), (5, 5)])
def test_the_queue_is_as_long_as_it_was_asked_to_be(
    backlog: int | None, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    monkeypatch.setattr(socket.socket, "listen", lambda _, backlog: heard.append(backlog))

    open_at("tcp://127.0.0.1:0", backlog=backlog).close()

    assert heard == [asked]


@pytest.mark.usefixtures("ipv6")
def test_every_address_of_a_target_is_told_with_its_port() -> None:
    with closing(open_at("tcp://localhost:0")) as listeners:
        port = one_port(listeners.addresses)

        assert listeners.addresses == tuple(
            addresses(f"tcp://127.0.0.1:{port}", f"tcp://[::1]:{port}")
        )
        assert [sock.getsockname()[1] for sock in listeners.sockets] == [port, port]
        assert str(listeners) == f"tcp://127.0.0.1:{port}, tcp://[::1]:{port}"


def test_every_interface_is_told_as_it_was_asked_for() -> None:
    with closing(open_at("tcp://*:0")) as listeners:
        assert set(map(str, listeners.addresses)) == {f"tcp://*:{one_port(listeners.addresses)}"}


def test_the_addresses_are_known_after_close() -> None:
    listeners = open_at("tcp://127.0.0.1:0")
    before = listeners.addresses
    assert not listeners.closed

    listeners.close()
    listeners.close()  # once more does no harm

    assert listeners.closed
    assert listeners.addresses == before
    assert [sock.fileno() for sock in listeners.sockets] == [-1]


@needs_unix
def test_the_file_goes_with_the_listener(tmp_path: Path) -> None:
    listeners = open_at(f"unix:{tmp_path}/x", mode=0o600)
    assert listeners.addresses == (Address.parse(f"unix:{tmp_path}/x"),)

    listeners.close()

    assert list(tmp_path.iterdir()) == []


@needs_unix
def test_closing_twice_leaves_the_file_of_a_successor(tmp_path: Path) -> None:
    first = open_at(f"unix:{tmp_path}/x")
    first.close()
    with closing(open_at(f"unix:{tmp_path}/x")):
        first.close()

        assert (tmp_path / "x").is_socket()


def test_a_target_in_use_is_a_bind_error() -> None:
    with closing(open_at("tcp://127.0.0.1:0")) as first:
        target = str(first.addresses[0])

        with pytest.raises(BindError, match="it is in use") as caught:
            open_at(target)

    assert caught.value.errno == errno.EADDRINUSE
    assert caught.value.address == target


# Between bind and listen


class Rival:
    """Somebody else who opens listeners, between our bind and our listen."""

    def __init__(self, target: str, patch: pytest.MonkeyPatch) -> None:
        self.target = target
        self.listeners: ListeningSockets | None = None
        self._patch = patch
        patch.setattr(listening, "bind_addresses", self._bind)

    def _bind(self, *arguments: Any) -> Sequence[Bound]:
        bound = bind_addresses(*arguments)
        self._patch.setattr(listening, "bind_addresses", bind_addresses)
        try:
            self.listeners = open_at(str(bound[0].address))
        except BindError:
            self.listeners = None
        return bound


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the rival cannot bind")
def test_who_listens_first_has_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    rival = Rival("tcp://127.0.0.1:0", monkeypatch)

    with pytest.raises(BindError, match="it is in use") as caught:
        open_at(rival.target)

    assert caught.value.errno == errno.EADDRINUSE
    assert rival.listeners is not None
    rival.listeners.close()


@needs_unix
def test_of_two_servers_that_start_at_once_none_listens_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rival = Rival(f"unix:{tmp_path}/x", monkeypatch)
    started: list[ListeningSockets] = []

    with suppress(BindError):
        started.append(open_at(rival.target))
    if rival.listeners is not None:
        started.append(rival.listeners)

    for one in started:
        one.close()
    assert len(started) == 1, "both believe that the path is theirs, and clients reach one"


@needs_unix
@pytest.mark.parametrize("backlog", [1 << 40, "many"])
def test_a_backlog_that_is_no_number_leaves_nothing_behind(
    backlog: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[Bound] = []

    def note(*arguments: Any) -> Sequence[Bound]:
        bound.extend(bind_addresses(*arguments))
        return bound

    monkeypatch.setattr(listening, "bind_addresses", note)

    with pytest.raises((OverflowError, TypeError, ValueError)):
        open_at(f"unix:{tmp_path}/x", backlog=backlog)

    left = [one for one in bound if one.socket.fileno() >= 0]
    files = list(tmp_path.iterdir())
    for one in left:
        one.close()
    assert (left, files) == ([], [])


def test_a_kernel_that_cannot_listen_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    def listen(*_: object) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr(socket.socket, "listen", listen)

    with pytest.raises(BindError) as caught:
        open_at("tcp://127.0.0.1:0")

    assert caught.value.errno == errno.ENOMEM
    assert caught.value.reason == os.strerror(errno.ENOMEM)


# What can be listened on


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("fd:3", "fd:3 is open already, and cannot be opened for listening"),
        ("udp://localhost:53", "udp://localhost:53 is not for streams, but for SOCK_DGRAM"),
        ("unixgram:/x", "unixgram:/x is not for streams, but for SOCK_DGRAM"),
        ("tls://localhost:443", "needs a certificate: give tls=server_context"),
    ],
)
def test_what_cannot_be_listened_on_is_refused(target: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        require_listenable(Address.parse(target), None)


@pytest.mark.parametrize("target", ["tcp://*:80", "localhost:80", "unix:/x", "mptcp://*:80"])
def test_streams_can_be_listened_on(target: str) -> None:
    require_listenable(Address.parse(target), None)


def test_tls_can_be_listened_on_with_a_certificate(certificates: Certificates) -> None:
    require_listenable(Address.parse("tls://localhost:443"), certificates.server_context())


@pytest.mark.parametrize(
    ("target", "speaks"),
    [
        ("tls://localhost:443", True),
        ("tls://[::1]:443", True),
        ("tcp://h:443", False),
        ("unix:/tls", False),
    ],
)
def test_the_scheme_asks_for_tls(target: str, *, speaks: bool) -> None:
    assert speaks_tls(Address.parse(target)) is speaks


def test_a_context_is_for_the_targets_that_speak_tls() -> None:
    context = client_context(verify=False)
    targets = addresses("tcp://h:80", "tls://h:443", "unix:/x")

    assert contexts_for(targets, context) == [None, context, None]
    assert contexts_for(targets, None) == [None, None, None]


def test_a_context_that_nobody_would_use_is_refused() -> None:
    targets = addresses("tcp://h:80", "unix:/x")

    with pytest.raises(ValueError, match=r"there is none among tcp://h:80, unix:/x"):
        contexts_for(targets, client_context(verify=False))


def test_a_context_is_renewed_where_tls_is_spoken() -> None:
    old, new = client_context(verify=False), client_context(verify=False)
    speaking, plain = ListeningSockets((), old), ListeningSockets((), None)

    renew_context([plain, speaking], new)

    assert (speaking.context, plain.context) == (new, None)
    with pytest.raises(ValueError, match="does not speak TLS"):
        renew_context([plain], new)


# Ports and peers


def test_the_port_is_the_one_that_all_share() -> None:
    assert one_port(addresses("tcp://127.0.0.1:80", "tls://[::1]:80", "unix:/x")) == 80


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["tcp://h:80", "tcp://h:81"], "tcp://h:80, tcp://h:81: several ports; see addresses"),
        (["unix:/x"], "unix:/x: no port; see addresses"),
    ],
)
def test_there_may_not_be_one_port(texts: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        one_port(addresses(*texts))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("192.0.2.1", 1), ("192.0.2.1", 2), True),
        (("192.0.2.1", 1), ("192.0.2.2", 1), False),
        (("2001:db8::1", 1, 0, 0), ("2001:db8::1", 2, 0, 0), True),
        ("/run/x", "", True),
        (b"\0x", "", True),
    ],
)
def test_peers_are_told_apart_by_their_address(one: Any, other: Any, *, same: bool) -> None:
    assert (peer_key(one) == peer_key(other)) is same
