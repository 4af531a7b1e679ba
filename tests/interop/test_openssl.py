"""TLS with ``openssl s_client`` and ``openssl s_server``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import portside
from certificates import Certificates
from cli.programs import Program, running
from interop.shells import BOTH, Shell
from worlds import PATIENCE

OPENSSL = shutil.which("openssl") or ""
pytestmark = pytest.mark.skipif(not OPENSSL, reason="the program openssl is not installed")

VERSIONS = {"-tls1_2": "TLSv1.2", "-tls1_3": "TLSv1.3"}
each_version = pytest.mark.parametrize("version", VERSIONS)


async def reverse_lines(stream: Any) -> None:
    """Do what ``openssl s_server -rev`` does, after telling about TLS."""
    await stream.write(f"{stream.tls.version} {stream.tls.alpn}\n".encode())
    async for chunk in stream:
        await stream.write(chunk.rstrip(b"\n")[::-1] + b"\n")


def s_client(port: int, certificates: Certificates, *options: str | Path) -> list[str | Path]:
    trust = ("-CAfile", certificates.ca, "-verify_return_error")
    name = ("-verify_hostname", "localhost", "-servername", "localhost")
    return [OPENSSL, "s_client", "-connect", f"127.0.0.1:{port}", *trust, *name, *options]


# Their client, our server


@each_version
@pytest.mark.parametrize("shell", BOTH, ids=repr)
def test_their_client_verifies_our_server_and_talks(
    shell: Shell, certificates: Certificates, version: str
) -> None:
    context = portside.server_context(certificates.server, alpn=["ahoy/1", "ahoy/2"])
    with shell.serving(reverse_lines, "tls://127.0.0.1:0", tls=context) as served:
        options = (version, "-alpn", "ahoy/2,ahoy/1", "-no_ign_eof")
        with running(*s_client(served.port, certificates, *options)) as program:
            said = program.out.until(f"{VERSIONS[version]} ahoy/1\n")
            program.write(b"stressed\n")
            program.out.until("desserts\n")
            program.end_input()
            ended = program.end()

    assert ended.status == 0
    assert "ALPN protocol: ahoy/1" in said
    assert "Verify return code: 0 (ok)" in ended.out.decode()
    assert served.errors == []


@pytest.mark.parametrize("shell", BOTH, ids=repr)
def test_their_client_reads_everything_and_then_the_end(
    shell: Shell, certificates: Certificates
) -> None:
    async def send_much(stream: Any) -> None:
        await stream.write(b"0123456789" * 100_000)

    context = certificates.server_context()
    with (
        shell.serving(send_much, "tls://127.0.0.1:0", tls=context) as served,
        running(*s_client(served.port, certificates, "-quiet")) as program,
    ):
        ended = program.end()

    assert ended.out == b"0123456789" * 100_000
    assert ended.status == 0
    assert "unexpected eof" not in ended.err


@pytest.mark.parametrize("shell", BOTH, ids=repr)
def test_their_client_shows_a_certificate_if_it_has_one(
    shell: Shell, certificates: Certificates
) -> None:
    context = portside.server_context(certificates.server, client_ca=certificates.ca)
    with shell.serving(reverse_lines, "tls://127.0.0.1:0", tls=context) as served:
        known = s_client(served.port, certificates, "-quiet", "-cert", certificates.client)
        with running(*known) as program:
            program.out.until("TLSv1.3 None\n")
        with running(*s_client(served.port, certificates, "-quiet")) as program:
            program.err.until("certificate required")
            program.end()
        served.until(lambda: len(served.errors) > 0)

    assert isinstance(served.errors[-1], portside.HandshakeFailed)


@pytest.mark.parametrize("shell", BOTH, ids=repr)
@pytest.mark.parametrize(
    "options",
    [("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), ("-tls1_2", "-cipher", "PSK")],
    ids=["too old", "no common cipher"],
)
def test_their_client_that_we_have_nothing_in_common_with_is_reported(
    shell: Shell, certificates: Certificates, options: tuple[str, ...]
) -> None:
    with shell.serving(
        reverse_lines, "tls://127.0.0.1:0", tls=certificates.server_context()
    ) as served:
        with running(*s_client(served.port, certificates, *options)) as program:
            program.end_input()
            assert program.end().status == 1
        served.until(lambda: len(served.errors) > 0)

        with running(*s_client(served.port, certificates, "-quiet")) as program:
            program.out.until("TLSv1.3 None\n")

    assert isinstance(served.errors[0], portside.HandshakeFailed)


# Our client, their server


def s_server(certificates: Certificates, *options: str | Path) -> list[str | Path]:
    return [OPENSSL, "s_server", "-accept", "127.0.0.1:0", "-cert", certificates.server, *options]


def port_of(program: Program) -> int:
    """Return the port that it got, from a line like ``ACCEPT 127.0.0.1:34567``."""
    program.out.until("ACCEPT ")
    return int(program.out.until("\n").strip().rpartition(":")[2])


@each_version
@pytest.mark.parametrize("shell", BOTH, ids=repr)
def test_our_client_verifies_their_server_and_talks(
    shell: Shell, certificates: Certificates, version: str
) -> None:
    async def talk(stream: Any) -> list[Any]:
        await stream.write(b"stressed\n")
        answer = await stream.read_line(timeout=PATIENCE)
        return [answer, stream.tls.version, stream.tls.alpn, len(stream.tls.peer_certificates) > 0]

    with running(*s_server(certificates, version, "-rev", "-alpn", "ahoy/1")) as program:
        answers = shell.connected(
            talk,
            ("127.0.0.1", port_of(program)),
            tls=portside.client_context(trust=certificates.ca, alpn=["other", "ahoy/1"]),
            server_hostname="localhost",
        )

    assert answers == [b"desserts", VERSIONS[version], "ahoy/1", True]


@pytest.mark.parametrize("shell", BOTH, ids=repr)
def test_our_client_does_not_believe_their_stranger(
    shell: Shell, certificates: Certificates
) -> None:
    async def talk(_: Any) -> None:
        raise AssertionError("it was believed")

    command: list[str | Path] = [OPENSSL, "s_server", "-accept", "127.0.0.1:0"]
    context = certificates.client_context()
    with running(*command, "-cert", certificates.stranger, "-rev") as program:
        address = ("127.0.0.1", port_of(program))
        with pytest.raises(portside.ConnectError, match="certificate verify failed"):
            shell.connected(talk, address, tls=context)


@pytest.mark.parametrize("shell", BOTH, ids=repr)
def test_our_client_reads_their_page_to_the_end(shell: Shell, certificates: Certificates) -> None:
    async def get(stream: Any) -> Any:
        await stream.write(b"GET / HTTP/1.0\r\n\r\n")
        return await stream.read_all(timeout=PATIENCE)

    with running(*s_server(certificates, "-www")) as program:
        address = ("127.0.0.1", port_of(program))
        page: bytes = shell.connected(get, address, tls=certificates.client_context())

    assert page.startswith(b"HTTP/1.0 200 ok\r\n")
    assert b"TLSv1.3" in page
    assert page.rstrip().lower().endswith(b"</html>")
