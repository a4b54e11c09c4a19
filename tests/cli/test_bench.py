"""`unmask bench` as a person calls it: a small real run, its files, comparing them, and wrong arguments."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clips import write_video
from fakes import picture
from toy_package import build_toy_package

from unmask.cli.bench_runs import batches_of
from unmask.cli.main import main
from unmask.engines.errors import UsageError


@pytest.fixture
def toy(tmp_path: Path) -> str:
    return str(build_toy_package(tmp_path / "toy"))


def bench(*arguments: object) -> int:
    return main(["bench", *map(str, arguments)])


def test_a_quick_run_writes_its_report_and_compares_with_itself(
    toy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, page = tmp_path / "window.json", tmp_path / "window.md"
    common = ("--quick", "--detector", toy, "--engine", "ort-cpu")
    assert bench("window", *common, "--json", report, "--markdown", page) == 0
    facts = json.loads(report.read_text())
    assert facts["kind"] == "window"
    assert facts["subject"]["provider"] == "CPUExecutionProvider"
    assert len(facts["subject"]["encoder_sha256"]) == 64
    assert facts["host"]["load_before"]
    assert page.read_text().startswith("# Embedding cache")
    assert bench("compare", report, report) == 0
    assert "B/A" in capsys.readouterr().out
    assert bench("page", "--results", tmp_path) == 0
    assert "## Goals" in (tmp_path / "RESULTS.md").read_text()


def test_the_engines_that_cannot_run_have_their_reason(toy: str, tmp_path: Path) -> None:
    report = tmp_path / "engines.json"
    assert (
        bench("engines", "--quick", "--detector", toy, "--engine", "ort-cpu", "--batches", "1,2", "--json", report) == 0
    )
    rows = {row["name"]: row["values"] for row in json.loads(report.read_text())["rows"]}
    assert rows["ort-cpu fp32 batch 2"]["crops_per_s"] > 0
    assert rows["remote"]["why_not"]


@pytest.mark.parametrize("which", ["missing", "nonsense"])
def test_what_is_no_report_ends_with_two(which: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.json"
    if which == "nonsense":
        path.write_text("{}")
    assert bench("compare", path, path) == 2
    assert str(path) in capsys.readouterr().err


def test_plots_without_the_library_are_refused_before_anything_runs(
    toy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("unmask.benchmarks.plots.plots_missing", lambda: True)
    assert bench("window", "--quick", "--detector", toy, "--plots", tmp_path / "p") == 2
    assert "--plots needs matplotlib" in capsys.readouterr().err


def test_a_clip_that_is_not_there_is_named(toy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("throughput", "--quick", "--detector", toy, "--engine", "ort-cpu", "--clip", "no.mp4") == 2
    assert "no.mp4" in capsys.readouterr().err


def test_a_folder_is_no_report_file(toy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("window", "--quick", "--detector", toy, "--json", tmp_path) == 2
    assert "is a folder" in capsys.readouterr().err


def test_an_interrupted_soak_keeps_its_report(toy: str, tmp_path: Path) -> None:
    clip, report = write_video(tmp_path / "clip.mp4", [picture(seed=n) for n in range(8)]), tmp_path / "soak.json"
    command = [sys.executable, "-m", "unmask.cli.main", "bench", "soak", "--quick", "--minutes", "5", "--every", "0.2"]
    command += ["--detector", toy, "--engine", "ort-cpu", "--face-finder", "cascade", "--clip", str(clip)]
    soak = subprocess.Popen(
        [*command, "--json", str(report)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    try:
        assert soak.stderr is not None
        assert any("soak: running" in line for line in soak.stderr)
        time.sleep(2.0)  # past the warm-up of 1.5 s
        soak.send_signal(signal.SIGINT)
        assert soak.wait(30) == 130
    finally:
        soak.kill()
        soak.wait()
        soak.stderr.close()  # pyright: ignore[reportOptionalMemberAccess]
    facts = json.loads(report.read_text())
    assert facts["complete"] is False
    assert facts["details"]["samples"]


def test_batches_are_whole_numbers() -> None:
    assert batches_of("1,4,4,16") == (1, 4, 16)
    for wrong in ("", "0", "a", "1,,2", "-1", "5000"):
        with pytest.raises(UsageError, match="--batches"):
            batches_of(wrong)
