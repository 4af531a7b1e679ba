"""Sockets that somebody opened before us: by number, or by the name systemd gave them.

    fd:3        fd:web

Source: sd_listen_fds(3), for the names in ``LISTEN_FDNAMES``.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final

from portside.addresses.address import Address
from portside.addresses.text import (
    check_number,
    is_number,
    quote_name,
    read_number,
    split_query,
    unquote,
)
from portside.errors import AddressError

__all__ = ["SCHEMES", "InheritedAddress", "parse"]

SCHEMES: Final = ("fd",)

_LARGEST_FD: Final = 2**31 - 1
"""A file descriptor is an int in C."""

_LONGEST_NAME: Final = 255
"""Characters in a name (``FileDescriptorName=`` in systemd.socket(5))."""

_REASON: Final = "only the open socket knows its {}: expected it to be asked, as by {}"


@dataclass(frozen=True, slots=True)
class InheritedAddress(Address):
    """A socket that is open already; its family, kind and address are for it to tell.

    Attributes:
        fd: The number of the file descriptor, or its name: 1 to 255 printable ASCII
            characters without a colon.

    Raises:
        AddressError: If it can be neither.
    """

    fd: int | str

    def __post_init__(self) -> None:
        if not isinstance(self.fd, str):
            check_number(self.fd, "file descriptor", _LARGEST_FD)
            return
        plain = self.fd.isascii() and self.fd.isprintable() and ":" not in self.fd
        if not plain or not 0 < len(self.fd) <= _LONGEST_NAME:
            reason = (
                f"{self.fd!r} cannot be the name of a descriptor: expected 1 to {_LONGEST_NAME} "
                "printable ASCII characters without a colon, such as fd:web"
            )
            raise AddressError(self.fd, reason)

    @property
    def family(self) -> socket.AddressFamily:
        """``socket.AF_UNSPEC``: the socket itself knows."""
        return socket.AF_UNSPEC

    @property
    def kind(self) -> socket.SocketKind:
        """Refuse: the socket itself knows.

        Raises:
            AddressError: Always.
        """
        raise AddressError(str(self), _REASON.format("kind", "socket(fileno=3).type"))

    def sockaddr(self) -> str:
        """Refuse: the socket is bound or connected already.

        Raises:
            AddressError: Always.
        """
        raise AddressError(str(self), _REASON.format("address", "socket(fileno=3).getsockname()"))

    def __str__(self) -> str:
        return f"fd:{quote_name(self.fd, '/') if isinstance(self.fd, str) else self.fd}"


def parse(_scheme: str, rest: str) -> InheritedAddress:
    """Read a number or a name behind ``fd:``.

    Raises:
        AddressError: If it is neither.
    """
    text, _ = split_query(rest)
    if text.startswith("//"):
        raise AddressError(rest, f"no // belongs here: expected fd:{text[2:] or 3}")
    if is_number(text):
        return InheritedAddress(read_number(text, "file descriptor", _LARGEST_FD))
    return InheritedAddress(unquote(text))
