"""The exported graphs: what they compute, alone and in company, and what they say of themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")
pytest.importorskip("onnxscript", reason="needs onnxscript (the train extra)")

from torch import Tensor, nn  # noqa: E402

from unmask.engines.registry import open_engine  # noqa: E402
from unmask.export.onnx_export import check_parity, encoder_bytes, head_bytes  # noqa: E402
from unmask.export.package_writer import ExportError  # noqa: E402

SIZE, DEPTH = 32, 24


class Small(nn.Module):
    """Shaped as a frame model is, small enough to export in a moment."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(nn.Conv2d(3, DEPTH, 3, 2, 1), nn.ReLU6(), nn.Conv2d(DEPTH, DEPTH, 1), nn.ReLU6())
        self.classifier = nn.Linear(DEPTH, 1)

    def embed(self, x: Tensor) -> Tensor:
        return self.features(x.float() / 127.5 - 1.0).mean(dim=(2, 3))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "encoder.onnx"
    path.write_bytes(encoder_bytes(Small(), SIZE, {"unmask.role": "encoder"}))
    return path


def crops(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def test_the_encoder_computes_what_the_network_does(encoder: Path) -> None:
    with open_engine("ort-cpu", encoder) as engine:
        said = engine.infer({"crops": crops(5)})
    parity = check_parity(Small(), said, crops(5))
    assert parity.logit < 1e-4
    other = Small()
    with torch.no_grad():
        other.classifier.bias += 0.1
    with pytest.raises(ExportError, match="differs from the network"):
        check_parity(other, said, crops(5))


def test_a_crop_gets_the_same_bits_in_any_batch(encoder: Path) -> None:
    with open_engine("ort-cpu", encoder) as engine:
        together = engine.infer({"crops": crops(16)})
        for row in range(16):
            alone = engine.infer({"crops": crops(16)[row : row + 1]})
            for name in ("embedding", "logit"):
                np.testing.assert_array_equal(alone[name][0], together[name][row])


def test_the_file_holds_no_trace_of_its_machine(encoder: Path) -> None:
    raw = encoder.read_bytes()
    model = onnx.load_model_from_string(raw)
    assert {prop.key: prop.value for prop in model.metadata_props} == {"unmask.role": "encoder"}
    assert b".py" not in raw
    assert str(Path.home()).encode() not in raw
    assert raw == encoder_bytes(Small(), SIZE, {"unmask.role": "encoder"})


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
