"""Reports: what is written can be read again, what is no report is refused, two of them compare."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from pathlib import Path

import pytest

from unmask.benchmarks.ablation import SAME_DETECTION
from unmask.benchmarks.compare import compare
from unmask.benchmarks.goals import LATENCY_ROW, goals, goals_table
from unmask.benchmarks.host import IDENTITY, OthersLoad, busy, host_facts
from unmask.benchmarks.plots import draw_plots, plots_missing, require_plots
from unmask.benchmarks.report import Line, Plot, Report, Row, load_report, write_atomically
from unmask.benchmarks.results import write_results
from unmask.benchmarks.window_cache import IN_ONE, row_name
from unmask.engines.errors import UsageError

HOST = {
    "processor": "a processor",
    "cores": 2,
    "memory_gib": 4.0,
    "system": "Linux",
    "gpu": "none",
    "load_before": [0, 0, 0],
}
SUBJECT = {
    "detector": "toy",
    "version": "1",
    "precision": "fp32",
    "encoder_sha256": "ab" * 32,
    "engine": "ort-cpu",
    "provider": "CPUExecutionProvider",
    "faces": "scripted",
    "input_size": 224,
    "variants": {},
}


def report(kind: str = "latency", *rows: Row, **changes: object) -> Report:
    made = Report(
        kind=kind,
        title=f"The {kind}",
        command="unmask bench x",
        host=dict(HOST),
        subject=dict(SUBJECT),
        settings={"effort": {"frames": 3}},
        rows=rows or (Row("one", {"p99_ms": 4.0, "frames": 7, "why_not": "a | b"}),),
        notes=("A note.",),
        plots=(Plot("p", "title", "x", "y", [Line("a", [1.0, 2.0], [3.0, float("nan")])]),),
    )
    return dataclasses.replace(made, **changes)  # pyright: ignore[reportArgumentType]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.json"
    made = report()
    write_atomically(path, made.as_json())
    read = load_report(path)
    assert read.rows == made.rows
    assert read.created == made.created
    assert read.plots[0].lines[0].y == (3.0, None)  # JSON has no NaN
    assert [file.name for file in path.parent.iterdir()] == ["report.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        '{"format": "unmask-bench", "version": 1}',
        '{"format": "unmask-bench", "version": 9}',
    ],
)
def test_what_is_no_report_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"a\.json cannot be read as a report"):
        load_report(path)


def test_missing_and_binary_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00")
    for name in ("absent.json", "b.json"):
        with pytest.raises(UsageError, match=name):
            load_report(tmp_path / name)


def test_a_damaged_row_is_refused() -> None:
    facts = json.loads(report().as_json())
    facts["rows"] = [{"name": "one", "values": 3}]
    with pytest.raises(UsageError, match="missing or wrong"):
        Report.from_json(json.dumps(facts), "x")


def test_a_busy_machine_and_a_broken_run_are_said() -> None:
    words = report(host={**HOST, "load_before": [7.0, 1, 1]}, complete=False).as_markdown()
    assert "busy before the run" in words
    assert "Broken off" in words
    assert busy(HOST) == ""


def test_this_machine_has_every_fact_that_is_compared() -> None:
    facts = host_facts()
    assert set(IDENTITY) <= facts.keys()
    assert "numpy" in facts["versions"]
    assert "onnxruntime" in facts["versions"]


def test_compare_gives_ratios_and_no_warning_for_equals() -> None:
    first, second = report(), report("latency", Row("one", {"p99_ms": 6.0, "frames": 9}))
    found = compare(first, second)
    assert found.rows[0].values == {"p99_ms_A": 4.0, "p99_ms_B": 6.0, "p99_ms_B/A": 1.5}
    assert found.warnings == ()


def test_compare_warns_of_all_that_makes_it_doubtful() -> None:
    second = report(
        "latency",
        Row("one", {"p99_ms": 6.0, "stable": False}),
        Row("two", {}),
        host={**HOST, "processor": "another"},
        subject={**SUBJECT, "encoder_sha256": "cd"},
        settings={},
        complete=False,
    )
    warnings = " ".join(compare(report(), second).warnings)
    for words in (
        "the machine: processor (a processor / another)",
        "encoder_sha256",
        "the settings: effort",
        "two",
        "not stable",
        "broken off",
    ):
        assert words in warnings


def test_compare_warns_of_another_clip_of_the_same_name() -> None:
    first = report(subject={**SUBJECT, "clips": [{"name": "a.mp4", "sha256": "1"}]})
    second = report(subject={**SUBJECT, "clips": [{"name": "a.mp4", "sha256": "2"}]})
    assert "the content of the clips: a.mp4" in " ".join(compare(first, second).warnings)
    assert compare(first, first).warnings == ()


def test_what_others_did_meanwhile_counts_more_than_the_load_before() -> None:
    assert "0.90 of 2 cores" in busy({**HOST, "others_cores": 0.9})
    assert busy({**HOST, "load_before": [7.0, 1, 1], "others_cores": 0.01}) == ""


def test_what_other_programs_use_is_told_from_what_this_one_uses() -> None:
    others = OthersLoad()
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        pass
    used = others.cores()
    assert used is None or 0 <= used <= (os.cpu_count() or 1)


def test_compare_refuses_what_has_nothing_in_common() -> None:
    with pytest.raises(UsageError, match="of one kind"):
        compare(report(), report("streams"))
    with pytest.raises(UsageError, match="no number in common"):
        compare(report(), report("latency", Row("other", {"p99_ms": 1.0})))


def test_goals_are_reached_missed_by_how_much_or_unmeasured() -> None:
    values = {"score_p99_ms": 40.0, "jitter": 1.5, "cores": 0.2}
    found = {goal.number: goal for goal in goals({"latency": report("latency", Row(LATENCY_ROW, values))})}
    assert found[4].outcome == "missed"
    assert "missed: 2 times it" in goals_table(list(found.values()))
    assert found[1].outcome == "not measured"
    assert found[5].outcome == "reached"  # no INT8 in the package, so none below the gate
    window = report("window", Row(row_name(IN_ONE, 224), {"wall_ratio": 14.0, "same_bits": True}))
    assert goals({"window": window})[0].outcome == "reached"
    smaller = report("window", Row(row_name(IN_ONE, 192), {"wall_ratio": 14.0}), subject={**SUBJECT, "input_size": 192})
    (goal, *_) = goals({"window": smaller})
    assert (goal.outcome, goal.remark) == ("not measured", "at the 192 px that this detector takes: 14x")
    partly = report("latency", Row(LATENCY_ROW, {**values, "score_p99_ms": 10.0}))
    assert goals({"latency": partly})[3].outcome == "reached as far as measured"  # the soak is not there
    flat = Row("memory", {"holds": True}), Row("the whole run", {})
    for minutes, outcome in ((60.0, "reached"), (5.0, "reached as far as measured")):
        soak = report("soak", *flat, details={"flat": True}, settings={"minutes": minutes})
        assert goals({"latency": partly, "soak": soak})[3].outcome == outcome
    grown = Row("memory, MiB", {"first": 500.0, "last": 520.0, "holds": False}), Row("the whole run", {})
    soak = report("soak", *grown, details={"flat": False}, settings={"minutes": 60.0})
    table = goals_table(goals({"latency": partly, "soak": soak}))
    assert "flat in an hour of soak: no; memory, MiB: 500 at first, 520 at last | missed |" in table


def test_scores_that_were_not_compared_leave_the_second_goal_open() -> None:
    fast = {"cpu_ratio": 20.0, "fps_ratio": 20.0, "largest_logit_difference": None}
    outcomes = [
        goals({"pipeline": report("pipeline", Row(SAME_DETECTION, {**fast, "largest_logit_difference": value}))})[1]
        for value in (None, 0.0)
    ]
    assert [goal.outcome for goal in outcomes] == ["reached as far as measured", "reached"]


def test_torch_may_be_measured_elsewhere_into_the_same_folder(tmp_path: Path) -> None:
    here = report("engines", Row("ort-cpu fp32 batch 1", {"ms_per_crop": 5.0}), Row("torch", {"why_not": "none"}))
    goal = goals({"engines": here})[5]
    assert (goal.outcome, "engines-torch.json" in goal.remark) == ("not measured", True)
    rows = Row("ort-cpu fp32 batch 1", {"ms_per_crop": 6.0}), Row("torch fp32 batch 1", {"ms_per_crop": 18.0})
    there = report("engines", *rows, host={**HOST, "processor": "another", "versions": {"torch": "2.13.0"}})
    for name, one in (("engines", here), ("engines-torch", there)):
        write_atomically(tmp_path / f"{name}.json", one.as_json())
    words = write_results(tmp_path, tmp_path / "RESULTS.md").read_text()
    assert "ratio 3x; by engines-torch.json, torch 2.13.0 | reached" in words, "5 ms were of another run"
    assert "## The engines (engines-torch)" in words
    assert "measured on different machines" in words
    assert "With torch 2.13.0." in words


def test_int8_in_the_package_is_held_against_the_goal() -> None:
    gate = {"speed_ratio": 1.2, "auroc_difference": -0.001}
    slow = report("latency", subject={**SUBJECT, "variants": {"int8": gate}})
    assert goals({"latency": slow})[4].outcome == "missed"


def test_the_page_holds_goals_and_every_report(tmp_path: Path) -> None:
    for kind in ("latency", "soak"):
        write_atomically(tmp_path / f"{kind}.json", report(kind).as_json())
    words = write_results(tmp_path, tmp_path / "RESULTS.md").read_text()
    assert "## Goals" in words
    assert words.index("## The latency") < words.index("## The soak")
    assert ("The plots are left out" in words) == plots_missing()
    assert "Quick runs" not in words
    write_atomically(tmp_path / "window.json", report("window", settings={"effort": {"quick": True}}).as_json())
    assert "prove nothing but that the tool works: window" in write_results(tmp_path, tmp_path / "x.md").read_text()
    with pytest.raises(UsageError, match="no report in"):
        write_results(tmp_path / "empty", tmp_path / "x.md")


def test_plots_that_are_asked_for_need_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install unmask\[bench\]"):
        require_plots()


def test_plots_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the plots need the extra bench")
    bars = Plot("bars", "t", "", "y", [Line("a", ["x", "y"], [1.0, 2.0]), Line("b", ["y"], [3.0])], "bar")
    files = draw_plots(report(plots=(*report().plots, bars)), tmp_path)
    assert [file.name for file in files] == ["latency-p.png", "latency-bars.png"]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
