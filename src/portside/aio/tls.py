"""TLS as a link above another link; see ``portside.wire.tls_records``."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from portside.aio.link import Link
from portside.defaults import TLS_CHUNK
from portside.errors import HandshakeFailed

if TYPE_CHECKING:
    from portside.aio.link import Sink
    from portside.wire.tls_info import TLSInfo
    from portside.wire.tls_records import TLSRecords

__all__ = ["TLSLink"]


class TLSLink(Link):
    """Encrypts what goes down, decrypts what comes up.

    It takes the place of the inbox as the sink of the link below, so that ciphertext is
    decrypted in the very callback that received it.

    Attributes:
        info: What the handshake agreed on, or None while it is not over.
        refusal: Why there is no agreement, or None.
    """

    __slots__ = ("_inner", "_records", "_sink", "info", "refusal")

    def __init__(self, inner: Link, records: TLSRecords, sink: Sink) -> None:
        self._inner = inner
        self._records = records
        self._sink = sink
        self.info: TLSInfo | None = None
        self.refusal: HandshakeFailed | None = None
        inner.attach(self)

    # As a sink

    def append(self, chunk: bytes) -> None:
        """Take ciphertext."""
        self._records.feed(chunk)
        self._go_on()

    def end(self, failure: Exception | None = None) -> None:
        """Take the end of the connection below."""
        if failure is None:
            self._records.feed(b"")
            self._go_on()
        elif self.info is None:
            strerror = failure.strerror if isinstance(failure, OSError) else None
            self.refusal = HandshakeFailed(str(strerror or failure).lower())
            self.refusal.__cause__ = failure
        self._sink.end(failure)

    def __len__(self) -> int:
        return len(self._sink)

    def start(self, received: bytes) -> None:
        """Begin the handshake, with what the peer has sent already."""
        if received:
            self._records.feed(received)
        self._go_on()

    def _go_on(self) -> None:
        """Do what the bytes that are here allow."""
        if self.info is None and self.refusal is None:
            try:
                self.info = self._records.handshake()
            except HandshakeFailed as refusal:
                self.refusal = refusal
        if self.info is not None:
            plaintext = self._records.decrypt()
            if plaintext:
                self._sink.append(plaintext)
            if self._records.ended:
                self._sink.end(self._records.failure)
        # What the engine has to say by itself: handshake, alerts, key updates.  If the
        # peer is gone, the reader or the next writer is told by the link below.
        outgoing = self._records.outgoing()
        if outgoing:
            with contextlib.suppress(OSError):
                self._inner.write(outgoing)

    # As a link

    @property
    def moved(self) -> int:
        return self._inner.moved

    def attach(self, sink: Sink) -> None:
        self._sink = sink

    @property
    def pending(self) -> int:
        return self._inner.pending

    def write(self, data: bytes | memoryview) -> bool:
        view = memoryview(data)
        taken = True
        for start in range(0, len(view), TLS_CHUNK):
            self._records.encrypt(view[start : start + TLS_CHUNK])
            taken = self._inner.write(self._records.outgoing())
        return taken

    async def drained(self) -> None:
        await self._inner.drained()

    def close_write(self) -> None:
        self._records.close_notify()
        self._inner.write(self._records.outgoing())

    def close(self) -> None:
        self._inner.close()

    def abort(self) -> None:
        self._inner.abort()

    def release(self) -> None:
        self._inner.release()
