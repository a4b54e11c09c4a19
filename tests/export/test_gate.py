"""The parity gate: what it counts, whom it refuses and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from small_encoder import DEPTH, SIZE, small_encoder, some_crops
from toy_package import build_manifest, toy_head

from unmask.engines.manifest import Calibration, Gate
from unmask.export import gate as gates
from unmask.export.gate import Judge, Reference, judged, reference_of_onnx, run_gate
from unmask.export.measure import Crops
from unmask.export.package_writer import ExportError
from unmask.export.sessions import sigmoid_scores
from unmask.export.speed import Timing
from unmask.training.evaluate import auroc

COUNT = 40
CALIBRATION = Calibration(method="platt", scale=2.0, bias=0.5)
TIMES = {"fp32": Timing(5.0, 4.0, 45), "variant": Timing(3.0, 2.0, 45)}


def _crops(labels: np.ndarray) -> Crops:
    return Crops(
        some_crops(COUNT),
        [str(i) for i in range(COUNT)],
        tuple((i,) for i in range(COUNT)),
        labels,
        np.asarray([f"p{i % 9}" for i in range(COUNT)]),
    )


@pytest.fixture
def judge() -> Judge:
    head = toy_head(build_manifest(input={"size": SIZE}, embedding=DEPTH)).SerializeToString()
    return Judge(head, SIZE, CALIBRATION, 0.6)


@pytest.fixture(autouse=True)
def _no_timing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "encoder_times", lambda *args, **kwargs: TIMES)


def _moved(by: float) -> bytes:
    """An encoder whose first embedding column, which the toy head reads, is ``by`` off (8 in the logit each)."""
    model = onnx.load_model_from_string(small_encoder())
    pool = next(node for node in model.graph.node if node.name == "pool")
    pool.output[0] = "pooled"
    shift = np.zeros(DEPTH, np.float32)
    shift[0] = by
    model.graph.initializer.append(numpy_helper.from_array(shift, "shift"))
    position = list(model.graph.node).index(pool) + 1
    model.graph.node.insert(position, onnx.helper.make_node("Add", ["pooled", "shift"], ["embedding"], name="moved"))
    return model.SerializeToString()


def test_the_same_encoder_differs_in_nothing(judge: Judge) -> None:
    labels = np.arange(COUNT) % 2 == 0
    gate = run_gate(small_encoder(), small_encoder(), _crops(labels), judge, data="toys", command="do it")
    assert (gate.largest_score_difference, gate.verdict_flips, gate.auroc_difference) == (0.0, 0, 0.0)
    assert (gate.crops, gate.data, gate.command) == (COUNT, "toys", "do it")
    assert gate.against == "the FP32 encoder in ONNX Runtime"
    assert gate.speed_ratio == 2.0  # processor time, not wall time
    assert "5.00 and 3.00 ms" in gate.machine


def test_numbers_are_those_of_calibrated_scores(judge: Judge) -> None:
    crops = _crops(np.arange(COUNT) % 2 == 0)
    gate = run_gate(small_encoder(), _moved(0.05), crops, judge, data="toys")
    fp32 = reference_of_onnx(small_encoder(), judge, crops).logits
    before, after = sigmoid_scores(fp32, CALIBRATION), sigmoid_scores(fp32 + 0.4, CALIBRATION)
    assert gate.largest_score_difference == pytest.approx(np.abs(before - after).max(), abs=2e-3)
    assert gate.verdict_flips == int(((before >= 0.6) != (after >= 0.6)).sum())
    assert gate.auroc_difference == 0.0  # all moved alike


def test_auroc_is_the_variant_less_the_reference(judge: Judge) -> None:
    crops = _crops(np.arange(COUNT) % 2 == 0)
    ours = reference_of_onnx(small_encoder(), judge, crops).logits
    perfect = Reference(crops.labels.astype(np.float32), "a network that knows")
    gate = run_gate(small_encoder(), small_encoder(), crops, judge, reference=perfect, data="toys")
    assert gate.against == "a network that knows"
    assert gate.auroc_difference == pytest.approx(auroc(crops.labels, ours) - 1.0, abs=1e-4)


def test_one_class_or_no_numbers_are_refused(judge: Judge) -> None:
    with pytest.raises(ExportError, match="genuine and fake"):
        run_gate(small_encoder(), small_encoder(), _crops(np.ones(COUNT, bool)), judge, data="toys")
    crops = _crops(np.arange(COUNT) % 2 == 0)
    with pytest.raises(ExportError, match="40 of 40 logits"):
        run_gate(small_encoder(), _moved(float("nan")), crops, judge, data="toys")


def _gate(**changes: Any) -> Gate:
    plain: dict[str, Any] = {
        "against": "a", "data": "d", "crops": 9, "largest_score_difference": 0.0, "verdict_flips": 0,
        "auroc_difference": 0.0, "speed_ratio": 2.0, "machine": "m",
    }  # fmt: skip
    return Gate(**plain | changes)


def test_fp16_may_be_slow_but_must_say_the_same() -> None:
    assert judged(_gate(speed_ratio=0.2, largest_score_difference=0.01, auroc_difference=-0.005), "fp16") == []
    assert judged(_gate(largest_score_difference=0.0101), "fp16") == ["a score differs by 0.0101, at most 0.01 may be"]
    for change in (-0.0051, 0.0051):
        (reason,) = judged(_gate(auroc_difference=change), "fp16")
        assert "0.51 points, at most 0.5" in reason


def test_int8_must_be_fast_and_may_not_lose() -> None:
    assert judged(_gate(speed_ratio=1.5, auroc_difference=-0.005, largest_score_difference=0.3), "int8") == []
    assert judged(_gate(auroc_difference=0.02), "int8") == []  # it may gain
    slow, loses = judged(_gate(speed_ratio=1.49, auroc_difference=-0.0051), "int8")
    assert "1.49 times as fast, at least 1.5" in slow
    assert "loses 0.51 points" in loses
