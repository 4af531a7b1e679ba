"""TLS contexts with defaults that are safe.

``ssl`` is imported when the first one is made: loading OpenSSL takes longer than all of
portside.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    import ssl
    from collections.abc import Sequence

__all__ = ["client_context", "server_context"]


def client_context(
    *,
    trust: str | os.PathLike[str] | None = None,
    cert: str | os.PathLike[str] | None = None,
    key: str | os.PathLike[str] | None = None,
    alpn: Sequence[str] = (),
    verify: bool = True,
) -> ssl.SSLContext:
    """Return what a TLS client agrees to: TLS 1.2 at the least, the server's name checked.

    Args:
        trust: A file of certificates in PEM, or a folder of them as OpenSSL's ``c_rehash``
            leaves it; None for those that the system trusts.
        cert: A file with this client's own certificate chain in PEM, if servers ask for it.
        key: A file with its private key; None if it is in the same file.
        alpn: Application protocols to offer, the preferred one first (RFC 7301).
        verify: False to believe any server.  The connection is then safe from listeners
            only, not from impostors.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If a file is not what it should be, or arguments contradict.
    """
    import ssl

    if key is not None and cert is None:
        raise ValueError("a key is of no use without its certificate: give cert=")
    if trust is not None and not verify:
        raise ValueError("trust= is of no use where nobody is verified: leave verify=True")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif trust is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        _load_trust(context, trust)
    if cert is not None:
        _load_certificate(context, cert, key)
    _offer(context, alpn)
    return context


def server_context(
    cert: str | os.PathLike[str],
    key: str | os.PathLike[str] | None = None,
    *,
    client_ca: str | os.PathLike[str] | None = None,
    alpn: Sequence[str] = (),
) -> ssl.SSLContext:
    """Return what a TLS server agrees to: TLS 1.2 at the least.

    Args:
        cert: A file with the server's certificate chain in PEM, its own certificate first.
        key: A file with the private key; None if it is in the same file.
        client_ca: A file or folder of certificates; clients then have to show a certificate
            that one of them signed (mutual TLS).
        alpn: Application protocols to agree to, the preferred one first (RFC 7301).

    Raises:
        OSError: If a file cannot be read.
        ValueError: If a file is not what it should be.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_certificate(context, cert, key)
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        _load_trust(context, client_ca)
    _offer(context, alpn)
    return context


def _load_certificate(
    context: ssl.SSLContext,
    cert: str | os.PathLike[str],
    key: str | os.PathLike[str] | None,
) -> None:
    import ssl

    # OpenSSL's own message does not say which file it could not read.
    for path in (cert, key):
        if path is not None:
            Path(path).open("rb").close()

    def refuse_password() -> str:
        # Without this OpenSSL asks on the terminal, and a server hangs at its start.
        raise ValueError(f"the key in {key or cert} is encrypted: decrypt it with openssl pkey")

    try:
        context.load_cert_chain(cert, key, password=refuse_password)
    except ssl.SSLError as error:
        both = f"{cert}" if key is None else f"{cert} and {key}"
        reason = (error.reason or "not PEM").lower().replace("_", " ")
        raise ValueError(f"{both} cannot be used as certificate and key: {reason}") from error


def _load_trust(context: ssl.SSLContext, trust: str | os.PathLike[str]) -> None:
    import ssl

    path = Path(trust)
    if path.is_dir():
        context.load_verify_locations(capath=path)
        return
    path.open("rb").close()
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError as error:
        raise ValueError(f"{path} holds no certificate in PEM") from error


def _offer(context: ssl.SSLContext, alpn: Sequence[str]) -> None:
    if isinstance(alpn, str):
        raise TypeError(f"alpn is a list of protocols, such as [{alpn!r}], not a text")
    if alpn:
        context.set_alpn_protocols(alpn)
