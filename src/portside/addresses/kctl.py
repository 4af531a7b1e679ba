"""Kernel controls: talking to extensions of the macOS kernel (``sys/kern_control.h``).

kctl:com.apple.net.utun_control      kctl:2?unit=1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from portside.addresses.address import Address
from portside.addresses.constants import constant, kind_constant, kind_name
from portside.addresses.sockaddrs import fields
from portside.addresses.text import (
    check_number,
    check_word,
    decode,
    encode,
    is_number,
    join_query,
    quote_name,
    read_number,
    split_query,
    unquote,
)
from portside.errors import AddressError

if TYPE_CHECKING:
    import socket

__all__ = ["SCHEMES", "KctlAddress", "from_sockaddr", "parse"]

SCHEMES: Final = ("kctl",)

_LARGEST: Final = 2**32 - 1

_LONGEST_NAME: Final = 95
"""Bytes in a control's name without its NUL (``MAX_KCTL_NAME`` is 96)."""

_KINDS: Final = ("dgram", "stream")

_EXAMPLE: Final = "kctl:com.apple.net.utun_control"


@dataclass(frozen=True, slots=True)
class KctlAddress(Address):
    """A control of the macOS kernel.

    Attributes:
        control: Its name, or the number that the kernel gave it, 32 bits.
        unit: Which of the control's units, 32 bits; 0 lets the kernel pick one.
        kind_name: ``dgram`` or ``stream``, as the control wants it.

    Raises:
        AddressError: If one of them is something else.
    """

    control: int | str
    unit: int = 0
    kind_name: str = "dgram"

    _family = "AF_SYSTEM"
    _feature = "kernel controls"

    def __post_init__(self) -> None:
        check_number(self.unit, "unit", _LARGEST)
        check_word(self.kind_name, "kind", _KINDS)
        if not isinstance(self.control, str):
            check_number(self.control, "control", _LARGEST)
            return
        name = encode(self.control)
        if not 0 < len(name) <= _LONGEST_NAME or 0 in name:
            reason = f"{self.control!r} cannot be a control's name: expected one such as {_EXAMPLE}"
            raise AddressError(self.control, reason)
        object.__setattr__(self, "control", decode(name))

    @property
    def kind(self) -> socket.SocketKind:
        """``socket.SOCK_DGRAM`` or ``socket.SOCK_STREAM``."""
        return kind_constant(str(self), self.kind_name)

    @property
    def protocol(self) -> int:
        """``socket.SYSPROTO_CONTROL``.

        Raises:
            AddressError: If this Python lacks it.
        """
        return int(constant(str(self), "SYSPROTO_CONTROL", self._feature))

    def sockaddr(self) -> str | tuple[int, int]:
        """Return the name, or ``(id, unit)``.

        Raises:
            AddressError: If there are a name and a unit: Python takes only one of them, so
                the number has to be asked for first, by the ioctl CTLIOCGINFO.
        """
        if not isinstance(self.control, str):
            return self.control, self.unit
        if self.unit:
            reason = f"a unit goes with a number (CTLIOCGINFO): expected kctl:2?unit={self.unit}"
            raise AddressError(str(self), reason)
        return self.control

    def __str__(self) -> str:
        control = self.control
        query = join_query(
            kind=self.kind_name if self.kind_name != _KINDS[0] else None,
            unit=str(self.unit) if self.unit else None,
        )
        return f"kctl:{quote_name(control) if isinstance(control, str) else control}{query}"


def parse(_scheme: str, rest: str) -> KctlAddress:
    """Read ``name?unit=…`` or ``number?unit=…``.

    Raises:
        AddressError: If it is something else.
    """
    text, query = split_query(rest, ["kind", "unit"])
    control = read_number(text, "control", _LARGEST) if is_number(text) else unquote(text)
    unit = read_number(query.get("unit", "0"), "unit", _LARGEST)
    return KctlAddress(control, unit, query.get("kind", _KINDS[0]))


def from_sockaddr(sockaddr: object, kind: int | None, _protocol: int | None) -> KctlAddress:
    """Make an address of a name or of ``(id, unit)``.

    Raises:
        AddressError: If it is something else.
    """
    name = kind_name(kind, _KINDS)
    if isinstance(sockaddr, str):
        return KctlAddress(sockaddr, kind_name=name)
    control, unit = fields(sockaddr, "a name or (id, unit), such as (2, 1)", int, int)
    return KctlAddress(control, unit, name)
