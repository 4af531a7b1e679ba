"""Bound sockets: for listeners of ours, and for anybody else's.

    bind_socket("tcp://127.0.0.1:8000")      one socket, bound, not listening
    bind_sockets("tcp://localhost:0")        one for each address, all with one port

No name is looked up backwards: that is what makes other servers start slowly.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from portside.addresses import (
    Address,
    HostAddress,
    Inet4Address,
    Inet6Address,
    InheritedAddress,
    InternetAddress,
    UnixAddress,
)
from portside.defaults import BIND_ROUNDS
from portside.errors import BindError
from portside.system.lookup import addresses_at_hand, look_up
from portside.system.options import Options
from portside.system.sockets import configure_stream, open_socket
from portside.system.unix_paths import OwnPath, bind_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portside.addresses import Target

__all__ = ["BindSettings", "Bound", "bind_addresses", "bind_socket", "bind_sockets"]

_EVERY_INTERFACE = "*"
_EVERY_INTERFACE_6 = "::"

# What a machine says that lacks one of the families of a name.
_FAMILY_MISSING = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)

_REASONS = {
    errno.EADDRINUSE: "it is in use",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EAFNOSUPPORT: "this machine lacks that kind of address",
    errno.EACCES: "it takes more rights than this process has",
    errno.EPERM: "it takes more rights than this process has",
    errno.ENOENT: "the folder does not exist",
    errno.ENOTDIR: "the folder does not exist",
    errno.EMFILE: "this process has no file descriptor left",
}


@dataclass(frozen=True, slots=True)
class BindSettings:
    """How sockets are to be bound; the arguments of ``bind_socket``.

    Attributes:
        backlog: What a Unix socket with a file is to listen with at once, before anybody
            else can take its file for a stale one; None if it is not to listen.
    """

    reuse_port: bool = False
    dualstack: bool = True
    mode: int | None = None
    options: Mapping[str, Any] | None = None
    backlog: int | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound socket, and what it takes to give it up.

    Attributes:
        socket: The socket.
        address: Where it is bound, with the port that it got.
        path: Its file, if it is a Unix socket with one.
    """

    socket: socket.socket
    address: Address
    path: OwnPath | None = None

    def close(self) -> None:
        """Close the socket, and remove its file if that is still ours."""
        if self.path is not None:
            self.path.unlink()
        self.socket.close()


