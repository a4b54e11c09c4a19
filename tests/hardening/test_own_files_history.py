"""The history in a stranger's hands: damaged rows, other tables, what is no file. Damaged files, older and newer ones,
full disks and several processes at once are in tests/realtime/history/test_store.py."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest
from fuzz_targets import try_some
from history import add_scan, add_session
from hostile_files import nothing_stays_in, sentence
from sound_files import sound_history

from unmask.cli.main import main
from unmask.realtime.history.opening import history_file
from unmask.realtime.history.records import HistoryError
from unmask.realtime.history.store import History


@pytest.mark.parametrize(("name", "examples"), [("history", 30), ("history-rows", 30)])
def test_other_contents_give_a_sentence_or_something_that_can_be_used(tmp_path: Path, name: str, examples: int) -> None:
    try_some(name, tmp_path, examples)


@pytest.fixture
def file() -> Path:
    """The person's history, with a session and two scans."""
    with History() as history:
        add_session(history, alarms=1)
        add_scan(history, "/videos/a.mp4")
        add_scan(history, "/videos/b.mp4")
    return history_file()


def change(file: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute(statement, values)
    connection.commit()
    connection.close()


DAMAGE = {
    "no verdict": ("UPDATE entries SET verdict = 'real' WHERE id = 2", "kind or its verdict"),
    "no time": ("UPDATE entries SET at = 9e99 WHERE id = 2", "its time is no"),
    "a time before all": ("UPDATE entries SET at = -1e11 WHERE id = 2", "its time is no"),
    "bytes for a title": ("UPDATE entries SET title = x'00ff' WHERE id = 2", "its title is no text"),
    "causes that are no list": ("UPDATE entries SET causes = '{}' WHERE id = 2", "the causes is no list"),
    "causes that are no JSON": ("UPDATE entries SET causes = '[' WHERE id = 2", "the causes is not JSON"),
    "a word for a score": ("UPDATE entries SET score = 'high' WHERE id = 2", "its score is no number"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_one_damaged_entry_is_listed_as_such_and_can_be_deleted(
    file: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    statement, words = DAMAGE[name]
    change(file, statement)
    assert main(["history", "list"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "damaged" in said
    assert "/videos/b.mp4" in said
    assert main(["history", "show", "2"]) == 2
    assert words in sentence(capsys.readouterr().err.strip())
    assert main(["history", "export", str(file.parent / "all.json")]) == 0
    exported = json.loads((file.parent / "all.json").read_text())["entries"]
    assert sorted(entry["number"] for entry in exported) == [1, 2, 3]
    assert words in next(entry["damaged"] for entry in exported if entry["number"] == 2)
    assert main(["history", "export", str(file.parent / "all.csv")]) == 0
    assert main(["history", "delete", "2"]) == 0
    assert main(["history", "delete", "2"]) == 2
    with History(file) as history:
        assert sorted(entry.entry_id for entry in history.entries()) == [1, 3]


PARTS = {
    "UPDATE scans SET finding = '[1]' WHERE id = 2": "the finding is no table",
    "UPDATE scans SET finding = '{\"faces\": [{}]}' WHERE id = 2": "a face's number is no whole number",
    "UPDATE scans SET size = 'large' WHERE id = 2": "its size is no whole number",
    "DELETE FROM scans WHERE id = 2": "half of it is missing",
    "UPDATE entries SET judging = '{}' WHERE id = 2": "what judged has other fields",
    'UPDATE entries SET judging = \'{"detector": "x", "threshold": "y"}\' WHERE id = 2': "threshold of what judged",
}


@pytest.mark.parametrize("statement", PARTS)
def test_one_damaged_part_is_named(file: Path, statement: str) -> None:
    change(file, statement)
    with History(file) as history:
        assert len(history.entries()) == 3
        with pytest.raises(HistoryError, match=PARTS[statement]) as caught:
            history.record(2)
        assert "unmask history delete 2" in sentence(caught.value)
        assert history.delete([2]) == 1


def test_pages_of_a_list_with_damaged_times_end_and_lack_nothing(file: Path) -> None:
    change(file, "UPDATE entries SET at = 9e99 WHERE id = 2")
    change(file, "UPDATE entries SET at = 'soon' WHERE id = 3")
    with History(file) as history:
        found, last = [], None
        while page := history.entries(limit=1, after=last):
            found.append(page[0].entry_id)
            last = page[0]
            assert len(found) <= 3
        assert sorted(found) == [1, 2, 3]


STRANGE = {
    "another program's tables": "CREATE TABLE songs (name TEXT); PRAGMA user_version = 2",
    "half of the tables": "CREATE TABLE entries (id INTEGER PRIMARY KEY); PRAGMA user_version = 2",
    "tables before their time": "CREATE TABLE entries (id INTEGER PRIMARY KEY)",
    "a version below all": "CREATE TABLE entries (id INTEGER PRIMARY KEY); PRAGMA user_version = -5",
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_database_that_is_no_history_is_set_aside(tmp_path: Path, name: str) -> None:
    path = tmp_path / "history.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(STRANGE[name])
    connection.close()
    with History(path) as history:
        assert "kept as history.sqlite.broken" in sentence(history.notice)
        assert add_scan(history) == 1
    assert History(path).notice == ""


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW endless AS WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n",
        "CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END",
    ],
)
def test_a_history_with_more_than_tables_is_set_aside(file: Path, statement: str) -> None:
    change(file, statement)
    with History(file) as history:
        assert "which is no table" in sentence(history.notice)
        assert history.count() == 0


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "gone"])
def test_what_is_no_file_is_no_history(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "history.sqlite"
    match kind:
        case "pipe" if hasattr(os, "mkfifo"):
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "device" if Path("/dev/zero").exists():
            path.symlink_to("/dev/zero")
        case "gone":
            path.symlink_to(tmp_path / "nowhere")
        case _:
            pytest.skip(f"this system has no {kind} of that kind")
    with nothing_stays_in(tmp_path), pytest.raises(HistoryError) as caught:
        History(path)
    assert "not an ordinary file" in sentence(caught.value)


def test_letters_that_are_none_cost_themselves(file: Path) -> None:
    change(file, "UPDATE entries SET title = CAST(x'61ff62' AS TEXT) WHERE id = 2")
    with History(file) as history:
        assert [entry.title for entry in history.entries()] == [
            "/videos/b.mp4",
            "a\N{REPLACEMENT CHARACTER}b",
            "camera:0",
        ]


def test_tables_whose_names_are_no_text_are_damage(file: Path) -> None:
    """Found by fuzzing: what SQLite says of such a file cannot even be read."""
    raw = sound_history().replace(b"indexentries_by_time", b"index\x80ntries_by_time", 1)
    assert raw != sound_history()
    file.write_bytes(raw)
    with pytest.raises(UnicodeDecodeError):
        sqlite3.connect(file).execute("PRAGMA journal_mode")
    with History(file) as history:
        assert "kept as history.sqlite.broken" in sentence(history.notice)


def test_an_index_that_tells_of_other_rows_is_damage(file: Path) -> None:
    """Found by fuzzing: SQLite's quick check passes it, and the list by pages would end before its last row."""
    raw = sound_history()
    at = (1_000_000).to_bytes(3, "big")
    assert raw.count(at) > 1
    file.write_bytes(raw.replace(at, (1_000_001).to_bytes(3, "big"), 1))
    with History(file) as history:
        assert "missing from index" in sentence(history.notice)
        assert history.count() == 0
