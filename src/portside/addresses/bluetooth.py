"""Bluetooth between devices: three protocols, each with its own form of address.

    rfcomm://[AA:BB:CC:DD:EE:FF]:3                         a serial line, by channel
    l2cap://[AA:BB:CC:DD:EE:FF]:0x1001?type=le_public      packets, by service
    sco://[AA:BB:CC:DD:EE:FF]                              voices

The fourth, HCI, is about the controller in this machine, and has a file of its own.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from portside.addresses.address import Address
from portside.addresses.constants import constant, kind_constant, kind_name
from portside.addresses.sockaddrs import fields
from portside.addresses.text import (
    after_slashes,
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

if TYPE_CHECKING:
    import socket

__all__ = [
    "SCHEMES",
    "L2capAddress",
    "RfcommAddress",
    "ScoAddress",
    "check_device",
    "from_l2cap_sockaddr",
    "from_rfcomm_sockaddr",
    "from_sco_sockaddr",
    "parse",
]

SCHEMES: Final = {
    "rfcomm": "rfcomm://[AA:BB:CC:DD:EE:FF]:3",
    "l2cap": "l2cap://[AA:BB:CC:DD:EE:FF]:0x1001",
    "sco": "sco://[AA:BB:CC:DD:EE:FF]",
}
"""An example for each scheme."""

TYPES: Final = {"bredr": 0, "le_public": 1, "le_random": 2}
"""``BDADDR_*`` of the kernel's ``net/bluetooth/bluetooth.h``: classic, and low energy."""

_L2CAP_KINDS: Final = ("seqpacket", "stream", "dgram", "raw")

_LARGEST_CHANNEL: Final = 0xFF
"""The kernel's ``rc_channel`` is a byte; real channels are 1 to 30, 0 lets it choose."""

_LARGEST_SHORT: Final = 0xFFFF

_OCTETS: Final = 6


@dataclass(frozen=True, slots=True)
class RfcommAddress(Address):
    """A channel of a device, for a stream.

    Attributes:
        device: Its address, as in ``AA:BB:CC:DD:EE:FF``.
        channel: 0 to 255.

    Raises:
        AddressError: If one of them is something else.
    """

    device: str
    channel: int

    _family = "AF_BLUETOOTH"
    _feature = "Bluetooth"

    def __post_init__(self) -> None:
        check_number(self.channel, "channel", _LARGEST_CHANNEL)
        object.__setattr__(self, "device", check_device(self.device))

    @property
    def protocol(self) -> int:
        """``socket.BTPROTO_RFCOMM``.

        Raises:
            AddressError: If this Python lacks it.
        """
        return int(constant(str(self), "BTPROTO_RFCOMM", self._feature))

    def sockaddr(self) -> tuple[str, int]:
        """Return ``(device, channel)``."""
        return self.device, self.channel

    def __str__(self) -> str:
        return f"rfcomm://[{self.device}]:{self.channel}"


@dataclass(frozen=True, slots=True)
class L2capAddress(Address):
    """A service of a device, for packets.

    Attributes:
        device: Its address, as in ``AA:BB:CC:DD:EE:FF``.
        psm: The service (protocol/service multiplexer), 16 bits; 0 if a channel is meant.
        cid: A fixed channel, 16 bits; 0 for none.
        type: What kind of address it is: 0 for classic Bluetooth, 1 for a public and 2 for
            a random one of low energy.
        kind_name: ``seqpacket``, ``stream``, ``dgram`` or ``raw``.

    Raises:
        AddressError: If one of them is something else.
    """

    device: str
    psm: int
    cid: int = 0
    type: int = 0
    kind_name: str = "seqpacket"

    _family = "AF_BLUETOOTH"
    _feature = "Bluetooth"

    def __post_init__(self) -> None:
        check_number(self.psm, "psm", _LARGEST_SHORT)
        check_number(self.cid, "cid", _LARGEST_SHORT)
        check_number(self.type, "type", max(TYPES.values()))
        check_word(self.kind_name, "kind", _L2CAP_KINDS)
        object.__setattr__(self, "device", check_device(self.device))

    @property
    def kind(self) -> socket.SocketKind:
        """``socket.SOCK_SEQPACKET``, ``SOCK_STREAM``, ``SOCK_DGRAM`` or ``SOCK_RAW``."""
        return kind_constant(str(self), self.kind_name)

    @property
    def protocol(self) -> int:
        """``socket.BTPROTO_L2CAP``.

        Raises:
            AddressError: If this Python lacks it.
        """
        return int(constant(str(self), "BTPROTO_L2CAP", self._feature))

    def sockaddr(self) -> tuple[str, int] | tuple[str, int, int, int]:
        """Return ``(device, psm)``, or ``(device, psm, cid, type)`` where there is more to tell.

        Raises:
            AddressError: If there is, before Python 3.14.
        """
        if not self.cid and not self.type:
            return self.device, self.psm
        if sys.version_info < (3, 14):
            raise AddressError(str(self), "cid and type need Python 3.14: expected neither")
        return self.device, self.psm, self.cid, self.type

    def __str__(self) -> str:
        query = join_query(
            cid=str(self.cid) if self.cid else None,
            kind=self.kind_name if self.kind_name != _L2CAP_KINDS[0] else None,
            type=write_code(self.type, TYPES) if self.type else None,
        )
        return f"l2cap://[{self.device}]:{self.psm:#06x}{query}"


