"""The table of families: who reads which text, and which socket address.

A new family is a new file, a line in each of the two tables, and a row in the tests.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

from portside.addresses import (
    alg,
    bluetooth,
    can,
    divert,
    hci,
    hyperv,
    inherited,
    internet,
    internet_tuples,
    kctl,
    netlink,
    packet,
    qrtr,
    raw,
    rds,
    tipc,
    unix,
    vsock,
)
from portside.addresses.address import Address
from portside.addresses.text import did_you_mean, listing, quote
from portside.errors import AddressError

if TYPE_CHECKING:
    from collections.abc import Callable

    from portside.addresses.address import Target

__all__ = ["SCHEMES", "from_sockaddr", "of", "parse"]

SCHEMES: Final[dict[str, Callable[[str, str], Address]]] = {
    **dict.fromkeys(internet.SCHEMES, internet.parse),
    **dict.fromkeys(unix.SCHEMES, unix.parse),
    **dict.fromkeys(inherited.SCHEMES, inherited.parse),
    **dict.fromkeys(vsock.SCHEMES, vsock.parse),
    **dict.fromkeys(raw.SCHEMES, raw.parse),
    **dict.fromkeys(netlink.SCHEMES, netlink.parse),
    **dict.fromkeys(packet.SCHEMES, packet.parse),
    **dict.fromkeys(can.SCHEMES, can.parse),
    **dict.fromkeys(bluetooth.SCHEMES, bluetooth.parse),
    **dict.fromkeys(hci.SCHEMES, hci.parse),
    **dict.fromkeys(alg.SCHEMES, alg.parse),
    **dict.fromkeys(tipc.SCHEMES, tipc.parse),
    **dict.fromkeys(qrtr.SCHEMES, qrtr.parse),
    **dict.fromkeys(hyperv.SCHEMES, hyperv.parse),
    **dict.fromkeys(rds.SCHEMES, rds.parse),
    **dict.fromkeys(divert.SCHEMES, divert.parse),
    **dict.fromkeys(kctl.SCHEMES, kctl.parse),
}
"""The scheme of a text, and who reads what stands behind its colon."""


_USUAL: Final = ("tcp", "tls", "udp", "unix", "fd", "vsock", "another one of Address.parse")


def parse(text: str) -> Address:
    """Read an address: ``Address.parse`` says how.

    Raises:
        AddressError: If it is none.
    """
    try:
        return _parse(text)
    except AddressError as error:
        raise AddressError(text, error.reason) from None


def _parse(text: str) -> Address:
    if not text:
        raise AddressError(text, "it is empty: expected host:port, such as localhost:8000")
    if "#" in text:
        raise AddressError(text, "it has a fragment: expected none; write # in a name as %23")
    scheme, colon, rest = text.partition(":")
    read = SCHEMES.get(scheme.lower()) if colon else None
    if read:
        return read(scheme.lower(), rest)
    if text.startswith(("/", "./", "../", "@")):
        what = "an abstract Unix name" if text[0] == "@" else "a path"
        raise AddressError(text, f"it looks like {what}: expected unix:{quote(text)}")
    if colon:
        _check_scheme(scheme, rest)
    return internet.parse_without_scheme(text)


def _check_scheme(scheme: str, rest: str) -> None:
    """Refuse what looks more like a scheme with a mistake than like ``host:port``."""
    if scheme[:1] in {"", "["} or rest[:1].isdigit():
        return
    guess = did_you_mean(scheme, SCHEMES)
    if guess or rest.startswith("//"):
        reason = f"scheme {scheme!r} is unknown: expected {listing(_USUAL)}{guess}"
        raise AddressError(scheme, reason)


def of(target: Target) -> Address:
    """Make an address of whatever names one: ``Address.of`` says how.

    Raises:
        AddressError: If it names none.
        TypeError: If it is something else altogether.
    """
    if isinstance(target, Address):
        return target
    if isinstance(target, str):
        return parse(target)
    if isinstance(target, os.PathLike):
        return unix.from_path(target)
    if not isinstance(target, tuple):
        reason = "expected a text, (host, port), a path or an Address"
        raise TypeError(f"{target!r} does not name an address: {reason}")
    try:
        return internet_tuples.from_tuple(target)
    except AddressError as error:
        raise AddressError(repr(target), error.reason) from None


def from_sockaddr(family: int, sockaddr: object, kind: int | None, protocol: int | None) -> Address:
    """Make an address of the socket module's: ``Address.from_sockaddr`` says how.

    Raises:
        AddressError: If there is no such family here, or the sockaddr is not of its form.
    """
    try:
        return _reader(family)(sockaddr, kind, protocol)
    except AddressError as error:
        raise AddressError(repr(sockaddr), error.reason) from None


def _reader(family: int) -> Callable[[object, int | None, int | None], Address]:
    for name, read in _READERS.items():
        # Numbers of families differ from system to system, and not all have each of them.
        if getattr(socket, name, None) == family:
            return read
    named = getattr(family, "name", family)
    reason = f"family {named} is unknown here: expected {listing(_READERS)}"
    raise AddressError(str(family), reason)


def _from_inet4(sockaddr: object, kind: int | None, protocol: int | None) -> Address:
    read = raw.from_sockaddr if kind == socket.SOCK_RAW else internet_tuples.from_inet4_sockaddr
    return read(sockaddr, kind, protocol)


def _from_inet6(sockaddr: object, kind: int | None, protocol: int | None) -> Address:
    read = raw.from_sockaddr if kind == socket.SOCK_RAW else internet_tuples.from_inet6_sockaddr
    return read(sockaddr, kind, protocol)


def _from_bluetooth(sockaddr: object, kind: int | None, protocol: int | None) -> Address:
    for name, read in _BLUETOOTH.items():
        if protocol is not None and protocol == getattr(socket, name, None):
            return read(sockaddr, kind)
    return _BLUETOOTH[_bluetooth_protocol(sockaddr, kind)](sockaddr, kind)


def _bluetooth_protocol(sockaddr: object, kind: int | None) -> str:
    """Tell the protocol by the form of the address, and by the kind where two share a form."""
    match sockaddr:
        case str() | bytes():
            return "BTPROTO_HCI" if kind == socket.SOCK_RAW else "BTPROTO_SCO"
        case (str(), int()):
            return "BTPROTO_RFCOMM" if kind in {None, socket.SOCK_STREAM} else "BTPROTO_L2CAP"
        case (str(), *_):
            return "BTPROTO_L2CAP"
        case _:
            return "BTPROTO_HCI"


_BLUETOOTH: Final[dict[str, Callable[[object, int | None], Address]]] = {
    "BTPROTO_RFCOMM": bluetooth.from_rfcomm_sockaddr,
    "BTPROTO_L2CAP": bluetooth.from_l2cap_sockaddr,
    "BTPROTO_SCO": bluetooth.from_sco_sockaddr,
    "BTPROTO_HCI": hci.from_sockaddr,
}

# The usual families come first: a datagram socket asks for each datagram.
_READERS: Final[dict[str, Callable[[object, int | None, int | None], Address]]] = {
    "AF_INET": _from_inet4,
    "AF_INET6": _from_inet6,
    "AF_UNIX": unix.from_sockaddr,
    "AF_VSOCK": vsock.from_sockaddr,
    "AF_NETLINK": netlink.from_sockaddr,
    "AF_PACKET": packet.from_sockaddr,
    "AF_CAN": can.from_sockaddr,
    "AF_BLUETOOTH": _from_bluetooth,
    "AF_ALG": alg.from_sockaddr,
    "AF_TIPC": tipc.from_sockaddr,
    "AF_QIPCRTR": qrtr.from_sockaddr,
    "AF_HYPERV": hyperv.from_sockaddr,
    "AF_RDS": rds.from_sockaddr,
    "AF_DIVERT": divert.from_sockaddr,
    "AF_SYSTEM": kctl.from_sockaddr,
}
