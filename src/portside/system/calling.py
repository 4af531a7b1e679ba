"""What a call of ``connect`` amounts to, once its arguments are put together."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from portside.addresses import Address, HostAddress, InheritedAddress, InternetAddress

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence

    from portside.addresses import Target

__all__ = ["Call"]


@dataclass(frozen=True, slots=True)
class Call:
    """Whom to call, and how.

    Attributes:
        target: Whom; a name is still to be looked up.
        context: What TLS has to agree to, or None for no TLS.
        server_hostname: The name to check, for TLS.
        local: The address to call from, or None.
        options: Socket options to set before connecting.
    """

    target: Address
    context: ssl.SSLContext | None
    server_hostname: str | None
    local: Address | None
    options: Mapping[str, Any] | None

    @classmethod
    def of(
        cls,
        target: Target,
        *,
        tls: ssl.SSLContext | bool | None,
        server_hostname: str | None,
        alpn: Sequence[str],
        local_address: Target | None,
        options: Mapping[str, Any] | None,
    ) -> Call:
        """Put the arguments of ``connect`` together.

        Raises:
            ValueError: If the target cannot be connected to, or arguments contradict.
        """
        address = Address.of(target)
        _require_callable(address)
        local = None if local_address is None else Address.of(local_address)
        if local is not None:
            _require_local(local, address)
        context = _context(address, tls=tls, alpn=alpn)
        if context is None:
            if server_hostname is not None:
                raise ValueError("server_hostname is checked in TLS, and there is none here")
        elif server_hostname is None:
            server_hostname = _name_to_check(address)
            if server_hostname is None and context.check_hostname:
                raise ValueError(f"{address} has no host name to check: give server_hostname")
        return cls(address, context, server_hostname, local, options)


def _require_callable(address: Address) -> None:
    if isinstance(address, HostAddress) and address.host == "*":
        raise ValueError(f"{address} is every interface: connect to one, such as localhost")
    if isinstance(address, InheritedAddress):
        raise ValueError(f"{address} is open already: Stream.wrap takes it over")
    if address.kind != socket.SOCK_STREAM:
        raise ValueError(f"{address} is not for streams, but for {address.kind.name}")


def _require_local(local: Address, target: Address) -> None:
    if isinstance(local, HostAddress):
        raise ValueError(f"the local address is an IP address and a port, not {local}")
    if isinstance(local, InternetAddress) != isinstance(target, InternetAddress) or (
        isinstance(local, InheritedAddress)
    ):
        raise ValueError(f"{local} is no local address for a connection to {target}")


def _name_to_check(address: Address) -> str | None:
    """Return the name that TLS asks for, without the dot that only the DNS knows.

    Source: RFC 6066, section 3: "without a trailing dot".
    """
    return address.host.removesuffix(".") if isinstance(address, InternetAddress) else None


def _context(
    address: Address, *, tls: ssl.SSLContext | bool | None, alpn: Sequence[str]
) -> ssl.SSLContext | None:
    wanted = isinstance(address, InternetAddress) and address.transport == "tls"
    if tls is False and wanted:
        raise ValueError(f"{address} asks for TLS, and tls=False forbids it")
    if tls is None or isinstance(tls, bool):
        if not (tls or wanted):
            if alpn:
                raise ValueError("alpn is agreed on in TLS, and there is none: give tls=True")
            return None
        from portside.system.tls import client_context

        return client_context(alpn=alpn)
    if alpn:
        raise ValueError("alpn belongs into the context: client_context(alpn=...)")
    return tls
