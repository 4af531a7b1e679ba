"""IPv4 and IPv6 addresses as text, read strictly and printed in one way.

The resolver's functions read more than the standards allow, each system in its own way:
``127.1``, ``0x7f.1``, and ``010.8.8.8`` as 8.8.8.8.  Where one program lets such a text
through and another one reads it differently, filters are passed by; so here only the one
canonical form of IPv4 is read, and IPv6 as RFC 4291, section 2.2 has it.
"""

from __future__ import annotations

from functools import lru_cache

from portside.addresses.text import is_hexadecimal

__all__ = ["canonical_inet6", "is_inet4", "mapped_inet4"]

_OCTETS = frozenset(map(str, range(256)))
_PARTS = 4
_GROUPS = 8
_DIGITS_IN_GROUP = 4
_LONGEST_INET6 = 45
"""Characters in the longest IPv6 text: INET6_ADDRSTRLEN of 46, with its NUL (RFC 3493, 6.6)."""

_MAPPED = (0, 0, 0, 0, 0, 0xFFFF)


def is_inet4(text: str) -> bool:
    """Whether a text is four decimal numbers up to 255 without leading zeros."""
    parts = text.split(".")
    return len(parts) == _PARTS and _OCTETS.issuperset(parts)


def canonical_inet6(text: str) -> str | None:
    """Return an IPv6 address as RFC 5952 prints it, or None if the text is none.

    An address in ``::ffff:0:0/96`` ends in IPv4 notation (RFC 5952, section 5); no other
    one does, as no other prefix says by itself that an IPv4 address follows.
    """
    return _canonical_inet6(text) if len(text) <= _LONGEST_INET6 else None


# A server hears the same peers again and again, and 6 µs for each datagram add up.
@lru_cache(maxsize=1024)
def _canonical_inet6(text: str) -> str | None:
    groups = _read(text)
    return None if groups is None else _print(groups)


def mapped_inet4(host: str) -> str | None:
    """Return the IPv4 address inside an IPv4-mapped IPv6 one, or None (RFC 4291, 2.5.5.2).

    Args:
        host: In canonical form.
    """
    tail = host.removeprefix("::ffff:")
    return tail if tail != host and "." in tail else None


def _read(text: str) -> tuple[int, ...] | None:
    head, gap, tail = text.partition("::")
    if gap and "." in head:
        return None
    front, back = _read_groups(head), _read_groups(tail)
    if front is None or back is None:
        return None
    missing = _GROUPS - len(front) - len(back)
    if missing < 1 if gap else missing:
        return None
    return (*front, *[0] * missing, *back)


def _read_groups(text: str) -> list[int] | None:
    """Read groups between colons; the last two may be written as IPv4."""
    if not text:
        return []
    pieces = text.split(":")
    if "." in pieces[-1]:
        dotted = pieces.pop()
        if not is_inet4(dotted):
            return None
        first, second, third, fourth = map(int, dotted.split("."))
        pieces += [f"{first << 8 | second:x}", f"{third << 8 | fourth:x}"]
    if not all(len(piece) <= _DIGITS_IN_GROUP and is_hexadecimal(piece) for piece in pieces):
        return None
    return [int(piece, 16) for piece in pieces]


def _print(groups: tuple[int, ...]) -> str:
    if groups[:6] == _MAPPED:
        high, low = groups[6:]
        return f"::ffff:{high >> 8}.{high & 255}.{low >> 8}.{low & 255}"
    words = [f"{group:x}" for group in groups]
    start, end = _longest_zeros(groups)
    if start == end:
        return ":".join(words)
    return f"{':'.join(words[:start])}::{':'.join(words[end:])}"


def _longest_zeros(groups: tuple[int, ...]) -> tuple[int, int]:
    """Return where the longest run of zeros is; a single zero is none (RFC 5952, 4.2)."""
    for length in range(_GROUPS, 1, -1):
        for start in range(_GROUPS - length + 1):
            if not any(groups[start : start + length]):
                return start, start + length
    return 0, 0
