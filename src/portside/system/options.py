"""Socket options by name: typed, each with its level and the platforms that have it.

    stream.options.nodelay = False
    connect(target, options={"receive_buffer": 1 << 20})

A level belongs to its option, so nobody can set TCP_NODELAY on the wrong one and change
SO_DEBUG instead.
"""

from __future__ import annotations

import difflib
import errno
import socket
import struct
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from portside.defaults import KEEPALIVE_COUNT, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KeepAlive", "Options"]

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """When TCP asks a silent peer whether it is still there (tcp(7)).

    Attributes:
        idle: Seconds of silence before the first probe.
        interval: Seconds between two probes.
        count: Unanswered probes after which the connection is broken.
    """

    idle: int = KEEPALIVE_IDLE
    interval: int = KEEPALIVE_INTERVAL
    count: int = KEEPALIVE_COUNT


_INT_ROOM = 1 << 31  # setsockopt(2) takes a C int, of 32 bits wherever Python runs


def _number(name: str) -> int:
    """Return the number of a constant of the socket module."""
    try:
        return int(getattr(socket, name))
    except AttributeError:
        raise OSError(errno.ENOPROTOOPT, f"this platform has no {name}") from None


class _Option(ABC, Generic[Value]):
    """An option that the kernel keeps as one int.

    Args:
        level, name: Its numbers, by their names in the socket module.
        six: Both again for an IPv6 socket, where they are others.
    """

    def __init__(self, level: str, name: str, six: tuple[str, str] | None = None) -> None:
        self.level = level
        self.name = name
        self._six = six

    @overload
    def __get__(self, options: None, owner: type) -> _Option[Value]: ...
    @overload
    def __get__(self, options: Options, owner: type) -> Value: ...
    def __get__(self, options: Options | None, owner: type) -> _Option[Value] | Value:
        if options is None:
            return self
        return self.read(options.get(*self.numbers(options)))

    def __set__(self, options: Options, value: Value) -> None:
        options.set(*self.numbers(options), self.written(value))

    def numbers(self, options: Options) -> tuple[int, int]:
        """Return the level and the option for this socket."""
        names = self._six if self._six and options.is_six else (self.level, self.name)
        return _number(names[0]), _number(names[1])

    @abstractmethod
    def read(self, raw: int) -> Value:
        """Return what the kernel's number means."""

    @abstractmethod
    def written(self, value: Value) -> int:
        """Return the kernel's number for a value."""


class _Flag(_Option[bool]):
    """An option that is on or off."""

    def read(self, raw: int) -> bool:
        return bool(raw)

    def written(self, value: bool) -> int:  # noqa: FBT001  a setter has one argument
        return int(value)


class _Count(_Option[int]):
    """An option that is a number, of bytes mostly."""

    def read(self, raw: int) -> int:
        return raw

    def written(self, value: int) -> int:
        return int(value)


class _Milliseconds(_Option[float]):
    """An option in seconds that the kernel keeps in milliseconds."""

    def read(self, raw: int) -> float:
        return raw / 1000

    def written(self, value: float) -> int:
        # Less than one is not none: 0 has a meaning of its own.
        return round(value * 1000) or int(value > 0)


class _Text:
    """An option that the kernel keeps as a name."""

    _ROOM = 64  # more than any of the names: IFNAMSIZ and TCP_CA_NAME_MAX are 16

    def __init__(self, level: str, name: str) -> None:
        self.level = level
        self.name = name

    @overload
    def __get__(self, options: None, owner: type) -> _Text: ...
    @overload
    def __get__(self, options: Options, owner: type) -> str: ...
    def __get__(self, options: Options | None, owner: type) -> _Text | str:
        if options is None:
            return self
        return options.get_text(_number(self.level), _number(self.name), self._ROOM)

    def __set__(self, options: Options, value: str) -> None:
        options.set(_number(self.level), _number(self.name), value.encode())


