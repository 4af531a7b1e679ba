"""Finding the handler that somebody wants served."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portside.errors import PortsideError
from portside.runtime.wellknown import WELL_KNOWN

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

__all__ = ["AppError", "load_handler"]


class AppError(PortsideError, ValueError):
    """A handler that cannot be found or used."""


def load_handler(app: str) -> Callable[..., Any]:
    """Return the handler that ``app`` names.

    Args:
        app: ``module:handler``, ``path/to/file.py:handler``, or the name of a built-in one:
            ``echo``, ``discard``, ``chargen``, ``daytime``, ``chat``.  A handler may be
            deeper in: ``module:app.handler``.

    Raises:
        AppError: If there is none.  An exception that the module itself raises is its cause.
    """
    place, colon, path = app.rpartition(":")
    if not colon:
        return _well_known(app)
    if not place or not path:
        raise AppError(f"{app!r} names no handler: expected module:handler or file.py:handler")
    module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    handler: Any = module
    for name in path.split("."):
        try:
            handler = getattr(handler, name)
        except AttributeError:
            known = [one for one in dir(handler) if not one.startswith("_")]
            raise AppError(f"{place} has no {path!r}{_guess(name, known)}") from None
    if isinstance(handler, type):
        raise AppError(f"{app} is a class: a handler is a function of a stream, or an instance")
    if not callable(handler):
        kind = type(handler).__name__
        raise AppError(f"{app} is of type {kind}, and a handler has to be callable")
    return handler  # type: ignore[no-any-return]  # what it takes and returns is its own affair


def _well_known(name: str) -> Callable[..., Any]:
    make = WELL_KNOWN.get(name)
    if make is not None:
        return make()
    guess = _guess(name, WELL_KNOWN)
    listed = ", ".join(WELL_KNOWN)
    raise AppError(
        f"there is no built-in handler {name!r}{guess} (expected one of {listed}, "
        "module:handler, or file.py:handler)"
    )


def _guess(name: str, known: Any) -> str:
    matches = difflib.get_close_matches(name, list(known), 1)
    return f": did you mean {matches[0]!r}?" if matches else ""


def _load_module(name: str) -> ModuleType:
    # As with ``python -m``, modules are found where the command was called.
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise AppError(f"there is no module {name!r} in {Path.cwd()} or on the path") from None
        raise AppError(f"{name} cannot be imported: {error}") from error
    except (Exception, SystemExit) as error:
        raise AppError(f"{name} cannot be imported: {_told(error)}") from error


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise AppError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise AppError(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    # As with ``python file.py``: the file finds its neighbours, and pickling finds it.
    loaded = sys.modules.get(path.stem)
    if loaded is not None:
        file = getattr(loaded, "__file__", None)
        if file is not None and path.samefile(file):
            return loaded
        raise AppError(f"{path} has the name of a module that is in use: give it another one")
    sys.path.insert(0, str(path.parent.resolve()))
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[path.stem]
        raise AppError(f"{path} cannot be loaded: {_told(error)}") from error
    return module


def _told(error: BaseException) -> str:
    """Return what went wrong in a module, and where."""
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({place[0].filename}, line {place[0].lineno})" if place else ""
    return f"{type(error).__name__}: {error}{where}"
