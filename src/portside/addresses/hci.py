"""Bluetooth controllers of this machine, by HCI.

hci:0      hci:0?channel=user       Linux: a number, and who talks to it
hci:ubt0hci                         FreeBSD: the name of a netgraph node
hci:[AA:BB:CC:DD:EE:FF]             NetBSD: the controller's own address
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final

from portside.addresses.address import Address
from portside.addresses.bluetooth import check_device
from portside.addresses.constants import constant, kind_name
from portside.addresses.sockaddrs import fields
from portside.addresses.text import (
    check_number,
    decode,
    encode,
    is_number,
    join_query,
    quote_name,
    read_code,
    read_number,
    split_query,
    unquote,
    write_code,
)
from portside.errors import AddressError

__all__ = ["SCHEMES", "HciAddress", "from_sockaddr", "parse"]

SCHEMES: Final = ("hci",)

CHANNELS: Final = {"raw": 0, "user": 1, "monitor": 2, "control": 3, "logging": 4}
"""``HCI_CHANNEL_*`` of the kernel's ``net/bluetooth/hci_sock.h``."""

_LARGEST: Final = 0xFFFF
"""Both numbers have 16 bits; 65535 is no device (``HCI_DEV_NONE``), for the channels without."""


@dataclass(frozen=True, slots=True)
class HciAddress(Address):
    """A Bluetooth controller of this machine.

    Attributes:
        device: Its number on Linux, 0 to 65535; or its address or name on a BSD.
        channel: 0 is raw, 1 user, 2 monitor, 3 control; Linux only.

    Raises:
        AddressError: If one of them is something else.
    """

    device: int | str
    channel: int = 0

    _family = "AF_BLUETOOTH"
    _feature = "Bluetooth"
    _kind = "raw"

    def __post_init__(self) -> None:
        check_number(self.channel, "channel", _LARGEST)
        if not isinstance(self.device, str):
            check_number(self.device, "device", _LARGEST)
            return
        if not self.device or "\0" in self.device or self.channel:
            reason = f"{self.device!r} cannot be a controller: expected one such as hci:0"
            raise AddressError(self.device, reason)
        colons = ":" in self.device
        device = check_device(self.device) if colons else decode(encode(self.device))
        object.__setattr__(self, "device", device)

    @property
    def protocol(self) -> int:
        """``socket.BTPROTO_HCI``.

        Raises:
            AddressError: If this Python lacks it.
        """
        return int(constant(str(self), "BTPROTO_HCI", self._feature))

    def sockaddr(self) -> tuple[int] | tuple[int, int] | str:
        """Return ``(device,)``, ``(device, channel)``, or the text that a BSD takes.

        Raises:
            AddressError: If there is a channel to tell, before Python 3.14.
        """
        if isinstance(self.device, str):
            return self.device
        if not self.channel:
            return (self.device,)
        if sys.version_info < (3, 14):
            raise AddressError(str(self), "a channel needs Python 3.14: expected hci:0")
        return self.device, self.channel

    def __str__(self) -> str:
        query = join_query(channel=write_code(self.channel, CHANNELS) if self.channel else None)
        return f"hci:{self._device()}{query}"

    def _device(self) -> str:
        if not isinstance(self.device, str):
            return str(self.device)
        return f"[{self.device}]" if ":" in self.device else quote_name(self.device, "[")


def parse(_scheme: str, rest: str) -> HciAddress:
    """Read a number, a name or an address in brackets, behind ``hci:``.

    Raises:
        AddressError: If it is something else.
    """
    device, query = split_query(rest, ["channel"])
    channel = read_code(query.get("channel", "raw"), "channel", CHANNELS, _LARGEST)
    if is_number(device):
        return HciAddress(read_number(device, "device", _LARGEST), channel)
    if device.startswith("[") and device.endswith("]"):
        return HciAddress(check_device(device[1:-1]), channel)
    return HciAddress(unquote(device), channel)


def from_sockaddr(sockaddr: object, kind: int | None) -> HciAddress:
    """Make an address of a number, ``(device, channel)``, or the text that a BSD gives.

    Raises:
        AddressError: If it is something else.
    """
    kind_name(kind, ["raw"])
    if isinstance(sockaddr, int | str):
        return HciAddress(sockaddr)
    device, channel = (*fields(sockaddr, "(device, channel)", int, int, least=1), 0)[:2]
    return HciAddress(device, channel)