class Options:
    """The options of one socket; reading one asks the kernel, setting one tells it.

    An option that the platform does not have, or that this kind of socket does not take,
    raises ``OSError`` with the kernel's own number.
    """

    __slots__ = ("_sock",)

    nodelay = _Flag("IPPROTO_TCP", "TCP_NODELAY")
    """Send small writes at once (tcp(7); all platforms).  On unless you turn it off."""

    send_buffer = _Count("SOL_SOCKET", "SO_SNDBUF")
    """Bytes the kernel keeps of what was written (socket(7); all).  Linux doubles a setting."""

    receive_buffer = _Count("SOL_SOCKET", "SO_RCVBUF")
    """Bytes the kernel keeps of what arrived (socket(7); all).  Linux doubles a setting."""

    user_timeout = _Milliseconds("IPPROTO_TCP", "TCP_USER_TIMEOUT")
    """Seconds that sent data may stay unacknowledged before the connection breaks, 0 for the
    kernel's choice (tcp(7); Linux)."""

    notsent_lowat = _Count("IPPROTO_TCP", "TCP_NOTSENT_LOWAT")
    """Unsent bytes up to which the socket counts as writable (tcp(7); Linux, macOS)."""

    quick_ack = _Flag("IPPROTO_TCP", "TCP_QUICKACK")
    """Acknowledge at once, for now (tcp(7); Linux).  The kernel may turn it off again."""

    fast_open = _Count("IPPROTO_TCP", "TCP_FASTOPEN")
    """How many clients may wait with data in their SYN, 0 for none; for a listener (RFC 7413;
    Linux, macOS, FreeBSD, Windows)."""

    defer_accept = _Count("IPPROTO_TCP", "TCP_DEFER_ACCEPT")
    """Seconds that a listener waits for a client's first bytes before it is told of it
    (tcp(7); Linux)."""

    max_segment = _Count("IPPROTO_TCP", "TCP_MAXSEG")
    """Bytes in a segment that is sent, at the most (tcp(7); all)."""

    congestion = _Text("IPPROTO_TCP", "TCP_CONGESTION")
    """The congestion control algorithm, such as ``"bbr"`` (tcp(7); Linux, FreeBSD)."""

    device = _Text("SOL_SOCKET", "SO_BINDTODEVICE")
    """The interface that all traffic takes, such as ``"eth0"``; ``""`` for any (socket(7);
    Linux)."""

    mark = _Count("SOL_SOCKET", "SO_MARK")
    """A number for routing and packet filters (socket(7); Linux).  Needs CAP_NET_ADMIN."""

    priority = _Count("SOL_SOCKET", "SO_PRIORITY")
    """The queueing priority, 0 to 6 without CAP_NET_ADMIN (socket(7); Linux)."""

    incoming_cpu = _Count("SOL_SOCKET", "SO_INCOMING_CPU")
    """The processor that the socket's packets are handled on, -1 if none was yet (socket(7);
    Linux)."""

    receive_low_water = _Count("SOL_SOCKET", "SO_RCVLOWAT")
    """Bytes that have to be here before the socket counts as readable (socket(7); all but
    Windows)."""

    traffic_class = _Count("IPPROTO_IP", "IP_TOS", ("IPPROTO_IPV6", "IPV6_TCLASS"))
    """The DSCP and ECN byte of every packet, 0 to 255 (ip(7), ipv6(7); all).  TCP keeps the
    two ECN bits to itself."""

    hop_limit = _Count("IPPROTO_IP", "IP_TTL", ("IPPROTO_IPV6", "IPV6_UNICAST_HOPS"))
    """Routers that a packet may pass, 1 to 255: the time to live (ip(7), ipv6(7); all)."""

    broadcast = _Flag("SOL_SOCKET", "SO_BROADCAST")
    """Whether datagrams may go to a broadcast address (socket(7); all)."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    @property
    def is_six(self) -> bool:
        """Whether this is an IPv6 socket, some of whose options have other numbers."""
        return self._sock.family == socket.AF_INET6

    @property
    def keepalive(self) -> KeepAlive | None:
        """When a silent peer is probed, None for never (tcp(7); all platforms).

        On unless you turn it off.  Set a ``KeepAlive``, or None.  Where the platform cannot
        tell its numbers they read as 0.
        """
        if not self.get(socket.SOL_SOCKET, socket.SO_KEEPALIVE):
            return None
        idle, interval, count = (
            0 if number is None else self.get(socket.IPPROTO_TCP, number)
            for number in _KEEPALIVE_NUMBERS
        )
        return KeepAlive(idle, interval, count)

    @keepalive.setter
    def keepalive(self, value: KeepAlive | None) -> None:
        if value is not None:
            seconds = (value.idle, value.interval, value.count)
            for number, setting in zip(_KEEPALIVE_NUMBERS, seconds, strict=True):
                if number is not None:
                    self.set(socket.IPPROTO_TCP, number, setting)
        self.set(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(value is not None))

    @property
    def linger(self) -> int | None:
        """Seconds that closing waits for unsent data, None for "in the background".

        0 resets the connection on close (socket(7), SO_LINGER; all platforms).
        """
        layout = _linger_layout()
        raw = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, layout.size)
        on, seconds = layout.unpack(raw)
        return seconds if on else None

    @linger.setter
    def linger(self, value: int | None) -> None:
        longest = 32_767  # of what Windows has room for; hours, in any case
        if value is not None and not 0 <= value <= longest:
            raise ValueError(f"linger is 0 to {longest} seconds, or None, not {value}")
        setting = _linger_layout().pack(value is not None, value or 0)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, setting)

    def get(self, level: int, option: int) -> int:
        """Return an option by its numbers, as ``socket.getsockopt`` does."""
        return self._sock.getsockopt(level, option)

    def get_text(self, level: int, option: int, room: int) -> str:
        """Return an option that is a name, by its numbers."""
        return self._sock.getsockopt(level, option, room).rstrip(b"\0").decode()

    def set(self, level: int, option: int, value: int | bytes) -> None:
        """Set an option by its numbers, as ``socket.setsockopt`` does.

        Raises:
            OSError: If the kernel does not take it.
            ValueError: If a number is too large for the kernel's int.
        """
        if isinstance(value, int) and not -_INT_ROOM <= value < _INT_ROOM:
            raise ValueError(f"a socket option is under {_INT_ROOM}, not {value}")
        self._sock.setsockopt(level, option, value)

    def update(self, values: Mapping[str, Any]) -> None:
        """Set options by their names here.

        Raises:
            ValueError: If there is no option of such a name, or it cannot have the value.
            OSError: If the kernel does not take a value.
        """
        for name, value in values.items():
            if name not in OPTION_NAMES:
                guess = difflib.get_close_matches(name, OPTION_NAMES, 1)
                hint = f": did you mean {guess[0]!r}?" if guess else ""
                raise ValueError(f"there is no socket option {name!r}{hint}")
            setattr(self, name, value)


OPTION_NAMES = tuple(
    name
    for name, value in vars(Options).items()
    if isinstance(value, _Option | _Text | property) and not name.startswith(("_", "is_"))
)

# macOS calls the first one TCP_KEEPALIVE; an older Windows has none of them.
_KEEPALIVE_NUMBERS = (
    getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None)),
    getattr(socket, "TCP_KEEPINTVL", None),
    getattr(socket, "TCP_KEEPCNT", None),
)


def _linger_layout() -> struct.Struct:
    """Return struct linger: two ints, or two shorts on Windows."""
    return struct.Struct("hh" if sys.platform == "win32" else "ii")
