"""One end of a connection: what is known of it, even after it was closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portside.addresses import Address
from portside.system.credentials import PeerCredentials, peer_credentials
from portside.system.options import Options

if TYPE_CHECKING:
    import socket

    from portside.plans.connecting import Attempt

__all__ = ["Endpoint"]


class Endpoint:
    """The facts about one end of a connection that no shell has to wait for."""

    __slots__ = ("_attempts", "_local", "_peer", "_sock")

    def __init__(
        self, sock: socket.socket, peer: Any = None, attempts: tuple[Attempt, ...] = ()
    ) -> None:
        # Asked now, as the kernel forgets them when the peer resets the connection; made
        # into addresses when somebody wants them.
        self._sock = sock
        self._local: Any = sock.getsockname()
        self._peer: Any = sock.getpeername() if peer is None else peer
        self._attempts = attempts

    @property
    def local_address(self) -> Address:
        """The address of this end; readable after close."""
        return self._address(self._local)

    @property
    def peer_address(self) -> Address:
        """The address of the other end; readable after close."""
        return self._address(self._peer)

    def _address(self, sockaddr: Any) -> Address:
        sock = self._sock
        return Address.from_sockaddr(sock.family, sockaddr, sock.type, sock.proto)

    @property
    def peer_credentials(self) -> PeerCredentials:
        """Which process is at the other end of a Unix socket.

        Raises:
            OSError: If it is not a Unix socket, or the platform cannot tell.
        """
        return peer_credentials(self._sock)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """What became of each address that was tried while this connection was made.

        Empty for a connection that was accepted or wrapped.
        """
        return self._attempts

    @property
    def options(self) -> Options:
        """The socket's options, by name."""
        return Options(self._sock)

    @property
    def socket(self) -> socket.socket:
        """The standard library's socket, for what portside has no word for.

        It still belongs to the stream.  Bytes that you read from it are missing in the
        stream, and those in the stream (``buffered``) are missing in it.
        """
        return self._sock

    @property
    def closed(self) -> bool:
        """Whether this side has closed the connection."""
        return self._sock.fileno() < 0

    def fileno(self) -> int:
        """Return the file descriptor, or -1 after close."""
        return -1 if self.closed else self._sock.fileno()
