from __future__ import annotations

import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import HostAddress, Inet4Address, Inet6Address, InternetAddress
from portside.addresses.internet_tuples import (
    from_inet4_sockaddr,
    from_inet6_sockaddr,
    from_tuple,
)
from portside.errors import AddressError

PORTS = st.integers(0, 65535)


@pytest.mark.parametrize(
    ("target", "address"),
    [
        (("example.com", 80), HostAddress("example.com", 80)),
        (("", 80), HostAddress("localhost", 80)),
        (("*", 80), HostAddress("*", 80)),
        (("127.0.0.1", 80), Inet4Address("127.0.0.1", 80)),
        (("<broadcast>", 80), Inet4Address("255.255.255.255", 80)),
        (("::1", 80), Inet6Address("::1", 80)),
        (("fe80::1%eth0", 80), Inet6Address("fe80::1", 80, scope="eth0")),
        (("fe80::1%25", 80), Inet6Address("fe80::1", 80, scope="25")),
        (("fe80::1", 80, 7, 2), Inet6Address("fe80::1", 80, "tcp", 7, "2")),
        (("fe80::1", 80, 7), Inet6Address("fe80::1", 80, "tcp", 7)),
        (("::ffff:1.2.3.4", 80), Inet6Address("::ffff:1.2.3.4", 80)),
    ],
)
def test_a_host_and_a_port_are_a_tcp_address(
    target: tuple[object, ...], address: InternetAddress
) -> None:
    assert from_tuple(target) == address


@pytest.mark.parametrize(
    "target",
    [
        (),
        ("h",),
        (None, 80),
        ("h", "80"),
        ("h", None),
        ("h", True),
        ("h", -1),
        ("h", 65536),
        ("127.1", 80),
        ("a b", 80),
        ("[::1]", 80),
        ("::1:", 80),
        ("fe80::1%", 80),
        ("1.2.3.4", 80, 0, 0),
        ("h", 80, 0, 0),
        ("::1", 80, 0x100000, 0),
        ("::1", 80, 0, -1),
        ("::1", 80, 0, 2**32),
        ("::1", 80, 0, 0, 0),
    ],
)
def test_any_other_tuple_is_refused(target: tuple[object, ...]) -> None:
    with pytest.raises(AddressError, match=r"expected"):
        from_tuple(target)


@settings(deadline=None)
@given(host=st.ip_addresses(v=4).map(str), port=PORTS)
def test_an_ipv4_sockaddr_comes_back(host: str, port: int) -> None:
    address = Inet4Address(host, port)

    assert from_inet4_sockaddr(address.sockaddr(), None, None) == address


@settings(deadline=None)
@given(
    host=st.ip_addresses(v=6).map(str).filter(lambda host: not host.startswith("::ffff:")),
    port=PORTS,
    flowinfo=st.integers(0, 0xFFFFF),
    scope=st.integers(0, 2**32 - 1).map(str),
)
def test_an_ipv6_sockaddr_comes_back(host: str, port: int, flowinfo: int, scope: str) -> None:
    address = Inet6Address(host, port, "tcp", flowinfo, scope)

    assert from_inet6_sockaddr(address.sockaddr(), None, None) == address


@settings(deadline=None)
@given(host=st.ip_addresses(v=4).map(str), port=PORTS)
def test_a_mapped_ipv4_sockaddr_is_an_ipv4_address(host: str, port: int) -> None:
    mapped = (f"::ffff:{host}", port, 0, 0)

    assert from_inet6_sockaddr(mapped, None, None) == Inet4Address(host, port)


def test_an_empty_host_is_every_interface_as_in_bind() -> None:
    assert from_inet4_sockaddr(("", 80), None, None) == Inet4Address("0.0.0.0", 80)
    assert from_inet6_sockaddr(("", 80), None, None) == Inet6Address("::", 80)


def test_broadcast_is_an_address_as_in_sendto() -> None:
    assert from_inet4_sockaddr(("<broadcast>", 9), None, None).host == "255.255.255.255"


def test_the_traffic_class_above_a_flow_label_is_left_out() -> None:
    assert from_inet6_sockaddr(("::1", 80, 0x0AB00007, 0), None, None).sockaddr()[2:] == (7, 0)


def test_a_zone_behind_the_host_is_the_scope() -> None:
    found = from_inet6_sockaddr(("fe80::1%eth0", 80, 0, 0), None, None)

    assert found == Inet6Address("fe80::1", 80, scope="eth0")


@pytest.mark.parametrize(
    ("kind", "protocol", "transport"),
    [
        (None, None, "tcp"),
        (socket.SOCK_STREAM, None, "tcp"),
        (socket.SOCK_STREAM, 0, "tcp"),
        (socket.SOCK_STREAM, socket.IPPROTO_TCP, "tcp"),
        (None, socket.IPPROTO_UDP, "udp"),
        (socket.SOCK_DGRAM, None, "udp"),
        (socket.SOCK_DGRAM, socket.IPPROTO_UDP, "udp"),
        (socket.SOCK_STREAM, 262, "mptcp"),
        (socket.SOCK_DGRAM, 136, "udplite"),
    ],
)
def test_kind_and_protocol_tell_the_transport(
    kind: int | None, protocol: int | None, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "IPPROTO_MPTCP", 262, raising=False)
    monkeypatch.setattr(socket, "IPPROTO_UDPLITE", 136, raising=False)

    assert from_inet4_sockaddr(("1.2.3.4", 1), kind, protocol).transport == transport
    assert from_inet6_sockaddr(("::1", 1, 0, 0), kind, protocol).transport == transport


@pytest.mark.parametrize(
    ("kind", "protocol"),
    [
        (socket.SOCK_SEQPACKET, None),
        (socket.SOCK_STREAM, 132),
        (socket.SOCK_DGRAM, socket.IPPROTO_TCP),
    ],
)
def test_another_transport_is_refused(kind: int, protocol: int | None) -> None:
    with pytest.raises(AddressError, match=r"expected TCP or UDP"):
        from_inet4_sockaddr(("1.2.3.4", 1), kind, protocol)


@pytest.mark.parametrize("sockaddr", [None, "h", ("h", 1), ("1.2.3.4",), ("1.2.3.4", 1, 2)])
def test_what_is_no_ipv4_sockaddr_is_refused(sockaddr: object) -> None:
    with pytest.raises(AddressError, match=r"expected"):
        from_inet4_sockaddr(sockaddr, None, None)


@pytest.mark.parametrize("sockaddr", [None, ("h", 1, 0, 0), ("::1",), ("1.2.3.4", 1, 0, 0)])
def test_what_is_no_ipv6_sockaddr_is_refused(sockaddr: object) -> None:
    with pytest.raises(AddressError, match=r"expected"):
        from_inet6_sockaddr(sockaddr, None, None)
