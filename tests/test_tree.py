"""What holds for every file of the project, whatever it is about."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = {".py", ".sh", ".toml", ".txt", ".md", ".json", ".yml", ".yaml", ".html", ".css", ".js", ".cfg", ""}
MADE_HERE = {"build", "dist", "runs", "out", "__pycache__"}
LONGEST = 350

MACHINE_PATH = re.compile(r"(?<![\w.~/-])/(?:work|root|home/\w+|Users/\w+)/")
#: Hosts and options that say where packages come from: that is each machine's own business.
HOSTS = (r"pypi\.org", r"pythonhosted\.org", r"registry\.npmjs", r"download\.pytorch", r"deb\.debian\.org")
REGISTRY = re.compile("|".join((*HOSTS, r"--(?:extra-)?index-url", r"--find-links", r"/simple/")))


def project_files() -> list[str]:
    """Every text file of the project, relative to the root."""
    found: list[str] = []
    for folder, folders, names in os.walk(ROOT):
        hidden = {name for name in folders if name.startswith(".") and name != ".ci"}
        made = {name for name in folders if name in MADE_HERE or name.endswith(".egg-info")}
        folders[:] = [name for name in folders if name not in hidden | made]
        paths = (Path(folder, name).relative_to(ROOT) for name in names)
        found += [path.as_posix() for path in paths if path.suffix in TEXT]
    return sorted(found)


def lines_with(pattern: re.Pattern[str], text: str) -> list[str]:
    return [f"{number}: {line.strip()}" for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)]


def test_the_files_are_found() -> None:
    files = project_files()
    assert {"setup.py", "Makefile", ".ci/run", "cli/main.py", "tests/test_tree.py"} <= set(files)


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY], ids=["machine path", "registry address"])
def test_nothing_of_one_machine_is_written_down(pattern: re.Pattern[str]) -> None:
    wrong = [
        f"{name}:{line}"
        for name in project_files()
        if name != "tests/test_tree.py"
        for line in lines_with(pattern, (ROOT / name).read_text(encoding="utf-8"))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("pattern", "text", "hits"),
    [
        (MACHINE_PATH, "open('/home/ann/x')", 1),
        (MACHINE_PATH, "cd /Users/bob/thing\n/home/ann/x", 2),
        (MACHINE_PATH, "frames/work/x and ../work/y and unmask/root/z", 0),
        (REGISTRY, "pip install --index-url somewhere", 1),
        (REGISTRY, "https://files.pythonhosted.org/x", 1),
        (REGISTRY, "a simple/plain way", 0),
    ],
)
def test_the_patterns(pattern: re.Pattern[str], text: str, hits: int) -> None:
    assert len(lines_with(pattern, text)) == hits


def test_no_file_of_code_is_longer_than_a_subject() -> None:
    code = [name for name in project_files() if name.endswith((".py", ".sh")) or name == "Makefile"]
    lengths = {name: len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in code}
    assert not {name: length for name, length in lengths.items() if length > LONGEST}


def test_the_namespace_has_no_folder() -> None:
    assert not (ROOT / "unmask").exists()


def test_every_room_says_that_it_is_typed() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert {"realtime", "engines", "cli"} <= rooms
    assert {room for room in rooms if not (ROOT / room / "py.typed").is_file()} == set()


def test_every_folder_of_python_files_is_a_package() -> None:
    rooms = [path.parent for path in ROOT.glob("*/__init__.py")]
    folders = {path.parent for room in rooms for path in room.rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []
