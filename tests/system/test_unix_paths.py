from __future__ import annotations

import errno
import os
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from portside.defaults import FOLDER_LOCK_PATIENCE, FOLDER_LOCK_PAUSE
from portside.system import unix_paths
from portside.system.unix_paths import OwnPath, bind_path

if sys.platform == "win32":
    pytest.skip("Python has no AF_UNIX on Windows", allow_module_level=True)

import fcntl

KINDS = [socket.SOCK_STREAM, socket.SOCK_DGRAM]
by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@pytest.fixture
def sockets() -> Iterator[Any]:
    """Makes Unix sockets, and closes them at the end."""
    with ExitStack() as opened:

        def make(kind: int = socket.SOCK_STREAM) -> socket.socket:
            return opened.enter_context(socket.socket(socket.AF_UNIX, kind))

        yield make


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@by_kind
def test_a_free_path_is_bound(sockets: Any, tmp_path: Path, kind: int) -> None:
    path = tmp_path / "x"
    sock = sockets(kind)

    bind_path(sock, str(path), None)

    assert path.is_socket()
    assert sock.getsockname() == str(path)


@by_kind
def test_the_file_is_ours_to_remove(sockets: Any, tmp_path: Path, kind: int) -> None:
    path = tmp_path / "x"
    own = bind_path(sockets(kind), str(path), None)

    own.unlink()
    own.unlink()  # once more does no harm

    assert not path.exists()


@by_kind
def test_a_stale_file_is_taken_over(sockets: Any, tmp_path: Path, kind: int) -> None:
    path = tmp_path / "x"
    with closing(sockets(kind)) as dead:
        dead.bind(str(path))
    sock = sockets(kind)

    bind_path(sock, str(path), None)

    calling = sockets(kind)
    if kind == socket.SOCK_STREAM:
        sock.listen()
    calling.connect(str(path))


@by_kind
@pytest.mark.parametrize("knocking", KINDS, ids=lambda kind: kind.name)
def test_a_live_file_is_never_stolen(
    sockets: Any, tmp_path: Path, kind: int, knocking: int
) -> None:
    path = tmp_path / "x"
    alive = sockets(kind)
    bind_path(alive, str(path), None)
    if kind == socket.SOCK_STREAM:
        alive.listen()
    before = path.stat().st_ino

    with pytest.raises(OSError, match=r".") as caught:
        bind_path(sockets(knocking), str(path), None)

    assert caught.value.errno == errno.EADDRINUSE
    assert path.stat().st_ino == before
    sockets(kind).connect(str(path))


def test_a_listener_whose_queue_is_full_is_alive(sockets: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "x")
    busy = sockets()
    bind_path(busy, path, None)
    busy.listen(0)
    sockets().connect(path)

    with pytest.raises(OSError, match=r".") as caught:
        bind_path(sockets(), path, None)

    assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize("sort", ["file", "folder", "link to nothing", "link to a file", "fifo"])
def test_what_is_no_socket_is_never_removed(sockets: Any, tmp_path: Path, sort: str) -> None:
    path, file = tmp_path / "x", tmp_path / "file"
    file.write_text("precious")
    make: dict[str, Callable[[], object]] = {
        "file": lambda: path.write_text("precious"),
        "folder": path.mkdir,
        "link to nothing": lambda: path.symlink_to(tmp_path / "nothing"),
        "link to a file": lambda: path.symlink_to(file),
        "fifo": lambda: os.mkfifo(path),
    }
    make[sort]()
    before = path.lstat().st_ino

    with pytest.raises(OSError, match=r".") as caught:
        bind_path(sockets(), str(path), None)

    assert caught.value.errno == errno.EADDRINUSE
    assert path.lstat().st_ino == before
    assert file.read_text() == "precious"


@pytest.mark.parametrize(
    ("path", "number"),
    [("missing/x", errno.ENOENT), ("file/x", errno.ENOTDIR)],
)
def test_a_folder_that_is_none_is_an_os_error(
    sockets: Any, tmp_path: Path, path: str, number: int
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OSError, match=r".") as caught:
        bind_path(sockets(), str(tmp_path / path), None)

    assert caught.value.errno == number


