from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import portside
from certificates import Certificates
from cli.programs import PATIENCE, PORTSIDE, Ended, run_portside, running

Handler = Callable[[portside.Stream], object]

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


def echo(stream: portside.Stream) -> None:
    for chunk in stream:
        stream.write(chunk)


def answer_after_the_end(stream: portside.Stream) -> None:
    question = stream.read_all()
    stream.write(b"you said %b" % question)


def write_for_ever(stream: portside.Stream) -> None:
    while True:
        stream.write(b"x" * 65536)


@contextmanager
def serving(
    handler: Handler, target: str = "tcp://127.0.0.1:0", certificates: Certificates | None = None
) -> Iterator[str]:
    """Serve in this process, and give the address."""
    tls = certificates.server_context() if certificates else None
    with portside.serve(handler, target, tls=tls, on_error=lambda *_: None, grace=0) as server:
        yield str(server.addresses[0])


def dial(*arguments: str | Path, stdin: bytes = b"hi\n") -> Ended:
    return run_portside("dial", *arguments, stdin=stdin)


# A conversation


def test_stdin_goes_there_and_stdout_is_what_comes_back() -> None:
    with serving(echo) as address:
        ended = dial(address)

    assert (ended.status, ended.out) == (0, b"hi\n")
    connected, closed = ended.err.splitlines()
    assert connected == f"portside: connected to {address}"
    assert closed.startswith("portside: closed by the peer; sent 3 bytes, received 3 in ")


def test_an_address_may_be_a_unix_socket(tmp_path: Path) -> None:
    with serving(echo, f"unix:{tmp_path}/echo.sock") as address:
        assert dial(address).out == b"hi\n"


def test_bytes_are_neither_read_nor_changed() -> None:
    data = bytes(range(256)) * 4000 + b"\r\n\n\r\x04\x03\x00"
    with serving(echo) as address:
        ended = dial(address, stdin=data)

    assert ended.status == 0
    assert ended.out == data


def test_the_end_of_stdin_is_told_and_the_answer_still_comes() -> None:
    with serving(answer_after_the_end) as address:
        ended = dial(address)

    assert (ended.status, ended.out) == (0, b"you said hi\n")


def test_an_answer_is_shown_when_it_comes() -> None:
    with serving(echo) as address, running(*PORTSIDE, "dial", address) as program:
        program.write(b"first\n")
        assert program.out.line() == "first"
        program.write(b"no newline")
        assert program.out.until("newline") == "no newline"
        program.end_input()
        assert program.end().status == 0


def test_the_command_ends_when_the_service_does_and_stdin_stays_open() -> None:
    with (
        serving(lambda stream: stream.write(b"bye\n")) as address,
        running(*PORTSIDE, "dial", address) as program,
    ):
        ended = program.end()

    assert (ended.status, ended.out) == (0, b"bye\n")


def test_quiet_says_nothing() -> None:
    with serving(echo) as address:
        ended = dial("-q", address)

    assert (ended.status, ended.out, ended.err) == (0, b"hi\n", "")


def test_json_tells_what_happened_on_stderr() -> None:
    with serving(echo) as address:
        ended = dial("--json", address)

    assert ended.out == b"hi\n"
    connected, told = [json.loads(line) for line in ended.err.splitlines()]
    assert connected["schema"] == told["schema"] == "portside/1"
    assert (connected["type"], connected["address"], connected["tls"]) == (
        "connected",
        address,
        None,
    )
    assert (told["type"], told["ending"], told["error"]) == ("ended", "peer", None)
    assert (told["sent"], told["received"]) == (3, 3)
    assert told["seconds"] > 0


# Endings


def test_a_refusal_is_status_1_and_names_the_addresses() -> None:
    with portside.listen("127.0.0.1:0") as listener:
        address = listener.addresses[0]

    ended = dial(str(address))

    assert (ended.status, ended.out) == (1, b"")
    assert ended.err.startswith(f"portside: cannot connect to {address}: ")
    assert "connection refused" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_unix_socket_that_is_not_there_is_status_1(tmp_path: Path) -> None:
    ended = dial(f"unix:{tmp_path}/nothing.sock")

    assert ended.status == 1
    assert "no such file" in ended.err


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux drops SYNs at a full queue")
def test_nobody_in_time_is_status_124() -> None:
    with socket.create_server(("127.0.0.2", 0), backlog=0) as full:
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.settimeout(0)
            caller.connect_ex(full.getsockname())
        try:
            ended = dial(f"127.0.0.2:{full.getsockname()[1]}", "--timeout", "200ms")
        finally:
            for caller in callers:
                caller.close()

    assert (ended.status, ended.out) == (124, b"")
    assert "0.2 s are over" in ended.err


def test_a_service_that_stays_silent_is_left_after_the_wait() -> None:
    with portside.listen("127.0.0.1:0") as listener:  # the kernel answers, and nobody else
        ended = dial(str(listener.addresses[0]), "--wait", "100ms")

    assert (ended.status, ended.out) == (124, b"")
    assert "the peer was silent for too long; sent 3 bytes" in ended.err


def test_a_connection_that_breaks_is_status_1() -> None:
    def break_off(stream: portside.Stream) -> None:
        stream.write(b"half an ans")
        stream.read()
        stream.abort()

    with serving(break_off) as address:
        ended = dial(address)

    assert ended.status == 1
    assert "portside: broken: " in ended.err
    assert "reset" in ended.err.lower()


@on_posix
def test_ctrl_c_is_status_130() -> None:
    with serving(echo) as address, running(*PORTSIDE, "dial", address) as program:
        program.write(b"hi\n")
        assert program.out.line() == "hi"
        program.signal(signal.SIGINT)
        ended = program.end()

    assert ended.status == 130
    assert "Traceback" not in ended.err


