"""A chat room in one blocking handler: a thread for each guest, a line for each message.

portside serve examples/chat.py:handle --bind localhost:7777
portside dial localhost:7777
"""

import threading

from portside import FramedStream, Lines, PortsideError, Stream

PATIENCE = 5.0
"""Seconds that a guest may take to read a line before the others go on without it."""


class Room:
    """Everybody who is here."""

    def __init__(self) -> None:
        self._guests: dict[FramedStream[bytes], bytes] = {}
        self._lock = threading.Lock()

    def enter(self, guest: FramedStream[bytes], name: bytes) -> None:
        """Let somebody in, and tell everybody."""
        with self._lock:
            self._guests[guest] = name
        self.tell(b"* %b joined; %d here" % (name, len(self._guests)))

    def leave(self, guest: FramedStream[bytes]) -> None:
        """Let somebody go, and tell the others."""
        with self._lock:
            name = self._guests.pop(guest)
        self.tell(b"* %b left" % name)

    def say(self, guest: FramedStream[bytes], line: bytes) -> None:
        """Tell the others what one guest said."""
        self.tell(b"%b: %b" % (self._guests[guest], line), but=guest)

    def tell(self, line: bytes, but: FramedStream[bytes] | None = None) -> None:
        """Send a line to everybody but one."""
        with self._lock:
            others = [guest for guest in self._guests if guest is not but]
        for guest in others:
            try:
                guest.send(line, timeout=PATIENCE)
            except OSError:
                guest.stream.abort()  # it hung up, or does not read


room = Room()


def handle(stream: Stream) -> None:
    """Serve one guest until it hangs up."""
    lines = stream.framed(Lines(limit=1000))
    lines.send(b"Welcome. Your name?")
    try:
        name = lines.receive().strip() or b"somebody"
    except PortsideError:
        return
    room.enter(lines, name)
    try:
        for line in lines:
            room.say(lines, line)
    finally:
        room.leave(lines)
