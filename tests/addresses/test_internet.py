from __future__ import annotations

import copy
import dataclasses
import pickle
import socket
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import (
    Address,
    HostAddress,
    Inet4Address,
    Inet6Address,
    InternetAddress,
    Transport,
)
from portside.errors import AddressError

PORTS = st.integers(0, 65535)
TRANSPORTS = st.sampled_from(["tcp", "tls", "udp", "mptcp", "udplite"])
NAMES = st.from_regex(r"[a-z_]([a-z0-9-]{0,9}[a-z])?(\.[a-z]{1,5})?\.?", fullmatch=True)
HOSTS = st.builds(
    HostAddress,
    NAMES | st.sampled_from(["localhost", "*", "b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher"]),
    PORTS,
    TRANSPORTS,
    st.sampled_from([None, 4, 6]),
)
INET4 = st.builds(Inet4Address, st.ip_addresses(v=4).map(str), PORTS, TRANSPORTS)
INET6 = st.builds(
    Inet6Address,
    st.ip_addresses(v=6).map(str),
    PORTS,
    TRANSPORTS,
    st.integers(0, 0xFFFFF),
    st.sampled_from(["", "2", "4294967295", "eth0", "a%b", "Ethernet[2]"]),
)


@pytest.mark.parametrize(
    ("text", "address", "canonical"),
    [
        ("tcp://1.2.3.4:80", Inet4Address("1.2.3.4", 80), "tcp://1.2.3.4:80"),
        ("tcp4://1.2.3.4:80", Inet4Address("1.2.3.4", 80), "tcp://1.2.3.4:80"),
        ("1.2.3.4:80", Inet4Address("1.2.3.4", 80), "tcp://1.2.3.4:80"),
        ("udp://0.0.0.0:0", Inet4Address("0.0.0.0", 0, "udp"), "udp://0.0.0.0:0"),
        ("tcp4://h:80", HostAddress("h", 80, version=4), "tcp4://h:80"),
        ("tcp6://*:80", HostAddress("*", 80, version=6), "tcp6://*:80"),
        ("udp://h:53", HostAddress("h", 53, "udp"), "udp://h:53"),
        ("mptcp://h:80", HostAddress("h", 80, "mptcp"), "mptcp://h:80"),
        ("udplite://h:80", HostAddress("h", 80, "udplite"), "udplite://h:80"),
        ("tls://h:443", HostAddress("h", 443, "tls"), "tls://h:443"),
        ("tls6://h:443", HostAddress("h", 443, "tls", 6), "tls6://h:443"),
        ("TCP://Www.Example.COM.:80", HostAddress("www.example.com.", 80), None),
        ("tcp://:0", HostAddress("localhost", 0), "tcp://localhost:0"),
        ("tcp://localhost:80", HostAddress("localhost", 80), "tcp://localhost:80"),
        ("localhost:80", HostAddress("localhost", 80), "tcp://localhost:80"),
        (":8000", HostAddress("localhost", 8000), "tcp://localhost:8000"),
        ("8000", HostAddress("localhost", 8000), "tcp://localhost:8000"),
        ("tcp://*:8000", HostAddress("*", 8000), "tcp://*:8000"),
        ("*:8000", HostAddress("*", 8000), "tcp://*:8000"),
        ("[::1]:80", Inet6Address("::1", 80), "tcp://[::1]:80"),
        ("tcp6://[::1]:80", Inet6Address("::1", 80), "tcp://[::1]:80"),
        ("tcp://[2001:DB8:0::0:1]:80", Inet6Address("2001:db8::1", 80), "tcp://[2001:db8::1]:80"),
        (
            "tcp://[fe80::1%25eth0]:80?flowinfo=0",
            Inet6Address("fe80::1", 80, scope="eth0"),
            "tcp://[fe80::1%25eth0]:80",
        ),
        (
            "udp://[fe80::1%eth0]:80?flowinfo=0x7",
            Inet6Address("fe80::1", 80, "udp", 7, "eth0"),
            "udp://[fe80::1%25eth0]:80?flowinfo=7",
        ),
        ("[fe80::1%0]:80", Inet6Address("fe80::1", 80), "tcp://[fe80::1]:80"),
        ("[::ffff:a00:17]:1", Inet6Address("::ffff:10.0.0.23", 1), "tcp://[::ffff:10.0.0.23]:1"),
    ],
)
def test_a_text_is_read_and_printed_in_one_way(
    text: str, address: Address, canonical: str | None
) -> None:
    parsed = Address.parse(text)

    assert parsed == address
    assert type(parsed) is type(address)
    assert str(parsed) == canonical or canonical is None
    assert Address.parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tcp:80", "tcp: is not followed by //: expected tcp://localhost:8000"),
        ("tcp://h", "it has no port: expected host:port, such as h:8000"),
        ("tcp://8000", "it has no port"),
        ("tcp://", "it has no port: expected host:port, such as localhost:8000"),
        ("tcp4://[::1]:80", r"tcp4 asks for IPv4, and \[::1\] is IPv6: expected tcp6://\[::1\]:80"),
        (
            "udp6://1.2.3.4:80",
            "udp6 asks for IPv6, and 1.2.3.4 is IPv4: expected udp4://1.2.3.4:80",
        ),
        ("tcp://[1.2.3.4]:80", "'1.2.3.4' is not an IPv6 address: expected one such as ::1"),
        ("tcp://[h]:80", "'h' is not an IPv6 address"),
        ("tcp://[v1.x]:80", "'v1.x' is not an IPv6 address"),
        ("tcp://[::1%25]:80", "the zone behind % is empty"),
        ("tcp://[::1]:80?flowinf=1", r"'flowinf' is unknown: .*did you mean 'flowinfo'\?"),
        ("tcp://[::1]:80?flowinfo=1&flowinfo=1", "'flowinfo' is repeated"),
        ("tcp://[::1]:80?flowinfo=1048576", "flowinfo 1048576 is out of range"),
        ("tcp://h:80?flowinfo=1", "expected none"),
        ("tcp://me@h:80", "it names a user"),
        ("tcp://h:80/", "it has a path"),
        ("tcp://h:80#top", "it has a fragment"),
        ("127.1:80", "'127.1' is not an IPv4 address"),
        ("tcp://010.8.8.8:80", "'010.8.8.8' is not an IPv4 address"),
        ("0x7f.1:80", "'0x7f.1' is not an IPv4 address"),
        ("70000", "port 70000 is out of range"),
        ("080", "port '080' is not a decimal number"),
        ("h:+80", r"port '\+80' is not a decimal number"),
        ("h: 80", "port ' 80' is not a decimal number"),
        ("h:", "the port is empty"),
        (" h:80", "cannot hold ' '"),
    ],
)
def test_a_mistake_is_told_with_the_whole_text_and_what_was_expected(
    text: str, reason: str
) -> None:
    with pytest.raises(AddressError, match=reason) as caught:
        Address.parse(text)

    assert caught.value.text == text


