"""The listening sockets of one target: opened, described, given up."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from portside.addresses import Address, InheritedAddress, InternetAddress
from portside.bind import BindSettings, bind_addresses, refusal
from portside.defaults import BACKLOG

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from portside.bind import Bound

__all__ = [
    "ListeningSockets",
    "contexts_for",
    "one_port",
    "open_listeners",
    "peer_key",
    "renew_context",
    "require_listenable",
]


class ListeningSockets:
    """Non-blocking sockets that listen, for one target.

    Attributes:
        bound: The sockets.
        context: What TLS has to agree to with each client, or None.
        closed: Whether they were given up.
    """

    def __init__(self, bound: Sequence[Bound], context: ssl.SSLContext | None) -> None:
        self.bound = tuple(bound)
        self.context = context
        self.closed = False

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where they listen, with the ports that they got; readable after close."""
        return tuple(one.address for one in self.bound)

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The sockets, in the order of their addresses."""
        return tuple(one.socket for one in self.bound)

    def close(self) -> None:
        """Close them, and remove the files that are still ours."""
        if not self.closed:
            self.closed = True
            for one in self.bound:
                one.close()

    def __str__(self) -> str:
        return ", ".join(map(str, self.addresses))


def require_listenable(address: Address, context: ssl.SSLContext | None) -> None:
    """Refuse an address that no stream server can listen on.

    Raises:
        ValueError: If it is not for streams, or wants TLS and has no certificate.
    """
    if isinstance(address, InheritedAddress):
        raise ValueError(f"{address} is open already, and cannot be opened for listening")
    if address.kind != socket.SOCK_STREAM:
        raise ValueError(f"{address} is not for streams, but for {address.kind.name}")
    if speaks_tls(address) and context is None:
        raise ValueError(f"{address} needs a certificate: give tls=server_context(cert, key)")


def open_listeners(
    target: Address,
    addresses: Sequence[Address],
    settings: BindSettings,
    *,
    backlog: int | None,
    context: ssl.SSLContext | None,
) -> ListeningSockets:
    """Listen on every address of ``target``.

    Args:
        target: What the caller asked for.
        addresses: What it was looked up to.
        settings: How to bind.
        backlog: Connections that may wait in the kernel; None for ``defaults.BACKLOG``.
        context: What TLS has to agree to, or None.

    Raises:
        BindError: If that is not possible.
    """
    depth = BACKLOG if backlog is None else backlog
    settings = replace(settings, backlog=depth)
    listeners = ListeningSockets(bind_addresses(target, addresses, settings), context)
    try:
        for one in listeners.bound:
            one.socket.listen(depth)
            one.socket.settimeout(0)
    except BaseException as error:
        listeners.close()
        if isinstance(error, OSError):
            # Between bind and listen somebody else may have begun to listen there.
            raise refusal(target, error) from error
        raise
    return listeners


def speaks_tls(address: Address) -> bool:
    """Return whether an address asks for TLS by its scheme."""
    return isinstance(address, InternetAddress) and address.transport == "tls"


def contexts_for(
    addresses: Sequence[Address], context: ssl.SSLContext | None
) -> list[ssl.SSLContext | None]:
    """Return the TLS context for each of several targets: for those that are ``tls://``.

    Raises:
        ValueError: If a context is given and none of them is: it would be in plain text.
    """
    if context is not None and not any(map(speaks_tls, addresses)):
        given = ", ".join(map(str, addresses))
        raise ValueError(f"tls= is for tls:// targets, and there is none among {given}")
    return [context if speaks_tls(address) else None for address in addresses]


def renew_context(listening: Sequence[ListeningSockets], context: ssl.SSLContext) -> None:
    """Use another TLS context for the connections from now on, wherever TLS is spoken.

    Raises:
        ValueError: If it is spoken nowhere.
    """
    speaking = [one for one in listening if one.context is not None]
    if not speaking:
        raise ValueError(f"{', '.join(map(str, listening))} does not speak TLS")
    for one in speaking:
        one.context = context


def one_port(addresses: Sequence[Address]) -> int:
    """Return the port that all of these addresses share.

    Raises:
        ValueError: If they have none, or several.
    """
    ports = {address.port for address in addresses if isinstance(address, InternetAddress)}
    if len(ports) != 1:
        several = "several ports" if ports else "no port"
        raise ValueError(f"{', '.join(map(str, addresses))}: {several}; see addresses")
    return ports.pop()


def peer_key(sockaddr: Any) -> Any:
    """Return what tells one peer from another: an IP address; all Unix peers are one."""
    return sockaddr[0] if isinstance(sockaddr, tuple) else ""
