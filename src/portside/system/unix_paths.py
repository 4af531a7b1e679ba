"""The files of Unix listeners: never steal a live one, remove a stale one, unlink only ours.

Problem: the file of a Unix socket stays behind when its server dies, and then nobody can
bind there.  Servers that just unlink it first also unlink the file of one that is alive,
which then listens for ever to nobody (asyncio and anyio do so).

Choice: bind first.  If the path is taken, knock: somebody who listens answers, and then the
address is in use; a refusal means that the file is stale, and it is removed.  Two servers
that start at once must not remove each other's new file before the other one listens, so
knocking, removing, binding and listening happen under a lock on the folder (flock(2), which
leaves no file behind and ends with its owner).

Limits: a folder that cannot be opened or locked is used without the lock, and so is one
that somebody keeps locked: anybody may lock /tmp, and must not keep us from starting.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from portside.defaults import FOLDER_LOCK_PATIENCE, FOLDER_LOCK_PAUSE

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OwnPath", "bind_path"]


class OwnPath:
    """The file that our listener made; told from others by device and inode.

    Args:
        path: Where it is, right after it was bound.
    """

    def __init__(self, path: str) -> None:
        # The working directory may be another one when the file is to be removed.
        self._path = Path(path).absolute()
        made = self._path.stat(follow_symlinks=False)
        self._identity = made.st_dev, made.st_ino

    def unlink(self) -> None:
        """Remove the file, unless another one stands in its place."""
        with contextlib.suppress(OSError):
            there = self._path.stat(follow_symlinks=False)
            if (there.st_dev, there.st_ino) == self._identity:
                self._path.unlink()


def bind_path(
    sock: socket.socket, path: str, mode: int | None, backlog: int | None = None
) -> OwnPath:
    """Bind a Unix socket to a file, and listen there if that is wanted.

    Nobody can connect before ``listen``, so the mode of a listener is set in time.  That of
    a datagram socket, which is open as soon as it is bound, is on Linux never wider than
    asked for.

    Args:
        sock: Not bound yet.
        path: Where the file is to be.
        mode: Its permission bits; None leaves them to the umask.
        backlog: Connections that may wait in the kernel; None to leave listening to the
            caller.  Until then the file looks stale to others who want it.

    Raises:
        OSError: If it cannot be had; EADDRINUSE if somebody is listening there, or if
            another kind of file is.
    """
    with _locked_folder(Path(path).parent):
        if mode is not None and sys.platform == "linux":
            os.fchmod(sock.fileno(), mode)  # which bind(2) gives to the file it makes
        try:
            sock.bind(path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _stale(path, sock.type):
                raise
            Path(path).unlink(missing_ok=True)
            sock.bind(path)
        own = OwnPath(path)
        try:
            if mode is not None:
                Path(path).chmod(mode)
            if backlog is not None:
                sock.listen(backlog)
        except BaseException:
            own.unlink()
            raise
    return own


def _stale(path: str, kind: int) -> bool:
    """Return whether the socket at ``path`` has nobody behind it."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return False
    except FileNotFoundError:
        return True
    with socket.socket(socket.AF_UNIX, kind) as knocking:
        # Non-blocking: a listener whose queue is full is alive, too.
        knocking.settimeout(0)
        return knocking.connect_ex(path) == errno.ECONNREFUSED


def _lock(descriptor: int) -> None:
    """Lock a folder, unless somebody else keeps it for too long."""
    if sys.platform == "win32":
        return
    import fcntl

    give_up = time.monotonic() + FOLDER_LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up:
                return
            time.sleep(FOLDER_LOCK_PAUSE)
        except OSError:
            return
        else:
            return


@contextmanager
def _locked_folder(folder: Path) -> Iterator[None]:
    try:
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        yield
        return
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)
