from __future__ import annotations

import errno
import os
import select
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest

from portside.addresses import Address
from portside.system import sockets
from portside.system.calling import Call
from portside.system.options import KeepAlive, Options
from portside.system.sockets import (
    adopt_stream_socket,
    begin_connect,
    close_now,
    close_write_side,
    configure_accepted,
    configure_stream,
    connect_outcome,
    open_socket,
    require_detachable,
    reset_now,
    socket_to_call,
)

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux says it in this way")
needs_unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there is no AF_UNIX here")

Pair: TypeAlias = tuple[socket.socket, socket.socket]

PATIENCE = 10
"""Seconds that the kernel of this very machine has for an answer."""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def pair(listener: socket.socket) -> Iterator[Pair]:
    with closing(socket.create_connection(listener.getsockname())) as calling:
        answering, _ = listener.accept()
        with closing(answering):
            yield calling, answering


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """The sockets that were opened meanwhile."""
    opened: list[socket.socket] = []

    def open_and_note(address: Address) -> socket.socket:
        opened.append(open_socket(address))
        return opened[-1]

    monkeypatch.setattr(sockets, "open_socket", open_and_note)
    return opened


def call(target: str, local: str | None = None, **options: Any) -> Call:
    address = Address.parse(target)
    return Call(address, None, None, None if local is None else Address.parse(local), options)


def address_of(sock: socket.socket) -> Address:
    return Address.from_sockaddr(sock.family, sock.getsockname(), sock.type, sock.proto)


def wait_until_writable(sock: socket.socket) -> None:
    _, writable, failed = select.select([], [sock], [sock], PATIENCE)
    assert writable or failed, "the kernel has not answered"


@pytest.mark.parametrize(
    ("target", "family", "kind", "protocol"),
    [
        ("tcp://127.0.0.1:0", "AF_INET", socket.SOCK_STREAM, socket.IPPROTO_TCP),
        ("tls://127.0.0.1:0", "AF_INET", socket.SOCK_STREAM, socket.IPPROTO_TCP),
        ("udp://127.0.0.1:0", "AF_INET", socket.SOCK_DGRAM, socket.IPPROTO_UDP),
        pytest.param("unix:/x", "AF_UNIX", socket.SOCK_STREAM, 0, marks=needs_unix),
        pytest.param("unixgram:/x", "AF_UNIX", socket.SOCK_DGRAM, 0, marks=needs_unix),
    ],
)
def test_a_socket_is_of_the_sort_that_the_address_says(
    target: str, family: str, kind: int, protocol: int
) -> None:
    with open_socket(Address.parse(target)) as sock:
        assert sock.family == getattr(socket, family)
        assert sock.type == kind
        assert sock.proto == protocol
        assert not sock.get_inheritable()


def test_a_family_that_the_kernel_lacks_is_an_os_error() -> None:
    martian: Any = SimpleNamespace(family=250, kind=socket.SOCK_STREAM, protocol=0)

    with pytest.raises(OSError, match=r".") as caught:
        open_socket(martian)

    assert caught.value.errno == errno.EAFNOSUPPORT


def test_small_writes_leave_at_once_and_a_silent_peer_is_probed() -> None:
    with open_socket(Address.parse("tcp://127.0.0.1:0")) as sock:
        configure_stream(sock)

        assert Options(sock).nodelay
        assert Options(sock).keepalive is not None


@needs_unix
def test_a_unix_socket_needs_no_configuring() -> None:
    with open_socket(Address.parse("unix:/x")) as sock:
        configure_stream(sock)

        assert Options(sock).keepalive is None


def test_a_tcp_that_lacks_one_option_gets_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_socket(Address.parse("tcp://127.0.0.1:0")) as sock:
        monkeypatch.setattr(socket, "TCP_NODELAY", 9999)
        configure_stream(sock)
        monkeypatch.undo()

        assert not Options(sock).nodelay
        assert Options(sock).keepalive is not None


