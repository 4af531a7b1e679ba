"""The house judges itself: its rules, each a test that says what to do."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import portside
from portside import aio

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "portside"
TESTS = ROOT / "tests"
SOURCES = sorted(PACKAGE.rglob("*.py"))
TEST_FILES = sorted(TESTS.rglob("*.py"))

LONGEST_FILE = 400
"""Lines; a file that passes it has two subjects."""

DRAWERS = {"base", "common", "core", "helper", "helpers", "misc", "util", "utils"}
"""Names of files that say nothing of what is in them."""

TWINS = ("aio", "sync")

ASYNC_ONLY = {"completion", "opening", "outbox", "readiness", "waiter", "watch"}
"""Modules of ``aio`` that a shell has no need of in which the kernel waits."""

FRONT = ("connect", "framed", "io", "listen", "server")
"""The twins whose names users hold; the others serve them, each in the way of its world."""

ASYNC_NAMES = {"connect": {"resolve"}, "link": {"Sink"}}
"""Public names that only the async twin has: lookups are shared, and bytes arrive by themselves."""

WORDS = {"task": "thread", "tasks": "threads", "portside.aio": "portside"}
"""Words that differ by nature between the docstrings of twins: what runs beside others."""

METHODS = {
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
}
"""What Python calls a method in the async world, and in the blocking one."""


def in_package(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def in_root(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def modules_in(room: str) -> set[str]:
    return {path.stem for path in (PACKAGE / room).glob("*.py")} - {"__init__"}


MODULES = ["portside", *(one.name for one in pkgutil.walk_packages([str(PACKAGE)], "portside."))]


# Files


@pytest.mark.parametrize("path", [*SOURCES, *TEST_FILES], ids=in_root)
def test_a_file_fits_in_one_head(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())

    assert lines <= LONGEST_FILE, f"{in_root(path)} has {lines} lines: split it by subject"


@pytest.mark.parametrize("path", [*SOURCES, *TEST_FILES], ids=in_root)
def test_no_file_is_a_drawer(path: Path) -> None:
    names = {path.stem.removeprefix("test_").strip("_"), path.parent.name}

    assert not names & DRAWERS, f"name {in_root(path)} after its subject, or add a room"


def wanted_for(source: Path) -> list[Path]:
    """Return where the test file of a source file may stand."""
    room = source.relative_to(PACKAGE).parent
    name = f"test_{source.stem}.py"
    shared = [TESTS / "shells" / name] if room.name in TWINS else []
    async_only = room.name == "aio" and source.stem in ASYNC_ONLY
    return [*shared, *([TESTS / room / name] if async_only or not shared else [])]


@pytest.mark.parametrize(
    "source",
    [path for path in SOURCES if path.name not in {"__init__.py", "__main__.py"}],
    ids=in_package,
)
def test_a_source_file_has_its_test_file(source: Path) -> None:
    wanted = wanted_for(source)

    assert any(map(Path.is_file, wanted)), f"write {in_root(wanted[0])}"


def sources_of(test: Path) -> list[Path]:
    """Return the files that a test file in a room may be about.

    A subject with many tests has several files, named after it and a part of it.
    """
    room = test.relative_to(TESTS).parent
    folder = ROOT / room if room.name == "examples" else PACKAGE / room
    about = test.stem.removeprefix("test_")
    return [one for one in folder.glob("*.py") if f"{about}_".startswith(f"{one.stem}_")]


# What stands in tests/ itself may judge the whole, a story of both shells what it likes, and
# interop is about programs that are not ours.
STORIES = {TESTS, TESTS / "shells", TESTS / "interop"}


@pytest.mark.parametrize(
    "test",
    [path for path in sorted(TESTS.rglob("test_*.py")) if path.parent not in STORIES],
    ids=in_root,
)
def test_a_test_file_has_its_source_file(test: Path) -> None:
    assert sources_of(test), f"{in_root(test)}: what it tested is gone; rename or remove it"


# What the text of a source file may hold


@pytest.mark.parametrize("path", SOURCES, ids=in_package)
def test_nothing_is_put_off(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"\b(?:TODO|FIXME|XXX|HACK)\b", text)

    assert not found, f"{in_package(path)}: do it, or write down why not: {found}"


def functions(tree: ast.AST) -> Iterator[tuple[ast.ClassDef | None, ast.FunctionDef]]:
    """Yield each function and the class around it; for us an async one is one too."""
    for node in ast.walk(tree):
        owner = node if isinstance(node, ast.ClassDef) else None
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield owner, child  # type: ignore[misc]  # they have the same fields


def is_promise(owner: ast.ClassDef | None, function: ast.FunctionDef) -> bool:
    """Return whether a function only declares what others do: abstract, overload, Protocol."""
    decorators = {ast.unparse(one).rpartition(".")[2] for one in function.decorator_list}
    bases = {ast.unparse(one).partition("[")[0] for one in (owner.bases if owner else [])}
    return bool(decorators & {"abstractmethod", "overload"}) or "Protocol" in bases


def does_nothing(statement: ast.stmt) -> bool:
    """Return whether a statement is ``pass``, ``...`` or a docstring."""
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def is_stub(function: ast.FunctionDef) -> bool:
    """Return whether a function does nothing, and does not say in a docstring why."""
    dots = any(ast.unparse(one) == "..." for one in function.body)
    silent = ast.get_docstring(function) is None
    return all(map(does_nothing, function.body)) and (dots or silent)


@pytest.mark.parametrize("path", SOURCES, ids=in_package)
def test_no_function_is_a_stub(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    stubs = [
        f"{function.name}, line {function.lineno}"
        for owner, function in functions(tree)
        if is_stub(function) and not is_promise(owner, function)
    ]
    raised = [
        f"line {node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and node.exc and "NotImplemented" in ast.unparse(node.exc)
    ]

    assert not stubs, f"{in_package(path)}: write these, or say in a docstring why nothing: {stubs}"
    assert not raised, f"{in_package(path)}: a call must not fail for want of code: {raised}"


def catches_everything(kind: ast.expr | None) -> bool:
    named = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(one is None or ast.unparse(one) in {"Exception", "BaseException"} for one in named)


@pytest.mark.parametrize("path", SOURCES, ids=in_package)
def test_no_error_is_swallowed_whatever_it_is(path: Path) -> None:
    swallowing: list[int] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ExceptHandler) and catches_everything(node.type):
            idle = [does_nothing(one) or isinstance(one, ast.Continue) for one in node.body]
            swallowing += [node.lineno] if all(idle) else []
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if called in {"suppress", "contextlib.suppress"} and isinstance(node, ast.Call):
            swallowing += [node.lineno] if any(map(catches_everything, node.args)) else []

    assert not swallowing, f"{in_package(path)}: name what may fail there, in lines {swallowing}"


# Names and docstrings


def made_here(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield the public classes and functions that a module defines."""
    for name, value in vars(module).items():
        kinds = inspect.isclass(value) or inspect.isfunction(value)
        if kinds and value.__module__ == module.__name__ and not name.startswith("_"):
            yield name, value


