from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata

import click
import pytest

import portside
from cli.programs import PATIENCE, PORTSIDE, run, run_portside
from portside.cli.main import main, portside_command
from portside.errors import (
    AddressError,
    BindError,
    ConnectError,
    ConnectTimeout,
    EndOfStream,
    FrameTooLarge,
    HandshakeFailed,
    StreamClosed,
    TruncatedStream,
)


class Command:
    """The command in this process: its status, and what it wrote."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._monkeypatch.setattr(sys, "argv", ["portside", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


# Version and help


def test_the_version_is_that_of_the_library() -> None:
    ended = run_portside("--version")

    assert (ended.status, ended.err) == (0, "")
    assert ended.out.decode().split() == ["portside", portside.__version__]


def test_the_script_and_the_module_are_one_command() -> None:
    (script,) = metadata.entry_points(group="console_scripts", name="portside")

    assert script.load() is main


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_help_lists_the_commands_the_addresses_and_the_exit_statuses(
    command: Command, option: str
) -> None:
    status, out, err = command(option)

    assert (status, err) == (0, "")
    for told in ("dial", "serve", "unix:/path", "tls://host:port", "[::1]:port", "tcp://*:port"):
        assert told in out
    told_statuses = " ".join(out.split()).partition("Exit status:")[2]
    for code in ("0", "1", "2", "3", "124", "130"):
        assert f" {code} " in told_statuses


def test_without_a_command_the_help_goes_to_stderr(command: Command) -> None:
    _, help_text, _ = command("--help")
    status, out, err = command()

    assert (status, out) == (2, "")
    assert err.strip() == help_text.strip()


@pytest.mark.parametrize("name", ["dial", "serve"])
def test_the_help_of_a_command_tells_its_exit_statuses(command: Command, name: str) -> None:
    status, out, err = command(name, "--help")

    assert (status, err) == (0, "")
    assert "Exit status:" in " ".join(out.split())
    assert "Examples:" in out
    assert all(len(line) <= 100 for line in out.splitlines())


@pytest.mark.parametrize("name", ["dial", "serve"])
def test_the_help_of_a_command_tells_how_durations_are_written(command: Command, name: str) -> None:
    _, out, _ = command(name, "--help")

    assert "300ms" in out


@pytest.mark.parametrize(
    ("name", "default"),
    [("dial", "30s"), ("serve", "10s"), ("serve", "10000"), ("serve", "localhost:8000")],
)
def test_defaults_are_shown_with_their_units(command: Command, name: str, default: str) -> None:
    _, out, _ = command(name, "--help")

    assert f"[default: {default}" in " ".join(out.split())


# Usage


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["frob"], "portside: No such command 'frob'."),
        (["--frob"], "portside: No such option '--frob'."),
        (["dial"], "portside: Missing argument 'TARGET'."),
        (["serve"], "portside: Missing argument 'APP'."),
        (["dial", ":80", ":81"], "portside: Got unexpected extra argument"),
        (["serve", "echo", "--bnd", ":80"], "Did you mean '--bind'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_usage_error_says_what_is_wrong_and_where_to_read_on(
    command: Command, arguments: list[str], complaint: str
) -> None:
    status, out, err = command(*arguments)

    assert (status, out) == (2, "")
    usage, told, more = err.splitlines()
    assert usage.startswith("Usage: portside")
    assert complaint in told
    assert more.startswith("portside: more with: portside")
    assert more.endswith("--help")


# Errors


def raising(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConnectError("tcp://localhost:1", (), "nobody"), 1),
        (HandshakeFailed("no shared cipher"), 1),
        (TruncatedStream(), 1),
        (FrameTooLarge(10), 1),
        (EndOfStream(), 1),
        (StreamClosed(), 1),
        (ConnectionResetError("reset"), 1),
        (AddressError("x", "it has no port"), 2),
        (ValueError("that cannot be"), 2),
        (BindError("tcp://localhost:1", "it is in use"), 3),
        (PermissionError("not for you"), 3),
        (FileNotFoundError(2, "No such file", "x.pem"), 3),
        (ConnectTimeout("tcp://localhost:1", (), "the 1 s are over"), 124),
        (TimeoutError("too late"), 124),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_one_line_and_a_status(
    command: Command, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    monkeypatch.setattr(portside_command, "main", raising(error))

    assert command() == (status, "", f"portside: {error}\n")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption_has_a_status_of_its_own(
    command: Command, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr(portside_command, "main", raising(error))

    assert command() == (130, "", "")


def test_a_fault_of_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portside_command, "main", raising(LookupError("a fault")))

    with pytest.raises(LookupError, match="a fault"):
        main()


@pytest.mark.parametrize(("answer", "status"), [(None, 0), (0, 0), (1, 1), (124, 124)])
def test_what_a_command_returns_is_the_status(
    command: Command, monkeypatch: pytest.MonkeyPatch, answer: int | None, status: int
) -> None:
    def answering(**_: object) -> int | None:
        return answer

    monkeypatch.setattr(portside_command, "main", answering)

    assert command() == (status, "", "")


# Its surroundings


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["dial", "--help"]], ids=" ".join)
def test_a_reader_who_has_had_enough_is_no_reason_for_a_traceback(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            [*PORTSIDE, *arguments],
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    finally:
        os.close(writer)

    assert (ended.returncode, ended.stderr) == (1, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_gets_no_colours_that_it_does_not_want(env: dict[str, str]) -> None:
    import pty

    ours, theirs = pty.openpty()
    try:
        subprocess.run(
            [*PORTSIDE, "--help"],
            stdout=theirs,
            stderr=theirs,
            env=os.environ | env,
            timeout=PATIENCE,
            check=True,
        )
        written = os.read(ours, 65536)
    finally:
        os.close(ours)
        os.close(theirs)

    assert b"Usage: portside" in written
    assert b"\x1b" not in written


@pytest.mark.parametrize("arguments", [["--version"], ["dial", "--help"]], ids=" ".join)
def test_what_is_not_needed_is_not_loaded(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from portside.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'asyncio', 'ssl', 'rich', 'psutil', 'logging', 'email', 'http'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )

    ended = run(sys.executable, "-c", program, *arguments)

    assert ended.err == "[]\n"