def bind_socket(
    target: Target,
    *,
    reuse_port: bool = False,
    dualstack: bool = True,
    mode: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> socket.socket:
    """Return one socket, bound and not listening; child processes do not get it.

    The port of a server that has just ended can be bound again (SO_REUSEADDR), one on which
    somebody listens cannot, on any system.  The file of a Unix socket is yours to remove.

    Args:
        target: Where; a port of 0 lets the kernel choose.
        reuse_port: Let other sockets bind the same port, and share its connections.
        dualstack: Let the socket for every IPv6 interface take IPv4 too.
        mode: Permission bits of a Unix socket's file, such as 0o660; None for the umask's.
        options: Socket options by their names in ``Stream.options``, set before binding.

    Raises:
        AddressError: If ``target`` cannot be read.
        BindError: If it cannot be bound, or stands for several addresses.
        ValueError: If there is no option of such a name, or it does not take the value.
    """
    bound = _bind(target, BindSettings(reuse_port, dualstack, mode, options))
    if len(bound) > 1:
        for one in bound:
            one.close()
        several = ", ".join(str(one.address) for one in bound)
        raise BindError(
            str(Address.of(target)), f"it stands for several addresses ({several}): bind_sockets"
        )
    return bound[0].socket


def bind_sockets(
    target: Target,
    *,
    reuse_port: bool = False,
    dualstack: bool = True,
    mode: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> list[socket.socket]:
    """Return a bound socket for each address of ``target``, all with one port.

    The arguments and errors are those of ``bind_socket``.  An address of a name that this
    machine lacks is left out, unless it lacks all of them.
    """
    bound = _bind(target, BindSettings(reuse_port, dualstack, mode, options))
    return [one.socket for one in bound]


def _bind(target: Target, settings: BindSettings) -> list[Bound]:
    address = Address.of(target)
    addresses = addresses_at_hand(address)
    if addresses is None:
        try:
            addresses = look_up(address)
        except OSError as error:
            raise BindError(str(address), f"the name cannot be looked up: {error}") from error
    return bind_addresses(address, addresses, settings)


def bind_addresses(
    target: Address, addresses: Sequence[Address], settings: BindSettings
) -> list[Bound]:
    """Bind each of the addresses that ``target`` stands for, all to one port.

    Args:
        target: What the caller asked for.
        addresses: What it was looked up to.
        settings: How to bind them.

    Raises:
        BindError: If none can be bound, or one cannot that this machine has.
    """
    if isinstance(target, InheritedAddress):
        raise BindError(str(target), "a socket that is open already cannot be bound")
    if isinstance(target, HostAddress) and target.host == _EVERY_INTERFACE:
        return _bind_every_interface(target, settings)
    return _bind_together(addresses, settings)


def _bind_every_interface(target: HostAddress, settings: BindSettings) -> list[Bound]:
    """Bind ``*``: one socket for both families if that is possible, otherwise one for each."""
    four = Inet4Address("0.0.0.0", target.port, target.transport)  # noqa: S104  asked for
    six = Inet6Address(_EVERY_INTERFACE_6, target.port, target.transport)
    if target.version is not None:
        alone = replace(settings, dualstack=False)
        bound = _bind_together([four if target.version == 4 else six], alone)  # noqa: PLR2004
    elif settings.dualstack and socket.has_dualstack_ipv6():
        try:
            bound = _bind_together([six], settings)
        except BindError as error:
            if error.errno not in _FAMILY_MISSING:
                raise
            bound = _bind_together([four], settings)
    else:
        bound = _bind_together([four, six], settings)
    # It is shown as it was asked for, and not as the sockets that this took.
    return [Bound(one.socket, target.with_port(_port(one.socket))) for one in bound]


def _bind_together(addresses: Sequence[Address], settings: BindSettings) -> list[Bound]:
    for _ in range(BIND_ROUNDS - 1):
        try:
            return _bind_round(addresses, settings)
        except BindError as error:
            # The port that the kernel chose for the first may be taken on another.
            chosen = isinstance(addresses[0], InternetAddress) and not addresses[0].port
            if not chosen or error.errno != errno.EADDRINUSE or len(addresses) == 1:
                raise
    return _bind_round(addresses, settings)


def _bind_round(addresses: Sequence[Address], settings: BindSettings) -> list[Bound]:
    bound: list[Bound] = []
    missing: BindError | None = None
    try:
        for address in addresses:
            if bound and isinstance(address, InternetAddress):
                address = address.with_port(_port(bound[0].socket))  # noqa: PLW2901
            try:
                bound.append(_bind_one(address, settings))
            except BindError as error:
                if error.errno not in _FAMILY_MISSING:
                    raise
                missing = error
    except BaseException:
        for one in bound:
            one.close()
        raise
    if not bound and missing is not None:
        raise missing
    return bound


def _bind_one(address: Address, settings: BindSettings) -> Bound:
    sock: socket.socket | None = None
    try:
        sock = open_socket(address)
        _prepare(sock, address, settings)
        path = None
        if isinstance(address, UnixAddress) and address.path:
            path = bind_path(sock, str(address.sockaddr()), settings.mode, settings.backlog)
        else:
            sockaddr: Any = address.sockaddr()
            sock.bind(sockaddr)
        if isinstance(address, InternetAddress) and not address.port:
            _reuse_address(sock)
        return Bound(sock, address.with_sockaddr(sock.family, sock.getsockname()), path)
    except BaseException as error:
        if sock is not None:
            sock.close()
        if isinstance(error, OSError):
            raise refusal(address, error) from error
        raise


def _prepare(sock: socket.socket, address: Address, settings: BindSettings) -> None:
    if settings.reuse_port:
        sock.setsockopt(socket.SOL_SOCKET, _constant("SO_REUSEPORT"), 1)
    if isinstance(address, InternetAddress):
        _prepare_internet(sock, address, settings)
    if settings.options:
        Options(sock).update(settings.options)  # last: what was asked for wins


def _prepare_internet(
    sock: socket.socket, address: InternetAddress, settings: BindSettings
) -> None:
    if address.kind == socket.SOCK_STREAM:
        # Accepted connections inherit these on Linux.
        configure_stream(sock)
    if sock.family == socket.AF_INET6:
        wants_4 = settings.dualstack and address.host == _EVERY_INTERFACE_6
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not wants_4))
    if address.port:
        _reuse_address(sock)


def _reuse_address(sock: socket.socket) -> None:
    """Let the port be bound again when connections of an earlier server linger in TIME_WAIT.

    On Windows SO_REUSEADDR would let anybody take a port that is in use, so there it is the
    opposite.  For datagrams Linux would let two sockets have one port.  And a port that the
    kernel is to choose is bound without it: some kernels choose one then that is in use.
    """
    if sock.type != socket.SOCK_STREAM:
        return
    if sys.platform == "win32":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def _constant(name: str) -> int:
    number = getattr(socket, name, None)
    if number is None:
        raise OSError(errno.ENOPROTOOPT, f"this platform has no {name}")
    return int(number)


def _port(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def refusal(address: Address, error: OSError) -> BindError:
    """Return why ``address`` cannot be had, in words."""
    if isinstance(error, BindError):
        return error
    number = error.errno
    reason = _REASONS.get(number) if number is not None else None
    if reason is None:
        reason = error.strerror or (os.strerror(number) if number else str(error))
    return BindError(str(address), reason, errno=number)
