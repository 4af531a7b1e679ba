"""The main job, shown: one handler behind TCP, TLS and a Unix socket, used by redis-py.

Starts ``portside serve examples/kv.py:handle`` on addresses that the system chooses, works
with it through a client library that nobody here wrote, and then stops it with SIGTERM while
a request is under way.  Exits with 0 if everything was as promised.
"""

from __future__ import annotations

import itertools
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import redis
import trustme

from portside import Address, ConnectError, connect
from portside.addresses import InternetAddress, UnixAddress

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
PATIENCE = 15.0
"""Seconds after which something that did not happen will not happen."""

WINDOWS = sys.platform == "win32"
BATCH = 1000


def main() -> int:
    """Show everything; return the exit status."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ca, certificate = make_certificates(folder)
        targets = ["tcp://127.0.0.1:0", "tls://127.0.0.1:0"]
        if not WINDOWS:  # whose Python has no Unix sockets
            targets.append(f"unix:{folder}/kv.sock")
        print("One handler, every kind of address")
        with served(targets, certificate) as (process, addresses):
            for address in addresses:
                show(f"serving {address}")
            print("\nredis-py talks to it")
            for address in addresses:
                use(address, ca)
            print("\nIt is told to stop while a request is under way")
            stop_during_a_request(process, addresses[0])
    return 0


def show(line: str) -> None:
    """Print what happened."""
    print(f"  {line}", flush=True)


def make_certificates(folder: Path) -> tuple[Path, Path]:
    """Return a new authority's certificate, and one with its key for localhost."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    return folder / "ca.pem", folder / "server.pem"


@contextmanager
def served(
    targets: list[str], certificate: Path
) -> Iterator[tuple[subprocess.Popen[str], list[Address]]]:
    """Run ``portside serve``, and give it with the addresses that it got."""
    command = [sys.executable, "-m", "portside", "serve", f"{HERE / 'kv.py'}:handle"]
    for target in targets:
        command += ["--bind", target]
    command += ["--cert", str(certificate)]
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # Windows': to be signalled alone
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, creationflags=flags
    ) as process:
        printed = process.stdout or ()
        try:
            yield (
                process,
                [Address.parse(line.strip()) for line in itertools.islice(printed, len(targets))],
            )
        finally:
            process.kill()


def use(address: Address, ca: Path) -> None:
    """Work with the store through redis-py."""
    with client_of(address, ca) as client:
        client.set("greeting", f"hello over {scheme(address)}")
        began = time.perf_counter()
        pipeline = client.pipeline(transaction=False)
        for _ in range(BATCH):
            pipeline.incr("visits")
        visits = pipeline.execute()[-1]
        took = time.perf_counter() - began
        greeting = client.get("greeting")
        show(
            f"{scheme(address)}: get greeting -> {greeting!r};"
            f" {BATCH} pipelined incr -> {visits} in {took * 1000:.0f} ms"
        )
        expect(greeting == f"hello over {scheme(address)}".encode(), "the greeting came back")
        expect(int(visits) % BATCH == 0, "every increment was counted")


def scheme(address: Address) -> str:
    """Return the first word of an address."""
    return str(address).partition(":")[0]


def client_of(address: Address, ca: Path | None = None) -> redis.Redis:
    """Return redis-py's client for an address of any kind."""
    if isinstance(address, UnixAddress):
        return redis.Redis(unix_socket_path=str(address.path))
    if not isinstance(address, InternetAddress):
        raise SystemExit(f"demo: redis-py has no word for {address}")
    return redis.Redis(
        host=str(address.host),
        port=address.port,
        ssl=address.transport == "tls",
        ssl_ca_certs=str(ca) if ca else None,
    )


def stop_during_a_request(process: subprocess.Popen[str], address: Address) -> None:
    """Send SIGTERM in the middle of a request, and see it finish."""
    replies: queue.Queue[object] = queue.Queue()
    began = time.perf_counter()

    def work() -> None:
        with client_of(address) as client:
            client.ping()
            replies.put("asked")
            replies.put(client.execute_command("DEBUG", "SLEEP", "1"))

    threading.Thread(target=work, daemon=True).start()
    replies.get(timeout=PATIENCE)
    show("DEBUG SLEEP 1 is sent")
    time.sleep(0.3)  # it is on its way, and takes a second
    process.send_signal(getattr(signal, "CTRL_BREAK_EVENT") if WINDOWS else signal.SIGTERM)  # noqa: B009
    show(f"{'CTRL_BREAK' if WINDOWS else 'SIGTERM'} after {time.perf_counter() - began:.1f} s")
    show(f"a newcomer is turned away: {refusal_of(address)}")
    reply = replies.get(timeout=PATIENCE)
    show(f"the reply came after {time.perf_counter() - began:.1f} s: {reply!r}")
    status = process.wait(timeout=PATIENCE)
    show(f"portside serve exited with {status}")
    expect(reply in (b"OK", True), "the request that was under way finished")
    expect(status == 0, "the server drained and left")


def refusal_of(address: Address) -> str:
    """Return what a new connection is told, once the server has stopped accepting."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        try:
            connect(address, timeout=1).close()
        except ConnectError as error:
            # It is reset instead, if it was in the queue just when that was closed.
            if isinstance(error.attempts[0].error, ConnectionRefusedError):
                return str(error)
    raise SystemExit("demo: the server went on accepting after it was told to stop")


def expect(holds: bool, what: str) -> None:  # noqa: FBT001  it reads as a sentence
    """End the demo with an error if a promise was not kept."""
    if not holds:
        raise SystemExit(f"demo: this was promised and is not so: {what}")


if __name__ == "__main__":
    sys.exit(main())