# Modes


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666, 0o777])
def test_the_mode_is_the_one_asked_for_whatever_the_umask(
    sockets: Any, tmp_path: Path, mode: int
) -> None:
    before = os.umask(0o077)
    try:
        bind_path(sockets(), str(tmp_path / "x"), mode)
    finally:
        os.umask(before)

    assert mode_of(tmp_path / "x") == mode


def test_without_a_mode_the_umask_decides(sockets: Any, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        bind_path(sockets(), str(tmp_path / "x"), None)
    finally:
        os.umask(before)

    assert mode_of(tmp_path / "x") == 0o750


def test_a_mode_that_cannot_be_set_leaves_no_file(
    sockets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chmod(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", chmod)

    with pytest.raises(PermissionError):
        bind_path(sockets(), str(tmp_path / "x"), 0o600)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a new socket has no mode of its own")
def test_nobody_can_send_before_the_mode_is_set(tmp_path: Path) -> None:
    # A listener refuses until it listens; a datagram socket is open as soon as it is bound.
    path = tmp_path / "x"
    seen: list[int] = []

    class Watched(socket.socket):
        def bind(self, address: Any) -> None:
            super().bind(address)
            seen.append(mode_of(path))

    before = os.umask(0)
    try:
        with Watched(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            bind_path(sock, str(path), 0o600)
    finally:
        os.umask(before)

    assert [oct(mode & ~0o600) for mode in seen] == ["0o0"]


# What is ours


def test_a_file_that_took_the_place_of_ours_stays(sockets: Any, tmp_path: Path) -> None:
    path = tmp_path / "x"
    own = bind_path(sockets(), str(path), None)
    path.unlink()
    bind_path(sockets(), str(path), None)

    own.unlink()

    assert path.is_socket()


def test_our_file_is_found_from_another_folder(
    sockets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    own = bind_path(sockets(), "x", None)
    monkeypatch.chdir(tmp_path / "other")

    own.unlink()

    assert not (tmp_path / "x").exists()


def test_a_link_to_our_file_is_not_our_file(sockets: Any, tmp_path: Path) -> None:
    path, moved = tmp_path / "x", tmp_path / "moved"
    own = bind_path(sockets(), str(path), None)
    path.rename(moved)
    path.symlink_to(moved)

    own.unlink()

    assert path.is_symlink()
    assert moved.is_socket()


def test_only_what_exists_can_be_ours(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        OwnPath(str(tmp_path / "missing"))


# The lock on the folder


def locked(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def test_the_folder_is_locked_while_a_stale_file_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "x")
    seen: list[bool] = []

    class Watched(socket.socket):
        def bind(self, address: Any) -> None:
            seen.append(locked(tmp_path))
            super().bind(address)

    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    with Watched(socket.AF_UNIX) as sock:
        bind_path(sock, path, None)

    assert seen == [True, True]
    assert not locked(tmp_path)


def test_a_lock_that_is_held_is_waited_for(
    sockets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        assert not (tmp_path / "x").exists()
        pauses.append(seconds)
        os.close(holder)

    monkeypatch.setattr(unix_paths, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=sleep))
    bind_path(sockets(), str(tmp_path / "x"), None)

    assert pauses == [FOLDER_LOCK_PAUSE]


def test_nobody_keeps_us_from_starting_by_a_lock(
    sockets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    clock.sleep = lambda seconds: setattr(clock, "now", clock.now + seconds)
    monkeypatch.setattr(unix_paths, "time", clock)
    holder = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        bind_path(sockets(), str(tmp_path / "x"), None)
    finally:
        os.close(holder)

    assert FOLDER_LOCK_PATIENCE <= clock.now < FOLDER_LOCK_PATIENCE + 0.1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open every folder")
def test_a_folder_that_cannot_be_opened_is_used_without_a_lock(
    sockets: Any, tmp_path: Path
) -> None:
    tmp_path.chmod(0o300)
    try:
        bind_path(sockets(), str(tmp_path / "x"), None)
    finally:
        tmp_path.chmod(0o700)

    assert (tmp_path / "x").is_socket()


def test_a_file_system_without_locks_is_used_without(
    sockets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)

    bind_path(sockets(), str(tmp_path / "x"), None)

    assert (tmp_path / "x").is_socket()
