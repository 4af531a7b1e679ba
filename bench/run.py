"""portside beside its peers, in one run: CPU time of the server for each message.

    make bench                          the table, in about two minutes
    python bench/run.py --quick         a glance: one short round

Method: the server is pinned to one core and the load generator to another; the subjects take
turns, A B C A B C, so that a machine that gets slower or faster does so for all; the figure is
the median of the rounds.  A ratio within a run means something; microseconds from two machines
or two days do not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import sysconfig
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
BUILD = HERE / "build"
CONNECTIONS = 10
SIZE = 64  # bytes in a line, its ending included


@dataclass(frozen=True)
class Subject:
    """A server on a kind of loop."""

    server: str
    loop: str

    def __str__(self) -> str:
        names = {"streams": "asyncio streams", "protocol": "raw Protocol"}
        return f"{names.get(self.server, f'portside {self.server}')}, {self.loop}"


@dataclass(frozen=True)
class Scenario:
    """A load, who has to bear it, and what is promised of it.

    Attributes:
        in_flight: Lines that each connection has on the way.
        subjects: Who is measured; the first one with the same loop as another is its measure.
        target: The most that the ratio to it may be.
    """

    in_flight: int
    subjects: tuple[Subject, ...]
    target: dict[str, float]

    def measure_of(self, subject: Subject) -> Subject:
        """Return what ``subject`` is compared with."""
        return next(one for one in self.subjects if one.loop == subject.loop)


def _on(loop: str, *servers: str) -> tuple[Subject, ...]:
    return tuple(Subject(server, loop) for server in servers)


SCENARIOS = [
    Scenario(
        1,
        _on("uvloop", "streams", "protocol", "framed", "read_line")
        + _on("asyncio", "streams", "framed", "read_line"),
        {"framed": 0.75, "read_line": 0.75},
    ),
    Scenario(
        64,
        _on("uvloop", "streams", "protocol", "framed", "read_line", "batches")
        + _on("asyncio", "streams", "framed", "read_line", "batches"),
        {"framed": 0.2, "read_line": 0.2, "batches": 0.2},
    ),
]


def main() -> None:
    """Measure, print the table, and keep the figures."""
    parser = argparse.ArgumentParser(description="portside beside its peers, in one run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each measurement")
    parser.add_argument("--quick", action="store_true", help="one round of 0.2 seconds")
    options = parser.parse_args()
    rounds, seconds = (1, 0.2) if options.quick else (options.rounds, options.seconds)

    generator = load_generator()
    results: dict[str, Any] = {"machine": machine(generator), "rounds": rounds, "scenarios": []}
    for line in results["machine"].values():
        print(line)
    for scenario in SCENARIOS:
        title = f"line echo {SIZE} B, {CONNECTIONS} connections, {scenario.in_flight} in flight"
        print(f"\n{title}: CPU µs a message, and its ratio to asyncio streams on the same loop")
        figures = measure(scenario, generator, rounds, seconds)
        results["scenarios"].append({"title": title, "rows": table(scenario, figures)})
    BUILD.mkdir(exist_ok=True)
    kept = BUILD / "results.json"
    kept.write_text(json.dumps(results, indent=2) + "\n")
    print(f"\nkept in {kept.relative_to(HERE.parent)}")


def load_generator() -> list[str]:
    """Return the command of the load generator, compiled if that can be."""
    compiler = shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0])
    if compiler is None or sys.platform != "linux":  # load.c waits with epoll
        return [sys.executable, str(HERE / "load.py")]
    BUILD.mkdir(exist_ok=True)
    program = BUILD / "load"
    subprocess.run([compiler, "-O2", "-o", program, HERE / "load.c"], check=True)
    return [str(program)]


def machine(generator: list[str]) -> dict[str, str]:
    """Say what this was measured on."""
    kind = "in C" if len(generator) == 1 else "in Python: rates say nothing, CPU times do"
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()}, {os.cpu_count()} cores",
        "processor": platform.processor() or platform.machine(),
        "load": f"load generator {kind}",
    }


def measure(
    scenario: Scenario, generator: list[str], rounds: int, seconds: float
) -> dict[Subject, list[float]]:
    """Return the CPU microseconds of each subject for a message, in each round."""
    figures: dict[Subject, list[float]] = {subject: [] for subject in scenario.subjects}
    for _ in range(rounds):
        for subject, found in figures.items():
            found.append(measure_once(subject, generator, scenario.in_flight, seconds))
    return figures


def measure_once(subject: Subject, generator: list[str], in_flight: int, seconds: float) -> float:
    """Return the CPU microseconds that one server spends on a message."""
    with running(subject) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        before = cpu_time(server)
        load = [*generator, f"127.0.0.1:{port}", *map(str, (CONNECTIONS, in_flight, SIZE, seconds))]
        done = subprocess.run(pinned(load, 1), capture_output=True, text=True, check=True)
        used = cpu_time(server) - before
    messages: int = json.loads(done.stdout)["messages"]
    return used / messages * 1e6


@contextmanager
def running(subject: Subject) -> Iterator[subprocess.Popen[str]]:
    """Run a server."""
    command = [sys.executable, str(HERE / "servers.py"), subject.server, subject.loop]
    with subprocess.Popen(
        pinned(command, 0), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            yield server
        finally:
            server.kill()


def cpu_time(server: subprocess.Popen[str]) -> float:
    """Ask a server how many CPU seconds it has used."""
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write("?\n")
    server.stdin.flush()
    return float(server.stdout.readline())


def pinned(command: list[str], core: int) -> list[str]:
    """Have a command run on one core, where that can be said."""
    taskset = shutil.which("taskset")
    if taskset is None or (os.cpu_count() or 1) <= core:
        return command
    return [taskset, "--cpu-list", str(core), *command]


def table(scenario: Scenario, figures: dict[Subject, list[float]]) -> list[dict[str, Any]]:
    """Print the figures, and return them."""
    rows: list[dict[str, Any]] = []
    medians = {subject: statistics.median(found) for subject, found in figures.items()}
    for subject, median in medians.items():
        ratio = median / medians[scenario.measure_of(subject)]
        target = scenario.target.get(subject.server)
        print(f"  {subject!s:28} {median:8.2f}   {ratio:5.2f}   {verdict(ratio, target)}".rstrip())
        rows.append(
            {
                "subject": str(subject),
                "cpu_us": round(median, 3),
                "ratio": round(ratio, 3),
                "target": target,
                "rounds": [round(one, 3) for one in figures[subject]],
            }
        )
    return rows


def verdict(ratio: float, target: float | None) -> str:
    """Say whether a promise is kept."""
    if target is None:
        return ""
    return f"target {target:g}: {'met' if ratio <= target else 'missed'}"


if __name__ == "__main__":
    main()
