"""Qualcomm's IPC router: processors of one device talking to each other (AF_QIPCRTR).

qrtr://1:17
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from portside.addresses.address import Address
from portside.addresses.constants import kind_name
from portside.addresses.sockaddrs import fields
from portside.addresses.text import after_slashes, check_number, read_number
from portside.errors import AddressError

__all__ = ["SCHEMES", "QrtrAddress", "from_sockaddr", "parse"]

SCHEMES: Final = ("qrtr",)

_LARGEST: Final = 2**32 - 1
"""Both numbers are ``__u32`` in the kernel's ``linux/qrtr.h``."""


@dataclass(frozen=True, slots=True)
class QrtrAddress(Address):
    """A port of a processor.

    Attributes:
        node: The processor, 32 bits.
        port: 32 bits.

    Raises:
        AddressError: If one of them is out of range.
    """

    node: int
    port: int

    _family = "AF_QIPCRTR"
    _feature = "the Qualcomm IPC router"
    _kind = "dgram"

    def __post_init__(self) -> None:
        check_number(self.node, "node", _LARGEST)
        check_number(self.port, "port", _LARGEST)

    def sockaddr(self) -> tuple[int, int]:
        """Return ``(node, port)``."""
        return self.node, self.port

    def __str__(self) -> str:
        return f"qrtr://{self.node}:{self.port}"


def parse(scheme: str, rest: str) -> QrtrAddress:
    """Read ``//node:port``.

    Raises:
        AddressError: If it is something else.
    """
    node, colon, port = after_slashes(scheme, rest, "qrtr://1:17").partition(":")
    if not colon:
        raise AddressError(rest, "it has no port: expected one as in qrtr://1:17")
    return QrtrAddress(read_number(node, "node", _LARGEST), read_number(port, "port", _LARGEST))


def from_sockaddr(sockaddr: object, kind: int | None, _protocol: int | None) -> QrtrAddress:
    """Make an address of ``(node, port)``.

    Raises:
        AddressError: If it is something else.
    """
    kind_name(kind, ["dgram"])
    node, port = fields(sockaddr, "(node, port), such as (1, 17)", int, int)
    return QrtrAddress(node, port)
