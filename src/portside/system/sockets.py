"""Making, configuring and ending sockets."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import sys
from typing import TYPE_CHECKING, Any

from portside.system.options import KeepAlive, Options

if TYPE_CHECKING:
    from collections.abc import Sized

    from portside.addresses import Address
    from portside.system.calling import Call

__all__ = [
    "adopt_stream_socket",
    "begin_connect",
    "close_now",
    "close_write_side",
    "configure_accepted",
    "configure_stream",
    "connect_outcome",
    "open_socket",
    "require_detachable",
    "reset_now",
    "socket_to_call",
]

# Of connect(2) on a non-blocking socket: it goes on in the background.
_IN_PROGRESS = frozenset(
    getattr(errno, name)
    for name in ("EINPROGRESS", "EINTR", "WSAEWOULDBLOCK", "WSAEINVAL")
    if hasattr(errno, name)
)


def open_socket(address: Address) -> socket.socket:
    """Open a socket of the address's family, kind and protocol; child processes do not get it.

    Raises:
        OSError: If the kernel lacks the family or kind, or there is no file descriptor left.
    """
    return socket.socket(address.family, address.kind, address.protocol)


def configure_stream(sock: socket.socket) -> None:
    """Give a TCP socket the defaults of portside; other kinds need none.

    Small writes leave at once (TCP_NODELAY), as whoever has little to say wants it heard.
    A peer that vanished is noticed (SO_KEEPALIVE).  On Linux connections inherit both from
    their listener, which saves a server the calls for each.
    """
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        options = Options(sock)
        # Another TCP, such as MPTCP in some kernels, may lack one of them.
        with contextlib.suppress(OSError):
            options.nodelay = True
        with contextlib.suppress(OSError):
            options.keepalive = KeepAlive()


def configure_accepted(sock: socket.socket) -> None:
    """Give an accepted connection the defaults, where it has not got them by inheritance."""
    if sys.platform != "linux":
        configure_stream(sock)


def socket_to_call(call: Call, address: Address) -> socket.socket:
    """Return a new non-blocking socket for a connection to ``address``.

    Raises:
        OSError: If there is none to be had, or the kernel refuses an option.
    """
    sock = open_socket(address)
    try:
        sock.settimeout(0)
        configure_stream(sock)
        if call.options:
            Options(sock).update(call.options)
        if call.local is not None:
            _bind_before_connect(sock, call.local)
    except BaseException:
        sock.close()
        raise
    return sock


def begin_connect(sock: socket.socket, address: Address) -> bool:
    """Start to connect a non-blocking socket.

    Returns:
        Whether it may be connected already.  If so, or once it is writable, ask
        ``connect_outcome``.

    Raises:
        OSError: If it failed at once.  ``BlockingIOError`` means that the queue of a Unix
            listener is full, and that it has to be started again later.
    """
    sockaddr: Any = address.sockaddr()
    number = sock.connect_ex(sockaddr)
    if not number or number in _IN_PROGRESS:
        return not number
    if number == errno.EAGAIN:
        # connect(2): only a Unix socket says so, when the backlog is full.  asyncio takes
        # it for "in progress" and hands out a socket that is not connected.
        raise BlockingIOError(number, "the queue of the listener is full")
    raise OSError(number, os.strerror(number))


def _bind_before_connect(sock: socket.socket, local: Address) -> None:
    # With port 0 the kernel would reserve a port for every peer; so it chooses late
    # (ip(7), IP_BIND_ADDRESS_NO_PORT, Linux).
    if sys.platform == "linux" and sock.family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_IP, 24, 1)
    sockaddr: Any = local.sockaddr()
    sock.bind(sockaddr)


def connect_outcome(sock: socket.socket) -> OSError | None:
    """Return why connecting failed, or None if ``sock`` is connected."""
    if error := _pending_error(sock):
        return error
    try:
        peer = sock.getpeername()
    except OSError as error:
        # The peer may have reset the connection between the two questions.
        return _pending_error(sock) or error
    if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.getsockname() == peer:
        # TCP's simultaneous open, with ourselves: the kernel chose the very port that was
        # called as the local one, and nobody else is there.
        return ConnectionRefusedError(
            errno.ECONNREFUSED, "nobody listens there (the socket connected to itself)"
        )
    return None


def _pending_error(sock: socket.socket) -> OSError | None:
    """Return the error that the kernel holds for ``sock``, which forgets it with that."""
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return OSError(number, os.strerror(number)) if number else None


def adopt_stream_socket(given: socket.socket | int) -> socket.socket:
    """Take over a connected stream socket, or its file descriptor.

    Raises:
        ValueError: If it listens, or is of another kind; it is left as it was.
        OSError: If it is not connected, or not a socket.
    """
    sock = socket.socket(fileno=given) if isinstance(given, int) else given
    try:
        _require_stream(sock)
    except BaseException:
        if isinstance(given, int):
            sock.detach()
        raise
    return sock


def _require_stream(sock: socket.socket) -> None:
    if sock.type != socket.SOCK_STREAM:
        kind = socket.SocketKind(sock.type).name
        raise ValueError(f"a stream needs a connected SOCK_STREAM socket, not {kind}")
    with contextlib.suppress(OSError):
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise ValueError("a stream needs a connected socket, and this one listens")
    sock.getpeername()


def require_detachable(unread: Sized, unsent: int, *, tls: bool) -> None:
    """Refuse to give a socket away while the stream around it has something to lose.

    Raises:
        ValueError: If so.
    """
    if tls:
        raise ValueError("a TLS stream cannot be detached: its socket carries ciphertext")
    if len(unread):
        raise ValueError(f"{len(unread)} unread bytes would be lost: read them first")
    if unsent:
        raise ValueError(f"{unsent} unsent bytes would be lost: flush() first")


def close_write_side(sock: socket.socket) -> None:
    """Send the end of the stream; the peer can still send."""
    try:
        sock.shutdown(socket.SHUT_WR)
    except OSError as error:
        # ENOTCONN: the peer has reset the connection, and there is nothing to end.
        if error.errno != errno.ENOTCONN:
            raise


def close_now(sock: socket.socket) -> None:
    """Close, whatever the kernel thinks of it: the descriptor is free afterwards."""
    with contextlib.suppress(OSError):
        sock.close()


def reset_now(sock: socket.socket) -> None:
    """Close with a reset, so that the peer cannot take the end for a good one.

    Source: socket(7), SO_LINGER with a timeout of 0.  A Unix socket has no reset; its peer
    sees one if it had sent something that was not read.
    """
    with contextlib.suppress(OSError):
        layout = "hh" if sys.platform == "win32" else "ii"
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(layout, 1, 0))
    close_now(sock)
