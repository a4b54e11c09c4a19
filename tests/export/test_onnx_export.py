"""The exported graphs: what they compute, alone and in company, and what they say of themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")
pytest.importorskip("onnxscript", reason="needs onnxscript (the train extra)")

from torch import Tensor, nn  # noqa: E402

from unmask.engines.graph_check import NEWEST_OPSET, OLDEST_OPSET  # noqa: E402
from unmask.engines.registry import open_engine  # noqa: E402
from unmask.export import measure, onnx_export  # noqa: E402
from unmask.export.onnx_export import OPSET, Graphs, export_graphs, frame_network, head_bytes  # noqa: E402
from unmask.export.package_writer import ExportError  # noqa: E402
from unmask.export.parity import check_parity, encoder_differences, head_difference  # noqa: E402

SIZE, DEPTH, LENGTH = 32, 24, 4


class Small(nn.Module):
    """Shaped as a frame model is, small enough to export in a moment."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(nn.Conv2d(3, DEPTH, 3, 2, 1), nn.ReLU6(), nn.Conv2d(DEPTH, DEPTH, 1), nn.ReLU6())
        self.classifier = nn.Linear(DEPTH, 1)

    def feature_map(self, x: Tensor) -> Tensor:
        return self.features(x.float() / 127.5 - 1.0)

    def places(self, feature_map: Tensor) -> Tensor:
        return self.classifier(feature_map.permute(0, 2, 3, 1))[..., 0]


@pytest.fixture(scope="module")
def graphs() -> Graphs:
    return export_graphs(frame_network(Small(), SIZE, LENGTH), "small", "1.2.3")


@pytest.fixture(scope="module")
def encoder(graphs: Graphs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "encoder.onnx"
    path.write_bytes(graphs.encoder)
    return path


def crops(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def test_the_files_compute_what_the_network_does(graphs: Graphs) -> None:
    with measure.opened(graphs.encoder, graphs.head, SIZE) as running:
        parity = check_parity(frame_network(Small(), SIZE, LENGTH), running.encoder, running.head, crops(5))
    assert max(parity.embedding, parity.logit, parity.head) < 1e-4
    assert parity.activation is not None
    assert parity.activation < 1e-4
    assert "activation" in parity.sentence()


def test_files_of_another_network_are_refused(graphs: Graphs) -> None:
    other = Small()
    with torch.no_grad():
        other.classifier.bias += 0.1
    network = frame_network(other, SIZE, LENGTH)
    with measure.opened(graphs.encoder, graphs.head, SIZE) as running:
        with pytest.raises(ExportError, match="encoder's logit differs from the network's"):
            encoder_differences(network, running.encoder.infer({"crops": crops(2)}), crops(2))
        with pytest.raises(ExportError, match="head's logit differs from the network's"):
            head_difference(network, running.head)


def test_a_network_without_numbers_is_refused(graphs: Graphs) -> None:
    broken = Small()
    with torch.no_grad():
        broken.classifier.bias.fill_(float("nan"))
    with (
        measure.opened(graphs.encoder, graphs.head, SIZE) as running,
        pytest.raises(ExportError, match="own logit is no number"),
    ):
        check_parity(frame_network(broken, SIZE, LENGTH), running.encoder, running.head, crops(2))


def test_a_head_that_judges_nothing_is_refused(graphs: Graphs, monkeypatch: pytest.MonkeyPatch) -> None:
    network = frame_network(Small(), SIZE, LENGTH)
    with measure.opened(graphs.encoder, graphs.head, SIZE) as running:
        infer = running.head.infer
        monkeypatch.setattr(
            running.head, "infer", lambda arrays: {name: np.nan_to_num(v) for name, v in infer(arrays).items()}
        )
        with pytest.raises(ExportError, match="window without frames"):
            head_difference(network, running.head)


def test_the_activation_is_the_logit_place_by_place(encoder: Path, graphs: Graphs) -> None:
    assert graphs.activation == (16, 16)
    with open_engine("ort-cpu", encoder) as engine:
        said = engine.infer({"crops": crops(3)})
    np.testing.assert_allclose(said["activation"].mean(axis=(1, 2)), said["logit"], atol=1e-5)
    assert np.ptp(said["activation"][0]) > 0.01, "every place says the same"


def test_a_crop_gets_the_same_bits_in_any_batch(encoder: Path) -> None:
    with open_engine("ort-cpu", encoder) as engine:
        together = engine.infer({"crops": crops(16)})
        for row in range(16):
            alone = engine.infer({"crops": crops(16)[row : row + 1]})
            for name in ("embedding", "logit"):
                np.testing.assert_array_equal(alone[name][0], together[name][row])


def test_the_file_holds_no_trace_of_its_machine(graphs: Graphs) -> None:
    model = onnx.load_model_from_string(graphs.encoder)
    told = {prop.key: prop.value for prop in model.metadata_props}
    assert told == onnx_export.metadata("small", "1.2.3", "encoder", SIZE, DEPTH)
    assert b".py" not in graphs.encoder
    assert str(Path.home()).encode() not in graphs.encoder
    assert graphs == export_graphs(frame_network(Small(), SIZE, LENGTH), "small", "1.2.3"), "not the same twice"


def test_every_runtime_reads_the_operator_set(graphs: Graphs) -> None:
    assert OLDEST_OPSET <= OPSET <= NEWEST_OPSET
    for raw in (graphs.encoder, graphs.head):
        model = onnx.load_model_from_string(raw)
        assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPSET)]
        assert not model.functions


def test_what_torch_cannot_export_is_one_sentence() -> None:
    class Unexportable(nn.Module):
        def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
            values = torch.from_numpy(np.sort(crops.float().sum(dim=(1, 2)).numpy()))
            return values, values[:, 0]

    with pytest.raises(ExportError, match=r"cannot export Unexportable .* change the network\.$"):
        onnx_export.encoder_bytes(Unexportable(), SIZE, {}, outputs=2)


def test_the_head_is_the_masked_mean_of_frame_logits(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    weight = rng.normal(size=DEPTH).astype(np.float32)
    (tmp_path / "head.onnx").write_bytes(head_bytes(weight, 0.25, 4, {}))
    window = rng.normal(size=(3, 4, DEPTH)).astype(np.float32)
    mask = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]], np.float32)
    with open_engine("ort-cpu", tmp_path / "head.onnx") as engine:
        logit = engine.infer({"window": window, "mask": mask})["logit"]
        alone = [engine.infer({"window": window[i : i + 1], "mask": mask[i : i + 1]})["logit"][0] for i in range(2)]
    frames = window @ weight + 0.25
    np.testing.assert_allclose(logit[:2], [frames[0].mean(), frames[1, :2].mean()], rtol=1e-5)
    np.testing.assert_array_equal(alone, logit[:2])
    assert np.isnan(logit[2]), "an empty window must never become a number"
