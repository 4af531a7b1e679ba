"""Packets that FreeBSD's firewall diverts to a program (divert(4)).

divert://:8668
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from portside.addresses.address import Address
from portside.addresses.constants import kind_name
from portside.addresses.hosts import check_inet4, check_port, read_inet4_pair
from portside.addresses.sockaddrs import fields
from portside.addresses.text import after_slashes

__all__ = ["SCHEMES", "DivertAddress", "from_sockaddr", "parse"]

SCHEMES: Final = ("divert",)


@dataclass(frozen=True, slots=True)
class DivertAddress(Address):
    """A divert port; the IPv4 address counts only in a packet that was received.

    Attributes:
        host: Four decimal numbers: the interface that a packet came in by, else ignored.
        port: The number in the firewall's rule, 0 to 65535.

    Raises:
        AddressError: If one of them is something else.
    """

    host: str
    port: int

    _family = "AF_DIVERT"
    _feature = "divert sockets"
    _kind = "raw"

    def __post_init__(self) -> None:
        check_inet4(self.host)
        check_port(self.port)

    def sockaddr(self) -> tuple[str, int]:
        """Return ``(host, port)``."""
        return self.host, self.port

    def __str__(self) -> str:
        return f"divert://{self.host}:{self.port}"


def parse(scheme: str, rest: str) -> DivertAddress:
    """Read ``//host:port``; without a host it is 127.0.0.1, and ``*`` is every interface.

    Raises:
        AddressError: If it is something else.
    """
    return DivertAddress(*read_inet4_pair(after_slashes(scheme, rest, "divert://:8668")))


def from_sockaddr(sockaddr: object, kind: int | None, _protocol: int | None) -> DivertAddress:
    """Make an address of ``(host, port)``.

    Raises:
        AddressError: If it is something else.
    """
    kind_name(kind, ["raw"])
    host, port = fields(sockaddr, "('0.0.0.0', 8668)", str, int)
    return DivertAddress(host, port)
