"""A torch network behind the engine seam says what its files say."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")
pytest.importorskip("onnxscript", reason="needs onnxscript (the train extra)")

from torch import Tensor, nn  # noqa: E402

from unmask.export import measure  # noqa: E402
from unmask.export.measure import Crops  # noqa: E402
from unmask.export.network_engine import opened_network  # noqa: E402
from unmask.export.onnx_export import export_graphs, frame_network  # noqa: E402


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU6())
        self.classifier = nn.Linear(8, 1)

    def feature_map(self, x: Tensor) -> Tensor:
        return self.features(x.float() / 127.5 - 1.0)

    def places(self, feature_map: Tensor) -> Tensor:
        return self.classifier(feature_map.permute(0, 2, 3, 1))[..., 0]


def test_the_network_and_its_files_give_the_same_logits_of_windows() -> None:
    network = frame_network(Small(), 32, 4)
    pixels = np.random.default_rng(0).integers(0, 256, (7, 224, 224, 3), dtype=np.uint8)
    windows = ((0,), (1, 2, 3, 4), (5, 6))
    crops = Crops(pixels, list("abcdefg"), windows, np.array([True, False, True]), np.array(["x", "y", "z"]))
    said = measure.logits(opened_network(network), crops)
    graphs = export_graphs(network, "small", "1.0.0")
    with measure.opened(graphs.encoder, graphs.head, 32) as package:
        np.testing.assert_allclose(said, measure.logits(package, crops), atol=1e-5)
    assert np.ptp(said) > 5e-4
