"""The card says what the manifest says, and footage changes what is stated, never what is decided."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from toy_package import build_toy_package

from unmask.engines.package import load_package
from unmask.export import footage
from unmask.export.card import card
from unmask.export.package_writer import ExportError


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return build_toy_package(tmp_path / "toy", threshold=0.6)


def clip(name: str, half: str, score: float | None, alarms: int, seconds: float = 360.0) -> dict[str, Any]:
    budgets = {"1": alarms, "0.1": 0, "0.01": 0}
    return {"clip": name, "half": half, "seconds": seconds, "judged_seconds": seconds / 2,
            "crops": 9, "score": score, "alarms": budgets}  # fmt: skip


def report(path: Path, clips: list[dict[str, Any]], version: str = "1.0.0", detector: str = "toy") -> Path:
    path.write_text(json.dumps({"detector": detector, "version": version, "clips": clips}))
    return path


def test_footage_is_stated_and_nothing_else_changes(toy: Path, tmp_path: Path) -> None:
    before = load_package(toy).manifest
    (budget,) = {f"{t.alarms_per_hour:g}" for t in before.thresholds}
    clips = [clip(name, "", 0.2, alarms=2) for name in "ab"]
    for row in clips:
        row["alarms"] = {budget: 2}
    genuine = report(tmp_path / "g.json", clips, before.version)
    assert footage.main([str(toy), "--genuine", str(genuine)]) == 0
    after = load_package(toy).manifest
    (threshold,) = after.thresholds
    assert threshold.footage_hours == pytest.approx(0.2)
    assert threshold.alarms_seen == 4
    assert "12.0 minutes" in threshold.footage
    assert threshold.score == before.thresholds[0].score
    assert after.files == before.files
    assert "| 4 | at most 46 an hour |" in (toy / "README.md").read_text()  # Garwood: 9.15 events in 0.2 h


def test_pairs_become_metrics_per_clip(toy: Path, tmp_path: Path) -> None:
    manifest = load_package(toy).manifest
    rows = [clip(f"c{n}", half, 0.1 * n + (0.05 if half == "right" else 0), alarms=int(half == "right"))
            for n in range(6) for half in ("left", "right")]  # fmt: skip
    seen = footage.read_report(report(tmp_path / "p.json", rows, manifest.version), manifest)
    area, scored, swapped, genuine = footage.per_clip(seen)
    assert area.value == pytest.approx((6 + 15) / 36, abs=1e-4)
    assert area.units == 6
    assert area.low is not None
    assert area.low <= area.value
    assert (scored.value, swapped.value, genuine.value) == (1.0, 1.0, 0.0)
    assert "genuine ones better than chance (AUROC 0.58" in footage.limit_of([area, swapped])
    chance = area.model_copy(update={"low": 0.3})
    assert "genuine ones no better than chance (AUROC 0.58, 0.30" in footage.limit_of([chance, swapped])
    assert "100% of the swapped halves raised an alarm" in footage.limit_of([area, swapped])
    missed = swapped.model_copy(update={"value": 0.0})
    assert "none of the swapped halves raised an alarm" in footage.limit_of([area, missed])
    assert {metric.command.split()[3] for metric in (area, scored, swapped, genuine)} == {"toy"}
    once = footage.with_pairs(manifest.provenance, footage.per_clip(seen))
    assert footage.with_pairs(once, footage.per_clip(seen)) == once


def test_a_half_without_a_score_stays_in_the_count(toy: Path, tmp_path: Path) -> None:
    manifest = load_package(toy).manifest
    rows = [clip(f"c{n}", half, None if n == 0 else 0.1 * n, alarms=0)
            for n in range(4) for half in ("left", "right")]  # fmt: skip
    area, scored, *_ = footage.per_clip(
        footage.read_report(report(tmp_path / "p.json", rows, manifest.version), manifest)
    )
    assert area.units == 3
    assert (scored.value, scored.units) == (0.75, 8)


def test_another_detectors_report_and_a_damaged_one_are_refused(toy: Path, tmp_path: Path) -> None:
    manifest = load_package(toy).manifest
    with pytest.raises(ExportError, match=r"is about toy 9\.9\.9"):
        footage.read_report(report(tmp_path / "a.json", [], "9.9.9"), manifest)
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(ExportError, match="no report"):
        footage.read_report(tmp_path / "b.json", manifest)
    for clips in ([], [{"clip": "a"}], [clip("a", "", 0.1, 0) | {"alarms": {"7": 0}}]):
        with pytest.raises(ExportError, match="watch the footage again"):
            footage.read_report(report(tmp_path / "c.json", clips, manifest.version), manifest)
    whole = footage.read_report(report(tmp_path / "d.json", [clip("a", "", 0.1, 0)], manifest.version), manifest)
    with pytest.raises(ExportError, match="side-by-side clips, with --halves"):
        footage.per_clip(whole)


def test_what_footage_does_prove_is_not_denied(toy: Path, tmp_path: Path) -> None:
    manifest = load_package(toy).manifest
    (threshold,) = manifest.thresholds
    (budget,) = {f"{t.alarms_per_hour:g}" for t in manifest.thresholds}

    def stated(hours: float, alarms: int) -> str:
        row = clip("a", "", 0.1, 0, hours * 3600) | {"alarms": {budget: alarms}}
        seen = footage.read_report(report(tmp_path / "g.json", [row], manifest.version), manifest)
        return footage.backed(manifest.thresholds, seen)[0].footage

    enough = 3.1 / threshold.alarms_per_hour
    assert stated(enough, 0).endswith("could be judged")
    assert stated(enough / 2, 0).endswith("far too little to prove this rate")
    assert stated(enough, 9).endswith("this rate is not proven")


def test_a_rate_that_was_proven_is_not_rounded_to_nothing(toy: Path) -> None:
    manifest = load_package(toy).manifest
    (threshold,) = manifest.thresholds
    watched = threshold.model_copy(update={"footage_hours": 30.0})
    assert "| at most 0.1 an hour |" in card(manifest.model_copy(update={"thresholds": (watched,)}))


def test_the_card_of_a_wrapped_classifier_says_how_it_is_read(toy: Path) -> None:
    manifest = load_package(toy).manifest
    assert "## How it was wrapped" not in card(manifest)
    text = card(manifest.model_copy(update={"exported_with": {"onnx": "1", "wrap.colour": "rgb (assumed)"}}))
    assert "## How it was wrapped\n\n- Colour: rgb (assumed)\n\n##" in text
    assert manifest.provenance.trained_with not in text.partition("## Commands")[2]


def test_the_card_repeats_every_number(toy: Path) -> None:
    manifest = load_package(toy).manifest
    text = card(manifest)
    assert text.startswith(f"# {manifest.name} {manifest.version}\n")
    assert manifest.provenance.licence in text
    for metric in manifest.provenance.metrics:
        assert f"{metric.value:.3f}" in text
    for threshold in manifest.thresholds:
        assert f"{threshold.score:.4f}" in text
