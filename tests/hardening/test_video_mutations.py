"""Small valid videos with a few bytes wrong: each plays, or is refused in one sentence, in bounded time and memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import hostile_videos
import pytest
from hostile_videos import KINDS, mutated, small, watch_one

SEEDS = 200
LONGEST_S = 60


def watched(first: int, last: int) -> subprocess.CompletedProcess[str]:
    """In a process of its own: a decoder that crashes would take the tests with it."""
    program = [sys.executable, hostile_videos.__file__, str(first), str(last)]
    return subprocess.run(program, capture_output=True, text=True, timeout=LONGEST_S, check=False)


def test_mutated_files_crash_and_hang_nothing():
    done = watched(0, SEEDS - 1)
    assert done.returncode == 0, f"{done.stdout[-200:]}{done.stderr[-3000:]}"
    *seeds, outcomes = done.stdout.splitlines()
    assert len(seeds) == SEEDS
    counted = {what: int(number) for number, what in (part.split() for part in outcomes.split(", "))}
    assert sum(counted.values()) == SEEDS
    # Else the mutations would prove nothing: some must get past the header, some must not.
    assert min(counted[what] for what in ("played", "complained", "refused")) > SEEDS / 30, outcomes


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_mutated_is_valid(tmp_path: Path, kind: str):
    path = tmp_path / f"small.{kind}"
    path.write_bytes(small(kind))
    assert watch_one(path) == ""


def test_a_seed_is_a_file():
    assert mutated(7) == mutated(7)
    assert len({mutated(seed) for seed in range(50)}) > 45


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_may_be_cut_anywhere(tmp_path: Path, kind: str):
    """A download that broke off, at thirty places: it plays as far as it goes, or is refused."""
    whole = small(kind)
    path = tmp_path / "cut.video"
    for part in range(30):
        path.write_bytes(whole[: len(whole) * part // 30])
        watch_one(path)


def test_the_loop_notices_what_is_no_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "small.mp4"
    path.write_bytes(small("mp4"))

    def broken(self: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(hostile_videos.VideoFileSource, "read", broken)
    with pytest.raises(ZeroDivisionError):
        watch_one(path)
