"""What the socket module of this Python knows, and what it says when it does not.

An address is text and numbers, and exists on every system.  Only whoever opens it needs
the operating system's constants, so only then is a missing one an error.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from portside.addresses.text import listing
from portside.errors import AddressError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["constant", "kind_constant", "kind_name"]

_KINDS = ("stream", "dgram", "raw", "rdm", "seqpacket")


def constant(address: str, name: str, feature: str) -> Any:
    """Return ``socket.<name>`` for an address that needs it.

    Args:
        address: The text of the address, for the error.
        name: Such as ``AF_BLUETOOTH``.
        feature: What it stands for in words, such as ``Bluetooth``.

    Raises:
        AddressError: If this Python was built where the system's headers lack it.
    """
    try:
        return getattr(socket, name)
    except AttributeError:
        reason = f"this Python was built without {feature} (socket.{name} is missing)"
        raise AddressError(address, reason) from None


def kind_constant(address: str, name: str) -> socket.SocketKind:
    """Return the kind of socket called ``stream``, ``dgram``, ``raw``, ``rdm`` or ``seqpacket``.

    Raises:
        AddressError: If this Python lacks it.
    """
    kind: socket.SocketKind = constant(address, f"SOCK_{name.upper()}", f"{name} sockets")
    return kind


def kind_name(kind: int | None, allowed: Sequence[str]) -> str:
    """Return what a kind of socket is called here: ``socket.SOCK_RAW`` is ``raw``.

    Args:
        kind: As the socket module numbers it, or None for the first one allowed.
        allowed: The names of the kinds that the family has.

    Raises:
        AddressError: If the family has no sockets of that kind.
    """
    if kind is None:
        return allowed[0]
    for name in _KINDS:
        if getattr(socket, f"SOCK_{name.upper()}", None) == kind and name in allowed:
            return name
    named = getattr(kind, "name", kind)
    reason = f"kind {named} does not exist in this family: expected {listing(allowed)}"
    raise AddressError(str(kind), reason)
