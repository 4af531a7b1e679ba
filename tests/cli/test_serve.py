from __future__ import annotations

import json
import signal
import ssl
import sys
from pathlib import Path

import pytest

import portside
from certificates import Certificates
from cli.programs import PATIENCE, PORTSIDE, Ended, run, running, service

HANDLERS = """
async def greet(stream):
    await stream.write(b"hello from a task")

def greet_blocking(stream):
    stream.write(b"hello from a thread")

class Bell:
    async def ring(self, stream):
        await stream.write(b"ding")

    def __call__(self, stream):
        stream.write(b"dong")

class tower:
    bell = Bell()

number = 42

async def fail(stream):
    if await stream.read_all() == b"fail":
        raise RuntimeError("bro" + "ken")
    await stream.write(b"fine")

def fail_blocking(stream):
    if stream.read_all() == b"fail":
        raise RuntimeError("bro" + "ken")
    stream.write(b"fine")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a module of handlers."""
    (tmp_path / "pier.py").write_text(HANDLERS)
    return tmp_path


def ask(address: str, question: bytes = b"", tls: ssl.SSLContext | None = None) -> bytes:
    """Call a service, say something, and return all of its answer."""
    with portside.connect(address, tls=tls, timeout=PATIENCE) as stream:
        stream.write(question)
        stream.close_write()
        return stream.read_all(timeout=PATIENCE)


def refused(*arguments: str | Path, cwd: Path) -> Ended:
    """Run ``portside serve`` where it cannot begin."""
    with running(*PORTSIDE, "serve", *arguments, cwd=cwd) as program:
        ended = program.end()
    assert ended.out == b""
    assert "Traceback" not in ended.err
    return ended


# Addresses


def test_stdout_has_the_address_that_it_got_and_stderr_the_rest() -> None:
    with service("echo", "--bind", "tcp://127.0.0.1:0") as (program, address):
        program.err.until("serving echo; Ctrl-C stops it\n")

        assert portside.Address.parse(address).port > 0  # type: ignore[attr-defined]
        assert ask(address, b"ahoy") == b"ahoy"
        assert program.out.text == f"{address}\n"


def test_several_addresses_of_any_kind_are_served_at_once(
    tmp_path: Path, certificates: Certificates
) -> None:
    path = tmp_path / "echo.sock"
    binds = ("tcp://127.0.0.1:0", f"unix:{path}", "tls://127.0.0.1:0")
    options = [word for bind in binds for word in ("--bind", bind)]
    with service("echo", *options, "--cert", certificates.server) as (program, tcp):
        unix, tls = program.out.line(), program.out.line()

        assert tcp.startswith("tcp://127.0.0.1:")
        assert unix == f"unix:{path}"
        assert tls.startswith("tls://127.0.0.1:")
        assert ask(tcp, b"one") == b"one"
        assert ask(unix, b"two") == b"two"
        assert ask(tls, b"three", certificates.client_context()) == b"three"


def test_a_name_with_several_addresses_has_one_port(ipv6: None) -> None:
    del ipv6  # localhost has both families then
    with service("echo", "--bind", "localhost:0") as (program, first):
        program.err.until("serving")
        addresses = [first, *program.out.text.splitlines()[1:]]

        assert len({portside.Address.parse(one).port for one in addresses}) == 1  # type: ignore[attr-defined]
        assert [ask(one, b"x") for one in addresses] == [b"x"] * len(addresses)


def test_json_is_one_object_a_line_from_beginning_to_end() -> None:
    arguments = ("serve", "echo", "--json", "--bind", "tcp://127.0.0.1:0")
    with running(*PORTSIDE, *arguments) as program:
        listening = json.loads(program.out.line())
        assert ask(listening["addresses"][0], b"x") == b"x"
        program.signal(signal.SIGTERM)
        ended = program.end()

    told = [json.loads(line) for line in ended.out.splitlines()]
    assert [one["type"] for one in told] == ["listening", "stopping", "stopped"]
    assert {one["schema"] for one in told} == {"portside/1"}
    assert listening["app"] == "echo"
    assert told[1]["signal"] == "SIGTERM"
    assert told[2] == told[2] | {"connections": 1, "failures": 0, "drained": True}
    assert ended.err == ""


