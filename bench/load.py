"""The load generator for machines without a C compiler: what ``load.c`` does, in Python.

It is slower than most of the servers, so that wall times and rates say little; the CPU time
that a server spends on a message is what counts, and it is measured in the server.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time

CHUNK = 1 << 16


def main(target: str, connections: int, in_flight: int, size: int, seconds: float) -> None:
    """Send lines and count those that come back."""
    host, _, port = target.rpartition(":")
    line = bytes(ord("a") + n % 26 for n in range(size - 1)) + b"\n"
    expected = line * (CHUNK // size + 2)
    selector = selectors.DefaultSelector()
    waiting: dict[socket.socket, list[int]] = {}  # bytes sent and received
    for _ in range(connections):
        caller = socket.create_connection((host, int(port)))
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        caller.sendall(line * in_flight)
        selector.register(caller, selectors.EVENT_READ, caller)
        waiting[caller] = [in_flight * size, 0]
    messages = 0
    started = time.monotonic()
    while waiting:
        for key, _ in selector.select(1):
            sock: socket.socket = key.data
            sent, received = waiting[sock]
            chunk = sock.recv(CHUNK)
            offset = received % size
            if not chunk or chunk != expected[offset : offset + len(chunk)]:
                raise SystemExit("what came back is not what was sent")
            lines = (offset + len(chunk)) // size
            messages += lines
            received += len(chunk)
            if time.monotonic() < started + seconds:
                sock.sendall(line * lines)
                sent += lines * size
            elif sent == received:
                # It waited for what was still on its way, and hangs up politely.
                selector.unregister(sock)
                sock.close()
                del waiting[sock]
                continue
            waiting[sock] = [sent, received]
    print(json.dumps({"messages": messages, "seconds": time.monotonic() - started}))


if __name__ == "__main__":
    words = sys.argv[1:]
    main(words[0], int(words[1]), int(words[2]), int(words[3]), float(words[4]))
