"""``portside serve``: run a handler on addresses of your choice."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import click

from portside.addresses import Address
from portside.cli.main import DEADLINE, YES, reading_certificates
from portside.cli.types import DURATION, TARGET, seconds
from portside.defaults import GRACE, HANDSHAKE_TIMEOUT, MAX_CONNECTIONS, PORT
from portside.listening import speaks_tls
from portside.runtime.app import AppError, load_handler
from portside.runtime.worker import Service, run_service
from portside.system.tls import server_context

if TYPE_CHECKING:
    import signal
    import ssl
    from collections.abc import Sequence

__all__ = ["command"]

_EPILOG = """\b
Examples:
  portside serve echo                             on localhost:8000
  portside serve chat --bind tcp://*:0            every interface, any port
  portside serve kv.py:handle --bind :6379 --bind unix:/tmp/kv.sock
  portside serve shop.net:handle --bind tls://*:443 --cert chain.pem --key key.pem

\b
A handler is a function of one stream, blocking or async:
  async def handle(stream):
      async for chunk in stream:
          await stream.write(chunk)

\b
DURATION is a number and a unit: 300ms, 2s, 1.5m, 1h.

\b
The addresses are printed on stdout, one a line. Ctrl-C and SIGTERM stop accepting
and let handlers finish; again, and what is left is cut. Exit status: 0 if every
handler finished, 124 if some were cut, 2 usage, 3 if an address cannot be had.
"""


@click.command("serve", epilog=_EPILOG)
@click.argument("app")
@click.option(
    "-b",
    "--bind",
    "targets",
    metavar="TARGET",
    type=TARGET,
    multiple=True,
    help=f"Where to listen; may be repeated.  [default: localhost:{PORT}]",
)
@click.option("--cert", type=click.Path(), help="Certificate chain in PEM, for tls:// targets.")
@click.option("--key", type=click.Path(), help="Its private key, if in another file.")
@click.option("--client-ca", type=click.Path(), help="Ask clients for a certificate of this CA.")
@click.option(
    "--max-connections",
    type=click.IntRange(min=1),
    default=MAX_CONNECTIONS,
    show_default=True,
    help="Open at once; more wait their turn.",
)
@click.option(
    "--max-per-peer", type=click.IntRange(min=1), help="Open at once from one IP address."
)
@click.option("--idle-timeout", type=DURATION, help="Cut connections that are silent so long.")
@click.option(
    "--handshake-timeout",
    type=DURATION,
    default=HANDSHAKE_TIMEOUT,
    help=f"Time a client has for TLS.  [default: {seconds(HANDSHAKE_TIMEOUT)}]",
)
@click.option(
    "--grace",
    type=DURATION,
    default=GRACE,
    help=f"Time handlers get to finish when told to stop.  [default: {seconds(GRACE)}]",
)
@click.option("--json", "as_json", is_flag=True, help="Tell what happens as JSON, on stdout.")
def command(
    *,
    app: str,
    targets: Sequence[Address],
    cert: str | None,
    key: str | None,
    client_ca: str | None,
    as_json: bool,
    **settings: Any,
) -> int:
    """Serve APP until Ctrl-C or SIGTERM.

    APP is module:handler, file.py:handler, or a built-in: echo, discard, chargen, daytime,
    chat.
    """
    try:
        handler = load_handler(app)
    except AppError as error:
        raise click.UsageError(str(error)) from error
    logging.basicConfig(format="portside: %(message)s", stream=sys.stderr)
    logging.getLogger("portside").setLevel(logging.INFO)
    voice = _Voice(app, as_json=as_json)
    targets = targets or [Address.parse(f"localhost:{PORT}")]
    context = _context(targets, cert, key, client_ca)
    service = Service(
        handler,
        targets,
        {**settings, "tls": context},
        on_ready=voice.ready,
        on_stopping=voice.stopping,
    )
    drained, stats = run_service(service)
    voice.stopped(stats.accepted, stats.handler_failures, drained=drained)
    return YES if drained else DEADLINE


def _context(
    targets: Sequence[Address], cert: str | None, key: str | None, client_ca: str | None
) -> ssl.SSLContext | None:
    speaking = [str(target) for target in targets if speaks_tls(target)]
    if cert is None:
        if key is not None or client_ca is not None:
            raise click.UsageError("--key and --client-ca go with --cert")
        if speaking:
            raise click.UsageError(f"{speaking[0]} needs a certificate: give --cert")
        return None
    if not speaking:
        raise click.UsageError("--cert is for tls:// targets: --bind tls://...")
    with reading_certificates():
        return server_context(cert, key, client_ca=client_ca)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


class _Voice:
    """Tells what happens: addresses on stdout, everything else on stderr."""

    def __init__(self, app: str, *, as_json: bool) -> None:
        self._app = app
        self._as_json = as_json

    def _say(self, text: str, kind: str, **facts: object) -> None:
        if self._as_json:
            click.echo(json.dumps({"schema": "portside/1", "type": kind, **facts}))
        else:
            click.echo(f"portside: {text}", err=True)

    def ready(self, addresses: Sequence[Address]) -> None:
        if not self._as_json:
            for address in addresses:
                click.echo(str(address))
        self._say(
            f"serving {self._app}; Ctrl-C stops it",
            "listening",
            app=self._app,
            addresses=[str(address) for address in addresses],
        )

    def stopping(self, cause: signal.Signals, connections: int, grace: float | None) -> None:
        waiting = "" if grace is None else f" for up to {grace:g} s"
        self._say(
            f"{cause.name}: no longer accepting; waiting{waiting} for"
            f" {_count(connections, 'connection')}"
            if connections
            else f"{cause.name}: no longer accepting",
            "stopping",
            signal=cause.name,
            connections=connections,
            grace=grace,
        )

    def stopped(self, accepted: int, failures: int, *, drained: bool) -> None:
        ending = "every handler finished" if drained else "some connections were cut"
        self._say(
            f"stopped; {_count(accepted, 'connection')}, {_count(failures, 'handler')} failed;"
            f" {ending}",
            "stopped",
            connections=accepted,
            failures=failures,
            drained=drained,
        )
