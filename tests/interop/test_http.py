"""Plain HTTP: with clients that everybody has, and against a port that wants TLS."""

from __future__ import annotations

import http.client
import random
import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import portside
from certificates import Certificates
from cli.programs import run
from interop.shells import BOTH, Served, Shell
from worlds import PATIENCE

CURL = shutil.which("curl") or ""

with_curl = pytest.mark.skipif(not CURL, reason="the program curl is not installed")


@pytest.fixture(params=BOTH, ids=repr)
def shell(request: pytest.FixtureRequest) -> Shell:
    chosen: Shell = request.param
    return chosen


async def tell_path(stream: Any) -> None:
    """Answer every request of a connection with its path and its body."""
    while request := await stream.read_line():
        length = 0
        while header := await stream.read_line():
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        answer = b"%b %b" % (request.split()[1], await stream.read_exactly(length))
        await stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)


@pytest.fixture
def secure(shell: Shell, certificates: Certificates) -> Iterator[Served]:
    """Give a server that wants TLS."""
    context = certificates.server_context()
    with shell.serving(tell_path, "tls://127.0.0.1:0", tls=context) as served:
        yield served


def ask(served: Served, certificates: Certificates, path: str = "/fine") -> bytes:
    context = ssl.create_default_context(cafile=str(certificates.ca))
    client = http.client.HTTPSConnection(
        "localhost", served.port, timeout=PATIENCE, context=context
    )
    try:
        client.request("GET", path)
        return client.getresponse().read()
    finally:
        client.close()


def faults(served: Served) -> list[BaseException]:
    """Return what went wrong, but for clients that left between two requests.

    Many close TLS without its goodbye, ``http.client`` among them.
    """
    left = (portside.EndOfStream, portside.TruncatedStream)
    return [error for error in served.errors if type(error) not in left]


# Clients that everybody has


def test_requests_follow_each_other_in_one_connection(shell: Shell) -> None:
    with shell.serving(tell_path, "tcp://127.0.0.1:0") as served:
        client = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
        for body in (b"", b"x" * 300_000, b"\r\n\r\n"):
            client.request("POST", "/harbour", body)
            assert client.getresponse().read() == b"/harbour " + body
        client.close()

    assert faults(served) == []


def test_https_of_the_standard_library_is_served(
    secure: Served, certificates: Certificates
) -> None:
    assert ask(secure, certificates, "/harbour") == b"/harbour "


@with_curl
@pytest.mark.parametrize("version", ["--tlsv1.2", "--tlsv1.3"])
def test_curl_verifies_the_certificate_and_gets_its_answers(
    secure: Served, certificates: Certificates, version: str
) -> None:
    urls = [f"https://localhost:{secure.port}/{n}" for n in range(3)]
    limits = ("--max-time", str(PATIENCE), version, "--http1.1", "--noproxy", "*")
    ended = run(CURL, "-sS", *limits, "--cacert", certificates.ca, *urls)

    assert (ended.status, ended.out, ended.err) == (0, b"/0 /1 /2 ", "")


@with_curl
def test_curl_talks_to_a_unix_socket(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with shell.serving(tell_path, path):
        ended = run(CURL, "-sS", "--unix-socket", path, "-d", "ahoy", "http://localhost/harbour")

    assert (ended.status, ended.out) == (0, b"/harbour ahoy")


# What does not belong at a port that wants TLS


def say(served: Served, data: bytes) -> bytes:
    """Say something to a server in plain text, and return what it answers."""
    with socket.create_connection(("127.0.0.1", served.port), PATIENCE) as client:
        client.settimeout(PATIENCE)
        answer = b""
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            while chunk := client.recv(65536):
                answer += chunk
        except OSError:
            pass  # which is an answer, too
        return answer


def test_plain_http_at_a_tls_port_is_reported_and_the_server_lives_on(
    secure: Served, certificates: Certificates
) -> None:
    answer = say(secure, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    secure.until(lambda: len(faults(secure)) == 1)

    assert not answer.startswith(b"HTTP/")
    assert isinstance(faults(secure)[0], portside.HandshakeFailed)
    assert "http request" in str(faults(secure)[0]).lower()
    assert ask(secure, certificates) == b"/fine "


@with_curl
def test_curl_without_tls_gets_an_error_and_not_an_answer(
    secure: Served, certificates: Certificates
) -> None:
    ended = run(CURL, "-sS", "--noproxy", "*", f"http://localhost:{secure.port}/")
    secure.until(lambda: len(faults(secure)) == 1)

    assert ended.status != 0
    assert b"HTTP/1.1 200" not in ended.out
    assert isinstance(faults(secure)[0], portside.HandshakeFailed)
    assert ask(secure, certificates) == b"/fine "


RANDOM = random.Random(7)
NOISE = {
    "nothing": b"",
    "one byte": b"\x16",
    "half a record": b"\x16\x03\x01\x02\x00\x01",
    "a record that never ends": b"\x16\x03\x01\xff\xff" + b"\x01" * 20_000,
    "zeros": bytes(100_000),
    "ssh": b"SSH-2.0-OpenSSH_9.9\r\n",
    "smtp": b"EHLO localhost\r\n",
    **{f"random {n}": RANDOM.randbytes(n) for n in (5, 100, 5_000, 300_000)},
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE.keys())
def test_noise_at_a_tls_port_is_reported_and_touches_nobody_else(
    secure: Served, certificates: Certificates, noise: bytes
) -> None:
    context = ssl.create_default_context(cafile=str(certificates.ca))
    other = http.client.HTTPSConnection("localhost", secure.port, timeout=PATIENCE, context=context)
    other.request("GET", "/before")
    assert other.getresponse().read() == b"/before "

    answer = say(secure, noise)
    secure.until(lambda: len(faults(secure)) == 1)

    assert len(answer) <= 7, "at most an alert of TLS is an answer to noise"
    assert isinstance(faults(secure)[0], portside.HandshakeFailed | ConnectionError)
    other.request("GET", "/after")
    assert other.getresponse().read() == b"/after "
    other.close()


def test_many_who_make_noise_at_once_do_not_keep_a_guest_out(
    secure: Served, certificates: Certificates
) -> None:
    noisy = [socket.create_connection(("127.0.0.1", secure.port), PATIENCE) for _ in range(50)]
    for n, client in enumerate(noisy):
        client.sendall(b"\x16\x03\x01" if n % 2 else b"rubbish" * 10)

    assert ask(secure, certificates) == b"/fine "

    for client in noisy:
        client.close()
    secure.until(lambda: len(faults(secure)) == 50)
