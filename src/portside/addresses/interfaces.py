"""Names of network interfaces: in a family's address, and as the zone of an IPv6 one.

A zone tells which link a link-local address is on (RFC 4007).  It stays text here,
``eth0`` or ``2``; only ``zone_index`` asks the system for the number behind a name.
"""

from __future__ import annotations

import socket

from portside.addresses.text import check_number, decode, encode, is_number, listing, quote, unquote
from portside.errors import AddressError

__all__ = [
    "ANY_INTERFACE",
    "check_interface",
    "check_zone",
    "read_interface",
    "read_zone",
    "write_interface",
    "write_zone",
    "zone_index",
]

ANY_INTERFACE = "*"
"""How every interface is written; the socket module has the empty name for it."""

_LONGEST_NAME = 15
"""Bytes in an interface's name on Linux (IFNAMSIZ of 16, with its NUL: netdevice(7)).

Python cuts a longer one short without a word, and would open another interface.
"""

_LARGEST_INDEX = 2**32 - 1


def check_interface(name: str) -> str:
    """Return the name of an interface as we keep it; '' is every interface.

    Source: ``dev_valid_name`` in the kernel's ``net/core/dev.c``.

    Raises:
        AddressError: If the name is too long, or holds a slash, colon, space or NUL.
    """
    if name in {".", ".."} or any(char in "/:\0" or char.isspace() for char in name):
        reason = f"{name!r} cannot be the name of an interface: expected one such as eth0"
        raise AddressError(name, reason)
    if len(encode(name)) > _LONGEST_NAME:
        reason = f"interface {name!r} has over {_LONGEST_NAME} bytes: expected one such as eth0"
        raise AddressError(name, reason)
    return decode(encode(name))


def read_interface(text: str, example: str) -> str:
    """Read an interface as it stands in a text; ``*`` is every one, and becomes ''.

    Raises:
        AddressError: If there is none.
    """
    if not text:
        reason = f"it names no interface: expected one such as {example}, or * for every one"
        raise AddressError(text, reason)
    return "" if text == ANY_INTERFACE else unquote(text)


def write_interface(name: str) -> str:
    """Return an interface as ``read_interface`` reads it."""
    return quote(name, ANY_INTERFACE) if name else ANY_INTERFACE


def read_zone(host: str) -> tuple[str, str]:
    """Cut the zone off an IPv6 address that stood between brackets.

    ``%25`` before it is a percent sign in a URL (RFC 6874), and then the zone is encoded,
    too; behind a bare ``%`` it is taken as it is.

    Returns:
        The address, and the zone or ''.

    Raises:
        AddressError: If there is a ``%`` and no zone.
    """
    address, percent, zone = host.partition("%")
    if not percent:
        return address, ""
    zone = unquote(zone.removeprefix("25")) if zone.startswith("25") else zone
    if not zone:
        raise AddressError(host, "the zone behind % is empty: expected one such as fe80::1%25eth0")
    return address, zone


def write_zone(zone: str) -> str:
    """Return a zone as ``read_zone`` reads it, with its percent sign."""
    return "%25" + quote(zone, "[]/@:") if zone else ""


def check_zone(zone: str) -> str:
    """Return a zone as we keep it; 0 is the default zone (RFC 4007, section 6), so none.

    Raises:
        AddressError: If it can be neither an interface's name nor its number.
    """
    if any(char == "/" or char.isspace() or not char.isprintable() for char in zone):
        raise AddressError(zone, f"{zone!r} cannot be a zone: expected one such as eth0 or 2")
    if not is_number(zone):
        return zone
    if zone[0] == "0" and zone != "0":
        raise AddressError(zone, f"zone {zone} starts with a zero: expected one such as eth0 or 2")
    # A longer text than the largest index has is out of range; int() need not read it.
    index = int(zone[: len(str(_LARGEST_INDEX)) + 1])
    return str(check_number(index, "zone", _LARGEST_INDEX)) if index else ""


def zone_index(address: str, zone: str) -> int:
    """Return the number that the system knows a zone by, 0 for none.

    Args:
        address: The text of the whole address, for the error.
        zone: The name of an interface, or its number.

    Raises:
        AddressError: If this machine has no such interface.
    """
    if not zone or is_number(zone):
        return int(zone or 0)
    try:
        return socket.if_nametoindex(zone)
    except (OSError, UnicodeEncodeError):
        known = listing([name for _, name in socket.if_nameindex()] or ["a number"])
        reason = f"this machine has no interface {zone!r}: expected {known}"
        raise AddressError(address, reason) from None
