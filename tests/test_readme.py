"""The README tells the truth: its programs run, and its transcript is what the command says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from cli.programs import PORTSIDE, run, service

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
DIALS = re.findall(r"\$ printf '(.*?)' \| portside dial [^\n]*\n(.*?)```", README, re.DOTALL)


def test_the_handler_and_the_transcript(tmp_path: Path) -> None:
    (tmp_path / "lengths.py").write_text(PROGRAMS[0], encoding="utf-8")
    ((words, told),) = DIALS
    with service("lengths.py:handle", cwd=tmp_path) as (_, address):
        ended = run_dial(address, words)

    port = address.rpartition(":")[2]
    # The order between the two streams, and the time it took, are not to be had twice.
    assert sorted(untimed(ended)) == sorted(untimed(told.replace("7000", port).splitlines()))


def run_dial(address: str, words: str) -> list[str]:
    ended = run(*PORTSIDE, "dial", address, stdin=words.encode().decode("unicode_escape").encode())
    assert ended.status == 0
    return [*ended.out.decode().splitlines(), *ended.err.splitlines()]


def untimed(lines: list[str]) -> list[str]:
    return [re.sub(r"[\d.]+ ms", "? ms", line) for line in lines]


def test_framing_without_io() -> None:
    (program,) = [one for one in PROGRAMS if "FrameReader" in one]
    promised = re.findall(r"# (.*)", program)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, "README.md", "exec"), {})

    assert printed.getvalue().splitlines() == promised


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_is_python_and_finds_its_names(program: str) -> None:
    imports = "\n".join(re.findall(r"^(?:from|import) .*", program, re.MULTILINE))

    compile(program, "README.md", "exec")
    exec(compile(imports, "README.md", "exec"), {})
