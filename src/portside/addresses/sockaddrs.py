"""The tuples that the socket module speaks in, and whether one has the right shape."""

from __future__ import annotations

from typing import Any

from portside.errors import AddressError

__all__ = ["fields"]


def fields(sockaddr: object, shape: str, *types: type, least: int | None = None) -> tuple[Any, ...]:
    """Return ``sockaddr`` if it is a tuple of these types.

    Args:
        sockaddr: What the socket module gave.
        shape: What it should have been, in words and for the error: ``(cid, port)``.
        types: The type of each item.
        least: How many items there have to be; None for all.

    Raises:
        AddressError: If it is something else.
    """
    if isinstance(sockaddr, tuple):
        enough = (len(types) if least is None else least) <= len(sockaddr) <= len(types)
        if enough and all(map(isinstance, sockaddr, types)):
            return sockaddr
    raise AddressError(repr(sockaddr), f"the socket module has another form: expected {shape}")
