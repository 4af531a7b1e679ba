"""Serving: a handler for every connection, each in a task of its own."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeAlias

from portside.addresses import Address
from portside.aio.accepting import Acceptor
from portside.aio.driver import perform, run
from portside.aio.listen import Listener, listen, stream_of
from portside.aio.opening import Opening
from portside.defaults import GRACE, HANDSHAKE_TIMEOUT, MAX_CONNECTIONS
from portside.errors import StreamClosed
from portside.listening import contexts_for, one_port, peer_key, renew_context
from portside.plans.draining import AbortAll, AwaitIdle, StopAccepting, drain
from portside.plans.idling import Idleness
from portside.plans.serving import Ledger, ServerSettings
from portside.system.report import report_failure
from portside.system.sockets import reset_now

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Awaitable, Callable, Sequence
    from types import TracebackType
    from typing import Self

    from portside.addresses import Target
    from portside.aio.io import Stream
    from portside.listening import ListeningSockets
    from portside.plans.serving import ServerStats
    from portside.plans.steps import Step

    Handler: TypeAlias = Callable[[Stream], Awaitable[object]]
    OnError: TypeAlias = Callable[[BaseException, Stream], object]

__all__ = ["Server", "serve"]


def serve(
    handler: Handler,
    *targets: Target | Listener,
    max_connections: int | None = MAX_CONNECTIONS,
    max_per_peer: int | None = None,
    handshake_timeout: float | None = HANDSHAKE_TIMEOUT,
    idle_timeout: float | None = None,
    grace: float | None = GRACE,
    tls: ssl.SSLContext | None = None,
    on_error: OnError | None = None,
) -> Opening[Server]:
    """Listen on every target, and run ``handler`` for each connection.

    The addresses are bound when this returns.  Connections are accepted from ``with``, or
    ``serve_forever``, on.

    Args:
        handler: Called with each stream.  It may return or raise at any time: its stream is
            closed then, its error is reported once, and nobody else notices.
        targets: Where to listen, as for ``listen``; several at once, of any kinds.  A
            ``Listener`` is taken over.
        max_connections: Open at once; who comes then waits in the kernel's queue.
        max_per_peer: Open at once from one IP address, or over Unix sockets together; more
            are reset.  None for no such limit.
        handshake_timeout: Seconds a client has for TLS; None for all it takes.
        idle_timeout: Seconds without a byte in either direction after which a connection is
            cut; None to keep silent ones.
        grace: Seconds that handlers get to finish in ``shutdown``; None for all they take.
        tls: A context from ``server_context``, for the targets that are ``tls://``.
        on_error: Called with a handler's exception and its stream, instead of the log.

    Returns:
        A server: use ``with``, or call ``serve_forever`` and ``shutdown``.

    Raises:
        ValueError: If a target cannot be read or listened on, or needs a certificate.
        BindError: If the kernel refuses one of them; none stays open then.
        TypeError: If the handler belongs to the other world, blocking or async.
    """
    settings = ServerSettings(max_connections, max_per_peer, handshake_timeout, idle_timeout, grace)
    return Opening(_serve(handler, targets, settings, tls, on_error))


async def _serve(
    handler: Handler,
    targets: Sequence[Target | Listener],
    settings: ServerSettings,
    tls: ssl.SSLContext | None,
    on_error: OnError | None,
) -> Server:
    given = [target for target in targets if not isinstance(target, Listener)]
    addresses = [Address.of(target) for target in given]
    listeners = [target for target in targets if isinstance(target, Listener)]
    try:
        for address, context in zip(addresses, contexts_for(addresses, tls), strict=True):
            listeners.append(await listen(address, tls=context))
        return Server(handler, listeners, settings, on_error)
    except BaseException:
        for listener in listeners:
            await listener.close()
        raise


class Server:
    """Listeners, a handler, and the connections between them; see ``serve``.

    ``with`` starts it and, at the end, shuts it down.
    """

    def __init__(
        self,
        handler: Handler,
        listeners: Sequence[Listener],
        settings: ServerSettings,
        on_error: OnError | None,
    ) -> None:
        if not listeners:
            raise ValueError("no target was given: a server listens somewhere")
        self._handler = handler
        self._listeners = list(listeners)
        self._settings = settings
        self._on_error = on_error or report_failure
        self._of_socket = {
            sock: listener.listening for listener in listeners for sock in listener.sockets
        }
        self._acceptor = Acceptor(tuple(self._of_socket), self)
        self._ledger: Ledger[Stream] = Ledger(settings)
        self._tasks: dict[Stream, asyncio.Task[None]] = {}
        self._loop = asyncio.get_running_loop()
        self._accepting: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._paused = False
        self._stopping = False
        self._stopped = asyncio.Event()
        # Set when a handler ends, or somebody wants the end to come sooner.
        self._changed = asyncio.Event()
        self._drained = True
        self._cut_at: float | None = None
        self._cutting = False

    def __repr__(self) -> str:
        return f"<Server {self}>"

    def __str__(self) -> str:
        return ", ".join(map(str, self.addresses))

    # Facts

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where it listens, with the ports that it got; readable after the end."""
        return tuple(address for listener in self._listeners for address in listener.addresses)

    @property
    def port(self) -> int:
        """The port that all of its addresses share.

        Raises:
            ValueError: If they have none, or several.
        """
        return one_port(self.addresses)

    @property
    def connections(self) -> tuple[Stream, ...]:
        """The streams that handlers work on now, in the order in which they came."""
        return self._ledger.connections

    def stats(self) -> ServerStats:
        """Return what has happened to connections so far."""
        return self._ledger.stats()

    # Running

    def start(self) -> None:
        """Begin to accept connections, in the background."""
        if self._accepting is None:
            self._accepting = self._loop.create_task(self._accept())
            if self._settings.idle_timeout is not None:
                self._watching = self._loop.create_task(self._watch(self._settings.idle_timeout))

    async def serve_forever(self) -> None:
        """Accept connections until ``shutdown`` is called and has ended.

        Interrupted or cancelled, it shuts down first.
        """
        self.start()
        try:
            await self._stopped.wait()
        except BaseException:
            await self.shutdown()
            raise

    def pause(self) -> None:
        """Accept nobody; who comes now waits in the kernel's queue."""
        self._paused = True
        self._set_pace()

    def resume(self) -> None:
        """Accept connections again."""
        self._paused = False
        self._set_pace()

    def _set_pace(self) -> None:
        if self._paused or self._ledger.full:
            self._acceptor.pause()
        else:
            self._acceptor.resume()

    def reload_tls(self, context: ssl.SSLContext) -> None:
        """Use another certificate for the connections from now on; open ones stay.

        Raises:
            ValueError: If none of the listeners speaks TLS.
        """
        renew_context([listener.listening for listener in self._listeners], context)

    # Connections

    async def _accept(self) -> None:
        while True:
            try:
                listener, sock, peer = await self._acceptor.next(patient=True)
            except StreamClosed:
                return
            except OSError as error:
                report_failure(error, self)
                return
            self._take_in(self._of_socket[listener], sock, peer)

    def _take_in(self, listening: ListeningSockets, sock: socket.socket, peer: Any) -> None:
        key = peer_key(peer)
        if not self._ledger.admit(key):
            reset_now(sock)
            return
        try:
            stream = stream_of(sock, peer, listening)
        except OSError:
            # Reset by the peer while it waited in the queue.
            self._ledger.dismiss(key)
            return
        self._ledger.enter(stream, key)
        self._set_pace()
        task = self._tasks[stream] = self._loop.create_task(self._attend(stream))
        # Not at the end of _attend: a task that is cancelled before its first step has none.
        task.add_done_callback(partial(self._leave, stream))

    async def _attend(self, stream: Stream) -> None:
        """Run the handler for one connection, whatever becomes of it."""
        greeting = True
        failed = False
        try:
            await stream.handshake(timeout=self._settings.handshake_timeout)
            greeting = False
            await self._work_for(stream)
        except asyncio.CancelledError:
            stream.abort()
        except BaseException as error:  # noqa: BLE001  it is reported, and ends here
            failed = True
            await self._tell(stream, error, greeting=greeting)
        try:
            await stream.close()
        except OSError as error:
            if not failed:
                await self._tell(stream, error, greeting=False)

    def _work_for(self, stream: Stream) -> Awaitable[object]:
        work = self._handler(stream)
        if not isawaitable(work):
            raise TypeError(f"{self._handler!r} is not async: serve it with portside.serve")
        return work

    async def _tell(self, stream: Stream, error: BaseException, *, greeting: bool) -> None:
        if self._ledger.judge(stream, error, greeting=greeting):
            try:
                answer = self._on_error(error, stream)
                if isawaitable(answer):
                    await answer
            except Exception as second:  # noqa: BLE001  whoever reports must not stop us
                report_failure(second, stream)

    def _leave(self, stream: Stream, _: asyncio.Task[None]) -> None:
        self._ledger.leave(stream)
        del self._tasks[stream]
        self._set_pace()
        self._changed.set()

    async def _watch(self, timeout: float) -> None:
        """Cut connections that have been silent for too long."""
        watched: dict[Stream, Idleness] = {}
        pause = timeout
        while True:
            await asyncio.sleep(pause)
            now, pause = self._loop.time(), timeout
            watched = {one: watched.get(one) or Idleness(timeout) for one in self.connections}
            for stream, idleness in watched.items():
                left = idleness.next_check(now, stream.moved)
                if left is None:
                    self._ledger.cut(stream, idle=True)
                    stream.abort()
                else:
                    pause = min(pause, left)

    # Ending

    async def shutdown(self, grace: float | None = None) -> bool:
        """Stop accepting, let the handlers finish, cut what is left, and return.

        A second call, from elsewhere, makes the first one hurry if its grace is shorter.

        Args:
            grace: Seconds that handlers get; None for what ``serve`` was given.

        Returns:
            Whether every handler finished by itself.
        """
        grace = self._settings.grace if grace is None else grace
        cut_at = None if grace is None else self._loop.time() + grace
        if self._cut_at is None or (cut_at is not None and cut_at < self._cut_at):
            self._cut_at = cut_at
            self._changed.set()
        if not self._stopping:
            self._stopping = True
            try:
                self._drained = await run(drain(grace), self._perform)
            except BaseException:
                self._abort_all()
                raise
            finally:
                self._stopped.set()
        elif asyncio.current_task() not in self._tasks.values():
            await self._stopped.wait()
        return self._drained

    async def _perform(self, step: Step[Any]) -> Any:
        match step:
            case StopAccepting():
                return await self._stop_accepting()
            case AwaitIdle(timeout):
                return await self._await_idle(timeout)
            case AbortAll():
                return self._abort_all()
        return await perform(step)

    async def _stop_accepting(self) -> None:
        self._acceptor.close()
        if self._watching is not None:
            self._watching.cancel()
        for listener in self._listeners:
            await listener.close()

    async def _await_idle(self, timeout: float | None) -> bool:
        """Wait until no handler runs, but for one that is calling this itself."""
        ends = None if timeout is None else self._loop.time() + timeout
        caller = asyncio.current_task()
        while any(task is not caller for task in self._tasks.values()):
            if not self._cutting:
                ends = self._cut_at  # which a second call may have brought forward
            left = None if ends is None else ends - self._loop.time()
            if left is not None and left <= 0:
                return False
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait()
        return True

    def _abort_all(self) -> None:
        self._cutting = True
        caller = asyncio.current_task()
        for stream, task in list(self._tasks.items()):
            if task is not caller:
                self._ledger.cut(stream)
                stream.abort()
                task.cancel()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.shutdown()
