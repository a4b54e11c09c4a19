"""Who may import whom, checked on every file's syntax tree, and once more on what a process really loads."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("realtime", "engines", "export", "training", "gui", "benchmarks", "cli")

#: Room -> the modules (and all below them) that it may import besides its own. Errors are everybody's.
MAY_IMPORT = {
    "engines": (),
    "realtime": ("unmask.engines",),
    "export": ("unmask.engines", "unmask.training"),
    "training": ("unmask.realtime.faces", "unmask.realtime.types"),
    "gui": ("unmask.realtime",),
    "benchmarks": ("unmask.realtime", "unmask.engines"),
    "cli": tuple(f"unmask.{room}" for room in ROOMS),
}
FOR_EVERYBODY = "unmask.engines.errors"
QT = ("PyQt6", "PyQt5", "PySide6", "pyqtgraph")
TORCH = ("torch", "torchvision", "timm")
#: The rooms of the live path. In ``engines`` a runtime may load torch, but only once it is asked for.
NEVER_TORCH = ("realtime", "gui", "cli")
#: Functions that import what a string names.
IMPORTERS = ("import_module", "__import__")  # `find_spec` looks whether something is there
MODULE_OF_OURS = re.compile(rf"unmask\.(?:{'|'.join(ROOMS)})(?:\.\w+)*")


@dataclass(frozen=True)
class Import:
    """One imported name, absolute and dotted; ``at_load`` where it stands in no function."""

    module: str
    line: int
    at_load: bool


def below(module: str, package: str) -> bool:
    """Whether ``module`` is ``package`` or lies in it."""
    return module == package or module.startswith(package + ".")


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def called(node: ast.Call) -> str:
    """The last word of what is called."""
    return getattr(node.func, "attr", "") or getattr(node.func, "id", "")


def named(node: ast.AST, package: str) -> Iterator[str]:
    """The absolute modules that one node of a module in ``package`` imports, or names for a later import."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*parents, *([base] if base else [])])
        # `from unmask import engines` names a room in the list, not in the module.
        yield from (f"{base}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and called(node) in IMPORTERS:
        texts = (argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant))
        # Those of ours are found as strings, wherever they stand.
        yield from (text for text in texts if isinstance(text, str) and not MODULE_OF_OURS.fullmatch(text))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and MODULE_OF_OURS.fullmatch(node.value):
        yield node.value


