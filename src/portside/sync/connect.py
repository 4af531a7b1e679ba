"""Opening a stream to somebody who listens."""

from __future__ import annotations

import queue
import selectors
import time
from typing import TYPE_CHECKING, Any

from portside.defaults import ATTEMPT_DELAY, CONNECT_TIMEOUT, LONGEST_TIMEOUT
from portside.errors import HandshakeFailed
from portside.plans.connecting import News, Resolve, Start, connect_first, handshake_failed
from portside.sync.driver import perform, run
from portside.sync.io import Stream
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

__all__ = ["connect"]


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
) -> Stream:
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
    deadline = deadline_after(timeout)
    with _Contest(call) as contest:
        plan = connect_first(call.target, timeout=timeout, attempt_delay=attempt_delay)
        winner, attempts = run(plan, contest.perform)
        stream = contest.stream_to(winner, attempts)
    if call.context is not None:
        try:
            stream.start_tls(
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
        self._sockets: dict[Address, socket.socket] = {}
        self._settled: list[Outcome] = []
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for sock in self._sockets.values():
            sock.close()

    def perform(self, step: Step[Any]) -> Any:
        match step:
            case Resolve(target, timeout):
                return _resolve(target, timeout)
            case Start(address):
                return self._start(address)
            case News(timeout):
                return self._news(timeout)
        return perform(step)

    def stream_to(self, winner: Address, attempts: tuple[Attempt, ...]) -> Stream:
        """Return the connection that won, which no longer belongs to the race."""
        # Its peer is not asked for: it may have reset the connection already.
        stream = Stream(self._sockets[winner], peer=winner.sockaddr(), attempts=attempts)
        del self._sockets[winner]
        return stream

    def _start(self, address: Address) -> None:
        try:
            sock = self._sockets[address] = socket_to_call(self._call, address)
            connected = begin_connect(sock, address)
        except OSError as error:
            self._settle(address, error)
            return
        if connected:
            self._settle(address, connect_outcome(sock))
        else:
            self._selector.register(sock, selectors.EVENT_WRITE, address)

    def _news(self, timeout: float | None) -> Sequence[Outcome]:
        if timeout is not None:
            timeout = min(timeout, LONGEST_TIMEOUT)
        if not self._settled and not self._selector.get_map():
            time.sleep(timeout or 0)  # Windows cannot wait for no socket at all
        elif not self._settled:
            for key, _ in self._selector.select(timeout):
                self._selector.unregister(key.fileobj)
                self._settle(key.data, connect_outcome(self._sockets[key.data]))
        news, self._settled = self._settled, []
        return news

    def _settle(self, address: Address, error: OSError | None) -> None:
        if error is not None and address in self._sockets:
            self._sockets.pop(address).close()
        self._settled.append((address, error))


def _resolve(target: Address, timeout: float | None) -> Sequence[Address] | OSError:
    at_hand = addresses_at_hand(target)
    if at_hand is not None:
        return at_hand
    answers: queue.SimpleQueue[Sequence[Address] | OSError] = queue.SimpleQueue()
    look_up_apart(target, answers.put)
    try:
        return answers.get(timeout=timeout)
    except queue.Empty:
        return TimeoutError(f"{target} was not looked up in time")
