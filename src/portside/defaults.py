"""Every number portside chooses: its unit, its reason, its source."""

from __future__ import annotations

from typing import Final

MAX_LINE: Final = 1 << 16
"""Bytes in the longest line accepted, its ending not counted (64 KiB).

Ours: asyncio streams and Go's ``bufio.Scanner`` stop at the same figure.
"""

MAX_FRAME: Final = 1 << 20
"""Bytes in the largest frame accepted (1 MiB).

Ours: a thousand hostile peers can make us hold 1 GiB, and no more.  The websockets
library picked the same figure (``max_size=2**20``).
"""

MAX_READ_ALL: Final = 1 << 26
"""Bytes that ``read_all`` collects at the most (64 MiB).

Ours: ten times what a request or a file of configuration needs, and a peer that never
stops cannot fill the memory.
"""

RECEIVE_SIZE: Final = 1 << 16
"""Bytes asked of the kernel in one read (64 KiB).

Not measured against others.  trio, anyio and websockets all ask for 65536 too.  It must
stay below 128 KiB: from there on malloc maps and unmaps pages for every read, which makes
asyncio's own 256 KiB read of a short message cost 15 µs more than ours.
"""

SEND_SIZE: Final = 1 << 16
"""Bytes handed to the kernel in one send that may block (64 KiB).

Ours: until it returns nobody sees that anything moves, and a server would take a slow
transfer for an idle connection.
"""

LONGEST_TIMEOUT: Final = 2_147_483.0
"""Seconds beyond which a timeout counts as none: over 24 days.

poll(2) takes milliseconds in an int of 32 bits, and Python's locks and queues refuse what
their clock has no room for.
"""

CONNECT_TIMEOUT: Final = 30.0
"""Seconds for all of a connect: the lookup, the race, the TLS handshake.

Netty's default too.  A lost SYN is sent again after 1, 3, 7 and 15 s (RFC 6298, doubling
from 1 s), so this outlives four losses.
"""

ATTEMPT_DELAY: Final = 0.250
"""Seconds before the next address joins the race.

RFC 8305, section 5: 250 ms recommended, 100 ms at the least, never under 10 ms.
Go waits 300 ms (``net/dial.go``), curl 200 ms, trio 250 ms.
"""

BUSY_PAUSE_SHORTEST: Final = 0.001
BUSY_PAUSE_LONGEST: Final = 0.050
"""Seconds before a Unix listener whose queue is full is tried again: doubling, up to this.

Ours: the kernel does not tell when there is room, a busy server makes some within a
millisecond, and twenty tries a second burden nobody.
"""

ABORT_PATIENCE: Final = 1.0
"""Seconds that handlers get after their connections were cut at the end of a drain.

Ours: cleaning up takes milliseconds, and whoever sent SIGTERM is waiting.
"""

GRACE: Final = 10.0
"""Seconds that handlers get to finish when a server shuts down.

Ours: a third of the 30 s after which Kubernetes kills, so that a supervisor above us still
has time of its own.  systemd waits 90 s, Ranch gives 5 s.
"""

HANDSHAKE_TIMEOUT: Final = 10.0
"""Seconds a client has for the TLS handshake.

Netty's default; Ranch gives 5, anyio 30, asyncio 60.
"""

MAX_CONNECTIONS: Final = 10_000
"""Connections that one server keeps open at once; more wait in the kernel's queue.

Ours: an idle async connection costs about 3 kB, so this many cost 30 MB.
"""

ACCEPT_PAUSE_SHORTEST: Final = 0.010
ACCEPT_PAUSE_LONGEST: Final = 1.0
"""Seconds that a listener is left alone when the process is out of resources: doubling.

gevent's figures.  Meanwhile clients wait in the kernel's queue and lose nothing.
"""

ACCEPT_REPORT_INTERVAL: Final = 10.0
"""Seconds between two reports that accepting fails.

Ours: a server in trouble must not fill the disk; uvicorn wrote 9,700 tracebacks a second.
"""

IDLE_CHECKS: Final = 4
"""How often an idle timeout is checked before it is over.

Ours: a silent connection is cut after 1 to 1.25 times its timeout.
"""

UNREAD_BOUND: Final = 1 << 18
"""Unread bytes of one async stream from which on its input is left in the kernel (256 KiB).

Ours: four full reads, so that a handler that is busy with one has the next at hand; a
thousand clients whose handlers are stuck hold 256 MiB, and no more.  TCP makes them wait.
"""

CORK_BOUND: Final = 1 << 16
"""Bytes of replies that are collected, while requests are at hand, before they are sent.

Ours: what one system call takes well; the requests of one read rarely cause more.
"""

READY_AT_ONCE: Final = 64
"""How many sockets are served in one turn of the loop, before its other callbacks run.

Ours: at 10 µs each that is under a millisecond.
"""

TURNS: Final = 256
"""Operations a task may do on one async stream without waiting, before others get a turn.

Ours: at 1 to 10 µs each, the others wait for a few milliseconds at the most, and the cost
of stepping aside (1 to 2 µs) is spread over so many.
"""

LEAVING_PATIENCE: Final = 0.1
"""Seconds that closing waits for a thread that is just leaving the stream.

Ours: leaving takes microseconds, unless a TLS handshake is going on in there.
"""

CLOSE_TIMEOUT: Final = 5.0
"""Seconds ``close`` gives the peer to take what was written, before the connection is reset.

Ours: nearly always the kernel has taken everything already and nothing waits.  A peer that
has stopped reading must not keep a program from ending.
"""

KEEPALIVE_IDLE: Final = 15
KEEPALIVE_INTERVAL: Final = 15
KEEPALIVE_COUNT: Final = 9
"""Seconds of silence before TCP asks whether the peer is there, seconds between two such
probes, and how many go unanswered before the connection is broken: 2.5 minutes in all.

Go's defaults (``net/tcpsockopt``: 15 s, 15 s, 9).  Linux's own 2 hours outlive most
programs, and without any a peer that lost its power is never noticed.
"""

TLS_CHUNK: Final = 1 << 18
"""Bytes of a large write that are encrypted at a time (256 KiB).

Ours: encrypting takes about 0.1 ms then, and the ciphertext in memory stays small.
"""

FOLDER_LOCK_PATIENCE: Final = 1.0
FOLDER_LOCK_PAUSE: Final = 0.005
"""Seconds to wait for the lock on a Unix socket's folder, and between two tries.

Ours: whoever holds it rightly does so for a millisecond.
"""

BIND_ROUNDS: Final = 16
"""Ports to try for one that is free on every address of a name.

Ours: the kernel's choice for the first address is nearly always free on the second, too.
"""

BACKLOG: Final = 4096
"""Connections that wait in the kernel until they are accepted.

What Linux allows at the most by default since 5.4 (``net.core.somaxconn``); it cuts larger
figures down, and so do other systems.  With the 128 that many servers ask for, a burst of
clients loses SYNs and waits a second.
"""

ACCEPT_TURNS: Final = 64
"""Connections accepted in a row before other tasks get a turn.

Ours: a connection costs about 50 µs to take in, so the others wait for 3 ms.
"""

CHAT_PATIENCE: Final = 1.0
"""Seconds that the built-in chat waits for a client to take a line, before it is shown out.

Ours: its kernel buffers hold some hundred kilobytes by then, which nobody read.
"""

PORT: Final = 8000
"""The port that ``portside serve`` takes if none is given; what development servers use."""
