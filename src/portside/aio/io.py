"""Streams: bytes that are read and written."""

from __future__ import annotations

import asyncio
import socket as stdlib
from functools import partial
from typing import TYPE_CHECKING, Any

from portside.aio.framed import FramedStream
from portside.aio.transport import Transport
from portside.defaults import HANDSHAKE_TIMEOUT, MAX_FRAME, MAX_LINE, MAX_READ_ALL, RECEIVE_SIZE
from portside.system.endpoint import Endpoint
from portside.system.files import open_stream_file
from portside.system.sockets import adopt_stream_socket
from portside.wire.delimited import as_delimiters
from portside.wire.inbox import at_least

if TYPE_CHECKING:
    import io
    import ssl
    from collections.abc import AsyncIterator, Iterable, Sequence
    from types import TracebackType
    from typing import Self

    from typing_extensions import Buffer

    from portside.plans.connecting import Attempt
    from portside.wire.framing import Framing, Message
    from portside.wire.tls_info import TLSInfo

__all__ = ["Stream", "stream_pair"]


class Stream(Endpoint):
    """A connection: bytes in order, both ways, over TCP, TLS or a Unix socket.

    Use it ``with`` a block, or close it.  Iterating gives the bytes as they arrive.

    Every method that waits takes a ``timeout`` in seconds; None, the default, waits for as
    long as it takes.  A read that timed out or was cancelled has lost no input: the next
    one finds all of it.  A write that did has lost no output: the rest goes first with the
    next write or ``flush``, so that a message is never cut in the middle.

    Raises, from every method that waits:
        StreamClosed: If this side has closed the stream, even while the method waits.
        StreamBusy: If another reader is waiting.  A reader and a writer may work at once.
        TimeoutError: If the time was up first.
        OSError: If the connection is broken, such as ``ConnectionResetError``.
        TruncatedStream, ProtocolError: If TLS was cut short, or broken.
    """

    __slots__ = ("_inbox", "_outbox", "_transport")

    def __init__(
        self, sock: stdlib.socket, *, peer: Any = None, attempts: tuple[Attempt, ...] = ()
    ) -> None:
        super().__init__(sock, peer, attempts)
        self._transport = Transport(sock)
        self._inbox = self._transport.inbox
        self._outbox = self._transport.outbox

    @classmethod
    def wrap(cls, socket: stdlib.socket | int) -> Self:
        """Take over a connected stream socket of the standard library, or its descriptor.

        The stream closes it from now on; a timeout set on it is forgotten.

        Raises:
            ValueError: If it is listening, or not a stream socket.
            OSError: If it is not connected.
        """
        return cls(adopt_stream_socket(socket))

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"fd={self.fileno()}"
        return f"<{type(self).__name__} {self.local_address} to {self.peer_address} {state}>"

    # Reading

    async def read(self, n: int = RECEIVE_SIZE, *, timeout: float | None = None) -> bytes:
        """Read what is here, waiting only if nothing is.

        Returns:
            1 to ``n`` bytes; ``b""`` at the end of the stream only.
        """
        take = partial(self._inbox.take_some, at_least(1, n))
        return await self._transport.receive(take, timeout)

    async def read_exactly(self, n: int, *, timeout: float | None = None) -> bytes:
        """Read ``n`` bytes.

        Raises:
            IncompleteRead: If the peer ended the stream after some of them.
            EndOfStream: If it did so before the first of them.
        """
        if at_least(0, n) == 0:
            return b""
        take = partial(self._inbox.take, n)
        return await self._transport.receive(take, timeout, n)

    async def read_until(
        self,
        delimiter: bytes | Sequence[bytes],
        *,
        limit: int = MAX_FRAME,
        keep: bool = False,
        timeout: float | None = None,
    ) -> bytes:
        r"""Read up to a delimiter, which is read too.

        Args:
            delimiter: What to look for, or several things: the one that is complete first
                counts.
            limit: Bytes accepted in front of it.
            keep: Whether to return the delimiter too.
            timeout: Seconds to wait, or None.

        Raises:
            FrameTooLarge: If there are more than ``limit``; the next read starts behind the
                delimiter.
            IncompleteRead: If the peer ended the stream in front of the delimiter.
            EndOfStream: If it did so and sent nothing more.
        """
        delimiters = as_delimiters(delimiter)
        take = partial(self._inbox.take_until, delimiters, limit, keep=keep)
        return await self._transport.receive(take, timeout)

    async def read_line(self, *, limit: int = MAX_LINE, timeout: float | None = None) -> bytes:
        """Read a line, without its ending: CRLF or LF, and nothing else.

        Args:
            limit: Bytes accepted in the line.
            timeout: Seconds to wait, or None.

        Raises:
            FrameTooLarge: If there are more; the next read starts behind the line.
            IncompleteRead: If the peer ended the stream in the middle of the line.
            EndOfStream: If it did so and sent nothing more.
        """
        # The hot path of receive(), here without a function to make for it.
        transport, inbox = self._transport, self._inbox
        if inbox.data and transport.reads_left and (line := inbox.take_line(limit)) is not None:
            transport.reads_left -= 1
            return line
        return await transport.receive(partial(inbox.take_line, limit), timeout)

    async def read_all(self, *, limit: int = MAX_READ_ALL, timeout: float | None = None) -> bytes:
        """Read everything up to the end of the stream.

        Raises:
            FrameTooLarge: If more than ``limit`` bytes come; they can still be read.
        """
        return await self._transport.receive(partial(self._inbox.take_all, limit), timeout)

    async def read_into(self, buffer: Buffer, *, timeout: float | None = None) -> int:
        """Read into ``buffer`` what is here, waiting only if nothing is.

        Returns:
            How many bytes: at least 1, or 0 at the end of the stream only.
        """
        view = memoryview(buffer).cast("B")
        at_least(1, len(view))
        return await self._transport.receive(partial(self._inbox.take_some_into, view), timeout)

    async def peek(self, n: int = 1, *, timeout: float | None = None) -> bytes:
        """Return the next ``n`` bytes and leave them to be read.

        Returns:
            ``n`` bytes; fewer at the end of the stream only.
        """
        return await self._transport.receive(
            partial(self._inbox.peek_some, at_least(1, n)), timeout
        )

    def unread(self, data: bytes) -> None:
        """Put ``data`` in front of what is read next."""
        self._transport.check_open()
        self._inbox.unread(data)

    @property
    def buffered(self) -> int:
        """Bytes that have arrived here and can be read without waiting."""
        return len(self._inbox)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self.read()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    # Writing

    async def write(self, data: Buffer, *, timeout: float | None = None) -> None:
        """Write all of ``data``; the peer makes us wait if it reads too slowly.

        A peer that is gone is an error here or, if nobody knew yet, in the next call.
        """
        whole = data if isinstance(data, bytes) else memoryview(data).cast("B")
        await self._outbox.write(whole, timeout)

    async def write_many(self, buffers: Iterable[Buffer], *, timeout: float | None = None) -> None:
        """Write all of several buffers, one after the other, in one go."""
        await self._outbox.write(b"".join(buffers), timeout)

    async def flush(self, *, timeout: float | None = None) -> None:
        """Wait until the kernel has taken everything that was written."""
        await self._outbox.write(b"", timeout)

    async def close_write(self, *, timeout: float | None = None) -> None:
        """Tell the peer that nothing more will be sent, and go on reading (half-close).

        Over TLS that is a close_notify alert, without TLS a FIN.
        """
        await self._outbox.close(timeout)

    # TLS

    async def start_tls(
        self,
        context: ssl.SSLContext,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        timeout: float | None = HANDSHAKE_TIMEOUT,
    ) -> None:
        """Go over to TLS, in the middle of the stream.

        Bytes that arrived and were not read are taken for the beginning of TLS.

        Args:
            context: From ``client_context`` or ``server_context``.
            server_side: Whether the peer is the client.
            server_hostname: The name to ask for and to check, for a client.
            timeout: Seconds for the handshake, or None.

        Raises:
            HandshakeFailed: If there is no agreement; the stream is of no further use.
            ValueError: If the context wants to check a name and none is given.
        """
        from portside.wire.tls_records import TLSRecords

        records = TLSRecords(context, server_side=server_side, server_hostname=server_hostname)
        await self._transport.start_tls(records, timeout)

    async def handshake(self, *, timeout: float | None = HANDSHAKE_TIMEOUT) -> None:
        """Do the TLS handshake of an accepted stream now.

        The first read or write does it otherwise; a stream without TLS has nothing to do.

        Raises:
            HandshakeFailed: If there is no agreement; the stream is of no further use.
        """
        await self._transport.handshake(timeout)

    def expect_tls(self, context: ssl.SSLContext) -> None:
        """Go over to TLS as the server, once the client begins.

        The handshake is done by the first read or write, or by ``handshake``, so that a
        client that is slow holds up nobody who accepts connections.

        Args:
            context: From ``server_context``.
        """
        from portside.wire.tls_records import TLSRecords

        self._transport.expect_tls(TLSRecords(context, server_side=True))

    @property
    def tls(self) -> TLSInfo | None:
        """What the TLS handshake agreed on, or None; readable after close."""
        return self._transport.tls

    # Messages and files

    def framed(self, framing: Framing[Message]) -> FramedStream[Message]:
        """Return this stream as messages; bytes and messages may be mixed."""
        return FramedStream(self, self._transport, framing)

    def makefile(
        self, mode: str = "r", *, encoding: str | None = None, newline: str | None = None
    ) -> io.IOBase:
        """Return a buffered file object over this stream, for code that wants one.

        The file reads ahead, so what is left in it when you are done is missing in the
        stream.  Closing it leaves the stream open.  The one of an async stream is for code
        in another thread (``asyncio.to_thread``); in the loop's own it would wait for itself.

        Args:
            mode: ``"r"``, ``"w"`` or ``"rw"``; with a ``"b"`` for bytes rather than text.
            encoding: Of the text; UTF-8 if None.
            newline: As for ``open``.
        """
        loop = asyncio.get_running_loop()

        def read_into(buffer: memoryview) -> int:
            return asyncio.run_coroutine_threadsafe(self.read_into(buffer), loop).result()

        def write(data: memoryview) -> None:
            asyncio.run_coroutine_threadsafe(self.write(data), loop).result()

        return open_stream_file(mode, read_into, write, encoding=encoding, newline=newline)

    # Ending

    def detach(self) -> stdlib.socket:
        """Give the socket up without closing it, and return it.

        Raises:
            ValueError: If bytes are buffered that would be lost, or TLS is spoken.
        """
        self._transport.detach()
        return self._sock

    async def close(self) -> None:
        """Close the stream in good order; closing it again does nothing.

        What was written is still delivered, and a TLS peer is told with a close_notify.

        Raises:
            OSError: If something that was written could not be handed to the kernel, in
                5 seconds at the most.  The connection is reset then.
        """
        await self._transport.close()

    def abort(self) -> None:
        """Close the stream at once and reset the connection: the peer sees an error."""
        self._transport.abort()

    @property
    def moved(self) -> int:
        """Bytes that went through the socket, in both directions together."""
        return self._transport.moved

    @property
    def closed(self) -> bool:
        """Whether this side has closed the stream."""
        return self._transport.closed

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


def stream_pair() -> tuple[Stream, Stream]:
    """Return two streams that are connected to each other, for tests and for threads.

    They are Unix sockets; on Windows, which cannot pair those, TCP on loopback.
    """
    first, second = stdlib.socketpair()
    return Stream(first), Stream(second)
