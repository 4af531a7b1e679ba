"""``portside dial``: talk to a service, from a terminal or a pipe."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

import portside
from portside.cli.main import DEADLINE, NO, YES, reading_certificates
from portside.cli.types import DURATION, TARGET, seconds
from portside.defaults import CONNECT_TIMEOUT
from portside.listening import speaks_tls
from portside.runtime.talk import TalkReport, talk
from portside.system.tls import client_context

if TYPE_CHECKING:
    import ssl

    from portside.addresses import Address

__all__ = ["command"]

_EPILOG = """\b
Examples:
  portside dial localhost:8000
  printf 'PING\\r\\n' | portside dial :6379
  portside dial tls://example.com:443 --ca corporate.pem
  portside dial unix:/run/app.sock

\b
DURATION is a number and a unit: 300ms, 2s, 1.5m, 1h.

\b
Stdin is sent and what comes is written to stdout. The end of stdin is told to the
service, which may go on; the command ends when the service closes. Exit status:
0 if it closed in good order, 1 if not or if nobody answered, 2 usage, 124 too late.
"""


@click.command("dial", epilog=_EPILOG)
@click.argument("target", type=TARGET)
@click.option(
    "--timeout",
    type=DURATION,
    default=CONNECT_TIMEOUT,
    help=f"Time to connect: lookup, every address, TLS.  [default: {seconds(CONNECT_TIMEOUT)}]",
)
@click.option(
    "--wait",
    "patience",
    type=DURATION,
    help="End when the service was silent so long after the end of stdin.  [default: never]",
)
@click.option("--tls", "force_tls", is_flag=True, help="Speak TLS, as tls:// does.")
@click.option("--ca", type=click.Path(), help="Trust these certificates rather than the system's.")
@click.option("--cert", type=click.Path(), help="Your own certificate chain in PEM.")
@click.option("--key", type=click.Path(), help="Its private key, if in another file.")
@click.option("--server-name", help="The name to check in the certificate.")
@click.option("--alpn", multiple=True, help="An application protocol to offer; may be repeated.")
@click.option("--insecure", is_flag=True, help="Believe any certificate.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Tell what happened as JSON, on stderr.")
def command(
    *,
    target: Address,
    timeout: float,
    patience: float | None,
    force_tls: bool,
    server_name: str | None,
    quiet: bool,
    as_json: bool,
    **tls: Any,
) -> int:
    """Connect to TARGET and talk to it: stdin there, stdout back."""
    context = _context(force_tls or speaks_tls(target), **tls)
    voice = _Voice(quiet=quiet, as_json=as_json)
    with portside.connect(
        target, timeout=timeout, tls=context, server_hostname=server_name
    ) as stream:
        voice.connected(stream)
        try:
            report = talk(stream, *_standard_streams(), patience=patience)
        except KeyboardInterrupt:
            stream.abort()
            raise
        if report.ending != "peer":
            stream.abort()
    voice.ended(report)
    return {"peer": YES, "quiet": DEADLINE}.get(report.ending, NO)


def _standard_streams() -> tuple[int, int]:
    """Return the numbers of stdin and stdout; one that is closed is nothing, or a sink."""
    missing = [stream for stream in (sys.stdin, sys.stdout) if stream is None]
    nothing = os.open(os.devnull, os.O_RDWR) if missing else -1
    return (
        nothing if sys.stdin is None else sys.stdin.fileno(),
        nothing if sys.stdout is None else sys.stdout.fileno(),
    )


def _context(
    wanted: bool,  # noqa: FBT001
    *,
    ca: str | None,
    cert: str | None,
    key: str | None,
    alpn: tuple[str, ...],
    insecure: bool,
) -> ssl.SSLContext | None:
    if wanted:
        if key and not cert:
            raise click.UsageError("--key goes with --cert")
        if ca and insecure:
            raise click.UsageError("--ca is of no use with --insecure")
        with reading_certificates():
            return client_context(trust=ca, cert=cert, key=key, alpn=alpn, verify=not insecure)
    if ca or cert or key or alpn or insecure:
        raise click.UsageError("the TLS options need a tls:// target, or --tls")
    return None


class _Voice:
    """Tells on stderr what happened; stdout belongs to the service."""

    def __init__(self, *, quiet: bool, as_json: bool) -> None:
        self._quiet = quiet
        self._as_json = as_json

    def _say(self, text: str, kind: str, **facts: object) -> None:
        if self._as_json:
            line = json.dumps({"schema": "portside/1", "type": kind, **facts})
            click.echo(line, err=True)
        elif not self._quiet:
            click.echo(f"portside: {text}", err=True)

    def connected(self, stream: portside.Stream) -> None:
        for attempt in stream.attempts:
            if attempt.outcome != "connected":
                self._say(str(attempt), "attempt", address=str(attempt.address))
        tls = stream.tls
        words = "" if tls is None else f" ({tls.version}, {tls.cipher})"
        self._say(
            f"connected to {stream.peer_address}{words}",
            "connected",
            address=str(stream.peer_address),
            local=str(stream.local_address),
            tls=None if tls is None else tls.version,
            alpn=None if tls is None else tls.alpn,
        )

    def ended(self, report: TalkReport) -> None:
        ending = {
            "peer": "closed by the peer",
            "quiet": "the peer was silent for too long",
        }.get(report.ending, f"broken: {report.error}")
        took = (
            f"{report.seconds:.3g} s" if report.seconds >= 1 else f"{report.seconds * 1e3:.3g} ms"
        )
        self._say(
            f"{ending}; sent {report.sent} bytes, received {report.received} in {took}",
            "ended",
            ending=report.ending,
            error=None if report.error is None else str(report.error),
            sent=report.sent,
            received=report.received,
            seconds=round(report.seconds, 6),
        )
