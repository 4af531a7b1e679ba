"""TLS as a link above another link; see ``portside.wire.tls_records``."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from portside.defaults import TLS_CHUNK
from portside.errors import HandshakeFailed
from portside.sync.link import Link
from portside.system.polling import is_deadline

if TYPE_CHECKING:
    from portside.wire.tls_info import TLSInfo
    from portside.wire.tls_records import TLSRecords

__all__ = ["TLSLink"]

_NOW = 0.0  # a deadline that has passed: what can be done without waiting


class TLSLink(Link):
    """Encrypts what goes down, decrypts what comes up.

    A reader and a writer may be in it at once.  Each step of the TLS engine is short and
    happens under one lock; whatever the engine has to say is sent under another, in order.
    """

    __slots__ = ("_engine", "_inner", "_records", "_sending")

    def __init__(self, inner: Link, records: TLSRecords) -> None:
        self._inner = inner
        self._records = records
        self._engine = threading.Lock()
        self._sending = threading.Lock()

    @property
    def moved(self) -> int:
        return self._inner.moved

    @property
    def pending(self) -> int:
        return self._inner.pending

    def feed(self, ciphertext: bytes) -> None:
        """Add bytes that were read before TLS began."""
        with self._engine:
            self._records.feed(ciphertext)

    def handshake(self, deadline: float | None) -> TLSInfo:
        """Agree with the peer.

        Raises:
            HandshakeFailed: If there is no agreement, or the peer hung up.
            TimeoutError: If the deadline passed first.
        """
        try:
            while (info := self._step(deadline)) is None:
                self.feed(self._inner.receive(deadline))
        except HandshakeFailed:
            # The engine has an alert that tells the peer why.
            self._send_what_goes()
            raise
        except OSError as error:
            if is_deadline(error):
                raise
            raise HandshakeFailed(str(error.strerror or error).lower()) from error
        return info

    def _step(self, deadline: float | None) -> TLSInfo | None:
        with self._engine:
            info = self._records.handshake()
        self._inner.send(memoryview(self._take_outgoing()), deadline)
        return info

    def receive(self, deadline: float | None) -> bytes:
        while True:
            with self._engine:
                plaintext = self._records.decrypt()
            if self._sending.acquire(blocking=False):
                # The engine may have an answer, to a key update say.
                try:
                    self._send_what_goes()
                finally:
                    self._sending.release()
            if plaintext:
                return plaintext
            if self._records.ended:
                if self._records.failure is not None:
                    raise self._records.failure.with_traceback(None)
                return b""
            self.feed(self._inner.receive(deadline))

    def send(self, data: memoryview, deadline: float | None) -> None:
        late: OSError | None = None
        with self._sending:
            for start in range(0, max(1, len(data)), TLS_CHUNK):
                with self._engine:
                    self._records.encrypt(data[start : start + TLS_CHUNK])
                try:
                    self._inner.send(memoryview(self._take_outgoing()), deadline)
                except OSError as error:
                    if not is_deadline(error):
                        raise
                    # What is left is encrypted all the same, and pending below.
                    late, deadline = error, _NOW
        if late is not None:
            raise late

    def close_write(self, deadline: float | None) -> None:
        with self._sending:
            with self._engine:
                self._records.close_notify()
            self._inner.send(memoryview(self._take_outgoing()), deadline)

    @property
    def stuck(self) -> bool:
        return self._inner.stuck

    def interrupt(self, *, reading: bool, writing: bool) -> None:
        self._inner.interrupt(reading=reading, writing=writing)

    def close(self) -> None:
        self._inner.close()

    def abort(self) -> None:
        self._inner.abort()

    def _take_outgoing(self) -> bytes:
        with self._engine:
            return self._records.outgoing()

    def _send_what_goes(self) -> None:
        """Send what the engine has to say, without waiting for the peer to take it.

        The peer may be waiting for us to read.  What it does not take stays pending, and
        goes with the next ``send``.
        """
        with contextlib.suppress(OSError):
            self._inner.send(memoryview(self._take_outgoing()), _NOW)