@settings(deadline=None)
@given(address=HOSTS | INET4 | INET6)
def test_every_address_survives_its_own_text(address: InternetAddress) -> None:
    assert Address.parse(str(address)) == address
    assert str(Address.parse(str(address))) == str(address)


def test_the_fields_are_normalised_however_an_address_is_made() -> None:
    assert HostAddress("LocalHost", 1) == HostAddress("localhost", 1) == HostAddress("", 1)
    assert Inet6Address("2001:DB8:0:0::1", 1, scope="0") == Inet6Address("2001:db8::1", 1)
    assert hash(HostAddress("H", 1)) == hash(HostAddress("h", 1))


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (HostAddress, ("1.2.3.4", 1)),
        (HostAddress, ("1.2.3", 1)),
        (HostAddress, ("::1", 1)),
        (HostAddress, ("h", 65536)),
        (HostAddress, ("h", 1, "sctp")),
        (HostAddress, ("h", 1, "tcp", 5)),
        (Inet4Address, ("localhost", 1)),
        (Inet4Address, ("", 1)),
        (Inet4Address, ("1.2.3.4", -1)),
        (Inet6Address, ("[::1]", 1)),
        (Inet6Address, ("fe80::1%eth0", 1)),
        (Inet6Address, ("::1", 1, "tcp", -1)),
        (Inet6Address, ("::1", 1, "tcp", 0, "a b")),
    ],
)
def test_an_address_that_could_not_be_printed_cannot_be_made(
    kind: type[InternetAddress], fields: tuple[object, ...]
) -> None:
    with pytest.raises(AddressError, match=r"expected"):
        kind(*fields)  # type: ignore[arg-type]  # that some are of the wrong type is the point


