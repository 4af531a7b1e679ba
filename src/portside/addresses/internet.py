"""Addresses of the internet: a host, a port and how to talk to it.

    tcp://localhost:8000      tls://www.example.com:443      tcp6://*:8000     HostAddress
    udp://127.0.0.1:53                                                         Inet4Address
    tcp://[2001:db8::1]:80    udp://[fe80::1%25eth0]:53?flowinfo=7             Inet6Address

``4`` or ``6`` behind the scheme asks for a version of IP.  Without a scheme it is TCP,
without a host it is the loopback, and ``*`` is every interface.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from portside.addresses.address import Address
from portside.addresses.constants import constant, kind_constant
from portside.addresses.hosts import (
    check_host_name,
    check_inet4,
    check_port,
    read_port,
    split_host,
)
from portside.addresses.interfaces import check_zone, read_zone, write_zone, zone_index
from portside.addresses.literals import canonical_inet6, is_inet4
from portside.addresses.text import (
    after_slashes,
    check_number,
    check_word,
    is_number,
    join_query,
    read_number,
    split_query,
)
from portside.errors import AddressError

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "EVERY_INTERFACE",
    "LARGEST_FLOWINFO",
    "LOOPBACK",
    "SCHEMES",
    "TRANSPORTS",
    "HostAddress",
    "Inet4Address",
    "Inet6Address",
    "InternetAddress",
    "Transport",
    "at_host",
    "parse",
    "parse_without_scheme",
]

Transport: TypeAlias = Literal["tcp", "tls", "udp", "mptcp", "udplite"]
"""How to talk to a host; ``tls`` is TLS over TCP."""

Version: TypeAlias = Literal[4, 6]

LOOPBACK: Final = "localhost"
EVERY_INTERFACE: Final = "*"

TRANSPORTS: Final[dict[Transport, tuple[str, str, str]]] = {
    "tcp": ("stream", "IPPROTO_TCP", "TCP"),
    "tls": ("stream", "IPPROTO_TCP", "TCP"),
    "udp": ("dgram", "IPPROTO_UDP", "UDP"),
    "mptcp": ("stream", "IPPROTO_MPTCP", "Multipath TCP"),
    "udplite": ("dgram", "IPPROTO_UDPLITE", "UDP-Lite"),
}
"""The kind of socket, the protocol's name in the socket module, and its name in words."""

_FAMILIES: Final[dict[Version | None, socket.AddressFamily]] = {
    None: socket.AF_UNSPEC,
    4: socket.AF_INET,
    6: socket.AF_INET6,
}

SCHEMES: Final[dict[str, tuple[Transport, Version | None]]] = {
    f"{transport}{version or ''}": (transport, version)
    for transport in TRANSPORTS
    for version in _FAMILIES
}

LARGEST_FLOWINFO: Final = 0xFFFFF
"""A flow label has 20 bits (RFC 8200, section 3), and Python takes no more."""


@dataclass(frozen=True, slots=True)
class InternetAddress(Address):
    """A host and a port, reached by IP: its subclasses say how far the host is known.

    Attributes:
        host: A name, or an IPv4 or IPv6 address without brackets or zone.
        port: 0 to 65535.
        transport: ``tcp``, ``tls``, ``udp``, ``mptcp`` or ``udplite``.
    """

    host: str
    port: int
    transport: Transport = "tcp"

    def __post_init__(self) -> None:
        check_port(self.port)
        check_word(self.transport, "transport", TRANSPORTS)

    def with_port(self, port: int) -> Self:
        """Return the same address with another port.

        Raises:
            AddressError: If it is not from 0 to 65535.
        """
        return replace(self, port=port)

    def with_transport(self, transport: Transport) -> Self:
        """Return the same address for another transport.

        Raises:
            AddressError: If there is no such transport.
        """
        return replace(self, transport=transport)

    def with_sockaddr(self, family: int, sockaddr: object) -> Address:
        """Return the address of the same transport at another ``sockaddr``.

        Raises:
            AddressError: As ``from_sockaddr`` does.
        """
        address = Address.from_sockaddr(family, sockaddr)
        if isinstance(address, InternetAddress):
            return address.with_transport(self.transport)
        return address

    @property
    def kind(self) -> socket.SocketKind:
        """``socket.SOCK_STREAM`` or ``socket.SOCK_DGRAM``."""
        return kind_constant(str(self), TRANSPORTS[self.transport][0])

    @property
    def protocol(self) -> int:
        """Such as ``socket.IPPROTO_TCP``; for ``tls`` too, which runs over it.

        Raises:
            AddressError: If this Python lacks it.
        """
        _, name, feature = TRANSPORTS[self.transport]
        return int(constant(str(self), name, feature))


