"""INT8 encoders: standard operators, close scores, and choices made on calibration crops."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from small_encoder import small_encoder, some_crops
from toy_package import build_manifest

from unmask.engines.graph_check import check_graph
from unmask.engines.manifest import Calibration, Manifest
from unmask.export import int8
from unmask.export.graph_work import flat_model
from unmask.export.int8 import Quantised, to_int8
from unmask.export.package_writer import ExportError
from unmask.export.quantiser import prepared, quantise, ranges_of
from unmask.export.sessions import run_encoder

MANIFEST = Manifest.model_validate(build_manifest(input={"size": 32}, embedding=16))
NONE = Calibration(method="none")
CROPS, OTHERS = some_crops(48), some_crops(24, seed=1)


@pytest.fixture(scope="module")
def made() -> tuple[Quantised, list[str]]:
    lines: list[str] = []
    quantised = to_int8(
        small_encoder(MANIFEST), CROPS, NONE, methods=("minmax", "percentile"), spared=(0, 1), log=lines.append
    )
    return quantised, lines


def test_scores_stay_close_on_crops_it_has_not_seen(made: tuple[Quantised, list[str]]) -> None:
    wanted, said = (run_encoder(one, OTHERS)["logit"] for one in (small_encoder(), made[0].model))
    assert np.corrcoef(wanted, said)[0, 1] > 0.99
    assert 0 < np.abs(wanted - said).max() < 0.25 * np.ptp(wanted)


def test_the_package_check_passes_and_only_standard_operators_remain(made: tuple[Quantised, list[str]]) -> None:
    check_graph(made[0].model, "encoder", MANIFEST, "the variant")
    model = onnx.load_model_from_string(made[0].model)
    assert [entry.domain for entry in model.opset_import] == [""]
    assert model.opset_import[0].version == 18
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}


def test_weights_have_a_scale_per_channel_and_the_ends_stay_in_float(made: tuple[Quantised, list[str]]) -> None:
    model = onnx.load_model_from_string(made[0].model)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    quantised = [node for node in model.graph.node if node.op_type == "DequantizeLinear" and node.input[0] in weights]
    eight = [node for node in quantised if weights[node.input[0]].data_type == TensorProto.INT8]
    assert eight
    assert all(list(weights[node.input[1]].dims) == [16] for node in eight)
    made_by = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        if node.op_type in ("Div", "Sub", "Mul", "ReduceSum"):
            assert not any(name in made_by and made_by[name].op_type == "DequantizeLinear" for name in node.input)


def test_the_clip_of_relu6_vanishes_into_the_range() -> None:
    graph = flat_model(prepared(small_encoder()))
    ranges = ranges_of(graph, "minmax", CROPS[:16])
    kinds = [node.op_type for node in onnx.load_model_from_string(quantise(graph, ranges, spared=[])).graph.node]
    assert "Clip" not in kinds
    assert "Relu" not in kinds


def test_a_spared_operator_stays_in_float() -> None:
    graph = flat_model(prepared(small_encoder()))
    ranges = ranges_of(graph, "minmax", CROPS[:16])
    model = onnx.load_model_from_string(quantise(graph, ranges, spared=["wide"]))
    assert "w2" in next(node for node in model.graph.node if node.name == "wide").input


def test_the_mean_error_of_the_embedding_is_taken_off(made: tuple[Quantised, list[str]]) -> None:
    wanted, said = (run_encoder(one, CROPS[::2])["embedding"] for one in (small_encoder(), made[0].model))
    np.testing.assert_allclose(said.mean(axis=0), wanted.mean(axis=0), atol=1e-4)


def test_choices_are_told_and_the_smallest_error_is_taken(made: tuple[Quantised, list[str]]) -> None:
    quantised, lines = made
    errors = [float(line.rsplit(" ", 1)[1]) for line in lines if "mean score error" in line]
    assert len(errors) == 4  # plain, equalised, percentile, one operator spared
    assert quantised.error >= min(errors) - 5e-5
    assert any(quantised.settings in line and "x FP32" in line for line in lines)


def test_a_choice_that_is_too_slow_loses_to_a_faster_one(monkeypatch: pytest.MonkeyPatch) -> None:
    speeds = iter([1.2, 1.9])
    monkeypatch.setattr(int8._Bench, "speed", lambda bench, model: next(speeds))
    lines: list[str] = []
    quantised = to_int8(small_encoder(), CROPS, NONE, methods=("minmax",), spared=(0, 1), log=lines.append)
    errors = sorted(float(line.rsplit(" ", 1)[1]) for line in lines if "mean score error" in line)
    assert quantised.speed == 1.9
    assert quantised.error > errors[0]


def test_too_few_crops_are_refused() -> None:
    with pytest.raises(ExportError, match="at least 16 calibration crops, there are 3"):
        to_int8(small_encoder(), CROPS[:3], NONE)


def test_an_encoder_counts_as_its_worse_reading_says(monkeypatch: pytest.MonkeyPatch) -> None:
    # ONNX Runtime may compute the optimised graph otherwise than its operators one by one.
    readings: list[bool] = []

    def difference(bench: int8._Bench, model: bytes, most: int | None, *, optimised: bool) -> float:
        readings.append(optimised)
        return 0.5 if optimised else 0.1

    monkeypatch.setattr(int8._Bench, "difference", difference)
    quantised = to_int8(small_encoder(), CROPS, NONE, methods=("minmax",), spared=(0,))
    assert quantised.error == 0.5
    assert {True, False} == set(readings)