@pytest.mark.parametrize(
    ("transport", "kind", "protocol"),
    [
        ("tcp", socket.SOCK_STREAM, socket.IPPROTO_TCP),
        ("tls", socket.SOCK_STREAM, socket.IPPROTO_TCP),
        ("udp", socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    ],
)
def test_a_transport_is_a_kind_and_a_protocol(
    transport: Transport, kind: socket.SocketKind, protocol: int
) -> None:
    address = Inet4Address("1.2.3.4", 1, transport)

    assert (address.kind, address.protocol) == (kind, protocol)
    assert isinstance(address.kind, socket.SocketKind)


@pytest.mark.parametrize(("transport", "number"), [("mptcp", 262), ("udplite", 136)])
def test_a_rarer_transport_has_its_number_where_python_has_it(
    transport: Transport, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = HostAddress("h", 1, transport)
    name = f"IPPROTO_{transport.upper()}"

    monkeypatch.setattr(socket, name, number, raising=False)
    assert address.protocol == number

    monkeypatch.delattr(socket, name)
    with pytest.raises(AddressError, match=f"socket.{name} is missing"):
        assert address.protocol


def test_the_family_is_that_of_the_address_or_the_one_asked_for() -> None:
    assert Inet4Address("1.2.3.4", 1).family is socket.AF_INET
    assert Inet6Address("::1", 1).family is socket.AF_INET6
    assert HostAddress("h", 1).family is socket.AF_UNSPEC
    assert HostAddress("h", 1, version=4).family is socket.AF_INET
    assert HostAddress("h", 1, version=6).family is socket.AF_INET6


def test_a_host_has_no_sockaddr_before_it_is_looked_up() -> None:
    with pytest.raises(AddressError, match=r"host 'h' has to be looked up first"):
        HostAddress("h", 1).sockaddr()
    with pytest.raises(AddressError, match=r"what \* stands for has to be looked up first"):
        HostAddress("*", 1).sockaddr()


def test_a_scope_becomes_a_number_only_in_the_sockaddr() -> None:
    index, name = socket.if_nameindex()[0]

    assert Inet6Address("fe80::1", 1, scope=name).sockaddr() == ("fe80::1", 1, 0, index)
    assert Inet6Address("fe80::1", 1, "tcp", 5, "3").sockaddr() == ("fe80::1", 1, 5, 3)
    with pytest.raises(AddressError, match=r"this machine has no interface 'none0'"):
        Inet6Address("fe80::1", 1, scope="none0").sockaddr()


def test_a_port_or_a_transport_can_be_put_in_anothers_place() -> None:
    address = Inet6Address("fe80::1", 1, "tcp", 5, "eth0")

    assert address.with_port(2) == Inet6Address("fe80::1", 2, "tcp", 5, "eth0")
    assert address.with_transport("udp") == Inet6Address("fe80::1", 1, "udp", 5, "eth0")
    with pytest.raises(AddressError):
        address.with_port(-1)


def test_what_a_lookup_found_keeps_the_transport() -> None:
    target = Address.parse("tls://www.example.com:443")

    found = target.with_sockaddr(socket.AF_INET6, ("2001:db8::1", 443, 0, 0))

    assert found == Inet6Address("2001:db8::1", 443, "tls")


def test_what_is_no_internet_address_is_taken_as_it_is() -> None:
    target = Address.parse("tls://www.example.com:443")

    assert str(target.with_sockaddr(socket.AF_NETLINK, (0, 0))) == "netlink:route"


@settings(max_examples=20, deadline=None)
@given(address=HOSTS | INET4 | INET6)
def test_an_address_is_a_value(address: InternetAddress) -> None:
    twin = pickle.loads(pickle.dumps(address))

    assert twin == address == copy.deepcopy(address)
    assert hash(twin) == hash(address)
    assert len({twin, address}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        address.port = 1  # type: ignore[misc]  # that it cannot be set is the point


@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_the_kernel_takes_the_address_and_gives_it_back(kind: str, host: str) -> None:
    wanted = Address.parse(f"{kind}://{host}:0")
    with closing(socket.socket(wanted.family, wanted.kind, wanted.protocol)) as bound:
        try:
            bound.bind(wanted.sockaddr())
        except OSError as error:
            pytest.skip(f"no loopback for {host}: {error}")

        found = Address.from_sockaddr(wanted.family, bound.getsockname(), bound.type, bound.proto)

    assert isinstance(found, InternetAddress)
    assert isinstance(wanted, InternetAddress)
    assert found.port > 0
    assert found == wanted.with_port(found.port)


def test_an_ipv4_peer_of_an_ipv6_socket_is_an_ipv4_address() -> None:
    with closing(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as server:
        try:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            server.bind(("::", 0))
        except OSError as error:
            pytest.skip(f"no dual stack: {error}")
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
            client.sendto(b"ahoy", ("127.0.0.1", server.getsockname()[1]))
            _, peer = server.recvfrom(16)

            found = Address.from_sockaddr(server.family, peer, server.type)

            assert peer[0] == "::ffff:127.0.0.1"
            assert found == Address.from_sockaddr(
                socket.AF_INET, ("127.0.0.1", client.getsockname()[1]), client.type
            )