@dataclass(frozen=True, slots=True)
class ScoAddress(Address):
    """A device to exchange voices with.

    Attributes:
        device: Its address, as in ``AA:BB:CC:DD:EE:FF``.

    Raises:
        AddressError: If it is something else.
    """

    device: str

    _family = "AF_BLUETOOTH"
    _feature = "Bluetooth"
    _kind = "seqpacket"

    def __post_init__(self) -> None:
        object.__setattr__(self, "device", check_device(self.device))

    @property
    def protocol(self) -> int:
        """``socket.BTPROTO_SCO``.

        Raises:
            AddressError: If this Python lacks it.
        """
        return int(constant(str(self), "BTPROTO_SCO", self._feature))

    def sockaddr(self) -> bytes:
        """Return the device as bytes: before Python 3.14, it had to be those."""
        return self.device.encode()

    def __str__(self) -> str:
        return f"sco://[{self.device}]"


def check_device(device: str) -> str:
    """Return the address of a device in upper case, as Python prints it.

    Raises:
        AddressError: If it is not six bytes in hexadecimal.
    """
    octets = device.split(":")
    if len(octets) != _OCTETS or not all(
        is_hexadecimal(octet) and len(octet) == len("AA") for octet in octets
    ):
        reason = f"{device!r} is no Bluetooth address: expected one such as AA:BB:CC:DD:EE:FF"
        raise AddressError(device, reason)
    return device.upper()


def parse(scheme: str, rest: str) -> RfcommAddress | L2capAddress | ScoAddress:
    """Read ``//[device]``, and what the protocol needs beside it, behind one of ``SCHEMES``.

    Raises:
        AddressError: If it is something else.
    """
    example = SCHEMES[scheme]
    keys = ["cid", "kind", "type"] if scheme == "l2cap" else []
    body, query = split_query(after_slashes(scheme, rest, example), keys)
    bracketed, closing, port = body.partition("]")
    colon = ":" if scheme != "sco" else ""
    if not bracketed.startswith("[") or not closing or not port.startswith(colon):
        raise AddressError(rest, f"{body!r} has another form: expected {example}")
    device, number = bracketed[1:], port.removeprefix(colon)
    if scheme == "rfcomm":
        return RfcommAddress(device, read_number(number, "channel", _LARGEST_CHANNEL))
    if scheme == "l2cap":
        return _l2cap(device, number, query)
    if number:
        raise AddressError(rest, f"{number!r} follows the ]: expected {example}")
    return ScoAddress(device)


def _l2cap(device: str, psm: str, query: dict[str, str]) -> L2capAddress:
    return L2capAddress(
        device,
        read_number(psm, "psm", _LARGEST_SHORT),
        read_number(query.get("cid", "0"), "cid", _LARGEST_SHORT),
        read_code(query.get("type", "bredr"), "type", TYPES, max(TYPES.values())),
        query.get("kind", _L2CAP_KINDS[0]),
    )


def from_rfcomm_sockaddr(sockaddr: object, kind: int | None) -> RfcommAddress:
    """Make an address of ``(device, channel)``.

    Raises:
        AddressError: If it is something else.
    """
    kind_name(kind, ["stream"])
    device, channel = fields(sockaddr, "(device, channel)", str, int)
    return RfcommAddress(device, channel)


def from_l2cap_sockaddr(sockaddr: object, kind: int | None) -> L2capAddress:
    """Make an address of ``(device, psm, cid, type)``; the last two may be missing.

    Raises:
        AddressError: If it is something else.
    """
    shape = "(device, psm, cid, type)"
    found = (*fields(sockaddr, shape, str, int, int, int, least=2), 0, 0)
    device, psm, cid, kind_of_device = found[:4]
    return L2capAddress(device, psm, cid, kind_of_device, kind_name(kind, _L2CAP_KINDS))


def from_sco_sockaddr(sockaddr: object, kind: int | None) -> ScoAddress:
    """Make an address of a device, as text or bytes.

    Raises:
        AddressError: If it is something else.
    """
    kind_name(kind, ["seqpacket"])
    device = sockaddr.decode("ascii", "replace") if isinstance(sockaddr, bytes) else sockaddr
    return ScoAddress(device if isinstance(device, str) else repr(device))
