from __future__ import annotations

import errno
import os
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from portside import bind
from portside.addresses import Address, Inet4Address
from portside.bind import BindSettings, Bound, bind_addresses, bind_socket, bind_sockets
from portside.defaults import BIND_ROUNDS
from portside.errors import AddressError, BindError, PortsideError
from portside.system.options import Options
from portside.system.sockets import open_socket

needs_unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there is no AF_UNIX here")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux does it so")
needs_ipv6 = pytest.mark.usefixtures("ipv6")
as_user = pytest.mark.skipif(
    getattr(os, "geteuid", lambda: 0)() == 0, reason="root may bind every port, anywhere"
)

TOO_LONG_IN_THE_DNS = "tcp://" + "\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 60 + ".example:80"
"""A name whose label fits as it is, and not as RFC 3492 writes it."""


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """The sockets that were opened meanwhile."""
    opened: list[socket.socket] = []

    def open_and_note(address: Address) -> socket.socket:
        opened.append(open_socket(address))
        return opened[-1]

    monkeypatch.setattr(bind, "open_socket", open_and_note)
    return opened


def refusal(target: Any, **settings: Any) -> BindError:
    """Return why a target cannot be bound."""
    with pytest.raises(BindError) as caught:
        bind_sockets(target, **settings)
    return caught.value


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def test_a_socket_is_bound_and_does_not_listen() -> None:
    with bind_socket("tcp://127.0.0.1:0") as sock:
        assert sock.getsockname()[0] == "127.0.0.1"
        assert port_of(sock) > 0
        assert not sock.get_inheritable()
        if sys.platform == "linux":
            assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


@pytest.mark.parametrize("target", [("127.0.0.1", 0), Inet4Address("127.0.0.1", 0), "127.0.0.1:0"])
def test_a_target_may_have_each_of_its_forms(target: Any) -> None:
    with bind_socket(target) as sock:
        assert sock.family == socket.AF_INET


def test_datagrams_are_bound_too_and_share_no_port() -> None:
    with bind_socket("udp://127.0.0.1:0") as sock:
        assert refusal(f"udp://127.0.0.1:{port_of(sock)}").errno == errno.EADDRINUSE


@needs_ipv6
def test_every_address_of_a_name_has_one_port(held: ExitStack) -> None:
    sockets = [held.enter_context(sock) for sock in bind_sockets("tcp://localhost:0")]

    assert {sock.getsockname()[0] for sock in sockets} == {"127.0.0.1", "::1"}
    assert len({port_of(sock) for sock in sockets}) == 1


@needs_ipv6
def test_one_socket_takes_both_families_on_every_interface() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("the kernel keeps IPv6 sockets to IPv6")

    with bind_socket("tcp://*:0") as sock:
        sock.listen()
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port_of(sock)), 20).close()


@needs_ipv6
def test_two_sockets_share_a_port_on_every_interface(held: ExitStack) -> None:
    sockets = [held.enter_context(sock) for sock in bind_sockets("tcp://*:0", dualstack=False)]

    assert [sock.getsockname()[0] for sock in sockets] == ["0.0.0.0", "::"]
    assert len({port_of(sock) for sock in sockets}) == 1


@needs_ipv6
@pytest.mark.parametrize("target", ["tcp6://*:0", "tcp://[::1]:0"])
def test_a_socket_for_ipv6_leaves_ipv4_alone(target: str) -> None:
    with bind_socket(target) as sock, socket.socket() as four:
        assert sock.family == socket.AF_INET6
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        four.bind(("127.0.0.1", port_of(sock)))