# Standard streams that are not what they used to be


@on_posix
@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_a_standard_stream_that_is_closed_is_no_reason_for_a_traceback(stream: str) -> None:
    number = {"stdin": 0, "stdout": 1, "stderr": 2}[stream]
    # A process can only be born without a stream if its parent closes it before exec.
    starter = (
        f"import os; os.close({number}); "
        f"os.execv({sys.executable!r}, [{sys.executable!r}, *{list(PORTSIDE[1:])!r}, 'dial', "
    )
    with serving(answer_after_the_end) as address:
        ended = subprocess.run(
            [sys.executable, "-c", f"{starter}{address!r}])"],
            input=b"hi\n",
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )

    assert b"Traceback" not in ended.stderr
    expected = {"stdin": b"you said ", "stdout": b"", "stderr": b"you said hi\n"}
    assert ended.stdout == expected[stream]


@on_posix
def test_stdout_that_nobody_reads_any_more_ends_the_command() -> None:
    reader, writer = os.pipe()
    with (
        serving(write_for_ever) as address,
        subprocess.Popen(
            [*PORTSIDE, "dial", "-q", address],
            stdin=subprocess.PIPE,
            stdout=writer,
            stderr=subprocess.PIPE,
        ) as program,
    ):
        os.close(writer)
        assert os.read(reader, 1) == b"x"
        os.close(reader)

        assert program.wait(PATIENCE) == 1
        assert program.stderr is not None
        assert program.stderr.read() == b""


# TLS


def test_tls_trusts_the_authority_that_is_given(certificates: Certificates) -> None:
    with serving(echo, "tls://127.0.0.1:0", certificates) as address:
        ended = dial(address, "--ca", certificates.ca)
        same = dial(address.replace("tls:", "tcp:"), "--tls", "--ca", certificates.ca)

    assert (ended.status, ended.out) == (0, b"hi\n")
    assert "(TLSv1.3, TLS_" in ended.err
    assert (same.status, same.out) == (0, b"hi\n")


def test_tls_believes_no_stranger_unless_told_to(certificates: Certificates) -> None:
    with serving(echo, "tls://127.0.0.1:0", certificates) as address:
        refused = dial(address)
        believed = dial(address, "--insecure")

    assert (refused.status, refused.out) == (1, b"")
    assert "certificate verify failed" in refused.err
    assert len(refused.err.splitlines()) == 1
    assert (believed.status, believed.out) == (0, b"hi\n")


def test_tls_checks_the_name_that_is_given(certificates: Certificates) -> None:
    with serving(echo, "tls://127.0.0.1:0", certificates) as address:
        good = dial(address, "--ca", certificates.ca, "--server-name", "localhost")
        bad = dial(address, "--ca", certificates.ca, "--server-name", "other.example")

    assert (good.status, bad.status) == (0, 1)
    assert "mismatch" in bad.err


def test_tls_shows_the_certificate_and_the_protocols_that_are_given(
    certificates: Certificates,
) -> None:
    context = portside.server_context(
        certificates.server, client_ca=certificates.ca, alpn=["ahoy/1"]
    )

    def tell(stream: portside.Stream) -> None:
        assert stream.tls is not None
        stream.write(b"%d %s" % (len(stream.tls.peer_certificates), str(stream.tls.alpn).encode()))

    with portside.serve(tell, "tls://127.0.0.1:0", tls=context) as server:
        ended = dial(
            str(server.addresses[0]),
            *("--ca", certificates.ca, "--cert", certificates.client),
            *("--alpn", "other", "--alpn", "ahoy/1"),
        )

    count, _, protocol = ended.out.decode().partition(" ")
    assert int(count) >= 1
    assert protocol == "ahoy/1"


def test_tls_that_is_cut_short_is_not_taken_for_the_end(certificates: Certificates) -> None:
    def cut(stream: portside.Stream) -> None:
        stream.write(b"all of it?")
        stream.socket.shutdown(socket.SHUT_RDWR)

    with serving(cut, "tls://127.0.0.1:0", certificates) as address:
        ended = dial(address, "--ca", certificates.ca, stdin=b"")

    assert (ended.status, ended.out) == (1, b"all of it?")
    assert "close_notify" in ended.err


# Usage


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nonsense"], "it has no port: expected host:port, such as nonsense:8000"),
        (["localhost:70000"], "port 70000 is out of range: expected 0 to 65535"),
        (["gopher://localhost:70"], "gopher"),
        (["tcp://*:80"], "every interface"),
        (["udp://localhost:53"], "not for streams"),
        ([":80", "--timeout", "soon"], "expected 300ms, 2s, 1.5m or 1h"),
        ([":80", "--ca", "ca.pem"], "the TLS options need a tls:// target, or --tls"),
        ([":80", "--insecure"], "the TLS options need a tls:// target, or --tls"),
        (["unix:/run/x.sock", "--tls"], "server"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_dialled_is_status_2_and_says_what_was_expected(
    arguments: list[str], complaint: str
) -> None:
    ended = dial(*arguments)

    assert (ended.status, ended.out) == (2, b"")
    assert complaint in ended.err


def test_a_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "not.pem").write_text("no certificate")

    broken = dial("tls://localhost:1", "--ca", tmp_path / "not.pem")
    missing = dial("tls://localhost:1", "--ca", tmp_path / "missing.pem")

    assert broken.status == 2
    assert f"{tmp_path / 'not.pem'} holds no certificate" in broken.err
    assert missing.status == 2
    assert str(tmp_path / "missing.pem") in missing.err
