"""The key-value store, used by redis-py over every kind of connection."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from certificates import Certificates
from cli.programs import PORTSIDE, running
from portside import Address, connect
from portside.addresses import InternetAddress

KV = Path(__file__).parents[2] / "examples" / "kv.py"
KINDS = ["tcp", "tls"] if sys.platform == "win32" else ["tcp", "tls", "unix"]


@pytest.fixture(scope="module")
def addresses(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Serve the store over everything at once."""
    targets = {"tcp": "tcp://127.0.0.1:0", "tls": "tls://127.0.0.1:0"}
    if "unix" in KINDS:
        targets["unix"] = f"unix:{tmp_path_factory.mktemp('kv')}/kv.sock"
    binds = [word for target in targets.values() for word in ("--bind", target)]
    with running(
        *PORTSIDE, "serve", f"{KV}:handle", *binds, "--cert", certificates.server
    ) as program:
        yield {kind: program.out.line() for kind in targets}


@pytest.fixture(params=[(kind, protocol) for kind in KINDS for protocol in (2, 3)])
def client(
    request: pytest.FixtureRequest, addresses: dict[str, str], certificates: Certificates
) -> Iterator[redis.Redis]:
    kind, protocol = request.param
    where: dict[str, Any] = {"unix_socket_path": addresses[kind].removeprefix("unix:")}
    if kind != "unix":
        address = Address.parse(addresses[kind])
        assert isinstance(address, InternetAddress)
        where = {"host": "127.0.0.1", "port": address.port}
    if kind == "tls":
        where |= {"ssl": True, "ssl_ca_certs": str(certificates.ca)}
    with redis.Redis(**where, protocol=protocol) as client:
        client.flushdb()
        yield client


def test_what_is_set_can_be_had(client: redis.Redis) -> None:
    assert client.ping()
    assert client.get("nothing") is None
    assert client.set("blob", bytes(range(256)) * 1000)
    assert client.get("blob") == bytes(range(256)) * 1000
    assert client.mset({"a": "1", "b": "2"})
    assert client.mget("a", "nothing", "b") == [b"1", None, b"2"]
    assert client.append("a", "23") == 3
    assert client.incr("a") == 124
    assert client.decr("fresh") == -1
    assert sorted(client.keys("[ab]*")) == [b"a", b"b", b"blob"]
    assert client.dbsize() == 4
    assert client.exists("a", "nothing") == 1
    assert client.delete("a", "a", "nothing") == 1
    assert client.echo("hello") == b"hello"


def test_values_end(client: redis.Redis) -> None:
    assert client.set("soon", "gone", px=1)
    assert client.set("later", "here", ex=100)
    assert client.set("later", "other", nx=True) is None
    assert client.set("never", "made", xx=True) is None
    assert 90 <= client.ttl("later") <= 100
    assert client.ttl("nothing") == -2
    while client.get("soon") is not None:
        client.ping()
    assert client.ttl("soon") == -2
    assert client.expire("later", 0)
    assert client.get("later") is None


def test_a_pipeline_is_answered_in_order(client: redis.Redis) -> None:
    pipeline = client.pipeline(transaction=False)
    for number in range(2000):
        pipeline.set(f"key-{number}", number)
        pipeline.get(f"key-{number}")

    replies = pipeline.execute()

    assert replies[1::2] == [b"%d" % number for number in range(2000)]


def test_a_transaction_is_run_as_one(client: redis.Redis) -> None:
    client.set("word", "not a number")
    pipeline = client.pipeline(transaction=True)
    for key in ("count", "word", "count"):
        pipeline.incr(key)

    assert [str(reply) for reply in pipeline.execute(raise_on_error=False)] == [
        "1",
        "value is not an integer or out of range",
        "2",
    ]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("SUBSCRIBE", "x"), "unknown command 'SUBSCRIBE'"),
        (("GET",), "wrong number of arguments for 'get' command"),
        (("SET", "a", "b", "SOON"), "syntax error"),
        (("SET", "a", "b", "EX", "soon"), "not an integer"),
        (("MSET", "a"), "wrong number of arguments"),
        (("EXEC",), "EXEC without MULTI"),
        (("DEBUG", "SEGFAULT"), "missing 1 required"),
        (("SELECT", "1"), "out of range"),
    ],
)
def test_a_command_that_is_wrong_is_refused_and_the_next_is_not(
    client: redis.Redis, words: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(redis.ResponseError, match=reason):
        client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py's own
    assert client.ping()


def test_a_slow_command_holds_up_nobody_else(client: redis.Redis) -> None:
    slow = threading.Thread(target=client.execute_command, args=("DEBUG", "SLEEP", "0.3"))
    slow.start()
    other = redis.Redis(connection_pool=client.connection_pool)
    assert other.ping()
    assert slow.is_alive()
    slow.join()


def test_a_command_may_be_typed_by_hand(addresses: dict[str, str]) -> None:
    with connect(addresses["tcp"]) as stream:
        stream.write(b"set greeting hello\r\n\r\nget greeting\nQUIT\n")
        assert stream.read_all() == b"+OK\r\n$5\r\nhello\r\n+OK\r\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (b"*1\r\n:3\r\n", b"expected '$' and a length"),
        (b"*9999999\r\n", b"expected a length of at most 65536"),
        (b"*1\r\n$4294967295\r\n", b"expected a length of at most 16777216"),
        (b"*1\r\n$-1\r\n", b"expected a length"),
        (b"*1\r\n$3\r\nGETxx", b"does not end where its length says"),
        (b"x" * 70_000, b"65536"),
    ],
)
def test_what_is_not_the_protocol_ends_the_connection_with_a_reason(
    addresses: dict[str, str], words: bytes, reason: bytes
) -> None:
    with connect(addresses["tcp"]) as stream:
        stream.write(words)
        answer = stream.read_line()
        assert answer.startswith(b"-ERR Protocol error: ")
        assert reason in answer


def test_the_same_bytes_however_they_are_cut(addresses: dict[str, str]) -> None:
    address = Address.parse(addresses["tcp"])
    assert isinstance(address, InternetAddress)
    with socket.create_connection(("127.0.0.1", address.port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n":
            sock.sendall(bytes([byte]))
        assert sock.recv(100) == b"$2\r\nhi\r\n"
