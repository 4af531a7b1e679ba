"""Packet sockets: frames as they pass a network interface (packet(7)).

packet:eth0?proto=0x0800      packet:*?proto=0x0003
packet:eth0?addr=001122334455&pkttype=outgoing
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final

from portside.addresses.address import Address
from portside.addresses.constants import kind_constant, kind_name
from portside.addresses.interfaces import check_interface, read_interface, write_interface
from portside.addresses.sockaddrs import fields
from portside.addresses.text import (
    check_number,
    check_word,
    is_hexadecimal,
    join_query,
    read_code,
    read_number,
    split_query,
    write_code,
)
from portside.errors import AddressError

__all__ = ["SCHEMES", "PacketAddress", "from_sockaddr", "parse"]

SCHEMES: Final = ("packet",)

PACKET_TYPES: Final = {
    "host": 0,
    "broadcast": 1,
    "multicast": 2,
    "otherhost": 3,
    "outgoing": 4,
    "loopback": 5,
}
"""``PACKET_*`` of the kernel's ``linux/if_packet.h``."""

_KINDS: Final = ("raw", "dgram")

_LARGEST_SHORT: Final = 0xFFFF
_LARGEST_BYTE: Final = 0xFF

_LONGEST_ADDRESS: Final = 32
"""Bytes in a link's address (``MAX_ADDR_LEN`` of the kernel's ``linux/netdevice.h``)."""

_LONGEST_TO_PYTHON: Final = 8
"""Bytes in a link's address that Python passes on to the kernel."""


@dataclass(frozen=True, slots=True)
class PacketAddress(Address):
    """A network interface, and the frames of it that are meant.

    Attributes:
        interface: Its name; '' is every interface.
        proto: The protocol in the frames, as an EtherType in host order: 0x0800 is IPv4,
            0x0003 all of them, 0 none yet.
        pkttype: Whom a received frame was for: 0 is this host, 4 another one, from here.
        hatype: The hardware's type, an ``ARPHRD_*`` number.
        addr: The link's address, up to 32 bytes.
        kind_name: ``raw`` with the link's header, ``dgram`` without it.

    Raises:
        AddressError: If one of them is out of range.
    """

    interface: str
    proto: int = 0
    pkttype: int = 0
    hatype: int = 0
    addr: bytes = b""
    kind_name: str = "raw"

    _family = "AF_PACKET"
    _feature = "packet sockets"

    def __post_init__(self) -> None:
        check_number(self.proto, "proto", _LARGEST_SHORT)
        check_number(self.pkttype, "pkttype", _LARGEST_BYTE)
        check_number(self.hatype, "hatype", _LARGEST_SHORT)
        check_word(self.kind_name, "kind", _KINDS)
        if len(self.addr) > _LONGEST_ADDRESS:
            reason = f"addr has {len(self.addr)} bytes: expected {_LONGEST_ADDRESS} at the most"
            raise AddressError(self.addr.hex(), reason)
        object.__setattr__(self, "interface", check_interface(self.interface))

    @property
    def kind(self) -> socket.SocketKind:
        """``socket.SOCK_RAW`` or ``socket.SOCK_DGRAM``."""
        return kind_constant(str(self), self.kind_name)

    @property
    def protocol(self) -> int:
        """0 where there is an interface: binding to it tells the protocol.

        A socket that is opened with a protocol receives from every interface until it is
        bound to one (packet(7)), so it is given here, in network order, only when every
        interface is meant, and there is nothing to bind.
        """
        return 0 if self.interface else socket.htons(self.proto)

    def sockaddr(self) -> tuple[str, int, int, int, bytes]:
        """Return ``(interface, proto, pkttype, hatype, addr)``.

        Raises:
            AddressError: If it is every interface, or ``addr`` is longer than 8 bytes:
                Python cannot pass them on.
        """
        if not self.interface:
            reason = "a socket without bind has every interface: expected one such as packet:lo"
            raise AddressError(str(self), reason)
        if len(self.addr) > _LONGEST_TO_PYTHON:
            reason = f"Python takes no addr of {len(self.addr)} bytes: expected 8 at the most"
            raise AddressError(str(self), reason)
        return self.interface, self.proto, self.pkttype, self.hatype, self.addr

    def __str__(self) -> str:
        query = join_query(
            addr=self.addr.hex() or None,
            hatype=str(self.hatype) if self.hatype else None,
            kind=self.kind_name if self.kind_name != _KINDS[0] else None,
            pkttype=write_code(self.pkttype, PACKET_TYPES) if self.pkttype else None,
            proto=f"{self.proto:#06x}" if self.proto else None,
        )
        return f"packet:{write_interface(self.interface)}{query}"


def parse(_scheme: str, rest: str) -> PacketAddress:
    """Read ``interface?addr=…&hatype=…&kind=…&pkttype=…&proto=…``.

    Raises:
        AddressError: If it is something else.
    """
    interface, query = split_query(rest, ["addr", "hatype", "kind", "pkttype", "proto"])
    return PacketAddress(
        read_interface(interface, "packet:eth0"),
        read_number(query.get("proto", "0"), "proto", _LARGEST_SHORT),
        read_code(query.get("pkttype", "host"), "pkttype", PACKET_TYPES, _LARGEST_BYTE),
        read_number(query.get("hatype", "0"), "hatype", _LARGEST_SHORT),
        _read_addr(query.get("addr", "")),
        query.get("kind", _KINDS[0]),
    )


def _read_addr(text: str) -> bytes:
    if text and (len(text) % 2 or not is_hexadecimal(text)):
        reason = f"addr {text!r} is not bytes: expected two hexadecimal digits each, such as 0011aa"
        raise AddressError(text, reason)
    return bytes.fromhex(text)


def from_sockaddr(sockaddr: object, kind: int | None, _protocol: int | None) -> PacketAddress:
    """Make an address of ``(interface, proto, pkttype, hatype, addr)``; the last three may miss.

    Raises:
        AddressError: If it is something else.
    """
    shape = "(interface, proto, pkttype, hatype, addr), such as ('eth0', 2048)"
    found = fields(sockaddr, shape, str, int, int, int, bytes, least=2)
    interface, proto, pkttype, hatype, addr = found + ("", 0, 0, 0, b"")[len(found) :]
    return PacketAddress(interface, proto, pkttype, hatype, addr, kind_name(kind, _KINDS))