@pytest.mark.parametrize("name", MODULES)
def test_every_name_that_is_offered_exists(name: str) -> None:
    module = importlib.import_module(name)
    offered = getattr(module, "__all__", [])

    missing = [one for one in offered if not hasattr(module, one)]

    assert not missing, f"{name}.__all__ offers what is not there: {missing}"
    assert len(set(offered)) == len(offered), f"{name}.__all__ offers a name twice"


@pytest.mark.parametrize("name", MODULES)
def test_a_module_with_something_to_offer_says_what(name: str) -> None:
    module = importlib.import_module(name)
    is_door = Path(str(module.__file__)).name == "__init__.py"
    rooms = {one for one, value in vars(module).items() if inspect.ismodule(value)}
    names = {one for one in vars(module) if not one.startswith("_")} - rooms - {"annotations"}
    offers = names if is_door else {one for one, _ in made_here(module)}

    assert hasattr(module, "__all__") or not offers, f"give {name} an __all__: {offers}"
    hidden = offers - set(module.__all__) if is_door and offers else set()
    assert not hidden, f"{name} is a door: put these into its __all__, or out: {hidden}"


def undocumented(name: str, value: Any) -> Iterator[str]:
    """Yield a class or function and those of its members that nobody explains."""
    if not inspect.getdoc(value):
        yield name
    for member in vars(value) if inspect.isclass(value) else ():
        known = [vars(base)[member] for base in value.__mro__ if member in vars(base)]
        first = known[0]
        explicable = callable(first) or isinstance(first, property | classmethod | staticmethod)
        if not member.startswith("_") and explicable and not any(one.__doc__ for one in known):
            yield f"{name}.{member}"


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_is_explained(name: str) -> None:
    module = importlib.import_module(name)
    silent = [] if module.__doc__ else [name]
    for one, value in made_here(module):
        silent += undocumented(one, value)

    assert not silent, f"write docstrings in {name}: {silent}"


# Imports


