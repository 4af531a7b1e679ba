"""From a name to addresses: the one place that asks the resolver.

The resolver may take half a minute and cannot be interrupted.  So neither shell waits in it:
a thread of its own does, and hands over what it found.  A thread that nobody waits for any
more ends when the resolver does; it is a daemon, so it does not keep the program from ending
(asyncio's own executor would).
"""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

from portside.addresses import HostAddress, Inet4Address, Inet6Address

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from portside.addresses import Address

__all__ = ["addresses_at_hand", "look_up", "look_up_apart"]


def addresses_at_hand(target: Address) -> Sequence[Address] | None:
    """Return the addresses of ``target`` that no resolver is needed for, or None.

    Those are addresses themselves, and ``localhost`` (RFC 6761, section 6.3: it is always
    the loopback): IPv4 first, where most services of a machine listen.  ``*`` stands for
    itself.
    """
    if not isinstance(target, HostAddress) or target.host == "*":
        return [target]
    host = target.host.removesuffix(".")
    if host != "localhost" and not host.endswith(".localhost"):
        return None
    loopbacks = (
        Inet4Address("127.0.0.1", target.port, target.transport),
        Inet6Address("::1", target.port, target.transport),
    )
    return [address for address in loopbacks if target.family in (0, address.family)]


def look_up(target: Address) -> Sequence[Address]:
    """Return the addresses of a name, in the resolver's order of preference (RFC 6724).

    Raises:
        OSError: If the resolver does not know it, or cannot be asked.
    """
    if not isinstance(target, HostAddress):
        return [target]
    try:
        found = socket.getaddrinfo(
            target.host, target.port, target.family, target.kind, target.protocol
        )
    except UnicodeError as error:
        # RFC 1035, section 2.3.4: 63 bytes in a label, 253 in all; RFC 3490 for the rest.
        raise OSError(f"{target.host} cannot be written in the DNS: {error}") from error
    addresses = [target.with_sockaddr(family, sockaddr) for family, *_, sockaddr in found]
    return list(dict.fromkeys(addresses))


def look_up_apart(target: Address, deliver: Callable[[Sequence[Address] | OSError], None]) -> None:
    """Look ``target`` up in a thread, which calls ``deliver`` with what came of it."""

    def work() -> None:
        found: Sequence[Address] | OSError
        try:
            found = look_up(target)
        except OSError as error:
            found = error
        deliver(found)

    threading.Thread(target=work, name=f"lookup of {target}", daemon=True).start()
