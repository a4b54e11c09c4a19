"""The documents: what they link to is there, and so is every file, test, module and make target that they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MADE_HERE = {"build", "dist", "runs", "out", "node_modules"}
ROOMS = (
    "realtime",
    "engines",
    "export",
    "training",
    "gui",
    "benchmarks",
    "detectors",
    "cli",
    "tests",
    "scripts",
    "docs",
)


def documents() -> list[Path]:
    found = []
    for path in ROOT.rglob("*.md"):
        parts = path.relative_to(ROOT).parts
        if not any(part.startswith(".") or part in MADE_HERE or part.endswith(".egg-info") for part in parts[:-1]):
            found.append(path)
    return sorted(found)


DOCUMENTS = documents()
each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[path.relative_to(ROOT).as_posix() for path in DOCUMENTS]
)


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """The names that GitHub gives the headings: lower case, no punctuation, dashes for spaces, -1 for the second."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+?)\s*$", without_blocks(text), re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = 0
        while (named := name if not number else f"{name}-{number}") in found:
            number += 1
        found.add(named)
    return found


def broken_links(text: str, document: Path) -> list[str]:
    """Relative links of ``text`` that lead nowhere, pictures among them."""
    wrong = []
    plain = re.sub(r"`[^`\n]*`", "", without_blocks(text))
    for target in re.findall(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)", plain):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (document.parent / name).resolve() if name else document
        if name and not (file.exists() and file.is_relative_to(ROOT)):
            wrong.append(f"{target}: there is no such file")
        elif anchor and anchor not in anchors(file.read_text(encoding="utf-8") if name else text):
            wrong.append(f"{target}: there is no such heading")
    return wrong


def missing_names(text: str) -> list[str]:
    """Files, tests and modules of the project that are named in code spans and are not there."""
    # What a page tells the reader to make begins a block of its own: "# cli/faces.py".
    to_make = set(re.findall(r"^```\w+\n# (\S+)$", text, re.MULTILINE))
    wrong = []
    for span in re.findall(r"`([^`\n]+)`", without_blocks(text)):
        name, _, test = span.partition("::")
        if re.fullmatch(rf"(?:{'|'.join(ROOMS)})/[\w./-]+", name) and name not in to_make and "NAME" not in name:
            file = ROOT / name
            if not file.exists():
                wrong.append(f"{span}: there is no such file")
            elif test and not re.search(rf"def {re.escape(test)}\b", file.read_text(encoding="utf-8")):
                wrong.append(f"{span}: there is no such test")
    for module in re.findall(r"python -m unmask\.([\w.]+)", text):
        path = ROOT / module.replace(".", "/")
        if not path.with_suffix(".py").is_file() and not (path / "__main__.py").is_file():
            wrong.append(f"python -m unmask.{module}: there is no such module")
    return wrong


@each_document
def test_every_link_leads_somewhere(document: Path) -> None:
    wrong = broken_links(document.read_text(encoding="utf-8"), document)
    assert not wrong, "\n".join(wrong)


@each_document
def test_what_is_named_is_there(document: Path) -> None:
    wrong = missing_names(document.read_text(encoding="utf-8"))
    assert not wrong, "\n".join(wrong)


@each_document
def test_every_make_target_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z-]+)", text)) | set(re.findall(r"^\s*make ([a-z-]+)", text, re.MULTILINE))
    assert named <= targets


def test_the_index_names_every_document_of_its_folder() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([\w./-]+\.md)\)", index))
    assert {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"} <= linked
    others = {path.relative_to(ROOT) for path in DOCUMENTS if path.parent != ROOT / "docs"}
    assert {f"../{path.as_posix()}" for path in others} - linked == set()


def test_the_front_page_is_read_in_three_minutes() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 130
    assert text.count("![") == 3
    assert "make demo" in text
    assert "make test" in text


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("[a](README.md) and ![p](docs/README.md)", 0),
        ("[a](nowhere.md)", 1),
        ("[a](../outside.md)", 1),
        ("# Two words, and `code`\n[a](#two-words-and-code)", 0),
        ("# One\n# One\n[a](#one-1) [b](#one-2)", 1),
        ("[a](https://example.org/nowhere.md) `[b](nowhere.md)`", 0),
        ("```\n[a](nowhere.md)\n```", 0),
    ],
)
def test_a_broken_link_is_seen(text: str, complaints: int) -> None:
    assert len(broken_links(text, ROOT / "some.md")) == complaints


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("`cli/main.py`, `tests/test_documents.py::test_a_broken_link_is_seen`, `cli/`", 0),
        ("`cli/nothing.py`", 1),
        ("`tests/test_documents.py::test_nothing`", 1),
        ("`cli/mine.py`\n```python\n# cli/mine.py\n```", 0),
        ("python -m unmask.cli.main", 0),
        ("python -m unmask.cli.nothing", 1),
    ],
)
def test_a_name_of_nothing_is_seen(text: str, complaints: int) -> None:
    assert len(missing_names(text)) == complaints
