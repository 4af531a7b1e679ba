from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portside.plans.serving import is_async
from portside.runtime.app import AppError, load_handler
from portside.runtime.wellknown import WELL_KNOWN, Chat, echo

MODULE = """
import functools

async def handle(stream):
    "The one."

def handle_blocking(stream):
    "The other."

class Harbour:
    async def __call__(self, stream):
        pass

    def blocking(self, stream):
        pass

class app:
    handler = Harbour()
    deeper = handler

partly = functools.partial(handle)
number = 42
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the working directory, with a module; the interpreter forgets what it loads."""
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    (tmp_path / "lighthouse.py").write_text(MODULE)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("app", "name"),
    [
        ("lighthouse:handle", "handle"),
        ("lighthouse:handle_blocking", "handle_blocking"),
        ("lighthouse.py:handle", "handle"),
        ("./lighthouse.py:handle", "handle"),
        ("lighthouse:app.handler.blocking", "blocking"),
    ],
)
def test_a_handler_is_named_by_its_module_or_file(folder: Path, app: str, name: str) -> None:
    assert load_handler(app).__name__ == name
    assert load_handler(f"{folder}/lighthouse.py:handle").__doc__ == "The one."


@pytest.mark.parametrize(
    ("app", "asynchronous"),
    [
        ("lighthouse:handle", True),
        ("lighthouse:handle_blocking", False),
        ("lighthouse:app.handler", True),
        ("lighthouse:app.handler.blocking", False),
        ("lighthouse:partly", True),
        ("echo", True),
        ("chat", True),
    ],
)
@pytest.mark.usefixtures("folder")
def test_whether_a_handler_is_async_can_be_seen(app: str, *, asynchronous: bool) -> None:
    assert is_async(load_handler(app)) is asynchronous


@pytest.mark.usefixtures("folder")
def test_a_module_in_a_package_is_found(folder: Path) -> None:
    (folder / "coast").mkdir()
    (folder / "coast" / "__init__.py").write_text("")
    (folder / "coast" / "north.py").write_text("def handle(stream): pass\n")

    assert load_handler("coast.north:handle").__module__ == "coast.north"
    with pytest.raises(AppError, match=r"there is no module 'coast\.south'"):
        load_handler("coast.south:handle")
    with pytest.raises(AppError, match=r"there is no module 'inland\.north'"):
        load_handler("inland.north:handle")


def test_a_file_finds_its_neighbours_and_is_found_by_its_name(folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    (inner / "lamp.py").write_text("def shine(stream): pass\n")
    (inner / "tower.py").write_text("from lamp import shine\nclass Keeper: pass\n")

    assert load_handler("inner/tower.py:shine").__module__ == "lamp"
    assert sys.modules["tower"].Keeper.__module__ == "tower"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("app", "complaint"),
    [
        ("", "there is no built-in handler ''"),
        ("lighthouse", "there is no built-in handler 'lighthouse'"),
        ("ecko", "did you mean 'echo'"),
        (":handle", "':handle' names no handler: expected module:handler or file.py:handler"),
        ("lighthouse:", "'lighthouse:' names no handler"),
        ("lighthouse:handel", "lighthouse has no 'handel': did you mean 'handle'"),
        ("lighthouse:app.handlr", "lighthouse has no 'app.handlr': did you mean 'handler'"),
        ("lighthouse:zzz", "lighthouse has no 'zzz'$"),
        ("lighthouse:handle.", "lighthouse has no 'handle.'"),
        ("lighthouse:number", "number is of type int, and a handler has to be callable"),
        ("lighthouse.py:number", "number is of type int, and a handler has to be callable"),
        ("lighthouse:Harbour", "Harbour is a class: a handler is a function of a stream"),
        ("lighthous:handle", "there is no module 'lighthous' in "),
        ("..lighthouse:handle", "cannot be imported|no module"),
        ("nowhere/lighthouse.py:handle", "there is no file nowhere/lighthouse.py"),
        ("a/b:handle", "no module 'a/b'"),
    ],
)
def test_what_cannot_be_found_says_what_was_looked_for(app: str, complaint: str) -> None:
    with pytest.raises(AppError, match=complaint) as caught:
        load_handler(app)

    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("app", ["wreck:handle", "wreck.py:handle"])
@pytest.mark.parametrize(
    ("source", "complaint", "kind"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero", ZeroDivisionError),
        ("import no_such_package", "No module named 'no_such_package'", ModuleNotFoundError),
        ("from os import no_such_name", "cannot import name 'no_such_name'", ImportError),
        ("def handle(:", "SyntaxError: ", SyntaxError),
        ("raise SystemExit('no harbour')", "SystemExit: no harbour", SystemExit),
    ],
)
def test_a_module_that_fails_tells_why_and_is_the_cause(
    folder: Path, app: str, source: str, complaint: str, kind: type[BaseException]
) -> None:
    (folder / "wreck.py").write_text(source)

    with pytest.raises(AppError, match=complaint) as caught:
        load_handler(app)

    assert str(caught.value).startswith(("wreck cannot be imported: ", "wreck.py cannot be loaded"))
    assert isinstance(caught.value.__cause__, kind)
    assert "wreck" not in sys.modules


@pytest.mark.parametrize(
    "source", ["def handle(stream): pass\n", "1 / 0\n"], ids=["works", "fails"]
)
def test_a_file_does_not_displace_a_module_of_the_same_name(folder: Path, source: str) -> None:
    import json

    (folder / "json.py").write_text(source)
    try:
        load_handler("json.py:handle")
    except AppError:
        pass
    finally:
        now, sys.modules["json"] = sys.modules.get("json"), json

    assert now is json


def test_the_built_in_handlers_have_names() -> None:
    assert list(WELL_KNOWN) == ["echo", "discard", "chargen", "daytime", "chat"]
    assert load_handler("echo") is echo


def test_every_chat_is_a_room_of_its_own() -> None:
    first, second = load_handler("chat"), load_handler("chat")

    assert isinstance(first, Chat)
    assert first is not second
