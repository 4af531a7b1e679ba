"""Certificates for tests, from an authority of their own."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme

import portside


class Certificates:
    """Files in PEM, and the contexts made of them.

    Attributes:
        ca: The authority's certificate.
        server: A certificate for localhost, with its key in the same file.
        client: A certificate for a client, with its key.
        stranger: A certificate for localhost that nobody trusts.
    """

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca = folder / "ca.pem"
        self.server = folder / "server.pem"
        self.client = folder / "client.pem"
        self.stranger = folder / "stranger.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        names = ("localhost", "127.0.0.1", "::1")
        for path, issuer, identities in (
            (self.server, authority, names),
            (self.client, authority, ("client@example.org",)),
            (self.stranger, trustme.CA(), names),
        ):
            issued = issuer.issue_cert(*identities)
            issued.private_key_and_cert_chain_pem.write_to_path(str(path))

    def server_context(self) -> ssl.SSLContext:
        return portside.server_context(self.server)

    def client_context(self) -> ssl.SSLContext:
        return portside.client_context(trust=self.ca)
