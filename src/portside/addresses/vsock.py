"""Sockets between a virtual machine and its host (vsock(7)).

vsock://host:1234      vsock://3:1234?kind=seqpacket      vsock://any:1234
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from portside.addresses.address import Address
from portside.addresses.constants import kind_constant, kind_name
from portside.addresses.sockaddrs import fields
from portside.addresses.text import (
    after_slashes,
    check_number,
    check_word,
    join_query,
    read_code,
    split_query,
    write_code,
)
from portside.errors import AddressError

if TYPE_CHECKING:
    import socket

__all__ = ["SCHEMES", "VsockAddress", "from_sockaddr", "parse"]

SCHEMES: Final = ("vsock",)

_ANY: Final = 2**32 - 1

_CIDS: Final = {"hypervisor": 0, "local": 1, "host": 2, "any": _ANY}
"""``VMADDR_CID_*`` of the kernel's ``linux/vm_sockets.h``."""

_PORTS: Final = {"any": _ANY}

_KINDS: Final = ("stream", "dgram", "seqpacket")

_EXAMPLE: Final = "vsock://host:1234"


@dataclass(frozen=True, slots=True)
class VsockAddress(Address):
    """A port of a virtual machine or of its host.

    Attributes:
        cid: The machine's context id, 32 bits: 1 is this machine, 2 its host, and 2**32 - 1
            is any, to listen on or unbound.
        port: 32 bits; 2**32 - 1 lets the kernel pick one.
        kind_name: ``stream``, ``dgram`` or ``seqpacket``.

    Raises:
        AddressError: If one of them is out of range.
    """

    cid: int
    port: int
    kind_name: str = "stream"

    _family = "AF_VSOCK"
    _feature = "vsock"

    def __post_init__(self) -> None:
        check_number(self.cid, "cid", _ANY)
        check_number(self.port, "port", _ANY)
        check_word(self.kind_name, "kind", _KINDS)

    @property
    def kind(self) -> socket.SocketKind:
        """``socket.SOCK_STREAM``, ``SOCK_DGRAM`` or ``SOCK_SEQPACKET``."""
        return kind_constant(str(self), self.kind_name)

    def sockaddr(self) -> tuple[int, int]:
        """Return ``(cid, port)``."""
        return self.cid, self.port

    def __str__(self) -> str:
        cid, port = write_code(self.cid, _CIDS), write_code(self.port, _PORTS)
        query = join_query(kind=self.kind_name if self.kind_name != _KINDS[0] else None)
        return f"vsock://{cid}:{port}{query}"


def parse(scheme: str, rest: str) -> VsockAddress:
    """Read ``//cid:port``; without a cid it is this machine, and ``*`` is any.

    Raises:
        AddressError: If it is something else.
    """
    body, query = split_query(after_slashes(scheme, rest, _EXAMPLE), ["kind"])
    cid, colon, port = body.partition(":")
    if not colon:
        raise AddressError(rest, f"it has no port: expected one as in {_EXAMPLE}")
    return VsockAddress(
        read_code({"": "local", "*": "any"}.get(cid, cid), "cid", _CIDS, _ANY),
        read_code(port, "port", _PORTS, _ANY),
        query.get("kind", _KINDS[0]),
    )


def from_sockaddr(sockaddr: object, kind: int | None, _protocol: int | None) -> VsockAddress:
    """Make an address of ``(cid, port)``.

    Raises:
        AddressError: If it is something else.
    """
    cid, port = fields(sockaddr, "(cid, port), such as (2, 1234)", int, int)
    return VsockAddress(cid, port, kind_name(kind, _KINDS))
