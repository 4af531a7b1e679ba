"""Programs as their users see them: started, written to, read from, and stopped for sure."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PATIENCE = 20.0
"""Seconds after which a program that does not do what is expected of it has failed."""

PORTSIDE = (sys.executable, "-m", "portside")
"""The command under test."""


@dataclass(frozen=True)
class Ended:
    """A program that has ended: its exit status, and what it said."""

    status: int
    out: bytes
    err: str


class Output:
    """What a program writes to one of its streams, collected as it comes."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._data = b""
        self._taken = 0
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self) -> None:
        while chunk := os.read(self._pipe.fileno(), 65536):
            with self._changed:
                self._data += chunk
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def data(self) -> bytes:
        """Everything so far."""
        with self._changed:
            return self._data

    @property
    def text(self) -> str:
        """Everything so far, as text."""
        return self.data.decode()

    def line(self) -> str:
        """Wait for the next line and return it, without its ending."""
        return self.until("\n").removesuffix("\n").rpartition("\n")[2]

    def until(self, wanted: str) -> str:
        """Wait until ``wanted`` comes, and return what came since the last call, with it."""
        with self._changed:
            self._changed.wait_for(lambda: self._find(wanted) >= 0 or self._ended, PATIENCE)
            found = self._find(wanted)
            assert found >= 0, f"{wanted!r} never came, but {self._data[self._taken :]!r}"
            begin, self._taken = self._taken, found + len(wanted.encode())
            return self._data[begin : self._taken].decode()

    def _find(self, wanted: str) -> int:
        return self._data.find(wanted.encode(), self._taken)

    def close(self) -> None:
        self._thread.join(PATIENCE)
        self._pipe.close()


class Program:
    """A program that runs, with its standard streams in our hands."""

    def __init__(
        self, *command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None
    ) -> None:
        self._process = subprocess.Popen(
            list(map(str, command)),
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=None if env is None else os.environ | env,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._input = self._process.stdin
        self.out = Output(self._process.stdout)
        self.err = Output(self._process.stderr)

    def write(self, data: bytes) -> None:
        """Write to its standard input."""
        self._input.write(data)

    def end_input(self) -> None:
        """Tell it that nothing more comes on its standard input."""
        self._input.close()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def end(self, within: float = PATIENCE) -> Ended:
        """Wait until it ends by itself, within so many seconds."""
        try:
            status = self._process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end; stderr: {self.err.text}") from None
        self.out.close()
        self.err.close()
        return Ended(status, self.out.data, self.err.text)

    def stop(self) -> None:
        """End it, whatever it is doing."""
        if self.running:
            self._process.kill()
        self._process.wait(PATIENCE)
        self._input.close()
        self.out.close()
        self.err.close()


@contextmanager
def running(
    *command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None
) -> Iterator[Program]:
    """Run a program for as long as a block lasts, and no longer."""
    program = Program(*command, cwd=cwd, env=env)
    try:
        yield program
    finally:
        program.stop()


@contextmanager
def service(*arguments: str | Path, cwd: Path | None = None) -> Iterator[tuple[Program, str]]:
    """Run ``portside serve`` and give it, with the first address that it prints."""
    bind = () if "--bind" in arguments else ("--bind", "tcp://127.0.0.1:0")
    with running(*PORTSIDE, "serve", *arguments, *bind, cwd=cwd) as program:
        yield program, program.out.line()


def run(*command: str | Path, stdin: bytes = b"", env: dict[str, str] | None = None) -> Ended:
    """Run a program to its end, with this on its standard input."""
    ended = subprocess.run(
        list(map(str, command)),
        input=stdin,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        env=None if env is None else os.environ | env,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr.decode())


def run_portside(*arguments: str | Path, stdin: bytes = b"") -> Ended:
    """Run the command to its end."""
    return run(*PORTSIDE, *arguments, stdin=stdin)
