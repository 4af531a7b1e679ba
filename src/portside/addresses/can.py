"""CAN buses: in cars, and wherever else controllers share a wire.

    can:can0    can:*    can+bcm:can0                       frames, and the broadcast manager
    can+isotp:can0?rx=0x123&tx=0x456                        ISO 15765-2: long messages
    can+j1939:can0?addr=0x20&name=0x1234&pgn=0x1fe00        SAE J1939: trucks and tractors

Source: the kernel's ``Documentation/networking/can.rst`` and ``j1939.rst``.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from portside.addresses.address import Address
from portside.addresses.constants import constant, kind_constant, kind_name
from portside.addresses.interfaces import check_interface, read_interface, write_interface
from portside.addresses.sockaddrs import fields
from portside.addresses.text import (
    check_number,
    check_word,
    join_query,
    read_number,
    split_query,
)
from portside.errors import AddressError

__all__ = [
    "SCHEMES",
    "CanAddress",
    "CanIsotpAddress",
    "CanJ1939Address",
    "from_sockaddr",
    "parse",
]

SCHEMES: Final = ("can", "can+bcm", "can+isotp", "can+j1939")

Service: TypeAlias = Literal["raw", "bcm"]

_SERVICES: Final[dict[Service, tuple[str, str]]] = {
    "raw": ("raw", "CAN_RAW"),
    "bcm": ("dgram", "CAN_BCM"),
}
"""The kind of socket, and the protocol's name in the socket module."""

_LARGEST_ID: Final = 2**32 - 1
"""``canid_t`` has 32 bits: 29 of the identifier, 3 flags (``linux/can.h``)."""

NO_NAME: Final = 0
NO_PGN: Final = 0x40000
NO_ADDR: Final = 0xFF
"""Any name, any parameter group, any address (``linux/can/j1939.h``)."""

_LARGEST_NAME: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class CanAddress(Address):
    """A CAN interface, for single frames or the broadcast manager.

    Attributes:
        interface: Its name; '' is every interface.
        service: ``raw`` for frames, ``bcm`` for the broadcast manager.

    Raises:
        AddressError: If one of them is something else.
    """

    interface: str
    service: Service = "raw"

    _family = "AF_CAN"
    _feature = "CAN"

    def __post_init__(self) -> None:
        check_word(self.service, "service", _SERVICES)
        object.__setattr__(self, "interface", check_interface(self.interface))

    @property
    def kind(self) -> socket.SocketKind:
        """``socket.SOCK_RAW``, or ``SOCK_DGRAM`` for the broadcast manager."""
        return kind_constant(str(self), _SERVICES[self.service][0])

    @property
    def protocol(self) -> int:
        """``socket.CAN_RAW`` or ``CAN_BCM``.

        Raises:
            AddressError: If this Python lacks it.
        """
        return int(constant(str(self), _SERVICES[self.service][1], self._feature))

    def sockaddr(self) -> tuple[str]:
        """Return ``(interface,)``."""
        return (self.interface,)

    def __str__(self) -> str:
        scheme = "can" if self.service == "raw" else f"can+{self.service}"
        return f"{scheme}:{write_interface(self.interface)}"


@dataclass(frozen=True, slots=True)
class CanIsotpAddress(Address):
    """A conversation by ISO-TP: two identifiers on a CAN interface.

    Attributes:
        interface: Its name; '' is every interface.
        rx: The identifier to receive, with its flags, 32 bits.
        tx: The identifier to send, with its flags, 32 bits.

    Raises:
        AddressError: If one of them is out of range.
    """

    interface: str
    rx: int
    tx: int

    _family = "AF_CAN"
    _feature = "CAN"
    _kind = "dgram"

    def __post_init__(self) -> None:
        check_number(self.rx, "rx", _LARGEST_ID)
        check_number(self.tx, "tx", _LARGEST_ID)
        object.__setattr__(self, "interface", check_interface(self.interface))

    @property
    def protocol(self) -> int:
        """``socket.CAN_ISOTP``.

        Raises:
            AddressError: If this Python lacks it.
        """
        return int(constant(str(self), "CAN_ISOTP", "ISO-TP"))

    def sockaddr(self) -> tuple[str, int, int]:
        """Return ``(interface, rx, tx)``."""
        return self.interface, self.rx, self.tx

    def __str__(self) -> str:
        query = join_query(rx=hex(self.rx), tx=hex(self.tx))
        return f"can+isotp:{write_interface(self.interface)}{query}"