@dataclass(frozen=True, slots=True)
class HostAddress(InternetAddress):
    """A host whose addresses are still to be looked up: a name, ``localhost`` or ``*``.

    ``*`` is every interface; which addresses that is depends on the machine.

    Attributes:
        host: In lower case if it is ASCII; '' becomes ``localhost``.
        version: The version of IP that is asked for, 4 or 6; None for either.

    Raises:
        AddressError: If the host is no name, such as an IPv4 address with a mistake in it.
    """

    version: Version | None = None

    def __post_init__(self) -> None:
        # Zero-argument super() fails here: slots=True makes the class a second time.
        InternetAddress.__post_init__(self)
        if self.version not in _FAMILIES:
            raise AddressError(str(self.version), f"there is no IPv{self.version}: expected 4 or 6")
        host = self.host or LOOPBACK
        if is_inet4(host):
            raise AddressError(host, f"{host} is not a name: expected Inet4Address for it")
        if host != EVERY_INTERFACE:
            host = check_host_name(host)
        object.__setattr__(self, "host", host)

    @property
    def family(self) -> socket.AddressFamily:
        """The family that is asked for; ``socket.AF_UNSPEC`` for either."""
        return _FAMILIES[self.version]

    def sockaddr(self) -> tuple[Any, ...]:
        """Refuse: a lookup comes first.

        Raises:
            AddressError: Always.
        """
        what = "what * stands for" if self.host == EVERY_INTERFACE else f"host {self.host!r}"
        reason = f"{what} has to be looked up first: expected an IP address, such as 127.0.0.1"
        raise AddressError(str(self), reason)

    def __str__(self) -> str:
        return f"{self.transport}{self.version or ''}://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Inet4Address(InternetAddress):
    """An IPv4 address and a port (ip(7)).

    Attributes:
        host: Four decimal numbers; ``0.0.0.0`` is every interface.

    Raises:
        AddressError: If the host is anything else, or the port is out of range.
    """

    _family = "AF_INET"
    _feature = "IPv4"

    def __post_init__(self) -> None:
        InternetAddress.__post_init__(self)
        check_inet4(self.host)

    def sockaddr(self) -> tuple[str, int]:
        """Return ``(host, port)``."""
        return self.host, self.port

    def __str__(self) -> str:
        return f"{self.transport}://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Inet6Address(InternetAddress):
    """An IPv6 address and a port (ipv6(7)).

    Attributes:
        host: As RFC 5952 prints it, whichever way it was given; ``::`` is every interface.
        flowinfo: The flow label, 0 to 0xfffff.
        scope: The zone (RFC 4007): the name of an interface or its number; '' for none.

    Raises:
        AddressError: If the host is no IPv6 address, or another field is out of range.
    """

    flowinfo: int = 0
    scope: str = ""

    _family = "AF_INET6"
    _feature = "IPv6"

    def __post_init__(self) -> None:
        InternetAddress.__post_init__(self)
        host = canonical_inet6(self.host)
        if host is None:
            reason = f"{self.host!r} is not an IPv6 address: expected one such as ::1"
            raise AddressError(self.host, reason)
        check_number(self.flowinfo, "flowinfo", LARGEST_FLOWINFO)
        object.__setattr__(self, "host", host)
        object.__setattr__(self, "scope", check_zone(self.scope))

    def sockaddr(self) -> tuple[str, int, int, int]:
        """Return ``(host, port, flowinfo, scope_id)``.

        Raises:
            AddressError: If the scope is the name of an interface this machine has not got.
        """
        return self.host, self.port, self.flowinfo, zone_index(str(self), self.scope)

    def __str__(self) -> str:
        query = join_query(flowinfo=str(self.flowinfo) if self.flowinfo else None)
        return f"{self.transport}://[{self.host}{write_zone(self.scope)}]:{self.port}{query}"


def parse(scheme: str, rest: str) -> InternetAddress:
    """Read ``//host:port`` behind one of ``SCHEMES``.

    Raises:
        AddressError: If it is something else.
    """
    transport, version = SCHEMES[scheme]
    text = after_slashes(scheme, rest, f"{scheme}://localhost:8000")
    keys = ["flowinfo"] if text.startswith("[") else []
    pair, query = split_query(text, keys)
    host, port = split_host(pair)
    address = at_host(host, read_port(port), transport, version)
    if isinstance(address, Inet6Address) and "flowinfo" in query:
        flowinfo = read_number(query["flowinfo"], "flowinfo", LARGEST_FLOWINFO)
        return replace(address, flowinfo=flowinfo)
    return address


def parse_without_scheme(text: str) -> InternetAddress:
    """Read ``host:port``, ``[ipv6]:port``, ``:port`` or ``port``, which is TCP.

    Raises:
        AddressError: If it is something else.
    """
    if is_number(text):
        return HostAddress(LOOPBACK, read_port(text))
    return parse("tcp", f"//{text}")


def at_host(host: str, port: int, transport: Transport, version: Version | None) -> InternetAddress:
    """Make the address of a host; its look tells what it is, and IPv6 has its brackets.

    Raises:
        AddressError: If it is nothing, or another version of IP than the one asked for.
    """
    found: InternetAddress
    if host.startswith("["):
        literal, zone = read_zone(host[1:-1])
        found, fitting = Inet6Address(literal, port, transport, scope=zone), 6
    elif is_inet4(host):
        found, fitting = Inet4Address(host, port, transport), 4
    else:
        return HostAddress(host, port, transport, version)
    if version not in {None, fitting}:
        reason = (
            f"{transport}{version} asks for IPv{version}, and {host} is IPv{fitting}: "
            f"expected {transport}{fitting}://{host}:{port}"
        )
        raise AddressError(host, reason)
    return found
