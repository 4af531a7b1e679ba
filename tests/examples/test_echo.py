"""The smallest server, run by itself and by the command."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from cli.programs import running, service
from portside import connect

ECHO = Path(__file__).parents[2] / "examples" / "echo.py"


def test_it_is_served_by_the_command() -> None:
    with service(f"{ECHO}:handle") as (_, address), connect(address) as stream:
        stream.write(b"hello\n")
        assert stream.read_line() == b"hello"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send another program Ctrl-C")
def test_it_serves_by_itself_until_it_is_interrupted() -> None:
    with running(sys.executable, ECHO, "127.0.0.1:0") as program:
        address = program.out.line().removeprefix("echoing on ")
        with connect(address) as stream:
            stream.write(b"hello\n")
            assert stream.read_line() == b"hello"
        program.signal(signal.SIGINT)
        ended = program.end()
        assert (ended.status, ended.err) == (0, "")
        assert ended.out.endswith(b"bye\n")
