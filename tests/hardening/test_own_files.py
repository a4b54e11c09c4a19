"""What reads its own files again, when they hold something else: reports of benchmarks, the memory of engines,
what was built for a GPU. What is written and read, and simple damage, is in the tests beside each."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fuzz_targets import try_some
from hostile_files import deep, nothing_stays_in, peak_mib, sentence
from sound_files import sound_choice, sound_report

from unmask.benchmarks.report import LARGEST, load_report
from unmask.benchmarks.results import write_results
from unmask.cli.main import main
from unmask.engines.built_cache import BuiltCache, BuiltKey
from unmask.engines.choice_memory import recall
from unmask.engines.errors import UsageError
from unmask.engines.ordinary_file import read_ordinary

NO_PIPES = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes, which this system lacks")


@pytest.mark.parametrize(
    ("name", "examples"),
    [("report", 150), ("choice", 150), ("built", 60)],
)
def test_other_contents_give_a_sentence_or_something_that_can_be_used(tmp_path: Path, name: str, examples: int) -> None:
    try_some(name, tmp_path, examples)


# Reports of benchmarks


def report_with(**changes: Any) -> str:
    return json.dumps({**sound_report(), **changes})


def plot(**changes: Any) -> dict[str, Any]:
    return {"plots": [{**sound_report()["plots"][0], **changes}]}


REPORTS: dict[str, tuple[Callable[[], str], str]] = {
    "nested": (lambda: deep(200_000), "nested too deeply"),
    "nested within": (lambda: report_with(settings={"a": json.loads(deep(30, "{"))}), "nested too deeply"),
    "a number without end": (lambda: report_with(details={"x": 10**400}), "beyond all measure"),
    "not a number": (lambda: report_with(details={"x": float("nan")}), "beyond all measure"),
    "more digits than Python reads": (lambda: report_with().replace("4.0", "9" * 5000, 1), "digits"),
    "a plot that leads elsewhere": (lambda: report_with(**plot(name="../../evil")), "plots.0.name"),
    "a plot of an absolute name": (lambda: report_with(**plot(name="/evil")), "plots.0.name"),
    "a plot of a million bars": (
        lambda: report_with(**plot(style="bar", lines=[{"label": "a", "x": ["x"] * 1001, "y": [1.0] * 1001}])),
        "over a thousand bars",
    ),
    "a curve of words": (lambda: report_with(**plot(lines=[{"label": "a", "x": ["x"], "y": [1.0]}])), "needs numbers"),
    "a wrong formula": (lambda: report_with(**plot(title=r"$\frac{$")), "plots.0.title"),
    "a table in a row": (lambda: report_with(rows=[{"name": "a", "values": {"x": {"y": 1}}}]), "rows.0.values.x"),
    "clips that are none": (lambda: report_with(subject={"clips": [3]}), "subject.clips.0"),
    "a subject without its names": (lambda: report_with(subject={"detector": "x"}), "version is not stated"),
    "words for cores": (lambda: report_with(host={"cores": "two"}), "host.cores"),
    "too large": (lambda: " " * (LARGEST + 1), "larger than 16 MiB"),
}


@pytest.mark.parametrize("name", REPORTS)
def test_what_is_no_report(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    make, words = REPORTS[name]
    folder = tmp_path / "results"
    folder.mkdir()
    path = folder / "latency.json"
    path.write_text(make())
    with nothing_stays_in(tmp_path):
        assert main(["bench", "compare", str(path), str(path)]) == 2
        assert words in sentence(capsys.readouterr().err.strip())
        assert main(["bench", "page", "--results", str(folder)]) == 2
        assert words in sentence(capsys.readouterr().err.strip())


def test_the_words_of_a_report_steer_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "\x1b[2J"
    rows = [{"name": name, "values": {"a_ms": 1.0, name: 2.0, "note": name}}]
    (tmp_path / "a.json").write_text(report_with(rows=rows, title=name, notes=[name], host={"processor": name}))
    other = report_with(rows=rows, settings={name: name})
    (tmp_path / "b.json").write_text(other)
    assert main(["bench", "compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 0
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert r"\x1b[2J" in said.out


def test_an_endless_report_is_left(tmp_path: Path) -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("needs /dev/zero, which this system lacks")

    def look() -> None:
        with pytest.raises(UsageError, match="larger than"):
            load_report(Path("/dev/zero"))

    assert peak_mib(look) < 100


@NO_PIPES
def test_a_page_is_made_of_files_only(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "latency-pipe.json")
    (tmp_path / "latency-folder.json").mkdir()
    (tmp_path / "latency.json").write_text(report_with(plots=[]))
    assert write_results(tmp_path, tmp_path / "page.md").read_text().count("## The latency") == 1


# What is kept of engines

KEY = BuiltKey("a.onnx", (("model", "aa"), ("TensorRT", "11")))


@NO_PIPES
def test_pipes_in_the_caches_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "choice.json")
    assert "not an ordinary file" in recall(tmp_path / "choice.json", {}, []).problem
    cache = BuiltCache("plans", tmp_path)
    stored = cache.store(KEY, b"plan")
    for path in (stored, stored.with_suffix(".json")):
        path.unlink()
        os.mkfifo(path)
        assert cache.find(KEY).payload is None
        cache.store(KEY, b"anew")
        assert cache.find(KEY).payload == b"anew"


def test_a_plan_larger_than_any_is_not_read(tmp_path: Path) -> None:
    cache = BuiltCache("plans", tmp_path)
    stored = cache.store(KEY, b"plan")
    with stored.open("r+b") as file:
        file.truncate(1 << 40)  # takes no room on the disk
    assert peak_mib(lambda: cache.find(KEY)) < 50
    assert "larger than 4096 MiB" in cache.find(KEY).reason


@pytest.mark.parametrize("text", [deep(100_000), deep(100_000, "{"), '{"format": 1, "fields": {"model": 7}}'])
def test_notes_that_nobody_wrote(tmp_path: Path, text: str) -> None:
    cache = BuiltCache("plans", tmp_path)
    stored = cache.store(KEY, b"plan")
    notes = json.loads(stored.with_suffix(".json").read_text())
    record = text if not text.startswith('{"f') else json.dumps({**notes, **json.loads(text)})
    stored.with_suffix(".json").write_text(record)
    assert cache.find(KEY).payload is None
    assert cache.prune() == []


CHOICES: dict[str, tuple[dict[str, Any], str]] = {
    "no engine runs": ({"rows": [{**row, "problem": "no"} for row in sound_choice()["rows"]]}, "no engine that runs"),
    "neither time nor problem": ({"rows": [{**sound_choice()["rows"][0], "wall_ms": None}]}, "neither a time nor"),
    "a key that steers a terminal": ({"key": {"model": "\x1b[2J"}}, r"model \x1b[2J is now aa"),
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_that_nobody_made(tmp_path: Path, name: str) -> None:
    changes, words = CHOICES[name]
    path = tmp_path / "choice.json"
    path.write_text(json.dumps(sound_choice() | changes))
    found = recall(path, {"model": "aa"}, ["ort-cpu", "fast"])
    assert found.rows == ()
    assert words in found.problem
    assert found.problem.isprintable()


def test_a_file_that_grows_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1234")
    real = os.fstat

    def sooner(handle: int) -> os.stat_result:
        facts = real(handle)
        with path.open("ab") as file:
            file.write(b"5")
        return facts

    monkeypatch.setattr(os, "fstat", sooner)
    with pytest.raises(OSError, match="grows while it is read") as caught:
        read_ordinary(path, 100)
    assert caught.value.errno == errno.EBUSY
