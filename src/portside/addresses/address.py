"""What all addresses have in common, and the three ways to get one.

                     Address.parse ─▶                         .sockaddr() ─▶
    "tcp://[::1]:80"                   Inet6Address("::1", 80)               ("::1", 80, 0, 0)
                             ◀─ str()                        ◀─ from_sockaddr

An address is a value: it can be compared, hashed, pickled and kept, and making one asks
neither the kernel nor a resolver.  So every text is read alike on every system, and what a
system lacks is told by the address that needs it: by ``family``, ``kind``, ``protocol`` or
``sockaddr()``.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from portside.addresses.constants import constant, kind_constant

if TYPE_CHECKING:
    import socket

__all__ = ["Address", "Sockaddr", "Target"]

Sockaddr: TypeAlias = tuple[Any, ...] | str | bytes
"""What ``socket.bind`` and ``socket.connect`` take; its form depends on the family."""


class Address(ABC):
    """Where a socket is or leads to: one subclass for each form of address.

    ``str()`` gives the canonical text, which ``Address.parse`` reads back.
    """

    __slots__ = ()

    _family: ClassVar[str]
    """The family's name in the socket module."""

    _feature: ClassVar[str]
    """What a Python whose socket module lacks that name was built without."""

    _kind: ClassVar[str] = "stream"
    """The kind of its sockets, for a family that has only one."""

    @staticmethod
    def parse(text: str) -> Address:
        """Read an address; nothing is looked up.

        Args:
            text: With a scheme, as in ``tcp://localhost:8000``, ``tls6://example.com:443``,
                ``unix:/run/app.sock``, ``unix:@name``, ``fd:3`` or ``vsock://host:1234``;
                or without one, and then TCP: ``host:port``, ``[ipv6]:port``, ``:port``,
                ``port``.  A missing host is the loopback; ``*`` is every interface.  A host
                that is called like a scheme needs one: ``tcp://can:80``.

        Raises:
            AddressError: If it is no address; the error says what was expected.
        """
        # Not at the top of the file: every family imports this class.
        from portside.addresses import families

        return families.parse(text)

    @staticmethod
    def of(target: Target) -> Address:
        """Make an address of whatever names one.

        Args:
            target: An address, which is returned; a text, which is parsed; a path, which is
                that of a Unix socket; or ``(host, port)``, which is TCP.  As everywhere here,
                the host ``""`` is the loopback.  The tuple may also be
                ``(host, port, flowinfo, scope_id)``, for IPv6.

        Raises:
            AddressError: If it names none.
            TypeError: If it is something else altogether.
        """
        from portside.addresses import families

        return families.of(target)

    @staticmethod
    def from_sockaddr(
        family: int, sockaddr: object, kind: int | None = None, protocol: int | None = None
    ) -> Address:
        """Make an address of what ``getsockname``, ``accept`` or ``recvfrom`` gave.

        It reads as the socket module does, where an empty host is every interface.  An IPv4
        peer of an IPv6 socket, ``::ffff:1.2.3.4``, becomes the IPv4 address that it is.  The
        scope of an IPv6 address stays a number, because names of interfaces change.

        Args:
            family: Such as ``socket.AF_INET``.
            sockaddr: In the form that family has; None, from a Unix socket, is no name.
            kind: Such as ``socket.SOCK_DGRAM``; None for the most usual one.
            protocol: Such as ``socket.IPPROTO_MPTCP``; None for the most usual one.

        Raises:
            AddressError: If the family is unknown here, or the sockaddr is not of its form.
        """
        from portside.addresses import families

        return families.from_sockaddr(family, sockaddr, kind, protocol)

    def with_sockaddr(self, family: int, sockaddr: object) -> Address:
        """Return the same kind of socket's address at another ``sockaddr``.

        That is what a lookup of this address or its listener's ``accept`` gave; what the
        socket module cannot tell, such as TLS, is taken over.

        Raises:
            AddressError: As ``from_sockaddr`` does.
        """
        return Address.from_sockaddr(family, sockaddr, self.kind, self.protocol)

    @property
    def family(self) -> socket.AddressFamily:
        """The first argument of ``socket.socket``.

        Raises:
            AddressError: If this Python lacks it.
        """
        family: socket.AddressFamily = constant(str(self), self._family, self._feature)
        return family

    @property
    def kind(self) -> socket.SocketKind:
        """The second argument of ``socket.socket``.

        Raises:
            AddressError: If this Python lacks it.
        """
        return kind_constant(str(self), self._kind)

    @property
    def protocol(self) -> int:
        """The third argument of ``socket.socket``; 0 is the only or usual one.

        Raises:
            AddressError: If this Python lacks it.
        """
        return 0

    @abstractmethod
    def sockaddr(self) -> Sockaddr:
        """Return what ``socket.bind`` and ``socket.connect`` take.

        Raises:
            AddressError: If it has to be looked up first, or this system has no such thing.
        """

    @abstractmethod
    def __str__(self) -> str: ...


Target: TypeAlias = str | tuple[str, int] | os.PathLike[str] | Address
"""Whatever names an address: see ``Address.of``."""
