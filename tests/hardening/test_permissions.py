"""Who may read what is written, and what is there when the writing is interrupted."""

from __future__ import annotations

import ast
import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from unmask.engines.errors import UsageError
from unmask.realtime.sinks.video import VideoSink
from unmask.realtime.writing import write_new, write_whole

ROOT = Path(__file__).resolve().parents[2]
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has rights of another kind")

#: Every call in these rooms that writes a file, other than through realtime/writing.py, and why it may: an interruption
#: must leave no part of a file under its name. (SQLite keeps the history whole, and Qt writes settings beside the old.)
ROOMS = ("engines", "realtime", "gui", "cli", "export", "benchmarks")
IN_PLACE = {
    "realtime/sinks/jsonl.py open": "lines are appended and flushed one by one; each that is there is whole",
    "realtime/writing.py fdopen": "the part beside the file, then renamed",
    "engines/choice_memory.py fdopen": "the same",
    "engines/built_cache.py fdopen": "the same",
    "realtime/sinks/video.py FileIO": "a part beside the recording, renamed at its end; fragments play up to the last",
    "realtime/sources/archive.py open": "a folder of its own in the temporary one, deleted with it",
    "realtime/faces/models.py open": "a folder of its own, from which the checked file is renamed",
    "realtime/writing.py write_bytes": "a pipe or a device, which cannot be renamed to",
    "gui/alerts/sound.py write_bytes": "a folder of its own in the temporary one, deleted with it",
    "gui/translations/ts.py write_text": "made by developers, beside the sources",
    "gui/translations/compile.py write_bytes": "made by developers, beside the sources",
    "export/package_writer.py write_bytes": "a folder beside the package, which takes its place when it is complete",
    "export/package_writer.py write_text": "the same",
    "export/triton.py write_bytes": "a folder beside the repository, which takes its name when it is complete",
    "export/measure.py write_bytes": "a temporary folder",
    "export/quantiser.py write_bytes": "a temporary folder",
    "export/zoo_table.py write_bytes": "a temporary folder",
    "benchmarks/other_size.py write_bytes": "a temporary folder",
    "benchmarks/watch_command.py open": "a temporary folder",
    "benchmarks/plots.py savefig": "into memory",
}
OPENING = ("open", "fdopen", "FileIO")
WRITING = ("write_text", "write_bytes", "imwrite", "savefig", "save", "savez", "savetxt", "dump", "tofile", "touch")
_MAYBE = re.compile(
    r"(?:open|FileIO)\(.{0,120}?['\"][wxa]|\.(?:write_text|write_bytes|imwrite|save\w*|dump|tofile|touch)\(", re.DOTALL
)


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
@pytest.mark.usefixtures("umask")
def test_what_a_person_names_gets_the_rights_of_their_umask(tmp_path: Path) -> None:
    write_whole(tmp_path / "new.json", "text")
    write_new(tmp_path / "picture.png", b"data")
    assert (rights(tmp_path / "new.json"), rights(tmp_path / "picture.png")) == (0o640, 0o640)


@posix
@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_a_file_that_is_replaced_hands_on_its_rights(tmp_path: Path, mode: int) -> None:
    target = tmp_path / "out.json"
    target.write_text("before")
    target.chmod(mode)
    write_whole(target, "after")
    assert (target.read_text(), rights(target)) == ("after", mode)


def test_no_part_is_left_and_what_was_there_stays_where_the_disk_is_full(tmp_path: Path, monkeypatch) -> None:
    target = tmp_path / "out.json"
    target.write_text("before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UsageError, match=r"out\.json: No space left on device"):
        write_whole(target, "after")
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
    assert target.read_text() == "before"


def test_a_new_file_is_never_written_over_another_and_appears_whole(tmp_path: Path, monkeypatch) -> None:
    write_new(tmp_path / "a.png", b"first")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "a.png", b"second")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_new(tmp_path / "b.png", b"third")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.png", b"first")]


@posix
def test_a_recording_follows_no_link_that_somebody_else_put_there(tmp_path: Path) -> None:
    """The name of its part can be guessed; in a folder for all, anybody could make it a link to a file of ours."""
    from fakes import picture
    from updates import update

    theirs = tmp_path / "diary.txt"
    theirs.write_text("mine")
    sink = VideoSink(tmp_path / "out.mp4", "fake")
    (tmp_path / ".out.part.mp4").symlink_to(theirs)
    for number in range(1, 4):
        sink.take(update(number / 10, sequence=number, source_id="fake", image=picture()))
    sink.close()
    assert theirs.read_text() == "mine"
    assert (tmp_path / "out.mp4").stat().st_size > 1000
    assert not (tmp_path / "out.mp4").is_symlink()


def calls_that_write(path: Path) -> Iterator[str]:
    """``FILE METHOD`` for every call in it that writes a file by its name."""
    source = path.read_text(encoding="utf-8")
    if not _MAYBE.search(source):  # most need not be parsed
        return
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        words = [
            each.value for each in (*node.args, *(one.value for one in node.keywords)) if isinstance(each, ast.Constant)
        ]
        modes = [word for word in words if isinstance(word, str) and 0 < len(word) <= 3 and set(word) <= set("wxabt+")]
        given_a_file = bool(node.args) and not isinstance(node.func, ast.Name)
        if (name in OPENING and modes and not _in_memory(node)) or (
            name in WRITING and given_a_file and _by_name(node)
        ):
            yield f"{path.relative_to(ROOT).as_posix()} {name}"


def _in_memory(node: ast.Call) -> bool:
    """``wave.open(file, "wb")``, ``av.open(self._file, "w")``: a file that is open already."""
    first = node.args[0] if node.args else None
    return isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) in ("av", "wave") and first is not None


def _by_name(node: ast.Call) -> bool:
    """``painter.save()`` writes nothing by a name; ``image.save(buffer, ...)`` writes into memory."""
    return not ast.unparse(node.args[0]).startswith(("buffer", "file")) or ast.unparse(node.func).endswith("savefig")


def test_nothing_is_written_in_place_but_what_may_be() -> None:
    found = {call for room in ROOMS for path in (ROOT / room).rglob("*.py") for call in calls_that_write(path)}
    assert found - set(IN_PLACE) == set(), "write it with realtime/writing.py, or say here why not"
    assert set(IN_PLACE) - found == set(), "no longer there"
