"""Hosts as text: which names are names, and where the port begins.

A host name is letters, digits, hyphens and underscores between dots (RFC 1123, section
2.1, and the underscore that service names and containers use).  Names outside ASCII are
judged by what the resolver will make of them: IDNA maps full-width digits and dots
to plain ones, so what is refused in ASCII is refused in disguise, too.
"""

from __future__ import annotations

from unicodedata import category, normalize

from portside.addresses.literals import canonical_inet6, is_inet4
from portside.addresses.text import is_hexadecimal, is_number, split_query
from portside.errors import AddressError

__all__ = [
    "MAX_PORT",
    "check_host_name",
    "check_inet4",
    "check_port",
    "read_inet4_pair",
    "read_port",
    "split_host",
]

MAX_PORT = 65535
"""The largest port: 16 bits in TCP (RFC 9293, section 3.1) and UDP (RFC 768)."""

_LONGEST_NAME = 253
"""Characters in a host name without its last dot: 255 octets on the wire (RFC 1035, 2.3.4)."""

_LONGEST_LABEL = 63
"""Characters between two dots (RFC 1035, section 2.3.4)."""

_LONGEST_PORT = 5

_DROPPED = frozenset("\u034f\u1806\u180b\u180c\u180d" + "".join(map(chr, range(0xFE00, 0xFE10))))
"""Characters that IDNA drops without a word (RFC 3454, table B.1), beside control characters.

Behind the last digit of ``010.8.8.8`` one of them would hide it from us, not from a resolver.
"""

_EXPECTED = "expected a name such as www.example.com"
_EXPECTED_PAIR = "expected host:port, such as localhost:8000"
_EXPECTED_PORT = f"expected 0 to {MAX_PORT}, such as 8000"


def check_host_name(name: str) -> str:
    """Return a host name as we keep it: in lower case if it is ASCII, else as it is.

    Raises:
        AddressError: If it cannot be a name, or looks like an IPv4 address.
    """
    seen = _as_resolved(name)
    if _is_like_inet4(seen):
        reason = f"{name!r} is not an IPv4 address: expected four numbers up to 255, as in 10.0.0.1"
        raise AddressError(name, reason)
    if len(seen.removesuffix(".")) > _LONGEST_NAME:
        reason = f"the host has {len(seen)} characters: expected {_LONGEST_NAME} at the most"
        raise AddressError(name, reason)
    for label in seen.removesuffix(".").split("."):
        _check_label(name, label)
    return name.lower() if name.isascii() else name


def _as_resolved(name: str) -> str:
    """Return what a name is to the resolver (RFC 3490, section 3.1: dots; RFC 3491: NFKC)."""
    if name.isascii():
        return name
    return normalize("NFKC", name).replace("\N{IDEOGRAPHIC FULL STOP}", ".")


def _is_like_inet4(name: str) -> bool:
    """Whether the last label is a number, so that resolvers read the host as IPv4.

    Source: the URL standard, section 3.5, "ends in a number": digits, or ``0x`` and
    hexadecimal digits.  No top-level domain is a number (RFC 3696, section 2).
    """
    last = name.removesuffix(".").rpartition(".")[2].lower()
    hexadecimal = last.startswith("0x") and (last == "0x" or is_hexadecimal(last[2:]))
    return last.isdecimal() or hexadecimal


def _check_label(name: str, label: str) -> None:
    if not label:
        raise AddressError(name, f"host {name!r} has nothing between two dots: {_EXPECTED}")
    if len(label) > _LONGEST_LABEL:
        reason = (
            f"{label!r} has {len(label)} characters: expected {_LONGEST_LABEL} between two dots "
            "at the most, as in www.example.com"
        )
        raise AddressError(name, reason)
    wrong = next((char for char in label if not _is_allowed(char)), None)
    if wrong is not None:
        raise AddressError(name, f"host {name!r} cannot hold {wrong!r}: {_EXPECTED}")
    if label[0] == "-" or label[-1] == "-":
        raise AddressError(name, f"{label!r} has a hyphen at its edge: {_EXPECTED}")


def _is_allowed(char: str) -> bool:
    if char.isascii():
        return char.isalnum() or char in "-_"
    # C: control, surrogate, private and unassigned; Z: separators.
    return category(char)[0] not in "CZ" and char not in _DROPPED


def check_inet4(host: str) -> str:
    """Return ``host`` if it is an IPv4 address, as families need it that look nothing up.

    Raises:
        AddressError: If it is not.
    """
    if not is_inet4(host):
        reason = f"{host!r} is not an IPv4 address: expected one such as 127.0.0.1"
        raise AddressError(host, reason)
    return host


def check_port(port: object) -> int:
    """Return ``port`` if it is a whole number from 0 to 65535.

    Raises:
        AddressError: If it is not.
    """
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= MAX_PORT:
        raise AddressError(str(port), f"port {port!r} is out of range: {_EXPECTED_PORT}")
    return port


def read_port(text: str) -> int:
    """Read a port: decimal digits only, without leading zeros.

    Raises:
        AddressError: If it is none.
    """
    if not text:
        raise AddressError(text, f"the port is empty: {_EXPECTED_PORT}")
    if not is_number(text) or (text[0] == "0" and text != "0"):
        raise AddressError(text, f"port {text!r} is not a decimal number: {_EXPECTED_PORT}")
    if len(text) > _LONGEST_PORT:
        raise AddressError(text, f"port {text} is out of range: {_EXPECTED_PORT}")
    return check_port(int(text))


def read_inet4_pair(text: str) -> tuple[str, int]:
    """Read ``host:port`` where the host can only be an IPv4 address.

    A missing host is the loopback, and ``*`` every interface, as everywhere here.

    Raises:
        AddressError: If it is something else.
    """
    pair, _ = split_query(text)
    host, port = split_host(pair)
    every = "0.0.0.0"  # noqa: S104 - only when * asks for it
    return check_inet4({"": "127.0.0.1", "*": every}.get(host, host)), read_port(port)


def split_host(text: str) -> tuple[str, str]:
    """Cut ``host:port`` in two; an IPv6 host keeps its brackets.

    Raises:
        AddressError: If there is no port, something beside host and port, or a host with
            colons and no brackets.
    """
    if "@" in text:
        raise AddressError(text, f"it names a user before the @: {_EXPECTED_PAIR}")
    if "/" in text:
        raise AddressError(text, f"it has a path, and ends with the port: {_EXPECTED_PAIR}")
    if text.startswith("["):
        return _split_bracketed(text)
    host, colon, port = text.rpartition(":")
    if not colon:
        raise AddressError(text, _no_port(text))
    if ":" in host:
        raise AddressError(text, _no_brackets(text, host, port))
    return host, port


def _split_bracketed(text: str) -> tuple[str, str]:
    host, bracket, port = text.partition("]")
    if not bracket:
        raise AddressError(text, "its [ is not closed: expected [host]:port, such as [::1]:8000")
    if not port:
        raise AddressError(text, _no_port(text))
    if not port.startswith(":"):
        raise AddressError(text, f"{port!r} follows the ]: expected :port, such as [::1]:8000")
    return host + bracket, port[1:]


def _no_port(host: str) -> str:
    return f"it has no port: expected host:port, such as {host or 'localhost'}:8000"


def _no_brackets(text: str, host: str, port: str) -> str:
    if canonical_inet6(text) and not canonical_inet6(host):
        host, port = text, "8000"
    elif not canonical_inet6(host):
        host, port = "::1", "8000"
    return f"a host with colons stands in brackets: expected [host]:port, such as [{host}]:{port}"
