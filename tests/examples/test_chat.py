"""The chat room: what one says, the others read."""

from __future__ import annotations

from pathlib import Path

from cli.programs import service
from portside import Lines, connect

CHAT = Path(__file__).parents[2] / "examples" / "chat.py"


def test_what_one_says_the_others_read() -> None:
    with service(f"{CHAT}:handle") as (program, address):
        with connect(address) as ada, connect(address) as bob:
            guests = {b"ada": ada.framed(Lines()), b"bob": bob.framed(Lines())}
            for here, (name, lines) in enumerate(guests.items(), 1):
                assert lines.receive() == b"Welcome. Your name?"
                lines.send(name)
                assert lines.receive() == b"* %b joined; %d here" % (name, here)
            assert guests[b"ada"].receive() == b"* bob joined; 2 here"

            guests[b"bob"].send(b"hello")
            assert guests[b"ada"].receive() == b"bob: hello"
            ada.close()
            assert guests[b"bob"].receive() == b"* ada left"
        assert "Traceback" not in program.err.text


def test_a_guest_who_says_nothing_and_leaves() -> None:
    with service(f"{CHAT}:handle") as (program, address):
        connect(address).close()
        with connect(address) as stream:
            lines = stream.framed(Lines())
            lines.receive()
            lines.send(b"")
            assert lines.receive() == b"* somebody joined; 1 here"
        assert "Traceback" not in program.err.text
