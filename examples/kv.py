"""A key-value store that speaks Redis's protocol: redis-py and redis-cli work with it.

portside serve examples/kv.py:handle --bind localhost:6379 --bind unix:/tmp/kv.sock
redis-cli set greeting hello

What it shows: a framing of one's own (``Resp``), and a handler that answers pipelined
requests in one go without doing anything for it: replies are collected while requests wait.
"""

from __future__ import annotations

import asyncio
import fnmatch
import inspect
import time
from dataclasses import dataclass
from typing import Any

from portside import Framing, ProtocolError, TruncatedStream
from portside.aio import Stream, serve
from portside.wire import ReceiveBuffer

MAX_ARGUMENTS = 64 * 1024
MAX_VALUE = 16 * 1024 * 1024
MAX_HEAD = 64 * 1024  # also of a command typed by hand, as in Redis


class Status(bytes):
    """A reply that is a word, such as OK."""


class Refusal(Exception):
    """A reply that says what is wrong with a command."""


OK = Status(b"OK")


@dataclass(frozen=True)
class Resp(Framing[Any]):
    """Redis's serialization protocol, as a server needs it.

    Commands come in, as lists of words; replies go out.
    https://redis.io/docs/latest/develop/reference/protocol-spec/

    Attributes:
        third: Whether it is the protocol's version 3, for clients that say HELLO 3.
    """

    third: bool = False

    def encode(self, message: Any) -> bytes:
        """Return a reply as it goes over the wire."""
        match message:
            case list() | dict():
                return self._encode_several(message)
            case Status():
                return b"+%b\r\n" % message
            case Refusal():
                return b"-%b\r\n" % str(message).encode()
            case bytes():
                return b"$%d\r\n%b\r\n" % (len(message), message)
            case int():
                return b":%d\r\n" % message
        return b"_\r\n" if self.third else b"$-1\r\n"

    def _encode_several(self, message: list[Any] | dict[bytes, Any]) -> bytes:
        if isinstance(message, list):
            return b"*%d\r\n" % len(message) + self.encode_many(message)
        words = [word for pair in message.items() for word in pair]
        head = b"%%%d\r\n" % len(message) if self.third else b"*%d\r\n" % len(words)
        return head + self.encode_many(words)

    def decode(self, buffer: ReceiveBuffer) -> list[bytes] | None:
        """Take one command, if all of it is here."""
        mark = buffer.mark()
        head = buffer.take_line(MAX_HEAD)
        if head is None or not head.startswith(b"*"):
            return None if head is None else head.split()  # typed by hand: "get greeting"
        words: list[bytes] = []
        for _ in range(number(head[1:], MAX_ARGUMENTS)):
            word = self._word(buffer)
            if word is None:
                buffer.rewind(mark)
                return None
            words.append(word)
        return words

    def _word(self, buffer: ReceiveBuffer) -> bytes | None:
        head = buffer.take_line(MAX_HEAD)
        if head is None:
            return None
        if not head.startswith(b"$"):
            raise ProtocolError(f"expected '$' and a length, not {head[:20]!r}")
        word = buffer.take(number(head[1:], MAX_VALUE) + 2)
        if word is not None and not word.endswith(b"\r\n"):
            raise ProtocolError("a word does not end where its length says")
        return word and word[:-2]


def number(text: bytes, limit: int) -> int:
    """Return a length that a client sent."""
    if not text.isdigit() or int(text) > limit:
        raise ProtocolError(f"expected a length of at most {limit}, not {text[:20]!r}")
    return int(text)