def children(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in ``node``, without what follows "-m": that is a process of its own, and imports nothing here."""
    skipped: set[int] = set()
    if isinstance(node, ast.List | ast.Tuple):
        places = [
            place for place, part in enumerate(node.elts) if isinstance(part, ast.Constant) and part.value == "-m"
        ]
        skipped = {id(node.elts[place + 1]) for place in places if place + 1 < len(node.elts)}
    return (child for child in ast.iter_child_nodes(node) if id(child) not in skipped)


@functools.cache
def imports(source: str, package: str) -> list[Import]:
    """Everything that ``source`` imports, wherever it stands, also by name; type-checking blocks load nothing."""
    found: list[Import] = []

    def visit(node: ast.AST, at_load: bool) -> None:
        found.extend(Import(module, getattr(node, "lineno", 0), at_load) for module in named(node, package))
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or is_type_checking(node)
        for child in children(node):
            visit(child, at_load and not inside)

    visit(ast.parse(source), True)
    return found


def broken_rules(room: str, path: str, source: str) -> list[str]:
    """One sentence for each import against the rules; ``path`` starts at the root and lies in ``room``."""
    package = "unmask." + ".".join(Path(path).parent.parts)
    wrong: list[str] = []
    for found in imports(source, package):
        where, module = f"{path}:{found.line}", found.module
        top = module.partition(".")[0]
        if top in ROOMS:
            wrong.append(f"{where} imports the bare folder {top}; write unmask.{top}")
        allowed = (f"unmask.{room}", FOR_EVERYBODY, *MAY_IMPORT[room])
        no_room = module in ("unmask", "unmask.detectors")
        if top == "unmask" and not no_room and not any(below(module, name) for name in allowed):
            wrong.append(f"{where}: {room} may not import {module}")
        plots = top == "pyqtgraph" and path.startswith("gui/timeline/")
        if top in QT and path != "gui/qt.py" and not plots:
            wrong.append(f"{where} imports {top}; only gui/qt.py may")
        if top in TORCH and (room in NEVER_TORCH or (room == "engines" and found.at_load)):
            wrong.append(f"{where} imports {top} on the live path")
    return wrong


def files_of(room: str) -> list[Path]:
    return sorted(path.relative_to(ROOT) for path in (ROOT / room).rglob("*.py"))


def test_every_room_is_checked() -> None:
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == set(ROOMS) == set(MAY_IMPORT)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    files = files_of(room)
    assert files
    wrong = [
        line
        for path in files
        for line in broken_rules(room, path.as_posix(), (ROOT / path).read_text(encoding="utf-8"))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("folder", ["tests", "scripts"])
def test_no_bare_folder_name_is_imported(folder: str) -> None:
    wrong = [
        f"{path}:{found.line} imports {found.module}"
        for path in files_of(folder)
        for found in imports((ROOT / path).read_text(encoding="utf-8"), "")
        if found.module.partition(".")[0] in ROOMS
    ]
    assert not wrong, "\n".join(wrong)


def test_scripts_and_tests_are_nobodys_modules() -> None:
    """They may use everything; nothing that is installed may use them."""
    helpers = {path.stem for folder in ("scripts", "tests") for path in files_of(folder)}
    wrong = [
        f"{path}:{found.line} imports {found.module}"
        for room in ROOMS
        for path in files_of(room)
        for found in imports((ROOT / path).read_text(encoding="utf-8"), "unmask." + ".".join(path.parent.parts))
        if found.module.partition(".")[0] in helpers | {"scripts", "tests", "pytest", "hypothesis"}
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("room", "path", "source"),
    [
        ("engines", "engines/a.py", "from unmask.realtime.types import Frame"),
        ("engines", "engines/a.py", "from unmask import realtime"),
        ("engines", "engines/a.py", "def f():\n    import unmask.training.x"),
        ("engines", "engines/a.py", "import torch"),
        ("engines", "engines/a.py", "class A:\n    import torch.nn"),
        ("engines", "engines/a.py", "import_module('torch')"),
        ("realtime", "realtime/faces/a.py", "from ...gui import window"),
        ("realtime", "realtime/a.py", "def f():\n    import torch"),
        ("realtime", "realtime/a.py", "import engines.errors"),
        ("realtime", "realtime/a.py", "from realtime.types import Frame"),
        ("realtime", "realtime/a.py", "def f():\n    importlib.import_module('unmask.gui.window')"),
        ("realtime", "realtime/a.py", "TABLE = {'x': ('unmask.gui.window', 'y')}"),
        ("realtime", "realtime/a.py", "def f():\n    import_module('engines.errors')"),
        ("realtime", "realtime/a.py", "async def f():\n    __import__('torch.nn')"),
        ("training", "training/a.py", "from unmask.realtime.session import Session"),
        ("training", "training/a.py", "from unmask.engines.engine import Engine"),
        ("export", "export/a.py", "from unmask.realtime.types import Frame"),
        ("gui", "gui/a.py", "from unmask.engines.registry import open_engine"),
        ("gui", "gui/a.py", "from PyQt6.QtCore import Qt"),
        ("gui", "gui/a.py", "import pyqtgraph"),
        ("benchmarks", "benchmarks/a.py", "run(['unmask.cli.main'])"),
        ("cli", "cli/a.py", "def run():\n    import timm"),
    ],
)
def test_the_check_sees_a_broken_rule(room: str, path: str, source: str) -> None:
    assert len(broken_rules(room, path, source)) == 1


@pytest.mark.parametrize(
    ("room", "path", "source"),
    [
        ("engines", "engines/a.py", "def f():\n    import torch"),
        ("engines", "engines/a.py", "def f():\n    importlib.import_module('torch')"),
        ("engines", "engines/a.py", "if TYPE_CHECKING:\n    import torch"),
        ("engines", "engines/a.py", "TABLE = {'torch': 'unmask.engines.torch_reference'}"),
        ("engines", "engines/a.py", "find_spec('unmask.detectors'), 'unmask.name'"),
        ("realtime", "realtime/faces/a.py", "from ..types import Frame\nfrom unmask.engines import engine"),
        ("training", "training/a.py", "from unmask.realtime.faces.crop import cut\nimport torch"),
        ("gui", "gui/a.py", "from unmask.engines.errors import UnmaskError"),
        ("gui", "gui/qt.py", "from PyQt6 import QtCore"),
        ("cli", "cli/a.py", "there = find_spec('PyQt6')"),
        ("gui", "gui/timeline/a.py", "import pyqtgraph"),
        ("benchmarks", "benchmarks/a.py", "run([sys.executable, '-m', 'unmask.cli.main', '--help'])"),
        ("cli", "cli/a.py", "from unmask.training import demo_clip"),
    ],
)
def test_the_check_lets_the_rest_pass(room: str, path: str, source: str) -> None:
    assert broken_rules(room, path, source) == []


def loaded_by(*rooms: str, first: Sequence[str] = ()) -> tuple[set[str], set[str]]:
    """The first part of the name of everything that a process holds once it imported the modules ``first``, and once
    it imported all modules of ``rooms``."""
    modules = [
        "unmask." + ".".join(path.with_suffix("").parts)
        for room in rooms
        for path in files_of(room)
        if path.name != "__init__.py"
    ]
    assert modules
    program = (
        "import importlib, sys\n"
        f"for names in {[*first]!r}, {modules!r}:\n"
        "    for name in names:\n        importlib.import_module(name)\n"
        "    print(*sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    early, late = ({name.partition(".")[0] for name in line.split()} for line in done.stdout.splitlines())
    assert "unmask" in late
    return early, late


def test_the_live_path_loads_neither_torch_nor_qt_and_what_watches_no_scipy() -> None:
    """SciPy would take half a second of every start; what brings it (InsightFace) is loaded when a finder opens."""
    watching = ("unmask.realtime.session", "unmask.realtime.detector")
    early, late = loaded_by("engines", "realtime", "cli", first=watching)
    assert not late & {*QT, *TORCH}
    assert "unmask" in early
    assert "scipy" not in early


def test_the_window_loads_no_torch() -> None:
    pytest.importorskip("PyQt6", reason="needs PyQt6 (the gui extra)")
    assert not loaded_by("gui")[1] & set(TORCH)