def test_an_address_in_use_is_status_3(tmp_path: Path) -> None:
    with portside.listen("127.0.0.1:0") as listener:
        taken = str(listener.addresses[0])
        path = tmp_path / "echo.sock"
        ended = refused("echo", "--bind", f"unix:{path}", "--bind", taken, cwd=tmp_path)

    assert (ended.status, ended.err) == (3, f"portside: cannot listen on {taken}: it is in use\n")
    assert not path.exists()


@pytest.mark.parametrize(
    ("bind", "reason"),
    [
        ("tcp://192.0.2.1:0", "this machine has no such address"),
        ("unix:/no/such/folder/x.sock", "the folder does not exist"),
    ],
)
def test_an_address_that_cannot_be_had_is_status_3(tmp_path: Path, bind: str, reason: str) -> None:
    ended = refused("echo", "--bind", bind, cwd=tmp_path)

    assert ended.status == 3
    assert reason in ended.err
    assert len(ended.err.splitlines()) == 1


# Handlers


@pytest.mark.parametrize(
    ("app", "answer"),
    [
        ("pier:greet", b"hello from a task"),
        ("pier:greet_blocking", b"hello from a thread"),
        ("pier.py:greet", b"hello from a task"),
        ("pier:tower.bell.ring", b"ding"),
        ("pier:tower.bell", b"dong"),
    ],
)
def test_a_handler_is_found_where_the_command_is_called(
    folder: Path, app: str, answer: bytes
) -> None:
    with service(app, cwd=folder) as (_, address):
        assert ask(address) == answer


