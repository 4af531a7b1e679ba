"""TLS without I/O: ciphertext on one side, plaintext on the other.

``ssl.SSLObject`` over two ``ssl.MemoryBIO`` does the cryptography.  Whoever owns the
connection feeds in what the peer sent, and sends what ``outgoing`` returns after each step:

    peer ──feed──▶ [incoming BIO]                 ──decrypt──▶ the reader
                          SSLObject
    peer ◀─outgoing─ [outgoing BIO]               ◀──encrypt── the writer

Both shells get the same TLS that way, and one that can do what their own TLS cannot:
close one direction and go on reading, run inside another TLS, and start in the middle of a
stream with bytes already read.
"""

from __future__ import annotations

import errno
import ssl
import sys
from typing import Any

from portside.errors import HandshakeFailed, ProtocolError, TruncatedStream
from portside.wire.tls_info import TLSInfo

__all__ = ["TLSRecords"]

_RECORD = 1 << 14  # bytes of plaintext in one record at the most: RFC 8446, section 5.1
_DER = 2  # ssl._ssl.ENCODING_DER


class TLSRecords:
    """One end of a TLS connection; performs no I/O.

    Args:
        context: What to agree to, and with which certificates.
        server_side: Whether this is the server's end.
        server_hostname: The name a client asks for and checks; never for a server.

    Raises:
        ValueError: If the context wants to check a name and none is given.
    """

    def __init__(
        self, context: ssl.SSLContext, *, server_side: bool, server_hostname: str | None = None
    ) -> None:
        if context.check_hostname and not server_side and not server_hostname:
            # OpenSSL would check nothing then, and believe any certificate that is trusted.
            raise ValueError("the context checks the name of the server: give server_hostname")
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._server_name = server_hostname
        self._object = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_side,
            server_hostname=server_hostname,
        )
        self._rescued = b""
        self.ended = False
        """Whether no more plaintext will come."""
        self.failure: Exception | None = None
        """Why the plaintext ended; None if the peer sent its close_notify."""

    def feed(self, ciphertext: bytes) -> None:
        """Add what the peer sent; ``b""`` means that the connection below ended."""
        if ciphertext:
            self._incoming.write(ciphertext)
        else:
            self._incoming.write_eof()

    def outgoing(self) -> bytes:
        """Return what is to be sent to the peer, once."""
        return self._outgoing.read()

    def handshake(self) -> TLSInfo | None:
        """Take the handshake as far as it goes; None while the peer has to speak first.

        Raises:
            HandshakeFailed: If there is no agreement.  ``outgoing`` then has the alert that
                tells the peer why.
        """
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLError as error:
            raise HandshakeFailed(_reason(error)) from error
        return self._describe()

    def decrypt(self) -> bytes:
        """Return the plaintext that is here; ``b""`` if there is none.

        When there will be no more, ``ended`` is true from here on.  ``failure`` is then a
        TruncatedStream if the connection below ended without the peer's close_notify, or a
        ProtocolError if what the peer sent is not TLS or was tampered with.
        """
        pieces, self._rescued = [self._rescued], b""
        try:
            while not self.ended:
                piece = self._object.read(_RECORD)
                pieces.append(piece)
                self.ended = not piece
                if not (self._incoming.pending or self._object.pending() or self._incoming.eof):
                    break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.ended, self.failure = True, _failure(error)
        return b"".join(pieces)

    def encrypt(self, plaintext: bytes | bytearray | memoryview) -> None:
        """Turn ``plaintext`` into records, to be had from ``outgoing``.

        Raises:
            BrokenPipeError: If the connection has ended, or TLS was broken.
        """
        view = memoryview(plaintext)
        try:
            while view:
                view = view[self._object.write(view) :]
        except ssl.SSLError as error:
            raise BrokenPipeError(errno.EPIPE, "TLS with the peer has ended") from error

    def close_notify(self) -> None:
        """Tell the peer that nothing more will be sent; reading goes on.

        Source: RFC 8446, section 6.1: the alert closes one direction only.
        """
        if self._incoming.pending and self._object.version() is not None:
            # SSL_shutdown drops what has arrived and was not decrypted yet.
            self._rescued = self.decrypt()
        try:
            self._object.unwrap()
        except ssl.SSLError:
            # "Want read", as the peer's own close_notify is not here yet; or the
            # handshake never ended and there is nothing to close.
            return

    def _describe(self) -> TLSInfo:
        cipher = self._object.cipher()
        return TLSInfo(
            version=self._object.version() or "",
            cipher=cipher[0] if cipher else "",
            alpn=self._object.selected_alpn_protocol(),
            server_name=self._server_name,
            peer_certificates=_verified_chain(self._object),
            ssl_object=self._object,
        )


def _verified_chain(connection: ssl.SSLObject) -> tuple[bytes, ...]:
    if connection.context.verify_mode == ssl.CERT_NONE:
        # OpenSSL would hand out what the peer claims, which nobody has checked.
        return ()
    if sys.version_info >= (3, 13):
        return tuple(connection.get_verified_chain())
    # Before, the method exists on the inner object only, and gives objects.
    inner: Any = connection
    chain = inner._sslobj.get_verified_chain()  # noqa: SLF001
    return tuple(certificate.public_bytes(_DER) for certificate in chain or ())


def _failure(error: ssl.SSLError) -> Exception | None:
    """Return what the end of the plaintext is, as one of ours."""
    if isinstance(error, ssl.SSLZeroReturnError):
        return None
    if isinstance(error, ssl.SSLEOFError):
        failure: Exception = TruncatedStream()
    else:
        failure = ProtocolError(f"the peer broke TLS: {_reason(error)}")
    failure.__cause__ = error
    return failure


def _reason(error: ssl.SSLError) -> str:
    """Say what went wrong without OpenSSL's brackets and source lines."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    if isinstance(error, ssl.SSLEOFError):
        return "the peer hung up"
    return (error.reason or str(error)).lower().replace("_", " ")