@dataclass(frozen=True, slots=True)
class CanJ1939Address(Address):
    """A control unit, or a group of messages, by SAE J1939.

    Attributes:
        interface: Its name; '' is every interface.
        name: The unit's 64-bit name; 0 is any.
        pgn: The parameter group's number, 18 bits; 0x40000 is any.
        addr: The unit's 8-bit address; 0xff is any.

    Raises:
        AddressError: If one of them is out of range.
    """

    interface: str
    name: int = NO_NAME
    pgn: int = NO_PGN
    addr: int = NO_ADDR

    _family = "AF_CAN"
    _feature = "CAN"
    _kind = "dgram"

    def __post_init__(self) -> None:
        check_number(self.name, "name", _LARGEST_NAME)
        check_number(self.pgn, "pgn", NO_PGN)
        check_number(self.addr, "addr", NO_ADDR)
        object.__setattr__(self, "interface", check_interface(self.interface))

    @property
    def protocol(self) -> int:
        """``socket.CAN_J1939``.

        Raises:
            AddressError: If this Python lacks it.
        """
        return int(constant(str(self), "CAN_J1939", "J1939"))

    def sockaddr(self) -> tuple[str, int, int, int]:
        """Return ``(interface, name, pgn, addr)``."""
        return self.interface, self.name, self.pgn, self.addr

    def __str__(self) -> str:
        query = join_query(
            name=hex(self.name) if self.name != NO_NAME else None,
            pgn=hex(self.pgn) if self.pgn != NO_PGN else None,
            addr=hex(self.addr) if self.addr != NO_ADDR else None,
        )
        return f"can+j1939:{write_interface(self.interface)}{query}"


def parse(scheme: str, rest: str) -> CanAddress | CanIsotpAddress | CanJ1939Address:
    """Read an interface, and what the protocol needs beside it, behind one of ``SCHEMES``.

    Raises:
        AddressError: If it is something else.
    """
    if scheme == "can+isotp":
        return _parse_isotp(rest)
    if scheme == "can+j1939":
        return _parse_j1939(rest)
    interface, _ = split_query(rest)
    service: Service = "bcm" if scheme == "can+bcm" else "raw"
    return CanAddress(read_interface(interface, f"{scheme}:can0"), service)


def _parse_isotp(rest: str) -> CanIsotpAddress:
    interface, query = split_query(rest, ["rx", "tx"])
    if len(query) != len(("rx", "tx")):
        reason = "it needs both identifiers: expected can+isotp:can0?rx=0x123&tx=0x456"
        raise AddressError(rest, reason)
    return CanIsotpAddress(
        read_interface(interface, "can+isotp:can0"),
        read_number(query["rx"], "rx", _LARGEST_ID),
        read_number(query["tx"], "tx", _LARGEST_ID),
    )


def _parse_j1939(rest: str) -> CanJ1939Address:
    interface, query = split_query(rest, ["addr", "name", "pgn"])
    return CanJ1939Address(
        read_interface(interface, "can+j1939:can0"),
        read_number(query.get("name", str(NO_NAME)), "name", _LARGEST_NAME),
        read_number(query.get("pgn", str(NO_PGN)), "pgn", NO_PGN),
        read_number(query.get("addr", str(NO_ADDR)), "addr", NO_ADDR),
    )


def from_sockaddr(
    sockaddr: object, kind: int | None, protocol: int | None
) -> CanAddress | CanIsotpAddress | CanJ1939Address:
    """Make an address of a tuple that starts with an interface: its length tells the protocol.

    Raises:
        AddressError: If it is something else.
    """
    shape = "(interface,), (interface, rx, tx) or (interface, name, pgn, addr)"
    found = fields(sockaddr, shape, str, int, int, int, least=1)
    match found:
        case (interface,):
            return CanAddress(interface, _service(kind, protocol))
        case (interface, rx, tx):
            kind_name(kind, ["dgram"])
            return CanIsotpAddress(interface, rx, tx)
        case (interface, name, pgn, addr):
            kind_name(kind, ["dgram"])
            return CanJ1939Address(interface, name, pgn, addr)
        case _:
            raise AddressError(repr(sockaddr), f"no CAN protocol has two items: expected {shape}")


def _service(kind: int | None, protocol: int | None) -> Service:
    broadcast = kind_name(kind, ["raw", "dgram"]) == "dgram"
    if broadcast or (protocol and protocol == getattr(socket, "CAN_BCM", None)):
        return "bcm"
    return "raw"