def imported_by(statement: str) -> set[str]:
    """Return the modules that a statement loads in a fresh interpreter."""
    program = (
        "import sys; before = set(sys.modules)\n"
        f"{statement}\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    run = [sys.executable, "-c", program]
    return set(subprocess.run(run, check=True, capture_output=True, text=True).stdout.split())


def strangers(modules: Iterable[str]) -> set[str]:
    roots = {name.partition(".")[0] for name in modules}
    return roots - sys.stdlib_module_names - {"portside"}


def test_the_blocking_door_loads_neither_asyncio_nor_ssl() -> None:
    loaded = imported_by("import portside")

    heavy = loaded & {"asyncio", "ssl", "_ssl", "logging"}
    assert not heavy, f"import them where they are first wanted: {heavy}"


@pytest.mark.parametrize("door", ["portside", "portside.aio", "portside.wire", "portside.bind"])
def test_the_library_loads_only_the_standard_library(door: str) -> None:
    found = strangers(imported_by(f"import {door}"))

    assert not found, f"import {door} loads {found}: only the command may, and the extras"


def test_the_async_door_loads_ssl_only_if_asyncio_itself_does() -> None:
    added = imported_by("import portside.aio") - imported_by("import asyncio")

    assert not added & {"ssl", "_ssl", "logging"}, "import ssl where it is first wanted"


# Twins


def twin_modules(name: str) -> list[ModuleType]:
    return [importlib.import_module(f"portside.{shell}.{name}") for shell in ("sync", "aio")]


TWIN_MODULES = sorted(modules_in("sync") & modules_in("aio"))


def test_every_module_of_a_shell_has_its_twin() -> None:
    assert modules_in("sync") - modules_in("aio") == set(), "write their twins in aio/"
    assert modules_in("aio") - modules_in("sync") == ASYNC_ONLY, "write their twins in sync/"


def test_both_doors_offer_the_same_names() -> None:
    assert aio.__all__ == portside.__all__


def test_what_waits_is_the_only_difference_between_the_doors() -> None:
    different = {
        name for name in portside.__all__ if getattr(portside, name) is not getattr(aio, name)
    }

    waiting = {"FramedStream", "Listener", "Server", "Stream"}
    waiting |= {"connect", "listen", "serve", "stream_pair"}
    assert different == waiting, "what does not wait is one object for both doors"


@pytest.mark.parametrize("name", TWIN_MODULES)
def test_twins_offer_the_same_names(name: str) -> None:
    blocking, awaited = twin_modules(name)

    assert set(awaited.__all__) - ASYNC_NAMES.get(name, set()) == set(blocking.__all__)


def in_our_words(text: str | None) -> str | None:
    """Return what the docstring of an async twin says in the words of the blocking one."""
    return text and re.sub(r"\b(?:portside\.)?\w+\b", lambda m: WORDS.get(m[0], m[0]), text)


def kind_of(thing: Any) -> str:
    """Return what sort of thing it is; a coroutine function is a function that waits."""
    kinds = (property, classmethod, staticmethod, type)
    return next((kind.__name__ for kind in kinds if isinstance(thing, kind)), "function")


def promise(thing: Any, *, whole: bool = True) -> Any:
    """Reduce a member to what it promises to whoever uses it."""
    if isinstance(thing, property):
        return "property", promise(thing.fget), thing.fset is not None
    if inspect.ismemberdescriptor(thing):
        return "attribute"
    function = getattr(thing, "__func__", thing)
    signature = inspect.signature(function)
    takes = [(one.name, one.kind, one.default) for one in signature.parameters.values()]
    # Names with underscores around them are explained by their class.
    told = in_our_words(inspect.getdoc(function)) if whole else None
    annotated = [str(one.annotation) for one in signature.parameters.values()] if whole else None
    gives = re.sub(r"^Opening\[(.*)\]$", r"\1", str(signature.return_annotation)) if whole else None
    return kind_of(thing), takes, annotated, gives, told


def members(kind: type) -> dict[str, Any]:
    """Return what a class defines for its users, and the methods that Python calls for them."""
    dunders = {*METHODS.values(), "__init__"}
    found = {METHODS.get(name, name): value for name, value in inspect.getmembers_static(kind)}
    return {
        name: value
        for name, value in found.items()
        if not name.startswith("_") or (name in dunders and callable(value))
    }


FRONT_TWINS = [
    pytest.param(*(getattr(twin, name) for twin in twin_modules(module)), id=name)
    for module in FRONT
    for name in twin_modules(module)[0].__all__
] + [pytest.param(*twin_modules(module), id=module) for module in FRONT]


@pytest.mark.parametrize(("blocking", "awaited"), FRONT_TWINS)
def test_twins_make_the_same_promises(blocking: Any, awaited: Any) -> None:
    assert in_our_words(inspect.getdoc(awaited)) == inspect.getdoc(blocking)
    if inspect.isfunction(blocking):
        assert promise(awaited) == promise(blocking)
    if inspect.isclass(blocking):
        ours, theirs = members(blocking), members(awaited)
        assert theirs.keys() == ours.keys(), "give the class and its twin the same members"
        for name, ours_one in ours.items():
            whole = not name.startswith("_")
            assert promise(theirs[name], whole=whole) == promise(ours_one, whole=whole), name