@pytest.mark.parametrize("number", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
@pytest.mark.parametrize("target", ["tcp://*:0", "tcp://localhost:0"])
def test_a_machine_without_ipv6_binds_ipv4(
    target: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_four(address: Address) -> socket.socket:
        if address.family == socket.AF_INET6:
            raise OSError(number, os.strerror(number))
        return open_socket(address)

    monkeypatch.setattr(bind, "open_socket", open_four)

    (sock,) = bind_sockets(target)

    with closing(sock):
        assert sock.family == socket.AF_INET


@needs_ipv6
@pytest.mark.parametrize("unlucky", [3, BIND_ROUNDS])
def test_a_port_that_is_taken_on_the_second_address_is_given_back(
    unlucky: int, made: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    bind_one = bind._bind_one  # noqa: SLF001  the one place where the kernel can be overruled

    def overruled(address: Any, settings: BindSettings) -> Bound:
        if address.port and len(taken) < unlucky:
            taken.append(address.port)
            raise BindError(str(address), "it is in use", errno=errno.EADDRINUSE)
        return bind_one(address, settings)

    monkeypatch.setattr(bind, "_bind_one", overruled)
    if unlucky == BIND_ROUNDS:
        assert refusal("tcp://localhost:0").errno == errno.EADDRINUSE
    else:
        for sock in bind_sockets("tcp://localhost:0"):
            sock.close()

    assert len(taken) == unlucky
    assert all(sock.fileno() == -1 for sock in made)


def test_a_port_can_be_bound_again_after_its_connections_ended() -> None:
    with bind_socket("tcp://127.0.0.1:0") as first:
        port = port_of(first)
        first.listen()
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = first.accept()
            accepted.close()  # who closes first keeps the port in TIME_WAIT

    bind_socket(f"tcp://127.0.0.1:{port}").close()


def test_options_and_defaults_are_set_for_connections_to_inherit() -> None:
    with bind_socket("tcp://127.0.0.1:0", options={"linger": 5}) as sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert Options(sock).linger == 5


def test_an_option_that_is_given_wins_over_the_default() -> None:
    with bind_socket("tcp://127.0.0.1:0", options={"nodelay": False}) as sock:
        assert not Options(sock).nodelay


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="there is no SO_REUSEPORT here")
def test_a_port_is_shared_only_if_both_agree() -> None:
    with bind_socket("tcp://127.0.0.1:0", reuse_port=True) as first:
        target = f"tcp://127.0.0.1:{port_of(first)}"
        first.listen()
        with bind_socket(target, reuse_port=True) as second:
            second.listen()

            assert refusal(target).errno == errno.EADDRINUSE


def test_sharing_a_port_where_that_cannot_be_is_a_bind_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(socket, "SO_REUSEPORT", raising=False)

    error = refusal("tcp://127.0.0.1:0", reuse_port=True)

    assert error.errno == errno.ENOPROTOOPT
    assert error.reason == "this platform has no SO_REUSEPORT"


def test_a_port_in_use_is_named_with_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"tcp://127.0.0.1:{port_of(listener)}"

        error = refusal(address)

    assert (error.address, error.reason, error.errno) == (address, "it is in use", errno.EADDRINUSE)
    assert str(error) == f"cannot listen on {address}: it is in use"
    assert isinstance(error.__cause__, OSError)


@pytest.mark.parametrize(
    ("target", "reason", "number"),
    [
        ("tcp://192.0.2.1:0", "this machine has no such address", errno.EADDRNOTAVAIL),
        ("fd:3", "a socket that is open already cannot be bound", None),
    ],
)
def test_what_cannot_be_bound_says_why(target: str, reason: str, number: int | None) -> None:
    error = refusal(target)

    assert (error.address, error.reason, error.errno) == (target, reason, number)


@as_user
def test_a_port_that_takes_more_rights_says_so() -> None:
    start = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if start.exists() and int(start.read_text()) <= 1:
        pytest.skip("here everybody may bind every port (net.ipv4.ip_unprivileged_port_start)")

    assert refusal("tcp://127.0.0.1:1").reason == "it takes more rights than this process has"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_missing_right_is_told_in_words(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: Address) -> socket.socket:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(bind, "open_socket", forbidden)

    assert refusal("tcp://127.0.0.1:80").reason == "it takes more rights than this process has"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit that can be lowered")
def test_the_last_descriptor_is_told_in_words() -> None:
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        error = refusal("tcp://127.0.0.1:0")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert error.reason == "this process has no file descriptor left"
    assert error.errno == errno.EMFILE


@pytest.mark.parametrize("target", [("127.0.0.1", 70000), "127.0.0.1:70000", ("127.0.0.1", -1)])
def test_a_port_out_of_range_is_an_address_error(target: Any) -> None:
    with pytest.raises(AddressError, match="out of range"):
        bind_socket(target)


@needs_ipv6
@pytest.mark.parametrize("target", ["tcp://localhost:0", ("localhost", 0)])
def test_one_socket_cannot_have_several_addresses(target: Any, made: list[socket.socket]) -> None:
    with pytest.raises(BindError, match=r"several addresses .*: bind_sockets$") as caught:
        bind_socket(target)

    assert caught.value.address == "tcp://localhost:0"
    assert [sock.fileno() for sock in made] == [-1, -1]


def test_a_name_that_nobody_knows_is_a_bind_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    error = refusal("tcp://www.example.invalid:80")

    assert error.address == "tcp://www.example.invalid:80"
    assert "the name cannot be looked up" in error.reason


def test_a_name_that_the_dns_cannot_hold_is_refused_as_one() -> None:
    with pytest.raises(PortsideError):
        bind_socket(TOO_LONG_IN_THE_DNS)


def test_an_address_that_fails_half_way_closes_those_before_it(made: list[socket.socket]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = Inet4Address("127.0.0.1", port_of(listener))
        free = Inet4Address("127.0.0.2", port_of(listener))
        with pytest.raises(BindError) as caught:
            bind_addresses(Address.parse("tcp://h:1"), [free, taken], BindSettings())

    assert caught.value.errno == errno.EADDRINUSE
    assert [sock.fileno() for sock in made] == [-1] * len(made)


@pytest.mark.parametrize(
    ("settings", "error"),
    [({"options": {"nodeley": 1}}, ValueError), ({"options": {"user_timeout": -1}}, BindError)],
)
def test_an_option_that_is_refused_closes_the_socket(
    settings: Any, error: type[Exception], made: list[socket.socket]
) -> None:
    with pytest.raises(error):
        bind_socket("tcp://127.0.0.1:0", **settings)

    assert [sock.fileno() for sock in made] == [-1]


# Unix sockets; tests/system/test_unix_paths.py tells what becomes of files


@needs_unix
def test_a_unix_socket_has_the_mode_that_was_asked_for(tmp_path: Path) -> None:
    with bind_socket(f"unix:{tmp_path}/x", mode=0o660) as sock:
        assert sock.getsockname() == f"{tmp_path}/x"

    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o660


@needs_unix
def test_a_bound_unix_socket_removes_only_its_own_file(tmp_path: Path) -> None:
    target = Address.parse(f"unix:{tmp_path}/x")
    (bound,) = bind_addresses(target, [target], BindSettings())
    (tmp_path / "x").unlink()
    (again,) = bind_addresses(target, [target], BindSettings())

    assert bound.address == again.address == target
    bound.close()
    assert (tmp_path / "x").is_socket()
    again.close()
    assert not (tmp_path / "x").exists()


@needs_unix
@pytest.mark.parametrize(
    ("path", "reason", "number"),
    [
        ("missing/x", "the folder does not exist", errno.ENOENT),
        ("file/x", "the folder does not exist", errno.ENOTDIR),
        ("file", "it is in use", errno.EADDRINUSE),
        ("alive", "it is in use", errno.EADDRINUSE),
    ],
)
def test_a_path_that_cannot_be_bound_says_why(
    path: str, reason: str, number: int, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("precious")
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(str(tmp_path / "alive"))
        alive.listen()

        error = refusal(f"unix:{tmp_path}/{path}")

    assert (error.reason, error.errno) == (reason, number)
    assert error.address == f"unix:{tmp_path}/{path}"
    assert (tmp_path / "file").read_text() == "precious"


@needs_unix
def test_a_path_that_is_too_long_is_refused_with_the_limit(
    tmp_path: Path, made: list[socket.socket]
) -> None:
    with pytest.raises(AddressError, match="over the limit of 10"):
        bind_socket(f"unix:{tmp_path}/{'x' * 108}")

    assert [sock.fileno() for sock in made] == [-1]


@needs_linux
@pytest.mark.parametrize("target", ["unix:@portside-test-bind", "unix:@"])
def test_an_abstract_name_is_no_file(target: str) -> None:
    with bind_socket(target) as sock:
        name = sock.getsockname()
        taken = refusal(Address.from_sockaddr(sock.family, name))

    assert name.startswith(b"\0")
    assert taken.errno == errno.EADDRINUSE
