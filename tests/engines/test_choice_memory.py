"""What ``auto`` remembers, byte by byte: its limits on either side, and nothing half-written is left."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from unmask.engines import choice_memory
from unmask.engines.choice_memory import MAX_BYTES, Measured, memory_file, recall, remember

ROWS = (Measured("ort-cpu", 1.25, 1.5), Measured("fast", 0.5, 0.75, 0.001))
KEY = {"model": "aa", "gpu": "none"}
NAMES = ["ort-cpu", "fast"]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "engine-choice" / "x.json"
    assert remember(path, KEY, ROWS, "2026-01-31") == ""
    return path


def edited(path: Path, **changes: object) -> str:
    """The problem with the file once these of its fields are changed."""
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")
    return recall(path, KEY, NAMES).problem


def row(**changes: object) -> dict[str, object]:
    return {"engine": "fast", "wall_ms": 1.0, "cpu_ms": 1.0, "difference": None, "problem": ""} | changes


def test_the_file_is_named_by_the_model_and_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = memory_file(tmp_path, "0123456789abcdef" * 4, "fp32-1-16")
    assert path == tmp_path / "engine-choice" / "0123456789abcdef-fp32-1-16.json"
    assert memory_file(tmp_path, "0123456789abcdef" + "0" * 48, "fp32-1-16") == path
    assert memory_file(tmp_path, "0123456789abcdeF" * 4, "fp32-1-16") != path
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if os.name == "posix":
        assert memory_file(None, "a" * 64, "x").parent == tmp_path / "cache" / "unmask" / "engine-choice"


def test_it_comes_back_as_it_was(kept: Path) -> None:
    found = recall(kept, KEY, NAMES)
    assert (found.rows, found.when, found.problem) == (ROWS, "2026-01-31", "")


def test_nothing_kept_is_no_problem(tmp_path: Path) -> None:
    found = recall(tmp_path / "none.json", KEY, NAMES)
    assert (found.rows, found.when, found.problem) == ((), "", "")


@pytest.mark.skipif(os.name != "posix", reason="Windows has other file rights")
def test_only_its_owner_reads_it(kept: Path) -> None:
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


def test_another_key_or_other_engines_are_said(kept: Path) -> None:
    changed = recall(kept, KEY | {"gpu": "H100", "model": "bb"}, NAMES)
    assert (changed.rows, changed.problem) == ((), "model aa is now bb; gpu none is now H100")
    for names in (["fast", "ort-cpu"], ["ort-cpu"], [*NAMES, "more"]):
        found = recall(kept, KEY, names)
        assert (found.rows, found.problem) == ((), f"{kept} is damaged (it tells of other engines than it says)")


def test_a_file_may_be_as_long_as_the_limit_and_no_longer(kept: Path) -> None:
    raw = kept.read_bytes()
    kept.write_bytes(raw + b" " * (MAX_BYTES - len(raw)))
    assert recall(kept, KEY, NAMES).rows == ROWS
    kept.write_bytes(raw + b" " * (MAX_BYTES + 1 - len(raw)))
    assert recall(kept, KEY, NAMES).problem == f"{kept} is damaged (it is larger than 64 KiB)"


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"format": "1"},
        {"when": "2026-1-31"},
        {"when": "2026-01-31 "},
        {"key": {"model": 1}},
        {"extra": 1},
        {"rows": []},
        {"rows": [row()] * 33},
        {"rows": [row(engine="")]},
        {"rows": [row(engine="x" * 33)]},
        {"rows": [row(engine="../up")]},
        {"rows": [row(wall_ms=-0.001)]},
        {"rows": [row(cpu_ms=1.0001e7)]},
        {"rows": [row(wall_ms="1")]},
        {"rows": [row(problem="x" * 2001)]},
        {"rows": [row(more=1)]},
        {"rows": [row(wall_ms=None)]},
    ],
)
def test_what_breaks_a_rule_is_damage(kept: Path, changes: dict[str, object]) -> None:
    problem = edited(kept, **changes)
    assert problem.startswith(f"{kept} is damaged (")
    assert "\n" not in problem
    assert "Value error" not in problem
    assert "other engines" not in problem, "refused for what it is, and not by the next check"


def test_what_just_keeps_the_rules_is_none(kept: Path) -> None:
    least = row(engine="x", wall_ms=0.0, cpu_ms=1e7, problem="x" * 2000)
    most = [row(engine="y" * 32)] * 31
    assert "other engines" in edited(kept, rows=[least, *most])


def test_numbers_that_are_none_are_damage(kept: Path) -> None:
    for number in ("NaN", "Infinity"):
        kept.write_text(kept.read_text(encoding="utf-8").replace("1.25", number), encoding="utf-8")
        assert "is damaged" in recall(kept, KEY, NAMES).problem
        assert remember(kept, KEY, ROWS, "2026-01-31") == ""


def test_a_long_complaint_is_cut_where_it_may_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for length in (2000, 5000):
        assert remember(path, KEY, (ROWS[0], Measured("fast", problem="x" * length)), "2026-01-31") == ""
        assert recall(path, KEY, NAMES).rows == (ROWS[0], Measured("fast", problem="x" * 2000))


def test_a_measurement_that_found_nothing_is_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    assert remember(path, KEY, (Measured("ort-cpu", problem="no"), Measured("fast", problem="no")), "2026-01-31") == ""
    found = recall(path, KEY, NAMES)
    assert (found.rows, found.problem) == ((), f"{path} is damaged (it tells of no engine that runs)")


def test_the_reason_for_damage_is_short_and_on_one_line(kept: Path) -> None:
    problem = edited(kept, when="x" * 5000, rows=[row(engine="y" * 5000)])
    assert len(problem) < len(str(kept)) + 140


def test_a_full_disk_is_told_and_leaves_nothing(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(choice_memory.os, "replace", full)
    problem = remember(kept, KEY, ROWS[:1], "2026-02-01")
    assert problem == f"the measurement cannot be kept in {kept.parent} (No space left on device)"
    assert [left.name for left in kept.parent.iterdir()] == [kept.name]
    assert recall(kept, KEY, NAMES).rows == ROWS
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert "cannot be kept in" in remember(tmp_path / "file" / "x.json", KEY, ROWS, "2026-02-01")


def test_it_is_written_beside_and_moved_into_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On one file system, where moving is a single step; and with a name that is known for a half-written file."""
    moved: list[tuple[Path, Path]] = []
    monkeypatch.setattr(choice_memory.os, "replace", lambda old, new: moved.append((Path(old), Path(new))))
    path = tmp_path / "x.json"
    assert remember(path, KEY, ROWS, "2026-01-31") == ""
    ((part, target),) = moved
    assert (part.parent, part.suffix, target) == (tmp_path, ".part", path)


def test_an_error_without_words_is_told_too(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(*_: object) -> None:
        raise OSError("something odd")

    monkeypatch.setattr(choice_memory.os, "replace", odd)
    assert remember(kept, KEY, ROWS, "2026-02-01").endswith("(something odd)")
    kept.unlink()
    kept.mkdir()
    assert recall(kept, KEY, NAMES).problem.startswith(f"{kept} cannot be read (")
