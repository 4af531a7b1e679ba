"""Reliable datagrams between the hosts of a cluster (rds(7)).

rds://10.0.0.1:4000
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from portside.addresses.address import Address
from portside.addresses.constants import kind_name
from portside.addresses.hosts import check_inet4, check_port, read_inet4_pair
from portside.addresses.sockaddrs import fields
from portside.addresses.text import after_slashes

__all__ = ["SCHEMES", "RdsAddress", "from_sockaddr", "parse"]

SCHEMES: Final = ("rds",)


@dataclass(frozen=True, slots=True)
class RdsAddress(Address):
    """An IPv4 address and a port, for RDS; Python knows no IPv6 here.

    Attributes:
        host: Four decimal numbers.
        port: 0 to 65535.

    Raises:
        AddressError: If one of them is something else.
    """

    host: str
    port: int

    _family = "AF_RDS"
    _feature = "RDS"
    _kind = "seqpacket"

    def __post_init__(self) -> None:
        check_inet4(self.host)
        check_port(self.port)

    def sockaddr(self) -> tuple[str, int]:
        """Return ``(host, port)``."""
        return self.host, self.port

    def __str__(self) -> str:
        return f"rds://{self.host}:{self.port}"


def parse(scheme: str, rest: str) -> RdsAddress:
    """Read ``//host:port``; without a host it is 127.0.0.1, and ``*`` is every interface.

    Raises:
        AddressError: If it is something else.
    """
    return RdsAddress(*read_inet4_pair(after_slashes(scheme, rest, "rds://10.0.0.1:4000")))


def from_sockaddr(sockaddr: object, kind: int | None, _protocol: int | None) -> RdsAddress:
    """Make an address of ``(host, port)``.

    Raises:
        AddressError: If it is something else.
    """
    kind_name(kind, ["seqpacket"])
    host, port = fields(sockaddr, "('10.0.0.1', 4000)", str, int)
    return RdsAddress(host, port)
