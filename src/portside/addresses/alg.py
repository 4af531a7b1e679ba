"""The kernel's cryptography, as sockets (AF_ALG; kernel doc: crypto/userspace-if).

alg:hash/sha256      alg:skcipher/cbc(aes)      alg:aead/gcm(aes)?feat=0x1&mask=0x2
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from portside.addresses.address import Address
from portside.addresses.constants import kind_name
from portside.addresses.sockaddrs import fields
from portside.addresses.text import (
    check_number,
    decode,
    encode,
    join_query,
    quote,
    read_number,
    split_query,
    unquote,
)
from portside.errors import AddressError

__all__ = ["SCHEMES", "AlgAddress", "from_sockaddr", "parse"]

SCHEMES: Final = ("alg",)

_EXAMPLE: Final = "alg:hash/sha256"

_LONGEST_TYPE: Final = 13
_LONGEST_NAME: Final = 63
"""Bytes without the NUL in ``salg_type`` and ``salg_name`` (``linux/if_alg.h``)."""

_LARGEST: Final = 0xFFFF
"""Python passes 16 bits of ``salg_feat`` and ``salg_mask``."""


@dataclass(frozen=True, slots=True)
class AlgAddress(Address):
    """An algorithm of the kernel's.

    Attributes:
        type: ``hash``, ``skcipher``, ``aead`` or ``rng``, or what the kernel adds to them;
            13 bytes at the most.
        name: Such as ``cbc(aes)``; 63 bytes at the most.
        feat: Features asked for, 16 bits.
        mask: Which features matter, 16 bits.

    Raises:
        AddressError: If one of them is empty, too long, or out of range.
    """

    type: str
    name: str
    feat: int = 0
    mask: int = 0

    _family = "AF_ALG"
    _feature = "the kernel's cryptography"
    _kind = "seqpacket"

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", _check_word(self.type, "type", _LONGEST_TYPE))
        object.__setattr__(self, "name", _check_word(self.name, "name", _LONGEST_NAME))
        check_number(self.feat, "feat", _LARGEST)
        check_number(self.mask, "mask", _LARGEST)

    def sockaddr(self) -> tuple[str, str] | tuple[str, str, int, int]:
        """Return ``(type, name)``, or ``(type, name, feat, mask)``."""
        if not self.feat and not self.mask:
            return self.type, self.name
        return self.type, self.name, self.feat, self.mask

    def __str__(self) -> str:
        query = join_query(
            feat=hex(self.feat) if self.feat else None,
            mask=hex(self.mask) if self.mask else None,
        )
        return f"alg:{quote(self.type, '/')}/{quote(self.name)}{query}"


def _check_word(word: str, what: str, longest: int) -> str:
    data = encode(word)
    if not 0 < len(data) <= longest or 0 in data:
        reason = f"{what} {word!r} cannot be: expected 1 to {longest} bytes, as in {_EXAMPLE}"
        raise AddressError(word, reason)
    return decode(data)


def parse(_scheme: str, rest: str) -> AlgAddress:
    """Read ``type/name?feat=…&mask=…``.

    Raises:
        AddressError: If it is something else.
    """
    body, query = split_query(rest, ["feat", "mask"])
    kind, slash, name = body.partition("/")
    if not slash:
        raise AddressError(rest, f"it has no slash after the type: expected {_EXAMPLE}")
    return AlgAddress(
        unquote(kind),
        unquote(name),
        read_number(query.get("feat", "0"), "feat", _LARGEST),
        read_number(query.get("mask", "0"), "mask", _LARGEST),
    )


def from_sockaddr(sockaddr: object, kind: int | None, _protocol: int | None) -> AlgAddress:
    """Make an address of ``(type, name, feat, mask)``; the last two may be missing.

    Raises:
        AddressError: If it is something else.
    """
    kind_name(kind, ["seqpacket"])
    shape = "(type, name, feat, mask), such as ('hash', 'sha256')"
    return AlgAddress(*fields(sockaddr, shape, str, str, int, int, least=2))
