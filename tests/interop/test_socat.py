"""socat, the relay that speaks everything: against servers and with clients of both shells."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import portside
from certificates import Certificates
from cli.programs import Ended, run, running
from interop.shells import BOTH, Shell
from worlds import PATIENCE

SOCAT = shutil.which("socat") or ""
pytestmark = pytest.mark.skipif(not SOCAT, reason="the program socat is not installed")

QUESTION = bytes(range(256)) * 10
BULK = QUESTION * 400

UNTIL_THE_END = ("-t", str(PATIENCE))
"""After one side has ended, wait so many seconds for the other one, and not half a second."""


@pytest.fixture(params=BOTH, ids=repr)
def shell(request: pytest.FixtureRequest) -> Shell:
    chosen: Shell = request.param
    return chosen


async def answer_after_the_end(stream: Any) -> None:
    question = await stream.read_all()
    await stream.write(b"you said ")
    await stream.write(question)


async def ask(stream: Any) -> Any:
    # No more than fits on the way: neither socat nor cat reads while it cannot write.
    await stream.write(QUESTION, timeout=PATIENCE)
    await stream.close_write()
    return await stream.read_all(timeout=PATIENCE)


def socat(address: str, stdin: bytes = BULK) -> Ended:
    """Connect standard input and output with an address of socat's."""
    return run(SOCAT, *UNTIL_THE_END, "-", address, stdin=stdin)


# Their client, our server


def test_their_client_over_tcp(shell: Shell) -> None:
    with shell.serving(answer_after_the_end, "tcp://127.0.0.1:0") as served:
        ended = socat(f"TCP4:127.0.0.1:{served.port}")

    assert (ended.status, ended.out) == (0, b"you said " + BULK)
    assert served.errors == []


def test_their_client_over_a_unix_socket(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with shell.serving(answer_after_the_end, path) as served:
        ended = socat(f"UNIX-CONNECT:{path}")

    assert (ended.status, ended.out) == (0, b"you said " + BULK)
    assert served.errors == []


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="only Linux has abstract names")
def test_their_client_over_an_abstract_name(shell: Shell) -> None:
    name = f"portside-socat-{os.getpid()}"
    with shell.serving(answer_after_the_end, f"unix:@{name}") as served:
        ended = socat(f"ABSTRACT-CONNECT:{name}")

    assert (ended.status, ended.out) == (0, b"you said " + BULK)
    assert served.errors == []


def test_their_client_over_tls(shell: Shell, certificates: Certificates) -> None:
    async def echo_line(stream: Any) -> None:
        await stream.write(await stream.read_line() + b"\n")

    context = certificates.server_context()
    with shell.serving(echo_line, "tls://127.0.0.1:0", tls=context) as served:
        trust = f"cafile={certificates.ca},verify=1,commonname=localhost"
        ended = socat(f"OPENSSL:127.0.0.1:{served.port},{trust}", b"ahoy\n")

    assert (ended.status, ended.out) == (0, b"ahoy\n")
    assert served.errors == []


# Our client, their server: one connection, whose words go through ``cat``


def test_our_client_over_tcp(shell: Shell) -> None:
    listening = "TCP4-LISTEN:0,bind=127.0.0.1"
    with running(SOCAT, "-d", "-d", *UNTIL_THE_END, listening, "EXEC:cat") as program:
        # It says ``listening on AF=2 127.0.0.1:34567``.
        program.err.until("listening on AF=2 ")
        address = program.err.until("\n").strip()

        assert shell.connected(ask, address) == QUESTION


def test_our_client_over_a_unix_socket(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "b.sock"
    listening = f"UNIX-LISTEN:{path}"
    with running(SOCAT, "-d", "-d", *UNTIL_THE_END, listening, "EXEC:cat") as program:
        program.err.until("listening on ")

        assert shell.connected(ask, path) == QUESTION


def test_our_client_over_tls(shell: Shell, certificates: Certificates) -> None:
    async def ask_line(stream: Any) -> list[Any]:
        await stream.write(b"ahoy\n")
        return [await stream.read_line(timeout=PATIENCE), stream.tls.version]

    files = f"cert={certificates.server},cafile={certificates.ca},verify=0"
    listening = f"OPENSSL-LISTEN:0,bind=127.0.0.1,{files}"
    with running(SOCAT, "-d", "-d", *UNTIL_THE_END, listening, "EXEC:cat") as program:
        program.err.until("listening on AF=2 ")
        address = program.err.until("\n").strip()

        answers = shell.connected(ask_line, f"tls://{address}", tls=certificates.client_context())

    assert answers == [b"ahoy", "TLSv1.3"]


def test_our_client_is_told_when_they_end_at_once(shell: Shell) -> None:
    async def read_all(stream: Any) -> Any:
        return await stream.read_all(timeout=PATIENCE)

    with running(SOCAT, "-d", "-d", "TCP4-LISTEN:0,bind=127.0.0.1", "EXEC:echo bye") as program:
        program.err.until("listening on AF=2 ")
        address = program.err.until("\n").strip()

        assert shell.connected(read_all, portside.Address.parse(address)) == b"bye\n"
        assert program.end().status == 0
