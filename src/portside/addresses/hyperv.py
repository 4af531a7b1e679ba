"""Sockets between a Hyper-V virtual machine and its host (Windows).

    hyperv://parent/00000400-facb-11e6-bd58-64006a7986d3

Source: "Make your own integration services", Microsoft; Python's ``AF_HYPERV``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from portside.addresses.address import Address
from portside.addresses.constants import constant, kind_name
from portside.addresses.sockaddrs import fields
from portside.addresses.text import after_slashes, is_hexadecimal, listing
from portside.errors import AddressError

__all__ = ["SCHEMES", "HypervAddress", "from_sockaddr", "parse"]

SCHEMES: Final = ("hyperv",)

MACHINES: Final = {
    "any": "00000000-0000-0000-0000-000000000000",
    "broadcast": "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "children": "90db8b89-0d35-4f79-8ce9-49ea0ac8b7cd",
    "loopback": "e0e16197-dd56-4a10-9195-5ee7a155a838",
    "parent": "a42e7cda-d03f-480c-9cc2-a4de20abb878",
}
"""``HV_GUID_*`` of ``hvsocket.h``."""

_EXAMPLE: Final = "hyperv://parent/00000400-facb-11e6-bd58-64006a7986d3"

_DIGITS: Final = [8, 4, 4, 4, 12]
"""Hexadecimal digits in the parts of a UUID (RFC 9562, section 4)."""


@dataclass(frozen=True, slots=True)
class HypervAddress(Address):
    """A service of a virtual machine or of its host.

    Attributes:
        vm: The machine's UUID, in lower case.
        service: The service's UUID, in lower case.

    Raises:
        AddressError: If one of them is no UUID.
    """

    vm: str
    service: str

    _family = "AF_HYPERV"
    _feature = "Hyper-V sockets"

    def __post_init__(self) -> None:
        object.__setattr__(self, "vm", _check_uuid(self.vm, "vm"))
        object.__setattr__(self, "service", _check_uuid(self.service, "service"))

    @property
    def protocol(self) -> int:
        """``socket.HV_PROTOCOL_RAW``.

        Raises:
            AddressError: If this Python lacks it.
        """
        return int(constant(str(self), "HV_PROTOCOL_RAW", self._feature))

    def sockaddr(self) -> tuple[str, str]:
        """Return ``(vm_id, service_id)``."""
        return self.vm, self.service

    def __str__(self) -> str:
        name = next((name for name, uuid in MACHINES.items() if uuid == self.vm), self.vm)
        return f"hyperv://{name}/{self.service}"


def _check_uuid(text: str, what: str) -> str:
    parts = text.split("-")
    if [len(part) for part in parts] != _DIGITS or not all(map(is_hexadecimal, parts)):
        reason = f"{what} {text!r} is no UUID: expected one as in {_EXAMPLE}"
        raise AddressError(text, reason)
    return text.lower()


def parse(scheme: str, rest: str) -> HypervAddress:
    """Read ``//vm/service``; without a machine it is this one, and ``*`` is any.

    Raises:
        AddressError: If it is something else.
    """
    machine, slash, service = after_slashes(scheme, rest, _EXAMPLE).partition("/")
    if not slash:
        raise AddressError(rest, f"it names no service: expected one as in {_EXAMPLE}")
    machine = {"": "loopback", "*": "any"}.get(machine, machine)
    if "-" not in machine and machine not in MACHINES:
        reason = f"machine {machine!r} is unknown: expected a UUID, {listing(MACHINES)}"
        raise AddressError(machine, reason)
    return HypervAddress(MACHINES.get(machine, machine), service)


def from_sockaddr(sockaddr: object, kind: int | None, _protocol: int | None) -> HypervAddress:
    """Make an address of ``(vm_id, service_id)``.

    Raises:
        AddressError: If it is something else.
    """
    kind_name(kind, ["stream"])
    vm, service = fields(sockaddr, "(vm_id, service_id), both UUIDs", str, str)
    return HypervAddress(vm, service)
