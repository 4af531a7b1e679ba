"""Netlink sockets: talking to parts of the kernel (netlink(7)).

netlink:route      netlink:kobject_uevent?groups=0x1      netlink:generic?pid=1234
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from portside.addresses.address import Address
from portside.addresses.constants import kind_constant, kind_name
from portside.addresses.sockaddrs import fields
from portside.addresses.text import (
    check_number,
    check_word,
    join_query,
    read_code,
    read_number,
    split_query,
    write_code,
)

if TYPE_CHECKING:
    import socket

__all__ = ["SCHEMES", "NetlinkAddress", "from_sockaddr", "parse"]

SCHEMES: Final = ("netlink",)

PROTOCOLS: Final = {
    "route": 0,
    "usersock": 2,
    "firewall": 3,
    "sock_diag": 4,
    "nflog": 5,
    "xfrm": 6,
    "selinux": 7,
    "iscsi": 8,
    "audit": 9,
    "fib_lookup": 10,
    "connector": 11,
    "netfilter": 12,
    "ip6_fw": 13,
    "dnrtmsg": 14,
    "kobject_uevent": 15,
    "generic": 16,
    "scsitransport": 18,
    "ecryptfs": 19,
    "rdma": 20,
    "crypto": 21,
    "smc": 22,
}
"""``NETLINK_*`` of the kernel's ``linux/netlink.h``: the same on every machine."""

_LARGEST_PROTOCOL: Final = 31
"""``MAX_LINKS`` of the same file is 32."""

_LARGEST: Final = 2**32 - 1

_KINDS: Final = ("raw", "dgram")


@dataclass(frozen=True, slots=True)
class NetlinkAddress(Address):
    """A part of the kernel, or another process that talks about it.

    Attributes:
        part: Which part, by its protocol's number: 0 is ``NETLINK_ROUTE``.
        pid: The port id, 32 bits: 0 is the kernel, and when bound, whichever is free.
        groups: The multicast groups, one bit each, 32 bits.
        kind_name: ``raw`` or ``dgram``; the kernel makes no difference.

    Raises:
        AddressError: If one of them is out of range.
    """

    part: int
    pid: int = 0
    groups: int = 0
    kind_name: str = "raw"

    _family = "AF_NETLINK"
    _feature = "netlink"

    def __post_init__(self) -> None:
        check_number(self.part, "netlink protocol", _LARGEST_PROTOCOL)
        check_number(self.pid, "pid", _LARGEST)
        check_number(self.groups, "groups", _LARGEST)
        check_word(self.kind_name, "kind", _KINDS)

    @property
    def kind(self) -> socket.SocketKind:
        """``socket.SOCK_RAW`` or ``socket.SOCK_DGRAM``."""
        return kind_constant(str(self), self.kind_name)

    @property
    def protocol(self) -> int:
        """The number of the part, such as ``socket.NETLINK_ROUTE``."""
        return self.part

    def sockaddr(self) -> tuple[int, int]:
        """Return ``(pid, groups)``."""
        return self.pid, self.groups

    def __str__(self) -> str:
        query = join_query(
            pid=str(self.pid) if self.pid else None,
            groups=hex(self.groups) if self.groups else None,
            kind=self.kind_name if self.kind_name != _KINDS[0] else None,
        )
        return f"netlink:{write_code(self.part, PROTOCOLS)}{query}"


def parse(_scheme: str, rest: str) -> NetlinkAddress:
    """Read ``part?pid=…&groups=…&kind=…``.

    Raises:
        AddressError: If it is something else.
    """
    part, query = split_query(rest, ["groups", "kind", "pid"])
    return NetlinkAddress(
        read_code(part, "netlink protocol", PROTOCOLS, _LARGEST_PROTOCOL),
        read_number(query.get("pid", "0"), "pid", _LARGEST),
        read_number(query.get("groups", "0"), "groups", _LARGEST),
        query.get("kind", _KINDS[0]),
    )


def from_sockaddr(sockaddr: object, kind: int | None, protocol: int | None) -> NetlinkAddress:
    """Make an address of ``(pid, groups)``; the protocol is that of the socket.

    Raises:
        AddressError: If it is something else.
    """
    pid, groups = fields(sockaddr, "(pid, groups), such as (0, 1)", int, int)
    return NetlinkAddress(protocol or 0, pid, groups, kind_name(kind, _KINDS))
