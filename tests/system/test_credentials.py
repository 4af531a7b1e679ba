from __future__ import annotations

import errno
import os
import socket
import struct
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from portside.system.credentials import PeerCredentials, peer_credentials

needs_unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there is no AF_UNIX here")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="asks as Linux does")


@needs_unix
def test_both_ends_know_each_other(tmp_path: Path) -> None:
    path = str(tmp_path / "x")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as calling:
        listener.bind(path)
        listener.listen()
        calling.connect(path)
        answering, _ = listener.accept()
        with closing(answering):
            ours = PeerCredentials(os.getpid(), os.geteuid(), os.getegid())

            assert peer_credentials(answering) == ours
            assert peer_credentials(calling) == ours


@needs_linux
def test_another_process_is_told_by_its_number(tmp_path: Path) -> None:
    path = str(tmp_path / "x")
    program = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.recv(1)"
    )
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(20)
        with subprocess.Popen([sys.executable, "-c", program, path]) as child:
            answering, _ = listener.accept()
            with closing(answering):
                found = peer_credentials(answering)

    assert found.pid == child.pid


def test_a_tcp_socket_knows_nothing_of_its_peer() -> None:
    with socket.socket() as sock, pytest.raises(OSError, match="only a Unix socket") as caught:
        peer_credentials(sock)

    assert caught.value.errno == errno.EOPNOTSUPP


def test_without_unix_sockets_nobody_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    monkeypatch.delattr(socket, "AF_UNIX", raising=False)

    with closing(ours), closing(theirs), pytest.raises(OSError, match="only a Unix socket"):
        peer_credentials(ours)


@needs_unix
def test_a_socket_without_a_peer_is_an_os_error() -> None:
    with socket.socket(socket.AF_UNIX) as sock, pytest.raises(OSError, match=r"."):
        peer_credentials(sock)


@needs_unix
def test_a_closed_socket_is_an_os_error() -> None:
    sock = socket.socket(socket.AF_UNIX)
    sock.close()

    with pytest.raises(OSError, match=r"."):
        peer_credentials(sock)


@needs_unix
@pytest.mark.parametrize(("platform", "pid"), [("darwin", 4711), ("freebsd14", None)])
def test_a_bsd_is_asked_in_its_own_way(
    platform: str, pid: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # struct xucred (sys/ucred.h): version, user, number of groups, 16 groups.
    record = struct.pack("IIh16I", 0, 501, 2, 20, 12, *[0] * 14)

    def getsockopt(level: int, option: int, size: int | None = None) -> int | bytes:
        assert level == 0
        if option == 1:
            assert size == len(record) == 76
            return record
        assert option == 2
        return 4711

    sock: Any = SimpleNamespace(family=socket.AF_UNIX, getsockopt=getsockopt)
    monkeypatch.setattr(sys, "platform", platform)

    assert peer_credentials(sock) == PeerCredentials(pid, 501, 20)


def test_credentials_are_a_value() -> None:
    assert {PeerCredentials(1, 2, 3), PeerCredentials(1, 2, 3)} == {PeerCredentials(1, 2, 3)}
