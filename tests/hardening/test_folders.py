"""Folders and names made to harm: circles of links, folders that nobody may look into, pipes and devices, bytes that
are no letters, names that are commands."""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hostile_files import nothing_stays_in, sentence
from rich.console import Console

from unmask.cli.main import main
from unmask.cli.scan import scan_all
from unmask.engines.errors import UsageError
from unmask.realtime.scan.items import ScanItem, expand
from unmask.realtime.scan.results import ItemFinding, unreadable
from unmask.realtime.scan.scanner import Scanner
from unmask.realtime.scan.table import findings_table
from unmask.realtime.sources.registry import SourceOptions, make_source

PNG = cv2.imencode(".png", np.full((8, 8, 3), 128, np.uint8))[1].tobytes()
OPTIONS = SourceOptions()


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PNG)
    return path


def problems(items: list[ScanItem]) -> dict[str, str]:
    """Name -> the sentence of opening it, "" where it is looked at."""
    found = {}
    for item in items:
        error = item.error
        if item.make is not None:
            source = item.make()
            try:
                source.open()
                assert source.read() is not None
            except Exception as raised:
                error = sentence(raised)
            finally:
                source.close()
        found[Path(item.path).name] = sentence(error) if error else ""
    return found


def test_links_that_lead_round_in_a_circle_end(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    put(tmp_path / "deep" / "b.png")
    (tmp_path / "deep" / "up").symlink_to(tmp_path)
    (tmp_path / "self.png").symlink_to("self.png")
    (tmp_path / "one.png").symlink_to("two.png")
    (tmp_path / "two.png").symlink_to("one.png")
    found = problems(expand([str(tmp_path)], OPTIONS))
    assert sorted(name for name, error in found.items() if not error) == ["a.png", "b.png"]
    assert sorted(name for name, error in found.items() if error) == ["one.png", "self.png", "two.png"]


def test_a_circle_as_the_folder_itself(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to("round")
    (item,) = expand([str(tmp_path / "round")], OPTIONS)
    assert "is no path that can be read" in sentence(item.error)


@pytest.fixture
def very_deep(tmp_path: Path) -> Iterator[Path]:
    """Deeper than Python's stack, with a picture at its end; removed by a program that can."""
    if shutil.which("rm") is None:
        pytest.skip("needs rm to remove a tree as deep as that")
    folder = tmp_path / "tree"
    folder.mkdir()
    place = folder
    for _ in range(1000):
        place /= "d"
        place.mkdir()
    put(place / "b.png")
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_a_tree_that_is_very_deep(very_deep: Path) -> None:
    assert problems(expand([str(very_deep)], OPTIONS)) == {"b.png": ""}


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of folders that nobody may list; the superuser may list all real ones."""
    names: set[str] = set()
    scandir = os.scandir

    def denied(path: Any = ".") -> Any:
        if os.path.basename(os.fspath(path)) in names:
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    return names


def test_a_folder_that_nobody_may_look_into_is_named_and_spoils_nothing(tmp_path: Path, closed: set[str]) -> None:
    put(tmp_path / "a.png")
    put(tmp_path / "secret" / "b.png")
    closed.add("secret")
    found = problems(expand([str(tmp_path)], OPTIONS))
    assert found["a.png"] == ""
    assert "secret cannot be listed (Permission denied); check its permissions." in found["secret"]
    closed.add(tmp_path.name)
    (item,) = expand([str(tmp_path)], OPTIONS)
    assert "cannot be listed" in sentence(item.error)


def test_a_folder_that_may_be_listed_but_not_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files have names and nothing more: each is an item with its error."""
    put(tmp_path / "a.png")
    put(tmp_path / "half" / "b.png")
    stat = Path.stat

    def denied(self: Path, **options: bool) -> os.stat_result:
        if self.parent.name == "half":
            raise PermissionError(13, "Permission denied", str(self))
        return stat(self, **options)

    monkeypatch.setattr(Path, "stat", denied)
    found = problems(expand([str(tmp_path)], OPTIONS))
    assert found["a.png"] == ""
    assert "b.png may not be read; check its permissions." in found["b.png"]


@pytest.fixture
def odd_things(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "odd"
    put(folder / "a.png")
    for name in ("pipe.png", "pipe.mp4"):
        if hasattr(os, "mkfifo"):
            os.mkfifo(folder / name)
    if Path("/dev/zero").exists():
        (folder / "zero.png").symlink_to("/dev/zero")
        (folder / "zero.mp4").symlink_to("/dev/zero")
    (folder / "gone.png").symlink_to("nowhere")
    (folder / "folder.png").mkdir()
    with socket.socket(socket.AF_UNIX) if hasattr(socket, "AF_UNIX") else socket.socket() as server:
        if hasattr(socket, "AF_UNIX"):
            server.bind(os.path.relpath(folder / "talk.mp4"))
        yield folder


def test_pipes_devices_and_sockets_are_named_and_never_waited_for(odd_things: Path) -> None:
    with nothing_stays_in(odd_things):
        found = problems(expand([str(odd_things)], OPTIONS))
    assert found.pop("a.png") == ""
    assert found
    assert all(found.values()), found
    for name in found:
        (item,) = expand([str(odd_things / name)], OPTIONS)
        assert all(problems([item]).values())


def test_a_folder_as_frames_passes_over_what_is_no_file(odd_things: Path) -> None:
    items = expand([str(odd_things)], OPTIONS, sequence=True)
    assert [item.kind for item in items if item.path == str(odd_things)] == ["frames"]
    assert problems([item for item in items if item.kind == "frames"]) == {"odd": ""}


@pytest.mark.parametrize(
    "name",
    ["x" * 5000, "~nobody-of-that-name/a.png", "a\0b.png", "\udcff.png", "\x1b[2J", "/dev/null/a.png", "x/" * 3000],
)
def test_a_path_that_is_none(name: str) -> None:
    (item,) = expand([name], OPTIONS)
    sentence(item.error)
    with pytest.raises(UsageError) as caught:
        make_source(name)
    assert str(caught.value).endswith(".")
    assert str(caught.value).isprintable()


def test_a_name_that_is_no_unicode_is_looked_at(tmp_path: Path) -> None:
    name = b"\xff\xfe.png".decode("utf-8", "surrogateescape")
    put(tmp_path / name)
    assert problems(expand([str(tmp_path)], OPTIONS)) == {name: ""}


COMMANDS = (
    "\x1b[2J",
    "\x1b]0;x\x07",
    "a\nb",
    "a\rb",
    "\u202egnp",
    "[/red]",
    "[red]x[/blue]",
    "[link=file:///]x",
    ":bomb:",
)


def shown(thing: Any) -> str:
    out = io.StringIO()
    Console(file=out, force_terminal=True, width=200, color_system=None).print(thing)
    return out.getvalue()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_name_that_is_a_command_is_only_shown(tmp_path: Path, name: str) -> None:
    path = put(tmp_path / f"{name}.png")
    finding = unreadable(str(path), "image", f"{name} is damaged.")
    table = shown(findings_table([finding, unreadable("b.png", "image", "")]))
    assert not any(letter in table for letter in ("\x1b", "\x07", "\r", "\u202e"))
    assert "damaged" in table
    if "[" in name and "\x1b" not in name:
        assert name in table


class NoScanner(Scanner):
    """Says of each item that it could not be read."""

    def __init__(self) -> None:
        pass

    def scan(self, item: ScanItem, progress: Any = None, observe: Any = None) -> ItemFinding:
        progress(0.5)
        return unreadable(item.path, item.kind, "not here.")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_bar_of_a_scan_takes_any_name(name: str) -> None:
    """On a terminal the name of each file is drawn: brackets in it are no markup."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=200)
    items = [ScanItem(f"/videos/{name}.mp4", "video", None, "x"), ScanItem("b.mp4", "video", None, "x")]
    kept: list[ItemFinding] = []
    assert len(scan_all(NoScanner(), items, console, kept.append)) == len(kept) == 2
    assert "\x1b]0;x" not in out.getvalue()
    assert "\x07" not in out.getvalue()


def test_what_a_scan_says_of_such_names_steers_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "\x1b[2Ja.png").write_bytes(b"no picture")
    (tmp_path / "b\x1b]0;x\x07.zip").write_bytes(b"no zip")
    arguments = ["--face-finder", "cascade", "--detector", "unmask-lite", "--history"]
    assert main(["scan", *map(str, sorted(tmp_path.iterdir())), *arguments]) == 2
    assert main(["history", "list"]) == 0
    assert main(["history", "show", "1"]) == 0
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert "not a picture" in said.out
    assert r"\x1b[2Ja.png" in said.out
