"""TIPC: services of a cluster, found by number instead of by machine (tipc(7)).

    tipc:name/18888:17?scope=node      one instance of a service
    tipc:nameseq/18888:0-9             a range of instances
    tipc:id/16781313:1234567           one socket on one node

Source: the kernel's ``linux/tipc.h``, and the socket module, whose ``v1``, ``v2`` and
``v3`` are the numbers in this order.
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
from portside.errors import AddressError

if TYPE_CHECKING:
    import socket

__all__ = [
    "SCHEMES",
    "TipcAddress",
    "TipcIdAddress",
    "TipcNameAddress",
    "TipcRangeAddress",
    "from_sockaddr",
    "parse",
]

SCHEMES: Final = ("tipc",)

SCOPES: Final = {"zone": 1, "cluster": 2, "node": 3}
"""``TIPC_*_SCOPE``; a received address has 0, which is none of them."""

_CLUSTER: Final = 2
_LARGEST_SCOPE: Final = 127
_LARGEST: Final = 2**32 - 1

_RANGE: Final = 1
_NAME: Final = 2
_ID: Final = 3
"""``TIPC_ADDR_NAMESEQ``, ``TIPC_ADDR_NAME`` and ``TIPC_ADDR_ID``."""

_KINDS: Final = ("stream", "dgram", "rdm", "seqpacket")


@dataclass(frozen=True, slots=True, kw_only=True)
class TipcAddress(Address):
    """Where a message goes in a cluster: its subclasses are the three ways to say it.

    Attributes:
        scope: How far a name is known: 1 in the zone, 2 in the cluster, 3 on the node; 0,
            in an address that was received, is not told.
        kind_name: ``stream``, ``dgram``, ``rdm`` or ``seqpacket``.
    """

    scope: int = _CLUSTER
    kind_name: str = "stream"

    _family = "AF_TIPC"
    _feature = "TIPC"

    def __post_init__(self) -> None:
        check_number(self.scope, "scope", _LARGEST_SCOPE)
        check_word(self.kind_name, "kind", _KINDS)

    @property
    def kind(self) -> socket.SocketKind:
        """``socket.SOCK_STREAM``, ``SOCK_DGRAM``, ``SOCK_RDM`` or ``SOCK_SEQPACKET``."""
        return kind_constant(str(self), self.kind_name)

    def _query(self) -> str:
        return join_query(
            kind=self.kind_name if self.kind_name != _KINDS[0] else None,
            scope=write_code(self.scope, SCOPES) if self.scope != _CLUSTER else None,
        )


@dataclass(frozen=True, slots=True)
class TipcNameAddress(TipcAddress):
    """One instance of a service.

    Attributes:
        service: The service's type, 32 bits.
        instance: 32 bits.

    Raises:
        AddressError: If one of them is out of range.
    """

    service: int
    instance: int

    def __post_init__(self) -> None:
        # Zero-argument super() fails here: slots=True makes the class a second time.
        TipcAddress.__post_init__(self)
        check_number(self.service, "service", _LARGEST)
        check_number(self.instance, "instance", _LARGEST)

    def sockaddr(self) -> tuple[int, int, int, int, int]:
        """Return ``(TIPC_ADDR_NAME, service, instance, 0, scope)``."""
        return _NAME, self.service, self.instance, 0, self.scope

    def __str__(self) -> str:
        return f"tipc:name/{self.service}:{self.instance}{self._query()}"


@dataclass(frozen=True, slots=True)
class TipcRangeAddress(TipcAddress):
    """A range of instances of a service, to be bound to or to be sent to all at once.

    Attributes:
        service: The service's type, 32 bits.
        lower: The first instance, 32 bits.
        upper: The last instance, 32 bits.

    Raises:
        AddressError: If one of them is out of range, or the first comes after the last.
    """

    service: int
    lower: int
    upper: int

    def __post_init__(self) -> None:
        TipcAddress.__post_init__(self)
        check_number(self.service, "service", _LARGEST)
        check_number(self.lower, "lower instance", _LARGEST)
        check_number(self.upper, "upper instance", _LARGEST)
        if self.lower > self.upper:
            reason = f"instance {self.lower} comes after {self.upper}: expected such as 0-9"
            raise AddressError(f"{self.lower}-{self.upper}", reason)

    def sockaddr(self) -> tuple[int, int, int, int, int]:
        """Return ``(TIPC_ADDR_NAMESEQ, service, lower, upper, scope)``."""
        return _RANGE, self.service, self.lower, self.upper, self.scope

    def __str__(self) -> str:
        return f"tipc:nameseq/{self.service}:{self.lower}-{self.upper}{self._query()}"


@dataclass(frozen=True, slots=True)
class TipcIdAddress(TipcAddress):
    """One socket on one node, as ``getsockname`` and ``recvfrom`` tell it.

    Attributes:
        node: 32 bits.
        reference: The socket's number on its node, 32 bits.

    Raises:
        AddressError: If one of them is out of range.
    """

    node: int
    reference: int

    def __post_init__(self) -> None:
        TipcAddress.__post_init__(self)
        check_number(self.node, "node", _LARGEST)
        check_number(self.reference, "reference", _LARGEST)

    def sockaddr(self) -> tuple[int, int, int, int, int]:
        """Return ``(TIPC_ADDR_ID, node, reference, 0, scope)``."""
        return _ID, self.node, self.reference, 0, self.scope

    def __str__(self) -> str:
        return f"tipc:id/{self.node}:{self.reference}{self._query()}"


def parse(_scheme: str, rest: str) -> TipcAddress:
    """Read ``name/…``, ``nameseq/…`` or ``id/…``.

    Raises:
        AddressError: If it is something else.
    """
    body, query = split_query(rest, ["kind", "scope"])
    form, _, numbers = body.partition("/")
    check_word(form, "form", ["name", "nameseq", "id"])
    first, colon, second = numbers.partition(":")
    if not colon:
        raise AddressError(rest, "it has no colon: expected two numbers as in tipc:name/18888:17")
    scope = read_code(query.get("scope", "cluster"), "scope", SCOPES, _LARGEST_SCOPE)
    kind = query.get("kind", _KINDS[0])
    if form == "name":
        numbers_read = _read(first, "service"), _read(second, "instance")
        return TipcNameAddress(*numbers_read, scope=scope, kind_name=kind)
    if form == "id":
        numbers_read = _read(first, "node"), _read(second, "reference")
        return TipcIdAddress(*numbers_read, scope=scope, kind_name=kind)
    lower, dash, upper = second.partition("-")
    if not dash:
        raise AddressError(rest, "it has no range: expected one as in tipc:nameseq/18888:0-9")
    bounds = _read(lower, "lower instance"), _read(upper, "upper instance")
    return TipcRangeAddress(_read(first, "service"), *bounds, scope=scope, kind_name=kind)


def _read(text: str, what: str) -> int:
    return read_number(text, what, _LARGEST)


def from_sockaddr(sockaddr: object, kind: int | None, _protocol: int | None) -> TipcAddress:
    """Make an address of ``(addr_type, v1, v2, v3, scope)``; the last one may be missing.

    Raises:
        AddressError: If it is something else.
    """
    shape = "(addr_type, v1, v2, v3, scope), such as (2, 18888, 17, 0)"
    found = (*fields(sockaddr, shape, int, int, int, int, int, least=4), _CLUSTER)[:5]
    form, first, second, third, scope = found
    name = kind_name(kind, _KINDS)
    if form == _NAME:
        return TipcNameAddress(first, second, scope=scope, kind_name=name)
    if form == _ID:
        return TipcIdAddress(first, second, scope=scope, kind_name=name)
    if form == _RANGE:
        return TipcRangeAddress(first, second, third, scope=scope, kind_name=name)
    raise AddressError(repr(sockaddr), f"addr_type {form} is unknown: expected 1, 2 or 3")
