from __future__ import annotations

import errno
import logging

import pytest

from portside.errors import (
    EndOfStream,
    FrameTooLarge,
    HandshakeFailed,
    IncompleteRead,
    PortsideError,
    StreamClosed,
    TruncatedStream,
)
from portside.system.report import report_accept_trouble, report_failure


@pytest.mark.parametrize(
    "error",
    [
        EndOfStream(),
        IncompleteRead(b"ab", 4),
        FrameTooLarge(10, 11),
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        BrokenPipeError(errno.EPIPE, "Broken pipe"),
        TimeoutError("the time is up"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_fault_of_a_peer_is_worth_a_line(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    report_failure(error, "tcp://192.0.2.1:99")

    (record,) = caplog.records
    assert record.name == "portside"
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"tcp://192.0.2.1:99: {type(error).__name__}: {error}"
    assert record.exc_info is None


@pytest.mark.parametrize(
    "error",
    [
        ValueError("oops"),
        KeyError("x"),
        OSError(errno.ENOSPC, "disk"),
        StreamClosed(),
        PortsideError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_fault_in_the_program_gets_its_traceback(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    report_failure(error, "tcp://192.0.2.1:99")

    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "tcp://192.0.2.1:99: the handler failed"
    assert record.exc_info is not None
    assert record.exc_info[1] is error


@pytest.mark.parametrize("error", [HandshakeFailed("no cipher"), TruncatedStream()])
def test_a_peer_that_does_not_know_tls_well_is_worth_a_line_to_who_asks(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "portside")

    report_failure(error, "tcp://192.0.2.1:99")

    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert record.getMessage() == f"tcp://192.0.2.1:99: {type(error).__name__}: {error}"
    assert record.exc_info is None


def test_trouble_with_accepting_is_told_with_what_is_done_about_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trouble = OSError(errno.EMFILE, "Too many open files")

    report_accept_trouble(trouble, "tcp://*:80", 0.25, 0)

    (record,) = caplog.records
    assert record.name == "portside"
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"tcp://*:80: cannot accept: [Errno {errno.EMFILE}] Too many open files; "
        "trying again in 0.25 s"
    )


def test_trouble_that_was_not_told_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    report_accept_trouble(OSError("no room"), "tcp://*:80", 1.0, 9700)

    (told,) = caplog.messages
    assert told.startswith("tcp://*:80: cannot accept: no room; trying again in 1 s")
    assert told.endswith(" (9700 more times since the last report)")


def test_a_percent_sign_in_a_name_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    report_failure(TimeoutError("50%s"), "tcp://[fe80::1%25eth0]:80")

    assert caplog.messages == ["tcp://[fe80::1%25eth0]:80: TimeoutError: 50%s"]