def test_a_file_may_be_anywhere_and_finds_its_neighbours(folder: Path, tmp_path: Path) -> None:
    (folder / "quay.py").write_text("from pier import greet as handle\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    with service(f"{folder}/quay.py:handle", cwd=elsewhere) as (_, address):
        assert ask(address) == b"hello from a task"


@pytest.mark.parametrize(
    ("app", "complaint"),
    [
        ("ecko", "there is no built-in handler 'ecko': did you mean 'echo'?"),
        ("pier", "expected one of echo, discard, chargen, daytime, chat, module:handler"),
        ("per:greet", "there is no module 'per' in "),
        ("per.py:greet", "there is no file per.py"),
        ("pier:gret", "pier has no 'gret': did you mean 'greet'?"),
        ("pier:number", "pier:number is of type int, and a handler has to be callable"),
        ("pier:", "'pier:' names no handler: expected module:handler or file.py:handler"),
        ("leak:handle", "leak cannot be imported: ZeroDivisionError: division by zero"),
        ("leak.py:handle", "leak.py cannot be loaded: ZeroDivisionError: division by zero"),
        ("lost:handle", "lost cannot be imported: No module named 'no_such_package'"),
        ("typo:handle", "typo cannot be imported: SyntaxError: "),
    ],
)
def test_what_is_no_handler_is_a_usage_error(folder: Path, app: str, complaint: str) -> None:
    (folder / "leak.py").write_text("1 / 0\n")
    (folder / "lost.py").write_text("import no_such_package\n")
    (folder / "typo.py").write_text("def handle(stream:\n")

    ended = refused(app, cwd=folder)

    assert ended.status == 2
    assert ended.err.startswith("Usage: portside serve [OPTIONS] APP\n")
    assert complaint in ended.err


@pytest.mark.parametrize("app", ["pier:fail", "pier:fail_blocking"])
def test_a_handler_that_raises_is_reported_once_and_the_service_goes_on(
    folder: Path, app: str
) -> None:
    with service(app, cwd=folder) as (program, address):
        assert ask(address, b"fail") == b""
        assert ask(address, b"or not") == b"fine"
        program.signal(signal.SIGTERM)
        ended = program.end()

    assert ended.status == 0
    assert ended.err.count("RuntimeError: broken") == 1
    assert ended.err.count("Traceback") == 1
    assert "stopped; 2 connections, 1 handler failed" in ended.err


# Options


def test_connections_of_one_peer_are_limited() -> None:
    with (
        service("echo", "--max-per-peer", "1") as (_, address),
        portside.connect(address) as first,
    ):
        first.write(b"here")
        assert first.read(timeout=PATIENCE) == b"here"
        with pytest.raises(ConnectionError):
            ask(address, b"me too")

        first.write(b"still here")
        assert first.read(timeout=PATIENCE) == b"still here"


def test_who_comes_when_all_places_are_taken_waits() -> None:
    with (
        service("echo", "--max-connections", "1") as (_, address),
        portside.connect(address) as first,
        portside.connect(address) as second,
    ):
        second.write(b"waiting")
        first.write(b"here")
        assert first.read(timeout=PATIENCE) == b"here"
        with pytest.raises(TimeoutError):
            second.read(timeout=0.05)

        first.close()

        assert second.read(timeout=PATIENCE) == b"waiting"


def test_silent_connections_are_cut() -> None:
    with (
        service("echo", "--idle-timeout", "50ms") as (_, address),
        portside.connect(address) as silent,
        pytest.raises(ConnectionResetError),
    ):
        silent.read(timeout=PATIENCE)


def test_a_client_that_dawdles_in_the_handshake_is_reported(certificates: Certificates) -> None:
    options = ("--bind", "tls://127.0.0.1:0", "--cert", certificates.server)
    with service("echo", *options, "--handshake-timeout", "50ms") as (program, address):
        with portside.connect(address.replace("tls:", "tcp:")) as silent:
            program.err.until("TimeoutError")
            assert silent.read_all(timeout=PATIENCE) == b""

        assert ask(address, b"fine", certificates.client_context()) == b"fine"


def test_clients_have_to_show_a_certificate(certificates: Certificates) -> None:
    options = ("--cert", certificates.server, "--client-ca", certificates.ca)
    with service("echo", "--bind", "tls://127.0.0.1:0", *options) as (program, address):
        known = portside.client_context(trust=certificates.ca, cert=certificates.client)
        assert ask(address, b"known", known) == b"known"

        with pytest.raises((ConnectionError, portside.ProtocolError)):
            ask(address, b"unknown", certificates.client_context())
        assert "HandshakeFailed" in program.err.until("certificate")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--bind", ":70000"], "port 70000 is out of range: expected 0 to 65535"),
        (["--bind", "localhost"], "expected host:port, such as localhost:8000"),
        (["--bind", "udp://:53"], "not for streams"),
        (["--bind", "tls://:0"], "--cert"),
        (["--bind", ":0", "--key", "key.pem"], "--key and --client-ca go with --cert"),
        (["--bind", "tls://:0", "--cert", "pier.py"], "cannot be used as certificate"),
        (["--bind", ":0", "--cert", "server.pem"], "tls://"),
        (["--bind", ":0", "--grace", "1d"], "expected 300ms, 2s, 1.5m or 1h"),
        (["--bind", ":0", "--max-connections", "0"], "x>=1"),
        (["--bind", ":0", "--idle-timeout", "0"], "idle"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_cannot_be_are_status_2_and_say_what_was_expected(
    folder: Path, certificates: Certificates, arguments: list[str], complaint: str
) -> None:
    (folder / "server.pem").write_bytes(certificates.server.read_bytes())

    ended = refused("pier:greet", *arguments, cwd=folder)

    assert ended.status == 2
    assert complaint in ended.err.removeprefix("Usage: portside serve [OPTIONS] APP\n")


# Standard streams


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE to speak of")
def test_a_reader_who_left_before_the_address_came_ends_the_service() -> None:
    script = (
        "import os, subprocess, sys\n"
        "reader, writer = os.pipe()\n"
        "os.close(reader)\n"
        f"sys.exit(subprocess.call({[*PORTSIDE, 'serve', 'echo', '--bind', ':0']!r}, "
        "stdout=writer))\n"
    )

    ended = run(sys.executable, "-c", script)

    assert (ended.status, ended.err) == (1, "")


def test_stdin_is_of_no_interest_to_a_service() -> None:
    with service("echo") as (program, address):
        program.end_input()

        assert ask(address, b"ahoy") == b"ahoy"
