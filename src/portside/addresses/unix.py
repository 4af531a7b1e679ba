"""Unix sockets: a path, an abstract name, or no name at all (unix(7)).

    unix:/run/app.sock    unix:rel/app.sock    a file; unix:///run/app.sock is read, too
    unix:@name                                 an abstract name (Linux), no file
    unix:@                                     an abstract name that the kernel picks
    unix:                                      none: the far end of a socketpair

``unixgram:`` and ``unixpacket:`` are for datagrams and for sequenced packets.  Bytes that
are not text are percent-encoded: a path may have any but NUL, an abstract name any.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from portside.addresses.address import Address
from portside.addresses.constants import kind_constant, kind_name
from portside.addresses.text import (
    check_word,
    decode,
    encode,
    join_query,
    quote,
    read_code,
    split_query,
    unquote,
)
from portside.errors import AddressError

if TYPE_CHECKING:
    import socket

__all__ = ["SCHEMES", "UnixAddress", "from_path", "from_sockaddr", "parse"]

UnixTransport: TypeAlias = Literal["unix", "unixgram", "unixpacket"]

SCHEMES: Final[dict[UnixTransport, str]] = {
    "unix": "stream",
    "unixgram": "dgram",
    "unixpacket": "seqpacket",
}
"""The kind of socket behind each scheme."""

_ROOM: Final = 108
"""Bytes in ``sun_path`` on Linux, Windows and Solaris, with a path's NUL (unix(7))."""

_ROOM_ON_BSD: Final = 104
"""The same on macOS and the BSDs (``sys/un.h``)."""

_BSD: Final = ("darwin", "ios", "freebsd", "openbsd", "netbsd", "dragonfly")

_LINUX: Final = ("linux", "android")


@dataclass(frozen=True, slots=True)
class UnixAddress(Address):
    """A Unix socket's name, of which there is one sort at the most.

    Attributes:
        path: The file's; '' for none.  Surrogates are bytes that are not UTF-8 (PEP 383).
        transport: ``unix`` for streams, ``unixgram`` for datagrams, ``unixpacket`` for
            sequenced packets.
        abstract: A name that is no file, without the NUL the kernel puts before it; b"" is
            the empty name, None is none.
        autobind: Whether the kernel picks an abstract name when this address is bound.

    Raises:
        AddressError: If the path holds a NUL, or there is more than one sort of name.
    """

    path: str = ""
    transport: UnixTransport = "unix"
    abstract: bytes | None = None
    autobind: bool = False

    _family = "AF_UNIX"
    _feature = "Unix sockets"

    def __post_init__(self) -> None:
        check_word(self.transport, "transport", SCHEMES)
        if (self.path != "") + (self.abstract is not None) + self.autobind > 1:
            reason = "a path, an abstract name and autobind exclude each other: expected one"
            raise AddressError(self.path, reason)
        if "\0" in self.path:
            reason = "a path cannot hold a NUL: expected one such as /run/app.sock"
            raise AddressError(self.path, reason)
        object.__setattr__(self, "path", decode(encode(self.path)))

    @property
    def kind(self) -> socket.SocketKind:
        """``socket.SOCK_STREAM``, ``SOCK_DGRAM`` or ``SOCK_SEQPACKET``."""
        return kind_constant(str(self), SCHEMES[self.transport])

    def sockaddr(self) -> str | bytes:
        r"""Return the path, or ``b"\0name"`` for an abstract name, or '' for none.

        Bound on Linux, '' is what makes the kernel pick a name.

        Raises:
            AddressError: If the name does not fit (108 bytes; 104 on macOS and the BSDs), or
                is abstract on a system other than Linux.
        """
        if self.abstract is None and not self.autobind:
            self._check_room(len(os.fsencode(self.path)), "with its NUL")
            return self.path
        if not sys.platform.startswith(_LINUX):
            reason = "only Linux has abstract names: expected a path, such as unix:/run/app.sock"
            raise AddressError(str(self), reason)
        if self.abstract is None:
            return ""
        self._check_room(len(self.abstract), "with the NUL before it")
        return b"\0" + self.abstract

    def _check_room(self, size: int, counted: str) -> None:
        room = _ROOM_ON_BSD if sys.platform.startswith(_BSD) else _ROOM
        if size >= room:
            reason = f"it has {size + 1} bytes {counted}, over the limit of {room} on this system"
            raise AddressError(str(self), reason)

    def __str__(self) -> str:
        return f"{self.transport}:{self._name()}"

    def _name(self) -> str:
        if self.abstract is not None:
            # Without a name, a @ is the wish for one; the name of no bytes is a real one.
            empty = "no" if not self.abstract else None
            return f"@{quote(decode(self.abstract), '@')}{join_query(autobind=empty)}"
        if self.autobind:
            return "@"
        # Two slashes at the front would be read as the start of a URL's host.
        slashes = "//" if self.path.startswith("//") else ""
        return slashes + _quote_path(self.path)


def _quote_path(path: str) -> str:
    return quote(path[:1], "@") + quote(path[1:])


def parse(scheme: str, rest: str) -> UnixAddress:
    """Read a path, ``@name`` or nothing behind one of ``SCHEMES``.

    Raises:
        AddressError: If it is something else.
    """
    transport = _transport(scheme)
    if rest.startswith("@"):
        return _parse_abstract(transport, rest)
    path, _ = split_query(rest)
    if path.startswith("//"):
        path = path[2:]
        if not path.startswith("/"):
            wanted = f"{scheme}:{path} or {scheme}:///{path}"
            raise AddressError(rest, f"no absolute path follows the //: expected {wanted}")
    return UnixAddress(unquote(path), transport)


def _parse_abstract(transport: UnixTransport, rest: str) -> UnixAddress:
    keys = ["autobind"] if rest.startswith("@?") else []
    name, query = split_query(rest[1:], keys)
    if name:
        return UnixAddress(transport=transport, abstract=encode(unquote(name)))
    wish = read_code(query.get("autobind", "yes"), "autobind", {"no": 0, "yes": 1}, 1)
    return UnixAddress(transport=transport, abstract=None if wish else b"", autobind=bool(wish))


def _transport(kind: str) -> UnixTransport:
    """Return the transport that is called ``kind``, or has sockets of it."""
    return next(transport for transport, style in SCHEMES.items() if kind in (transport, style))


def from_path(path: os.PathLike[str]) -> UnixAddress:
    """Make the address of a stream socket at a path.

    Raises:
        AddressError: If the path holds a NUL.
    """
    return UnixAddress(os.fsdecode(path))


def from_sockaddr(sockaddr: object, kind: int | None, _protocol: int | None) -> UnixAddress:
    r"""Make an address of a path, of ``b"\0name"``, or of '' or None for no name.

    Raises:
        AddressError: If it is something else.
    """
    transport = _transport(kind_name(kind, list(SCHEMES.values())))
    if sockaddr is None:
        return UnixAddress(transport=transport)
    if not isinstance(sockaddr, str | bytes):
        reason = "the socket module has another form: expected a path or an abstract name"
        raise AddressError(repr(sockaddr), reason)
    name = encode(sockaddr) if isinstance(sockaddr, str) else sockaddr
    if name.startswith(b"\0"):
        return UnixAddress(transport=transport, abstract=name[1:])
    return UnixAddress(decode(name), transport)
