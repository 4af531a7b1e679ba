"""A stream tied to two file descriptors, as a terminal or a pipe has them."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portside.defaults import RECEIVE_SIZE

if TYPE_CHECKING:
    from portside import Stream

__all__ = ["TalkReport", "talk"]


@dataclass(slots=True)
class TalkReport:
    """How a conversation went.

    Attributes:
        sent: Bytes that went to the peer.
        received: Bytes that came from it.
        seconds: How long it took.
        ending: ``"peer"`` closed in good order, ``"quiet"``: it said nothing for too long
            after we had finished, or ``"broken"``.
        error: What broke it, if something did.
    """

    sent: int = 0
    received: int = 0
    seconds: float = 0.0
    ending: str = "peer"
    error: Exception | None = None


def talk(stream: Stream, source: int, sink: int, *, patience: float | None = None) -> TalkReport:
    """Send what ``source`` gives and write what comes to ``sink``, until the peer closes.

    At the end of ``source`` the peer is told so (half-close), and may go on.

    Args:
        stream: Whom to talk to.
        source: A file descriptor to read from.
        sink: A file descriptor to write to.
        patience: Seconds the peer may be silent after the end of ``source``, or None.

    Raises:
        BrokenPipeError: If nobody reads ``sink`` any more.
    """
    conversation = _Conversation(stream, TalkReport())
    # A daemon, as it may wait for a terminal in which nobody types any more.
    threading.Thread(target=conversation.send_all, args=(source,), daemon=True).start()
    began = time.monotonic()
    try:
        conversation.receive_all(sink, patience)
    finally:
        conversation.report.seconds = time.monotonic() - began
    return conversation.report


class _Conversation:
    def __init__(self, stream: Stream, report: TalkReport) -> None:
        self._stream = stream
        self.report = report
        self._finished: float | None = None  # when we had nothing more to say

    def send_all(self, source: int) -> None:
        """Send what a file descriptor gives, and tell the peer of its end."""
        try:
            while chunk := os.read(source, RECEIVE_SIZE):
                self._stream.write(chunk)
                self.report.sent += len(chunk)
            self._stream.close_write()
        except OSError:
            return  # the peer is gone, which the other direction tells
        finally:
            self._finished = time.monotonic()

    def receive_all(self, sink: int, patience: float | None) -> None:
        """Write what the peer sends to a file descriptor, until one of us has had enough."""
        heard = time.monotonic()
        left = patience
        while True:
            try:
                chunk = self._stream.read(timeout=left)
            except TimeoutError as error:
                left = self._patience_left(heard, patience)
                if error.errno is None and (left is None or left > 0):
                    continue
                self._end("quiet" if error.errno is None else "broken", error)
                return
            except Exception as error:  # noqa: BLE001  whatever it is, it is told
                self._end("broken", error)
                return
            if not chunk:
                return
            heard, left = time.monotonic(), patience
            self.report.received += len(chunk)
            _write_all(sink, chunk)

    def _patience_left(self, heard: float, patience: float | None) -> float | None:
        """Return for how much longer the peer may be silent."""
        if patience is None or self._finished is None:
            return patience  # while we have not finished, the peer may be waiting for more
        return max(heard, self._finished) + patience - time.monotonic()

    def _end(self, ending: str, error: Exception) -> None:
        self.report.ending, self.report.error = ending, error


def _write_all(sink: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(sink, view) :]
