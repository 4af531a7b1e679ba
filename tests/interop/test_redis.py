"""The client of Redis, against a small server of ours that speaks its protocol."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from certificates import Certificates
from interop.shells import BOTH, Served, Shell
from portside.errors import TruncatedStream
from portside.wire import Delimited
from worlds import PATIENCE

KINDS = ["tcp", "tls", "unix"]


class Store:
    """A dictionary that is served with RESP, the protocol of Redis.

    Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
    """

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}

    async def __call__(self, stream: Any) -> None:
        """Answer the commands of one client, each an array of bulk strings."""
        lines = stream.framed(Delimited(b"\r\n"))
        async for head in lines:
            assert head.startswith(b"*"), head
            words = [await self._bulk(stream, lines) for _ in range(int(head[1:]))]
            await stream.write(self._answer(words[0].upper(), words[1:]))

    async def _bulk(self, stream: Any, lines: Any) -> bytes:
        size = await lines.receive()
        assert size.startswith(b"$"), size
        data: bytes = await stream.read_exactly(int(size[1:]) + 2)
        return data[:-2]

    def _answer(self, command: bytes, words: list[bytes]) -> bytes:
        match command, words:
            case b"PING", []:
                return b"+PONG\r\n"
            case b"ECHO", [word]:
                return bulk(word)
            case b"SET", [key, value]:
                self._values[key] = value
                return b"+OK\r\n"
            case b"GET", [key]:
                return bulk(self._values.get(key))
            case b"CLIENT", _:
                return b"+OK\r\n"
        return b"-ERR unknown command '%b'\r\n" % command


def bulk(data: bytes | None) -> bytes:
    return b"$-1\r\n" if data is None else b"$%d\r\n%b\r\n" % (len(data), data)


@pytest.fixture(params=BOTH, ids=repr)
def shell(request: pytest.FixtureRequest) -> Shell:
    chosen: Shell = request.param
    return chosen


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def served(shell: Shell, kind: str, certificates: Certificates, tmp_path: Path) -> Iterator[Served]:
    target = f"unix:{tmp_path}/redis.sock" if kind == "unix" else f"{kind}://127.0.0.1:0"
    tls = certificates.server_context() if kind == "tls" else None
    with shell.serving(Store(), target, tls=tls) as served:
        yield served
    # The client closes TLS without its goodbye.
    assert [error for error in served.errors if type(error) is not TruncatedStream] == []


@pytest.fixture
def settings(served: Served, kind: str, certificates: Certificates) -> dict[str, Any]:
    """Give what a client of Redis has to know."""
    patience = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE, "protocol": 2}
    if kind == "unix":
        return patience | {"unix_socket_path": served.address.removeprefix("unix:")}
    address = patience | {"host": "localhost", "port": served.port}
    if kind == "tcp":
        return address
    trust = {"ssl_ca_certs": str(certificates.ca), "ssl_min_version": ssl.TLSVersion.TLSv1_2}
    return address | {"ssl": True} | trust


@pytest.fixture
def client(settings: dict[str, Any]) -> Iterator[Any]:
    client: Any = redis.Redis(**settings)
    yield client
    client.close()


def test_values_are_set_and_got(client: Any) -> None:
    assert client.ping() is True
    assert client.get("absent") is None
    assert client.set("ship", b"\x00\r\n\xff") is True
    assert client.get("ship") == b"\x00\r\n\xff"
    assert client.echo("ahoy") == b"ahoy"


def test_large_values_arrive_whole(client: Any) -> None:
    value = bytes(range(256)) * 10_000
    client.set("large", value)

    assert client.get("large") == value


def test_commands_in_a_pipeline_are_answered_in_their_order(client: Any) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for n in range(1000):
            pipeline.set(f"key{n}", n)
            pipeline.get(f"key{n}")
        answers = pipeline.execute()

    assert answers[0::2] == [True] * 1000
    assert answers[1::2] == [b"%d" % n for n in range(1000)]


def test_an_error_is_an_answer_and_the_connection_goes_on(client: Any) -> None:
    with pytest.raises(redis.ResponseError, match="unknown command 'SINK'"):
        client.execute_command("SINK", "ship")

    assert client.ping() is True


def test_many_clients_share_the_store(settings: dict[str, Any]) -> None:
    clients: list[Any] = [redis.Redis(**settings) for _ in range(10)]
    for n, client in enumerate(clients):
        client.set(f"key{n}", n)

    assert [clients[0].get(f"key{n}") for n in range(10)] == [b"%d" % n for n in range(10)]
    for client in clients:
        client.close()


def test_the_async_client_is_served_as_well(settings: dict[str, Any]) -> None:
    async def talk() -> list[Any]:
        client: Any = redis.asyncio.Redis(**settings)
        try:
            await client.set("ship", "Argo")
            return [
                await client.ping(),
                *await asyncio.gather(*[client.get("ship") for _ in range(20)]),
            ]
        finally:
            await client.aclose()

    assert asyncio.run(talk()) == [True, *[b"Argo"] * 20]
