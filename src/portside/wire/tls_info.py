"""What two TLS peers agreed on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

__all__ = ["TLSInfo"]


@dataclass(frozen=True, slots=True)
class TLSInfo:
    """The outcome of a TLS handshake; it stays readable after the stream is closed.

    Attributes:
        version: The protocol, such as ``"TLSv1.3"``.
        cipher: The cipher suite, such as ``"TLS_AES_256_GCM_SHA384"``.
        alpn: The application protocol that was agreed on, or None.
        server_name: The name the client asked for (SNI), or None.
        peer_certificates: The peer's verified chain, each certificate in DER, the peer's
            own first.  Empty unless the chain was verified.
        ssl_object: The standard library's object, for everything else.
    """

    version: str
    cipher: str
    alpn: str | None
    server_name: str | None
    peer_certificates: tuple[bytes, ...]
    ssl_object: ssl.SSLObject = field(repr=False, compare=False)
