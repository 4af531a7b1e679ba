"""Opening a stream to somebody who listens."""

from __future__ import annotations

import asyncio
import os
import socket as stdlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from portside.aio.driver import perform, run
from portside.aio.io import Stream
from portside.aio.opening import Opening
from portside.defaults import ATTEMPT_DELAY, CONNECT_TIMEOUT
from portside.errors import HandshakeFailed
from portside.plans.connecting import News, Resolve, Start, connect_first, handshake_failed
from portside.system.calling import Call
from portside.system.lookup import addresses_at_hand, look_up_apart
from portside.system.polling import deadline_after, time_left
from portside.system.sockets import begin_connect, connect_outcome, socket_to_call

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Mapping, Sequence
    from typing import Self

    from portside.addresses import Address, Target
    from portside.plans.connecting import Attempt, Outcome
    from portside.plans.steps import Step

__all__ = ["connect", "resolve"]

_UNIX = getattr(stdlib, "AF_UNIX", None)


def connect(
    target: Target,
    *,
    timeout: float | None = CONNECT_TIMEOUT,
    tls: ssl.SSLContext | bool | None = None,
    server_hostname: str | None = None,
    alpn: Sequence[str] = (),
    local_address: Target | None = None,
    attempt_delay: float = ATTEMPT_DELAY,
    options: Mapping[str, Any] | None = None,
) -> Opening[Stream]:
    """Open a stream to the first address of ``target`` that answers.

    A name with several addresses is raced (Happy Eyeballs, RFC 8305), so a dead address
    costs ``attempt_delay`` and not the whole ``timeout``.  A Unix listener whose queue is
    full is tried again until there is room.

    Args:
        target: Where to: ``"host:port"``, ``"tls://host:port"``, ``"unix:/run/x"``,
            ``("host", port)``, a path or an ``Address``.
        timeout: Seconds for all of it: lookup, connecting, TLS.
        tls: A context from ``client_context``, or True for the default one; None leaves it
            to the target, which may be ``tls://``.
        server_hostname: The name to check in TLS; the target's host if None.
        alpn: Application protocols to offer in TLS, the preferred one first.
        local_address: An IP address and port to call from; port 0 for any.
        attempt_delay: Seconds before the next address joins the race.
        options: Socket options by their names in ``Stream.options``, set before connecting.

    Returns:
        An open connection that owns its socket: close it, or use ``with``.

    Raises:
        ValueError: If ``target`` cannot be read or connected to, or arguments contradict.
        ConnectTimeout: If the time was up first.
        ConnectError: If the name is unknown, no address answered, or TLS failed.  Its
            ``attempts`` tell what became of each address.
    """
    call = Call.of(
        target,
        tls=tls,
        server_hostname=server_hostname,
        alpn=alpn,
        local_address=local_address,
        options=options,
    )
    return Opening(_connect(call, timeout, attempt_delay))


async def _connect(call: Call, timeout: float | None, attempt_delay: float) -> Stream:
    deadline = deadline_after(timeout)
    with _Contest(call) as contest:
        plan = connect_first(call.target, timeout=timeout, attempt_delay=attempt_delay)
        winner, attempts = await run(plan, contest.perform)
        stream = contest.stream_to(winner, attempts)
    if call.context is not None:
        try:
            await stream.start_tls(
                call.context, server_hostname=call.server_hostname, timeout=time_left(deadline)
            )
        except (TimeoutError, HandshakeFailed) as error:
            stream.abort()
            raise handshake_failed(call.target, attempts, error, timeout) from error
        except BaseException:
            stream.abort()
            raise
    return stream


class _Contest:
    """The sockets of a race; who starts when is for the plan to say."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._sockets: dict[Address, socket.socket] = {}
        self._settled: list[Outcome] = []
        self._news_came = asyncio.Event()
        # On a loop without add_writer, the tasks that connect instead.
        self._tasks: dict[Address, asyncio.Task[None]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for task in self._tasks.values():
            task.cancel()
        for sock in self._sockets.values():
            with suppress(NotImplementedError):
                self._loop.remove_writer(sock)
            sock.close()

    async def perform(self, step: Step[Any]) -> Any:
        match step:
            case Resolve(target, timeout):
                return await resolve(target, timeout)
            case Start(address):
                return self._start(address)
            case News(timeout):
                return await self._news(timeout)
        return await perform(step)

    def stream_to(self, winner: Address, attempts: tuple[Attempt, ...]) -> Stream:
        """Return the connection that won, which no longer belongs to the race."""
        # Its peer is not asked for: it may have reset the connection already.
        stream = Stream(self._sockets[winner], peer=winner.sockaddr(), attempts=attempts)
        del self._sockets[winner]
        return stream

    def _start(self, address: Address) -> None:
        try:
            sock = self._sockets[address] = socket_to_call(self._call, address)
            if not self._has_writers(sock) and sock.family != _UNIX:
                task = self._loop.create_task(self._connect_without_writers(sock, address))
                self._tasks[address] = task
                return
            # A Unix socket is connected at once, or not at all.
            connected = begin_connect(sock, address)
        except OSError as error:
            self._settle(address, error)
            return
        if connected:
            self._settle(address, connect_outcome(sock))
        else:
            self._loop.add_writer(sock, self._writable, address)

    def _has_writers(self, sock: socket.socket) -> bool:
        try:
            self._loop.remove_writer(sock)
        except NotImplementedError:
            return False
        return True

    async def _connect_without_writers(self, sock: socket.socket, address: Address) -> None:
        sockaddr: Any = address.sockaddr()
        try:
            await self._loop.sock_connect(sock, sockaddr)
        except OSError as error:
            # asyncio puts the address into the words, and the report has it already.
            plain = OSError(error.errno, os.strerror(error.errno)) if error.errno else error
            self._settle(address, plain)
        else:
            self._settle(address, connect_outcome(sock))

    def _writable(self, address: Address) -> None:
        sock = self._sockets[address]
        self._loop.remove_writer(sock)
        self._settle(address, connect_outcome(sock))

    async def _news(self, timeout: float | None) -> Sequence[Outcome]:
        if not self._settled:
            self._news_came.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._news_came.wait()
        news, self._settled = self._settled, []
        return news

    def _settle(self, address: Address, error: OSError | None) -> None:
        if error is not None and address in self._sockets:
            self._sockets.pop(address).close()
        self._settled.append((address, error))
        self._news_came.set()


async def resolve(target: Address, timeout: float | None) -> Sequence[Address] | OSError:
    """Return the addresses of ``target``, or why they cannot be had within ``timeout``."""
    at_hand = addresses_at_hand(target)
    if at_hand is not None:
        return at_hand
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Sequence[Address] | OSError] = loop.create_future()

    def take(found: Sequence[Address] | OSError) -> None:
        if not answer.done():
            answer.set_result(found)

    def deliver(found: Sequence[Address] | OSError) -> None:
        # The loop may have ended while the resolver was still busy.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(take, found)

    look_up_apart(target, deliver)
    try:
        async with asyncio.timeout(timeout):
            return await answer
    except TimeoutError:
        return TimeoutError(f"{target} was not looked up in time")
