from __future__ import annotations

import math

import pytest
from pydantic import ValidationError
from toy_package import build_manifest

from unmask.engines.manifest import Manifest, Threshold, poisson_upper

THRESHOLD = {"score": 0.6, "alarms_per_hour": 1.0, "footage_hours": 0.0, "alarms_seen": 0, "footage": "none"}
METRIC = {"name": "AUROC", "value": 0.8, "low": 0.7, "high": 0.9, "data": "d", "units": 9, "unit": "people"}
CODE = {"path": "encoder.onnx", "sha256": "0" * 64}


def with_thresholds(*changes: dict) -> dict:
    return {"thresholds": [{**THRESHOLD, **change} for change in changes]}


def with_metric(**change: object) -> dict:
    return {"provenance": {"metrics": [{**METRIC, **change}]}}


def with_encoder(path: str) -> dict:
    return {"files": {"encoder": {**CODE, "path": path}}}


def test_a_whole_manifest_is_accepted_and_kept() -> None:
    plain = build_manifest(**with_metric(), calibration={"method": "platt", "scale": 0.5, "bias": -0.2})
    manifest = Manifest.model_validate(plain)
    assert (manifest.name, manifest.window.length, manifest.calibration.bias) == ("toy", 4, -0.2)
    assert Manifest.model_validate_json(manifest.model_dump_json(), strict=True) == manifest


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"surprise": 1},
        {"window": {"surprise": 1}},
        {"name": "Has Capitals"},
        {"name": "../toy"},
        {"name": "toy\n"},
        {"version": "1.0"},
        {"version": "١.٢.٣"},
        {"input": {"size": 16}},
        {"input": {"colour": "grey"}},
        {"embedding": 0},
        {"crop": {"margin": 0.1}},
        {"window": {"min_frames": 5}},
        {"window": {"max_gap_ms": 50}},
        {"thresholds": []},
        {"description": "red \x1b[31m text"},
        {"description": "turned \u202e round"},
        {"calibration": {"method": "none", "scale": 2.0}},
        {"calibration": {"method": "temperature", "bias": 1.0}},
        {"calibration": {"method": "platt", "scale": 0.0}},
        {"calibration": {"method": "platt", "bias": math.nan}},
        {"quality": {"min_brightness": 200.0, "max_brightness": 100.0}},
        {"quality": {"min_face_px": math.inf}},
        with_thresholds({"score": 1.2}),
        with_thresholds({"score": math.nan}),
        with_thresholds({"alarms_per_hour": 0.0}),
        with_thresholds({"alarms_seen": 3}),
        with_thresholds({"score": 0.05}),
        with_thresholds({}, {"score": 0.7}),
        with_thresholds({"alarms_per_hour": 1.0, "score": 0.8}, {"alarms_per_hour": 0.1, "score": 0.7}),
        with_metric(value=0.95),
        with_metric(low=None),
        with_metric(units=0),
        with_metric(value=math.nan),
        with_encoder("../encoder.onnx"),
        with_encoder("a/../../encoder.onnx"),
        with_encoder("/etc/passwd"),
        with_encoder("C:encoder.onnx"),
        with_encoder("a\\encoder.onnx"),
        with_encoder("a\0.onnx"),
        with_encoder(""),
        with_encoder("."),
        {"files": {"encoder": {"path": "e.onnx", "sha256": "abc"}}},
        {"files": {"variants": {"FP 16": CODE}}},
    ],
    ids=repr,
)
def test_what_contradicts_itself_is_refused(change: dict) -> None:
    with pytest.raises(ValidationError):
        Manifest.model_validate(build_manifest(**change))


def test_several_thresholds_in_any_order() -> None:
    few, many = {"alarms_per_hour": 0.1, "score": 0.9}, {"alarms_per_hour": 2.0, "score": 0.6}
    for order in ((few, many), (many, few)):
        assert len(Manifest.model_validate(build_manifest(**with_thresholds(*order))).thresholds) == 2


def test_nothing_seen_proves_three_over_the_hours() -> None:
    proven = Threshold.model_validate({**THRESHOLD, "footage_hours": 30.0}).proven_per_hour
    assert proven == pytest.approx(3 / 30, rel=2e-3)
    assert Threshold.model_validate(THRESHOLD).proven_per_hour is None


@pytest.mark.parametrize(
    ("events", "limit"),
    [(0, 2.9957322735540), (1, 4.7438645183906), (7, 13.148113802432), (300, 330.094249062), (10_000, 10166.0601361)],
)
def test_poisson_upper_is_the_exact_limit(events: int, limit: float) -> None:
    """``scipy.stats.chi2.ppf(0.95, 2 * (events + 1)) / 2``, reckoned once: importing that takes seconds."""
    assert poisson_upper(events) == pytest.approx(limit, rel=1e-9)


def test_every_alarm_that_was_seen_counts_against_the_rate() -> None:
    seen = Threshold.model_validate({**THRESHOLD, "footage_hours": 10.0, "alarms_seen": 2}).proven_per_hour
    assert seen == pytest.approx(0.6296, abs=1e-4)  # Garwood 1936: 6.296 events at 95 %


def test_it_cannot_be_changed() -> None:
    manifest = Manifest.model_validate(build_manifest())
    with pytest.raises(ValidationError):
        manifest.window.length = 9