@needs_linux
def test_on_linux_an_accepted_connection_inherits_all_that_it_needs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        configure_stream(listener)
        with closing(socket.create_connection(listener.getsockname())):
            accepted, _ = listener.accept()
            with closing(accepted):
                configure_accepted(accepted)

                assert Options(accepted).nodelay
                assert Options(accepted).keepalive == KeepAlive()


def test_elsewhere_an_accepted_connection_is_configured(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, accepted = pair
    monkeypatch.setattr(sys, "platform", "darwin")

    configure_accepted(accepted)

    assert Options(accepted).nodelay
    assert Options(accepted).keepalive is not None


def test_a_socket_to_call_with_has_what_was_asked_for_and_does_not_block() -> None:
    made_for = call("tcp://127.0.0.1:9", "tcp://127.0.0.1:0", nodelay=False, linger=3)

    with socket_to_call(made_for, made_for.target) as sock:
        assert sock.gettimeout() == 0
        assert sock.getsockname()[0] == "127.0.0.1"
        assert not Options(sock).nodelay
        assert Options(sock).linger == 3


@needs_linux
def test_the_kernel_chooses_the_local_port_when_it_knows_the_peer(listener: socket.socket) -> None:
    made_for = call(str(address_of(listener)), "tcp://127.0.0.1:0")

    with socket_to_call(made_for, made_for.target) as sock:
        before = sock.getsockname()[1]
        begin_connect(sock, made_for.target)
        wait_until_writable(sock)

        assert before == 0
        assert sock.getsockname()[1] != 0


@pytest.mark.parametrize(
    ("made_for", "error"),
    [
        (call("tcp://127.0.0.1:9", nodeley=True), ValueError),
        (call("tcp://127.0.0.1:9", keepalive=KeepAlive(idle=0)), OSError),
        (call("tcp://127.0.0.1:9", "tcp://192.0.2.1:0"), OSError),
        (call("tcp://127.0.0.1:9", "unix:/x"), (OSError, TypeError)),
    ],
    ids=["no such option", "an option refused", "not our address", "another family"],
)
def test_a_socket_that_cannot_be_prepared_is_closed(
    made_for: Call, error: Any, made: list[socket.socket]
) -> None:
    with pytest.raises(error):
        socket_to_call(made_for, made_for.target)

    assert [sock.fileno() for sock in made] == [-1]


def test_a_connection_over_tcp_is_there_when_the_socket_is_writable(
    listener: socket.socket,
) -> None:
    address = address_of(listener)
    with socket_to_call(call(str(address)), address) as sock:
        begin_connect(sock, address)
        wait_until_writable(sock)

        assert connect_outcome(sock) is None
        assert sock.getpeername() == listener.getsockname()


def test_a_refusal_over_tcp_is_the_outcome() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        address = address_of(deaf)
        with socket_to_call(call(str(address)), address) as sock:
            assert not begin_connect(sock, address)
            wait_until_writable(sock)
            outcome = connect_outcome(sock)

    assert isinstance(outcome, ConnectionRefusedError)
    assert outcome.errno == errno.ECONNREFUSED


@needs_unix
def test_a_unix_socket_is_connected_at_once_or_not_at_all(tmp_path: Path) -> None:
    address = Address.parse(f"unix:{tmp_path}/x")
    with open_socket(address) as sock, pytest.raises(FileNotFoundError):
        begin_connect(sock, address)

    with open_socket(address) as listening, open_socket(address) as sock:
        listening.bind(str(address.sockaddr()))
        with pytest.raises(ConnectionRefusedError):
            begin_connect(sock, address)
        listening.listen()

        assert begin_connect(sock, address)
        assert connect_outcome(sock) is None


@needs_linux
def test_a_full_queue_of_a_unix_listener_is_not_taken_for_progress(tmp_path: Path) -> None:
    address = Address.parse(f"unix:{tmp_path}/x")
    with open_socket(address) as listening, open_socket(address) as first:
        listening.bind(str(address.sockaddr()))
        listening.listen(0)
        begin_connect(first, address)

        with open_socket(address) as second:
            second.settimeout(0)
            with pytest.raises(BlockingIOError, match="the queue of the listener is full"):
                begin_connect(second, address)


def test_a_socket_that_is_not_connected_says_so() -> None:
    with socket.socket() as sock:
        outcome = connect_outcome(sock)

    assert outcome is not None
    assert outcome.errno == errno.ENOTCONN


@needs_linux
def test_a_socket_that_connected_to_itself_has_found_nobody() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(sock.getsockname())

        outcome = connect_outcome(sock)

    assert isinstance(outcome, ConnectionRefusedError)
    assert "connected to itself" in str(outcome)


def test_a_file_descriptor_of_a_connection_is_taken_over() -> None:
    ours, theirs = socket.socketpair()
    with closing(theirs), adopt_stream_socket(ours.detach()) as adopted:
        theirs.send(b"ahoy")

        assert adopted.recv(10) == b"ahoy"
        assert adopt_stream_socket(adopted) is adopted


@pytest.mark.parametrize("by_number", [False, True])
@pytest.mark.parametrize(
    ("kind", "listening", "error", "reason"),
    [
        (socket.SOCK_STREAM, True, ValueError, "this one listens"),
        (socket.SOCK_DGRAM, False, ValueError, "not SOCK_DGRAM"),
        (socket.SOCK_STREAM, False, OSError, r"."),
    ],
)
def test_any_other_socket_is_refused_and_left_open(
    *, kind: int, listening: bool, error: type[Exception], reason: str, by_number: bool
) -> None:
    with socket.socket(type=kind) as sock:
        if listening:
            sock.bind(("127.0.0.1", 0))
            sock.listen()

        with pytest.raises(error, match=reason):
            adopt_stream_socket(sock.fileno() if by_number else sock)

        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == kind


def test_a_file_is_no_socket_and_stays_open(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        with pytest.raises(OSError, match=r"."):
            adopt_stream_socket(file.fileno())

        assert os.fstat(file.fileno())


def test_a_stream_with_nothing_to_lose_can_be_given_away() -> None:
    require_detachable(b"", 0, tls=False)


@pytest.mark.parametrize(
    ("unread", "unsent", "tls", "reason"),
    [
        (b"", 0, True, "TLS stream cannot be detached"),
        (b"abc", 0, False, "3 unread bytes would be lost: read them first"),
        (b"", 7, False, r"7 unsent bytes would be lost: flush\(\) first"),
    ],
)
def test_a_stream_with_something_to_lose_is_kept(
    *, unread: bytes, unsent: int, tls: bool, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        require_detachable(unread, unsent, tls=tls)


def test_after_the_end_of_one_side_the_other_can_still_send(
    pair: Pair,
) -> None:
    ours, theirs = pair

    close_write_side(ours)
    theirs.sendall(b"answer")

    assert theirs.recv(10) == b""
    assert ours.recv(10) == b"answer"


def test_a_connection_that_was_reset_has_no_side_left_to_end(
    pair: Pair,
) -> None:
    ours, theirs = pair
    reset_now(theirs)
    with pytest.raises(ConnectionResetError):
        ours.recv(1)

    close_write_side(ours)


def test_closing_asks_nobody_whether_it_went_well() -> None:
    class Grumbling(socket.socket):
        def close(self) -> None:
            super().close()
            raise OSError(errno.EIO, "told you so")

    sock = Grumbling()

    close_now(sock)
    close_now(sock)

    assert sock.fileno() == -1


def test_a_reset_cannot_be_taken_for_a_good_end(pair: Pair) -> None:
    ours, theirs = pair

    reset_now(ours)
    reset_now(ours)  # once more does no harm

    assert ours.fileno() == -1
    with pytest.raises(ConnectionResetError):
        theirs.recv(1)


@pytest.mark.parametrize(("platform", "layout"), [("linux", "ii"), ("win32", "hh")])
def test_a_reset_is_written_as_the_platform_reads_it(
    platform: str, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bytes] = []
    sock: Any = SimpleNamespace(setsockopt=lambda *args: told.append(args[2]), close=lambda: None)
    monkeypatch.setattr(sys, "platform", platform)

    reset_now(sock)

    assert told == [struct.pack(layout, 1, 0)]
