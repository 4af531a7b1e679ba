"""Every exception portside raises on purpose.

    PortsideError
    ├── AddressError          (also ValueError)       a target that cannot be read
    ├── BindError             (also OSError)          an address that cannot be listened on
    ├── ConnectError          (also ConnectionError)  nobody answered
    │   └── ConnectTimeout    (also TimeoutError)     ... in time
    ├── EndOfStream           (also EOFError)         the peer finished sending
    │   └── IncompleteRead                            ... inside a message
    ├── StreamClosed          (also OSError)          ours: used after close
    ├── StreamBusy            (also RuntimeError)     ours: two readers at once
    ├── UnsendablePayload     (also ValueError)       ours: nothing was sent
    └── ProtocolError                                 theirs: hang up
        ├── FrameTooLarge                             a message over the limit
        ├── HandshakeFailed   (also ConnectionError)  TLS could not be agreed on
        └── TruncatedStream                           TLS ended without close_notify

Catch ``PortsideError`` for all of them, or the builtin beside a class when the code
around you already does.  A connection that the network or the peer broke raises what
the operating system said, as everywhere in Python: ``ConnectionResetError``,
``BrokenPipeError``; a wait that was too long raises ``TimeoutError``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portside.plans.connecting import Attempt

__all__ = [
    "AddressError",
    "BindError",
    "ConnectError",
    "ConnectTimeout",
    "EndOfStream",
    "FrameTooLarge",
    "HandshakeFailed",
    "IncompleteRead",
    "PortsideError",
    "ProtocolError",
    "StreamBusy",
    "StreamClosed",
    "TruncatedStream",
    "UnsendablePayload",
]

# Exceptions travel between processes as type(*args), so args must be what the
# constructor takes.  OSError.__init__ would read two or three of them as (errno,
# strerror, filename), and Exception.__new__ keeps only the positional ones: hence
# every class below sets ``self.args`` itself and writes its own __str__.


class PortsideError(Exception):
    """Base class of every exception portside raises on purpose."""


class AddressError(PortsideError, ValueError):
    """A text or value that is not an address, or is none on this system.

    Attributes:
        text: What was given.
        reason: What is wrong with it, and what was expected instead.
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.text!r}: {self.reason}"


class BindError(PortsideError, OSError):
    """An address that cannot be bound or listened on.

    Attributes:
        address: The address, as text.
        reason: Why not, in words.
        owners: Who holds it, where that is known: one text each.
        errno: The operating system's number for it, or None.
    """

    def __init__(
        self,
        address: str,
        reason: str,
        owners: Sequence[str] = (),
        errno: int | None = None,
    ) -> None:
        self.args = (address, reason, tuple(owners), errno)
        self.address = address
        self.reason = reason
        self.owners = tuple(owners)
        self.errno = errno

    def __str__(self) -> str:
        held = f" by {', '.join(self.owners)}" if self.owners else ""
        return f"cannot listen on {self.address}: {self.reason}{held}"


class ConnectError(PortsideError, ConnectionError):
    """No address of a target answered.

    Attributes:
        target: Where to, as text.
        attempts: What became of each address that was tried, in the order of trying;
            empty if the name could not be resolved.
        reason: What went wrong, when no single attempt tells it.
    """

    def __init__(self, target: str, attempts: Sequence[Attempt] = (), reason: str = "") -> None:
        self.args = (target, tuple(attempts), reason)
        self.target = target
        self.attempts = tuple(attempts)
        self.reason = reason

    def __str__(self) -> str:
        told = [self.reason] if self.reason else []
        # Where a single address was tried, it need not be named twice.
        told += [str(attempt).removeprefix(f"{self.target}: ") for attempt in self.attempts]
        return f"cannot connect to {self.target}: {'; '.join(told)}"


class ConnectTimeout(ConnectError, TimeoutError):
    """No address of a target answered before the time was up."""


class EndOfStream(PortsideError, EOFError):
    """The peer finished sending, and everything it sent was read."""

    def __str__(self) -> str:
        return self.args[0] if self.args else "the peer finished sending"


class IncompleteRead(EndOfStream):
    """The peer finished sending in the middle of a message.

    Attributes:
        partial: The bytes of it that did arrive.
        expected: How many bytes were to come in all, or None where only a delimiter tells.
    """

    def __init__(self, partial: bytes, expected: int | None = None) -> None:
        super().__init__(partial, expected)
        self.partial = partial
        self.expected = expected

    def __str__(self) -> str:
        wanted = "a whole message" if self.expected is None else f"{self.expected} bytes"
        return f"the peer finished sending after {len(self.partial)} bytes of {wanted}"


class StreamClosed(PortsideError, OSError):
    """A stream or listener was used after it was closed on this side."""

    def __init__(self, what: str = "this stream is closed") -> None:
        self.args = (what,)

    def __str__(self) -> str:
        return str(self.args[0])


class StreamBusy(PortsideError, RuntimeError):
    """A second reader, while another one waits on the same stream.

    Which of the two would get the next bytes is chance, so neither is let in.
    """

    def __init__(self, what: str = "another reader is waiting on this stream") -> None:
        super().__init__(what)


class UnsendablePayload(PortsideError, ValueError):
    """A message that the framing cannot carry; nothing of it was sent."""


class ProtocolError(PortsideError):
    """The peer broke the rules; the connection is of no further use."""


class FrameTooLarge(ProtocolError):
    """A message of the peer's that passes the limit.

    It is raised before the rest of the message arrives.  Where the framing shows where
    the message ends, the rest is skipped and the next read starts behind it.

    Attributes:
        limit: The most bytes a message may have.
        size: How many it has, or None while its end has not arrived.
    """

    def __init__(self, limit: int, size: int | None = None) -> None:
        super().__init__(limit, size)
        self.limit = limit
        self.size = size

    def __str__(self) -> str:
        size = "more bytes" if self.size is None else f"{self.size} bytes"
        return f"the peer sent a message of {size}, over the limit of {self.limit}"


class HandshakeFailed(ProtocolError, ConnectionError):
    """TLS could not be agreed on; ``__cause__`` is what the TLS library said."""

    def __init__(self, reason: str) -> None:
        self.args = (reason,)
        self.reason = reason

    def __str__(self) -> str:
        return f"the TLS handshake failed: {self.reason}"


class TruncatedStream(ProtocolError):
    """TLS ended without the peer's close_notify: what was read may be cut short.

    Source: RFC 8446, section 6.1: without the alert, a truncation attack cannot be told
    from the end.
    """

    def __str__(self) -> str:
        return "the connection ended without TLS close_notify: what was read may be cut short"
