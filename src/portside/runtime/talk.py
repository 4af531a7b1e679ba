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
    began = time.monotonic()
    report = TalkReport()
    finished = threading.Event()
    # A daemon, as it may wait for a terminal in which nobody types any more.
    arguments = (stream, source, report, finished)
    threading.Thread(target=_send_all, args=arguments, daemon=True).start()
    try:
        _receive_all(stream, sink, report, finished, patience)
    finally:
        report.seconds = time.monotonic() - began
    return report


def _send_all(stream: Stream, source: int, report: TalkReport, finished: threading.Event) -> None:
    try:
        while chunk := os.read(source, RECEIVE_SIZE):
            stream.write(chunk)
            report.sent += len(chunk)
        stream.close_write()
    except OSError:
        return  # the peer is gone, which the other direction tells
    finally:
        finished.set()


def _receive_all(
    stream: Stream,
    sink: int,
    report: TalkReport,
    finished: threading.Event,
    patience: float | None,
) -> None:
    while True:
        try:
            chunk = stream.read(timeout=patience)
        except TimeoutError as error:
            if error.errno is None and not finished.is_set():
                continue  # we have not finished, so the peer may wait for more
            report.ending = "quiet" if error.errno is None else "broken"
            report.error = error
            return
        except Exception as error:  # noqa: BLE001  whatever it is, it is told
            report.ending, report.error = "broken", error
            return
        if not chunk:
            return
        report.received += len(chunk)
        _write_all(sink, chunk)


def _write_all(sink: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(sink, view) :]