class Store:
    """The keys and values, and the commands that work on them: ``do_get`` is GET."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}
        self._ends: dict[bytes, float] = {}
        self._signatures = {
            name.removeprefix("do_").upper(): inspect.signature(method)
            for name, method in inspect.getmembers(self, inspect.ismethod)
            if name.startswith("do_")
        }

    def run(self, name: str, arguments: list[bytes]) -> Any:
        """Return the reply to one command."""
        if name not in self._signatures:
            raise Refusal(f"ERR unknown command '{name}'")
        try:
            self._signatures[name].bind(*arguments)
        except TypeError:
            raise Refusal(f"ERR wrong number of arguments for '{name.lower()}' command") from None
        return getattr(self, f"do_{name.lower()}")(*arguments)

    def _expire(self, key: bytes) -> None:
        if self._ends.get(key, float("inf")) <= time.monotonic():
            del self._values[key], self._ends[key]

    def do_ping(self, message: bytes = Status(b"PONG")) -> bytes:
        return message

    def do_echo(self, message: bytes) -> bytes:
        return message

    def do_select(self, index: bytes) -> Status:
        if integer(index):
            raise Refusal("ERR DB index is out of range")
        return OK

    def do_quit(self) -> Status:
        return OK

    def do_client(self, *_: bytes) -> Status:
        return OK  # clients tell who they are, and nobody here keeps it

    def do_get(self, key: bytes) -> bytes | None:
        self._expire(key)
        return self._values.get(key)

    def do_mget(self, *keys: bytes) -> list[bytes | None]:
        return [self.do_get(key) for key in keys]

    def do_set(self, key: bytes, value: bytes, *options: bytes) -> Status | None:
        words = [option.upper() for option in options]
        here = self.do_get(key) is not None
        end: float | None = None
        while words:
            match words.pop(0):
                case b"NX" if here:
                    return None
                case b"XX" if not here:
                    return None
                case b"NX" | b"XX":
                    continue
                case (b"EX" | b"PX") as unit if words:
                    seconds = integer(words.pop(0)) / (1 if unit == b"EX" else 1000)
                    end = time.monotonic() + seconds
                case _:
                    raise Refusal("ERR syntax error")
        self._values[key] = value
        self._ends.pop(key, None)
        if end is not None:
            self._ends[key] = end
        return OK

    def do_mset(self, *pairs: bytes) -> Status:
        if not pairs or len(pairs) % 2:
            raise Refusal("ERR wrong number of arguments for 'mset' command")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            self.do_set(key, value)
        return OK

    def do_append(self, key: bytes, value: bytes) -> int:
        self._values[key] = (self.do_get(key) or b"") + value
        return len(self._values[key])

    def do_incrby(self, key: bytes, amount: bytes) -> int:
        total = integer(self.do_get(key) or b"0") + integer(amount)
        self._values[key] = b"%d" % total
        return total

    def do_incr(self, key: bytes) -> int:
        return self.do_incrby(key, b"1")

    def do_decrby(self, key: bytes, amount: bytes) -> int:
        return self.do_incrby(key, b"%d" % -integer(amount))

    def do_decr(self, key: bytes) -> int:
        return self.do_incrby(key, b"-1")

    def do_del(self, *keys: bytes) -> int:
        found = {key for key in keys if self.do_exists(key)}
        for key in found:
            del self._values[key]
            self._ends.pop(key, None)
        return len(found)

    def do_exists(self, *keys: bytes) -> int:
        return sum(self.do_get(key) is not None for key in keys)

    def do_expire(self, key: bytes, seconds: bytes) -> int:
        if not self.do_exists(key):
            return 0
        self._ends[key] = time.monotonic() + integer(seconds)
        return 1

    def do_ttl(self, key: bytes) -> int:
        if not self.do_exists(key):
            return -2
        return round(self._ends[key] - time.monotonic()) if key in self._ends else -1

    def do_keys(self, pattern: bytes) -> list[bytes]:
        return [
            key for key in [*self._values] if self.do_exists(key) and fnmatch.fnmatch(key, pattern)
        ]

    def do_dbsize(self) -> int:
        return len(self.do_keys(b"*"))

    def do_flushdb(self) -> Status:
        self._values.clear()
        self._ends.clear()
        return OK


def integer(text: bytes) -> int:
    """Return a number that a client sent, or that it stored."""
    try:
        return int(text)
    except ValueError:
        raise Refusal("ERR value is not an integer or out of range") from None


class Session:
    """One client: the protocol that it chose, and its transaction, if it is in one."""

    def __init__(self, store: Store) -> None:
        self.framing = Resp()
        self._store = store
        self._queued: list[tuple[str, list[bytes]]] | None = None

    async def answer(self, words: list[bytes]) -> Any:
        """Return the reply to one command, or the reason why there is none."""
        name, arguments = words[0].decode(errors="replace").upper(), words[1:]
        try:
            if name == "HELLO":
                return self._hello(*arguments)
            if name == "DEBUG":
                return await debug(*arguments)
            if name in ("MULTI", "EXEC", "DISCARD"):
                return self._transact(name)
            if self._queued is None:
                return self._store.run(name, arguments)
        except (Refusal, TypeError, ValueError) as error:
            return error if isinstance(error, Refusal) else Refusal(f"ERR {error}")
        self._queued.append((name, arguments))
        return Status(b"QUEUED")

    def _hello(self, version: bytes = b"2", *_: bytes) -> dict[bytes, Any]:
        if version not in (b"2", b"3"):
            raise Refusal("NOPROTO unsupported protocol version")
        self.framing = Resp(third=version == b"3")
        return {b"server": b"portside-kv", b"version": b"1.0", b"proto": int(version)}

    def _transact(self, name: str) -> Any:
        if name == "MULTI":
            if self._queued is not None:
                raise Refusal("ERR MULTI calls can not be nested")
            self._queued = []
            return OK
        if self._queued is None:
            raise Refusal(f"ERR {name} without MULTI")
        queued, self._queued = self._queued, None
        return OK if name == "DISCARD" else [self._one_of_many(*command) for command in queued]

    def _one_of_many(self, name: str, arguments: list[bytes]) -> Any:
        try:
            return self._store.run(name, arguments)
        except Refusal as refusal:
            return refusal


async def debug(what: bytes, seconds: bytes) -> Status:
    """Take a while, as Redis does for DEBUG SLEEP; here nobody else has to wait."""
    if what.upper() != b"SLEEP":
        raise Refusal("ERR only DEBUG SLEEP is known here")
    await asyncio.sleep(float(seconds))
    return OK


store = Store()


async def handle(stream: Stream) -> None:
    """Serve one client until it hangs up."""
    session = Session(store)
    try:
        async for words in stream.framed(session.framing):
            if words:
                reply = await session.answer(words)
                await stream.write(session.framing.encode(reply))
            if words and words[0].upper() == b"QUIT":
                return
    except TruncatedStream:
        return  # many clients hang up without TLS's goodbye, redis-py among them
    except ProtocolError as error:
        await stream.write(session.framing.encode(Refusal(f"ERR Protocol error: {error}")))


async def main() -> None:
    """Serve on Redis's port until Ctrl-C, without the command."""
    async with serve(handle, "localhost:6379") as server:
        print("serving on", server, flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
