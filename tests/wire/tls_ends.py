"""Two ends of TLS in memory, and the bytes between them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from certificates import Certificates
from portside.errors import HandshakeFailed
from portside.wire.tls_info import TLSInfo
from portside.wire.tls_records import TLSRecords

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def contexts(
    certificates: Certificates, version: ssl.TLSVersion
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a client's and a server's context that speak one version only."""
    both = certificates.client_context(), certificates.server_context()
    for context in both:
        context.minimum_version = context.maximum_version = version
    return both


class Ends:
    """A client and a server that have yet to agree.

    Args:
        client: What the client agrees to.
        server: What the server agrees to.
        name: The name that the client asks for.
        piece: Bytes that the network carries at a time.
    """

    def __init__(
        self,
        client: ssl.SSLContext,
        server: ssl.SSLContext,
        name: str | None = "localhost",
        piece: int = 1 << 20,
    ) -> None:
        self.client = TLSRecords(client, server_side=False, server_hostname=name)
        self.server = TLSRecords(server, server_side=True)
        self.infos: dict[TLSRecords, TLSInfo] = {}
        self._piece = piece

    def carry(self, sender: TLSRecords) -> Iterator[TLSRecords]:
        """Bring the other end what one has to say; yield it after every piece."""
        receiver = self.server if sender is self.client else self.client
        ciphertext = sender.outgoing()
        for start in range(0, len(ciphertext), self._piece):
            receiver.feed(ciphertext[start : start + self._piece])
            yield receiver

    def shake_hands(self) -> None:
        """Let the two agree.

        Raises:
            HandshakeFailed: If one end does not; the other has been told why.
        """
        self._go_on(self.client)
        while len(self.infos) < 2:
            for sender in (self.client, self.server):
                for receiver in self.carry(sender):
                    self._go_on(receiver)

    def _go_on(self, end: TLSRecords) -> None:
        if end not in self.infos:
            info = end.handshake()
            if info is not None:
                self.infos[end] = info

    def say(self, sender: TLSRecords, plaintext: bytes) -> bytes:
        """Encrypt at one end, and return what comes out at the other."""
        sender.encrypt(plaintext)
        return self.pass_on(sender)

    def pass_on(self, sender: TLSRecords) -> bytes:
        """Return the plaintext that comes out of what ``sender`` has to say."""
        return b"".join(receiver.decrypt() for receiver in self.carry(sender))


def agreed(certificates: Certificates, version: ssl.TLSVersion, piece: int = 1 << 20) -> Ends:
    """Return a client and a server that have agreed."""
    ends = Ends(*contexts(certificates, version), piece=piece)
    ends.shake_hands()
    # A TLS 1.3 server sends session tickets, which the client reads with the data.
    assert ends.pass_on(ends.server) == b""
    return ends


def refusals(ends: Ends) -> tuple[HandshakeFailed | None, HandshakeFailed | None]:
    """Return why the client and the server do not agree, as far as each knows."""
    told: dict[TLSRecords, HandshakeFailed] = {}
    for _ in range(4):
        for sender in (ends.client, ends.server):
            if sender not in told:
                try:
                    sender.handshake()
                except HandshakeFailed as refusal:
                    told[sender] = refusal
            for _receiver in ends.carry(sender):
                pass
    return told.get(ends.client), told.get(ends.server)
