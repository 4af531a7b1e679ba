"""Addresses of the internet as the tuples that the socket module has for them.

("127.0.0.1", 80)      ("::1", 80, 0, 0)      ("localhost", 80)
"""

from __future__ import annotations

import socket
from typing import Any, Final

from portside.addresses.internet import (
    LARGEST_FLOWINFO,
    TRANSPORTS,
    Inet4Address,
    Inet6Address,
    InternetAddress,
    Transport,
    at_host,
)
from portside.addresses.literals import mapped_inet4
from portside.addresses.sockaddrs import fields
from portside.addresses.text import check_number
from portside.errors import AddressError

__all__ = ["from_inet4_sockaddr", "from_inet6_sockaddr", "from_tuple"]

_BROADCAST: Final = "<broadcast>"
_BROADCAST_ADDRESS: Final = "255.255.255.255"
"""The socket module's name for an address, and the address (RFC 919)."""

_LARGEST_SCOPE: Final = 2**32 - 1
"""``sin6_scope_id`` has 32 bits (RFC 3493, section 3.3)."""


def from_tuple(target: tuple[Any, ...]) -> InternetAddress:
    """Make a TCP address of ``(host, port)`` or ``(host, port, flowinfo, scope_id)``.

    The host is as in a text, without brackets: '' is the loopback.  ``<broadcast>`` is
    the socket module's own name for 255.255.255.255.

    Raises:
        AddressError: If it is something else.
    """
    host, port, *rest = fields(target, "('localhost', 8000)", str, int, int, int, least=2)
    if ":" in host or rest:
        flowinfo, scope_id = (*rest, 0, 0)[:2]
        return _inet6(host, port, flowinfo, scope_id, "tcp")
    if host == _BROADCAST:
        return Inet4Address(_BROADCAST_ADDRESS, port)
    return at_host(host, port, "tcp", None)


def from_inet4_sockaddr(sockaddr: object, kind: int | None, protocol: int | None) -> Inet4Address:
    """Make an address of ``(host, port)``; the host '' is every interface, as in ``bind``.

    Raises:
        AddressError: If it is something else.
    """
    host, port = fields(sockaddr, "('127.0.0.1', 8000)", str, int)
    host = {"": "0.0.0.0", _BROADCAST: _BROADCAST_ADDRESS}.get(host, host)  # noqa: S104 - as bind
    return Inet4Address(host, port, _transport(kind, protocol))


def from_inet6_sockaddr(
    sockaddr: object, kind: int | None, protocol: int | None
) -> Inet4Address | Inet6Address:
    """Make an address of ``(host, port, flowinfo, scope_id)``; the last two may be missing.

    Raises:
        AddressError: If it is something else.
    """
    found = fields(sockaddr, "('::1', 8000, 0, 0)", str, int, int, int, least=2)
    host, port, flowinfo, scope_id = (*found, 0, 0)[:4]
    transport = _transport(kind, protocol)
    # What the error queue gives has the traffic class above the flow label (ip6_flowinfo in
    # the kernel's net/ipv6.h), and Python takes only the label back.
    label = flowinfo & LARGEST_FLOWINFO
    address = _inet6(host or "::", port, label, scope_id, transport)
    mapped = mapped_inet4(address.host)
    return address if mapped is None else Inet4Address(mapped, port, transport)


def _inet6(
    host: str, port: int, flowinfo: int, scope_id: int, transport: Transport
) -> Inet6Address:
    """Make an address whose zone may stand behind the host, or be a number, as in Python."""
    host, percent, zone = host.partition("%")
    if percent and not zone:
        raise AddressError(host, "the zone behind % is empty: expected one such as fe80::1%eth0")
    scope = zone or str(check_number(scope_id, "scope_id", _LARGEST_SCOPE))
    return Inet6Address(host, port, transport, flowinfo, scope)


def _transport(kind: int | None, protocol: int | None) -> Transport:
    """Tell what a socket talks: TLS cannot be told from TCP, and is the caller's to add.

    Raises:
        AddressError: If it is none of ours.
    """
    for transport, (kind_name, name, _) in TRANSPORTS.items():
        of_kind = kind is None or kind == getattr(socket, f"SOCK_{kind_name.upper()}")
        if of_kind and (not protocol or protocol == getattr(socket, name, None)):
            return transport
    named = getattr(kind, "name", kind)
    reason = f"no transport has kind {named} and protocol {protocol}: expected TCP or UDP"
    raise AddressError(str(kind), reason)
