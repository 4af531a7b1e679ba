"""Raw IP sockets: a host and the number of a protocol above IP (raw(7)).

    raw://127.0.0.1?protocol=icmp      raw://[fe80::1%25eth0]?protocol=icmpv6

The host is an IP address, as there is no port to look a name up for.  ``raw4:`` and
``raw6:`` have a loopback and a ``*`` too, which are printed as the addresses they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from portside.addresses.address import Address
from portside.addresses.constants import constant, kind_name
from portside.addresses.interfaces import check_zone, read_zone, write_zone, zone_index
from portside.addresses.literals import canonical_inet6, is_inet4
from portside.addresses.sockaddrs import fields
from portside.addresses.text import (
    after_slashes,
    check_number,
    join_query,
    read_code,
    split_query,
    write_code,
)
from portside.errors import AddressError

if TYPE_CHECKING:
    import socket

__all__ = ["SCHEMES", "RawAddress", "from_sockaddr", "parse"]

PROTOCOLS: Final = {
    "icmp": 1,
    "igmp": 2,
    "ipip": 4,
    "tcp": 6,
    "udp": 17,
    "ipv6": 41,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "icmpv6": 58,
    "ospf": 89,
    "pim": 103,
    "sctp": 132,
    "udplite": 136,
    "raw": 255,
}
"""Source: IANA's registry "Assigned Internet Protocol Numbers"; ``raw`` is IPPROTO_RAW."""

_LARGEST_PROTOCOL: Final = 255

SCHEMES: Final[dict[str, int | None]] = {"raw": None, "raw4": 4, "raw6": 6}

_EXAMPLE: Final = "raw://127.0.0.1?protocol=icmp"

_LOOPBACK: Final = {4: "127.0.0.1", 6: "::1"}
_EVERY_INTERFACE: Final = {4: "0.0.0.0", 6: "::"}  # noqa: S104 - only when * asks for it


@dataclass(frozen=True, slots=True)
class RawAddress(Address):
    """An IP address, for packets of one protocol.

    Attributes:
        host: An IPv4 or IPv6 address, in canonical form and without brackets.
        number: The protocol above IP, 0 to 255, such as 1 for ICMP.
        scope: The zone of an IPv6 address; '' for none.

    Raises:
        AddressError: If one of them is something else.
    """

    host: str
    number: int
    scope: str = ""

    _kind = "raw"

    def __post_init__(self) -> None:
        check_number(self.number, "protocol", _LARGEST_PROTOCOL)
        host = self.host if is_inet4(self.host) else canonical_inet6(self.host)
        if host is None or (self.scope and is_inet4(host)):
            text = self.host + write_zone(self.scope)
            reason = f"{text!r} is not an IP address: expected one such as 127.0.0.1 or ::1"
            raise AddressError(text, reason)
        object.__setattr__(self, "host", host)
        object.__setattr__(self, "scope", check_zone(self.scope))

    @property
    def family(self) -> socket.AddressFamily:
        """``socket.AF_INET`` or ``socket.AF_INET6``."""
        name = "AF_INET6" if ":" in self.host else "AF_INET"
        family: socket.AddressFamily = constant(str(self), name, "IP")
        return family

    @property
    def protocol(self) -> int:
        """The protocol above IP."""
        return self.number

    def sockaddr(self) -> tuple[str, int] | tuple[str, int, int, int]:
        """Return ``(host, 0)``, or ``(host, 0, 0, scope_id)`` for IPv6.

        Raises:
            AddressError: If the scope is the name of an interface this machine has not got.
        """
        if ":" in self.host:
            return self.host, 0, 0, zone_index(str(self), self.scope)
        return self.host, 0

    def __str__(self) -> str:
        host = f"[{self.host}{write_zone(self.scope)}]" if ":" in self.host else self.host
        return f"raw://{host}{join_query(protocol=write_code(self.number, PROTOCOLS))}"


def parse(scheme: str, rest: str) -> RawAddress:
    """Read ``//host?protocol=…`` behind one of ``SCHEMES``.

    Raises:
        AddressError: If it is something else.
    """
    version = SCHEMES[scheme]
    text = after_slashes(scheme, rest, _EXAMPLE)
    body, query = split_query(text, ["protocol"])
    if "protocol" not in query:
        raise AddressError(text, f"it names no protocol: expected one as in {_EXAMPLE}")
    host, scope = _read_host(scheme, body)
    fitting = 6 if ":" in host else 4
    if version not in {None, fitting}:
        reason = (
            f"{scheme} asks for IPv{version}, and {body} is not: expected raw{fitting}://{body}"
        )
        raise AddressError(body, reason)
    number = read_code(query["protocol"], "protocol", PROTOCOLS, _LARGEST_PROTOCOL)
    return RawAddress(host, number, scope)


def _read_host(scheme: str, body: str) -> tuple[str, str]:
    version = SCHEMES[scheme]
    if version is not None and body in {"", "*"}:
        return (_EVERY_INTERFACE if body else _LOOPBACK)[version], ""
    if body.startswith("[") and body.endswith("]"):
        return read_zone(body[1:-1])
    if is_inet4(body):
        return body, ""
    raise AddressError(body, f"{body!r} is not an IP address: expected one as in {_EXAMPLE}")


def from_sockaddr(sockaddr: object, kind: int | None, protocol: int | None) -> RawAddress:
    """Make an address of ``(host, port)`` or ``(host, port, flowinfo, scope_id)``.

    The port is left out: where it is not 0 it repeats the protocol (raw(7)).

    Raises:
        AddressError: If it is something else.
    """
    kind_name(kind, ["raw"])
    shape = "('127.0.0.1', 0) or ('::1', 0, 0, 0)"
    host, _, _, scope_id = (*fields(sockaddr, shape, str, int, int, int, least=2), 0, 0)[:4]
    scope = str(check_number(scope_id, "scope_id", 2**32 - 1)) if scope_id else ""
    return RawAddress(host, protocol or 0, scope)
