"""docs/CLI.md against the parsers, in both directions; and every ``unmask ...`` line of all documents through them."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from unmask.cli.export import OTHERS
from unmask.cli.main import COMMANDS, build_parser

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "CLI.md"
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "benchmarks/*.md", "training/**/*.md", "detectors/*/*.md")
    for path in ROOT.glob(pattern)
)
#: Words in capitals that stand for something which the parser itself looks at.
STANDING_FOR = {"NUMBER": "1", "NUMBER...": "1", "WHAT": "latency", "COMMAND": "watch"}

Path_ = tuple[str, ...]


@cache
def parsers() -> dict[Path_, argparse.ArgumentParser]:
    """Every command that does something, by its words, with its own parser."""
    found: dict[Path_, argparse.ArgumentParser] = {}
    for name in COMMANDS:
        (commands,) = nested(build_parser(name))
        walk((name,), commands.choices[name], found)
    for name, (module, _) in OTHERS.items():
        parser = argparse.ArgumentParser(prog=f"unmask export {name}")
        importlib.import_module(module).add_arguments(parser)
        found["export", name] = parser
    return found


def nested(parser: argparse.ArgumentParser) -> list[argparse._SubParsersAction]:
    return [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]


def walk(words: Path_, parser: argparse.ArgumentParser, found: dict[Path_, argparse.ArgumentParser]) -> None:
    inner = nested(parser)
    if not inner:
        found[words] = parser
    for action in inner:
        for name, child in action.choices.items():
            walk((*words, name), child, found)


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """As the page writes them: ``--quick``, ``--json FILE``, ``--vote mean/majority``."""
    spelled = set()
    for action in parser._actions:
        if not action.option_strings or action.help == argparse.SUPPRESS or "--help" in action.option_strings:
            continue
        name = next(word for word in action.option_strings if word.startswith("--"))
        value = action.metavar or "/".join(map(str, action.choices or ())) or action.dest.upper()
        spelled.add(name if action.nargs == 0 else f"{name} {value}")
    return spelled


def places_of(parser: argparse.ArgumentParser) -> int:
    return sum(1 for action in parser._actions if not action.option_strings)


def spans(text: str) -> list[str]:
    return [span.replace("\\|", "|") for span in re.findall(r"`([^`]+)`", text)]


def command_of(span: str) -> tuple[Path_, list[str]] | None:
    """The command that ``unmask WORD WORD ARGUMENT`` names, and the rest; ``None`` where it names none."""
    words = span.split()
    if words[:1] != ["unmask"]:
        return None
    for length in range(len(words) - 1, 0, -1):
        if (path := tuple(words[1 : 1 + length])) in parsers():
            return path, words[1 + length :]
    return None


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


class Described:
    """What the page says: the options of every command, and how many arguments it has."""

    def __init__(self, text: str) -> None:
        self.options: dict[Path_, set[str]] = defaultdict(set)
        self.places: dict[Path_, int] = {}
        groups: dict[str, set[str]] = defaultdict(set)
        also: dict[Path_, set[str]] = defaultdict(set)
        for heading, body in re.findall(r"^##+ ([^\n]+)\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL):
            headed = self._commands(heading)
            named = list(headed)
            for table in re.findall(r"(?:^\|[^\n]*\n)+", body, re.MULTILINE):
                rowed = self._table(table, headed, groups[anchor(heading)])
                named += rowed
            for links in re.findall(r"Also (.*?)\.\n", body, re.DOTALL):
                for command in named:
                    also[command] |= set(re.findall(r"\(#([\w-]+)\)", links))
        for command, names in also.items():
            for name in names:
                assert groups[name], f"{' '.join(command)} takes the options of #{name}, and there are none"
                self.options[command] |= groups[name]

    def _commands(self, text: str) -> list[Path_]:
        named = [found for span in spans(text) if (found := command_of(span)) is not None]
        for command, rest in named:
            self.places[command] = len(rest)
            self.options[command] |= set()
        return [command for command, _ in named]

    def _table(self, table: str, headed: list[Path_], group: set[str]) -> list[Path_]:
        """Rows that name commands have those commands' own options; the others belong to all that the table names,
        else to those of the heading, else to whoever refers to the section."""
        shared: set[str] = set()
        rowed: list[Path_] = []
        for row in table.splitlines():
            first = re.split(r"(?<!\\)\|", row)[1]
            commands = self._commands(first)
            if commands:
                own = {span for span in spans(row) if span.startswith("--")}
                for command in commands:
                    self.options[command] |= own
                rowed += commands
            else:
                shared |= {span for span in spans(first) if span.startswith("--")}
        for command in rowed or headed:
            self.options[command] |= shared
        if not rowed and not headed:
            group |= shared
        return rowed


@cache
def described() -> Described:
    return Described(PAGE.read_text(encoding="utf-8"))


def test_every_command_is_on_the_page_and_no_other() -> None:
    assert set(described().options) == set(parsers())


@pytest.mark.parametrize("command", parsers(), ids=" ".join)
def test_every_option_of_a_command_is_on_the_page_and_no_other(command: Path_) -> None:
    there, written = options_of(parsers()[command]), described().options[command]
    assert sorted(there - written) == [], "docs/CLI.md lacks these"
    assert sorted(written - there) == [], "docs/CLI.md has these, and the command does not"
    assert described().places[command] == places_of(parsers()[command]), "the arguments"


def test_the_page_is_read_as_it_is_meant() -> None:
    small = Described(
        "## Faces\n\n| | |\n|---|---|\n| `--face-size PX` | size |\n\n"
        "## `unmask sources`\n\nText `--no`.\n\n| | |\n|---|---|\n| `--json` | not `--this` |\n\nAlso [f](#faces).\n"
    )
    assert small.options == {("sources",): {"--json", "--face-size PX"}}
    assert small.places == {("sources",): 0}


def lines_of(text: str) -> Iterator[tuple[str, bool]]:
    """Every ``unmask ...`` in code, and whether it is whole: a line of a block is, a span need not be."""
    whole = re.sub(r"\\\n\s*", " ", text)
    fenced = re.findall(r"^```[^\n]*\n(.*?)^```", whole, re.MULTILINE | re.DOTALL)
    plain = re.sub(r"^```.*?^```", "", whole, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^ {4}([^\n]+)", plain, re.MULTILINE)
    for line in [line for block in fenced for line in block.splitlines()] + indented:
        if found := re.match(r"\s*(?:\$ )?(unmask .*)", line):
            yield found[1], True
    yield from ((span, False) for span in spans(plain) if span.startswith("unmask "))


def complaint(line: str, whole: bool, capsys: pytest.CaptureFixture[str]) -> str:
    """What the argument parser has against a line; "" where it takes it. Nothing is run."""
    words = [STANDING_FOR.get(word, word) for word in shlex.split(line, comments=True)[1:] if word not in ("...", "…")]
    if any(path[: len(words)] == tuple(words) for path in parsers()):
        return ""  # the name of a command, or of several
    name = next((word for word in words if not word.startswith("-")), None)
    if name is not None and name not in COMMANDS:
        return f"{line}: there is no command {name}"
    try:
        build_parser(name).parse_args([word for word in words if word != "--debug"])
    except SystemExit as left:
        said = capsys.readouterr().err.strip()
        lacks = re.search(r"are required|is required|expected (at least )?one argument", said)
        return f"{line}: {said}" if left.code and (whole or not lacks) else ""
    return ""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_line_of_a_document_is_understood(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = dict.fromkeys(lines_of(document.read_text(encoding="utf-8")))
    wrong = [said for line, whole in lines if (said := complaint(line, whole, capsys))]
    assert not wrong, "\n".join(wrong)


def test_lines_are_found_in_blocks_and_in_spans(capsys: pytest.CaptureFixture[str]) -> None:
    text = "Use `unmask doctor`.\n\n```sh\n$ unmask scan a \\\n   --crops   # why\n```\n\n    unmask watch --nonsense\n"
    lines = [(line.split("#")[0].split(), whole) for line, whole in lines_of(text)]
    assert lines == [
        (["unmask", "scan", "a", "--crops"], True),
        (["unmask", "watch", "--nonsense"], True),
        (["unmask", "doctor"], False),
    ]


@pytest.mark.parametrize(
    ("line", "whole", "said"),
    [
        ("unmask scan a --crops   # why", True, ""),
        ("unmask export wrap MODEL.onnx", False, ""),
        ("unmask export wrap MODEL.onnx", True, "--out"),
        ("unmask scan clip.mp4 --crobs", False, "--crobs"),
        ("unmask watch --nonsense", False, "--nonsense"),
        ("unmask wach", True, "no command wach"),
        ("unmask history delete NUMBER...", True, ""),
    ],
)
def test_a_line_that_does_not_parse_is_seen(
    line: str, whole: bool, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    complained = complaint(line, whole, capsys)
    assert said in complained
    assert bool(said) == bool(complained)
