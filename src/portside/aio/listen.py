"""Listening: a socket that streams come out of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portside.addresses import Address
from portside.aio.accepting import Acceptor
from portside.aio.connect import resolve
from portside.aio.io import Stream
from portside.aio.opening import Opening
from portside.bind import BindSettings
from portside.errors import BindError, StreamClosed
from portside.listening import one_port, open_listeners, require_listenable
from portside.system.sockets import configure_accepted

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import AsyncIterator, Mapping
    from types import TracebackType
    from typing import Self

    from portside.addresses import Target
    from portside.listening import ListeningSockets

__all__ = ["Listener", "listen", "stream_of"]


def listen(
    target: Target,
    *,
    backlog: int | None = None,
    reuse_port: bool = False,
    dualstack: bool = True,
    mode: int | None = None,
    tls: ssl.SSLContext | None = None,
    options: Mapping[str, Any] | None = None,
) -> Opening[Listener]:
    """Listen on every address of ``target``, all with one port.

    A live Unix socket is never taken over; a stale file is removed, and so is our own when
    the listener is closed.

    Args:
        target: Where: ``"host:port"``, ``":port"`` (the loopback), ``"tcp://*:port"`` (every
            interface), ``"tls://host:port"``, ``"unix:/run/x"``, a path or an ``Address``.
            A port of 0 lets the kernel choose; see ``Listener.port``.
        backlog: Connections that may wait in the kernel; None for 4096, which most kernels
            cut down to their own limit.
        reuse_port: Let other sockets bind the same port, and share its connections.
        dualstack: Let one socket take IPv4 and IPv6, where ``target`` is every interface.
        mode: Permission bits of a Unix socket's file, such as 0o660; None for the umask's.
        tls: A context from ``server_context``: every stream speaks TLS then.
        options: Socket options by their names in ``Stream.options``, set before binding;
            connections inherit most of them.

    Returns:
        An open listener: close it, or use ``with``.

    Raises:
        ValueError: If ``target`` cannot be read or listened on, or needs a certificate.
        BindError: If the kernel refuses, because the address is in use say.
    """
    address = Address.of(target)
    require_listenable(address, tls)
    settings = BindSettings(reuse_port, dualstack, mode, options)
    return Opening(_listen(address, settings, backlog, tls))


async def _listen(
    address: Address, settings: BindSettings, backlog: int | None, context: ssl.SSLContext | None
) -> Listener:
    found = await resolve(address, None)
    if isinstance(found, OSError):
        raise BindError(str(address), f"the name cannot be looked up: {found}") from found
    return Listener(open_listeners(address, found, settings, backlog=backlog, context=context))


class Listener:
    """Accepts streams; iterating gives them, for as long as the listener is open.

    Iterating goes on when the process runs out of file descriptors or memory: it logs that,
    pauses and tries again.  ``accept`` raises then.  A TLS stream does its handshake with
    its first read or write, so that a slow client holds up nobody but itself.
    """

    def __init__(self, listening: ListeningSockets) -> None:
        self._listening = listening
        self._acceptor = Acceptor(listening.sockets, listening)

    def __repr__(self) -> str:
        return f"<Listener {self._listening}{' closed' if self.closed else ''}>"

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where it listens, with the ports that it got; readable after close."""
        return self._listening.addresses

    @property
    def port(self) -> int:
        """The port that all of its addresses share.

        Raises:
            ValueError: If it has none, like a Unix socket.
        """
        return one_port(self.addresses)

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The standard library's sockets; they still belong to the listener."""
        return self._listening.sockets

    @property
    def listening(self) -> ListeningSockets:
        """The sockets with their addresses and their TLS context, for a server."""
        return self._listening

    async def accept(self, timeout: float | None = None) -> Stream:
        """Wait for a connection and return it.

        Args:
            timeout: Seconds to wait, or None.

        Raises:
            TimeoutError: If the time was up first.
            StreamClosed: If the listener is closed, even while this waits.
            StreamBusy: If another one is waiting.
            OSError: If the process has no file descriptor left, say.
        """
        return self._stream(*await self._acceptor.next(timeout))

    def _stream(self, _: socket.socket, sock: socket.socket, peer: Any) -> Stream:
        return stream_of(sock, peer, self._listening)

    def __aiter__(self) -> AsyncIterator[Stream]:
        return self

    async def __anext__(self) -> Stream:
        try:
            return self._stream(*await self._acceptor.next(patient=True))
        except StreamClosed:
            raise StopAsyncIteration from None

    def pause(self) -> None:
        """Accept nobody; who comes now waits in the kernel's queue."""
        self._acceptor.pause()

    def resume(self) -> None:
        """Accept connections again."""
        self._acceptor.resume()

    @property
    def closed(self) -> bool:
        """Whether the listener is closed."""
        return self._listening.closed

    async def close(self) -> None:
        """Stop listening; who waits in the kernel's queue is refused.

        Streams that were accepted stay open.  Closing again does nothing.
        """
        self._acceptor.close()
        self._listening.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


def stream_of(sock: socket.socket, peer: Any, listening: ListeningSockets) -> Stream:
    """Return an accepted connection as a stream, and close it if that cannot be."""
    try:
        configure_accepted(sock)
        stream = Stream(sock, peer=peer)
        if listening.context is not None:
            stream.expect_tls(listening.context)
    except BaseException:
        sock.close()
        raise
    return stream
