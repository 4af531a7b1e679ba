from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import portside
from cli.programs import PATIENCE, PORTSIDE, Program, running, service

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

HANDLERS = """
import asyncio, time

async def work(stream):
    await stream.write(b"working\\n")
    await stream.read_line()
    await stream.write(b"done\\n")

def work_blocking(stream):
    stream.write(b"working\\n")
    stream.read_line()
    stream.write(b"done\\n")

async def stubborn(stream):
    await stream.write(b"working\\n")
    try:
        await stream.read_line()
    finally:
        await asyncio.sleep(3600)

def stubborn_blocking(stream):
    stream.write(b"working\\n")
    time.sleep(3600)
"""

WORK = ["pier:work", "pier:work_blocking"]
STOP = [signal.SIGTERM, signal.SIGINT]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a module of handlers."""
    (tmp_path / "pier.py").write_text(HANDLERS)
    return tmp_path


@contextmanager
def at_work(folder: Path, app: str, *options: str) -> Iterator[tuple[Program, portside.Stream]]:
    """Give a service, and a client for whom it is working."""
    with (
        service(app, *options, cwd=folder) as (program, address),
        portside.connect(address) as client,
    ):
        assert client.read_line(timeout=PATIENCE) == b"working"
        yield program, client


@pytest.mark.parametrize("app", WORK)
@pytest.mark.parametrize("number", STOP)
def test_a_signal_ends_a_service_that_has_nothing_to_do(
    folder: Path, app: str, number: signal.Signals
) -> None:
    with service(app, cwd=folder) as (program, _):
        program.signal(number)
        ended = program.end()

    assert ended.status == 0
    assert ended.err.splitlines() == [
        f"portside: serving {app}; Ctrl-C stops it",
        f"portside: {number.name}: no longer accepting",
        "portside: stopped; 0 connections, 0 handlers failed; every handler finished",
    ]


@pytest.mark.parametrize("app", WORK)
@pytest.mark.parametrize("number", STOP)
def test_a_request_that_takes_its_time_is_finished(
    folder: Path, app: str, number: signal.Signals
) -> None:
    with at_work(folder, app, "--grace", "1m") as (program, client):
        program.signal(number)
        told = program.err.until("1 connection\n")
        client.write(b"go on\n")

        assert client.read_all(timeout=PATIENCE) == b"done\n"
        ended = program.end()

    assert f"{number.name}: no longer accepting; waiting for up to 60 s for 1 connection\n" in told
    assert ended.status == 0
    assert "stopped; 1 connection, 0 handlers failed; every handler finished" in ended.err


@pytest.mark.parametrize("app", WORK)
def test_nobody_new_is_let_in_once_it_was_told_to_stop(folder: Path, app: str) -> None:
    with at_work(folder, app, "--grace", "1m") as (program, client):
        program.signal(signal.SIGTERM)
        program.err.until("no longer accepting")
        client.write(b"go on\n")
        assert client.read_all(timeout=PATIENCE) == b"done\n"
        program.end()

        with pytest.raises(portside.ConnectError, match="refused"):
            portside.connect(client.peer_address)


@pytest.mark.parametrize("app", WORK)
def test_the_listener_is_gone_while_the_last_request_is_finished(folder: Path, app: str) -> None:
    path = folder / "work.sock"
    with at_work(folder, app, "--grace", "1m", "--bind", f"unix:{path}") as (program, client):
        assert path.exists()
        program.signal(signal.SIGTERM)
        while path.exists():  # it is removed right after it was told, or this never ends
            assert program.running
        client.write(b"go on\n")

        assert client.read_all(timeout=PATIENCE) == b"done\n"
        assert program.end().status == 0


@pytest.mark.parametrize("app", WORK)
def test_what_is_left_at_the_end_of_the_grace_is_cut(folder: Path, app: str) -> None:
    with at_work(folder, app, "--grace", "50ms") as (program, client):
        program.signal(signal.SIGTERM)
        ended = program.end()

        with pytest.raises(ConnectionResetError):
            client.read(timeout=PATIENCE)

    assert ended.status == 124
    assert ended.err.endswith("0 handlers failed; some connections were cut\n")
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("app", WORK)
@pytest.mark.parametrize("second", STOP)
def test_a_second_signal_cuts_what_is_left_at_once(
    folder: Path, app: str, second: signal.Signals
) -> None:
    with at_work(folder, app, "--grace", "1h") as (program, client):
        program.signal(signal.SIGTERM)
        program.err.until("no longer accepting")
        program.signal(second)
        ended = program.end()

        with pytest.raises(ConnectionResetError):
            client.read(timeout=PATIENCE)

    assert ended.status == 124
    assert "some connections were cut" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("app", WORK)
def test_two_signals_at_once_are_a_first_and_a_second(folder: Path, app: str) -> None:
    with at_work(folder, app, "--grace", "1h") as (program, _):
        # Two of one kind might become one on the way.
        program.signal(signal.SIGINT)
        program.signal(signal.SIGTERM)
        ended = program.end(within=10)

    assert ended.status == 124
    assert ended.err.count("no longer accepting") == 1
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("app", ["pier:stubborn", "pier:stubborn_blocking"])
def test_a_handler_that_does_not_want_to_stop_holds_nobody_up(folder: Path, app: str) -> None:
    with at_work(folder, app, "--grace", "0") as (program, _):
        program.signal(signal.SIGTERM)
        ended = program.end()

    assert ended.status == 124
    assert "some connections were cut" in ended.err


def test_the_file_of_a_unix_socket_is_gone_afterwards(folder: Path) -> None:
    path = folder / "echo.sock"
    with service("echo", "--bind", f"unix:{path}") as (program, _):
        assert path.exists()
        program.signal(signal.SIGTERM)
        assert program.end().status == 0

    assert not path.exists()


# A signal is handled between two instructions of the main thread, whichever they are.  This
# sends one while that thread begins to wait, with the lock of what it waits for in its hand.
IN_THE_MIDDLE = """
import os, signal, sys, threading
from portside.addresses import Address
from portside.runtime.worker import Service, run_service

original = threading.Condition.wait

def wait(self, timeout=None):
    if threading.current_thread() is threading.main_thread():
        threading.Condition.wait = original
        signal.raise_signal(signal.SIGTERM)
    return original(self, timeout)

def ready(addresses):
    print("ready", flush=True)
    # For a service that waits in another way: it is told all the same.
    later = threading.Timer(1, os.kill, (os.getpid(), signal.SIGTERM))
    later.daemon = True
    later.start()
    threading.Condition.wait = wait

def handle(stream):
    pass

drained, _ = run_service(Service(handle, [Address.parse("127.0.0.1:0")], on_ready=ready))
sys.exit(not drained)
"""


def test_a_signal_in_an_unlucky_moment_stops_the_service_too() -> None:
    with running(sys.executable, "-c", IN_THE_MIDDLE) as program:
        assert program.out.line() == "ready"

        assert program.end(within=10).status == 0


def test_a_signal_right_at_the_start_stops_the_service_too() -> None:
    for _ in range(5):
        with running(*PORTSIDE, "serve", "echo", "--bind", "tcp://127.0.0.1:0") as program:
            program.out.line()
            program.signal(signal.SIGTERM)
            assert program.end().status == 0
