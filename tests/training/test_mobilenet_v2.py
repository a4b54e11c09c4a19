from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.training.data.dfdc import DataError  # noqa: E402
from unmask.training.models.mobilenet_v2 import EMBEDDING, MobileNetV2, load_imagenet  # noqa: E402

# Classes of the weights' classifier, which counts the background as class 0.
ESPRESSO, TRIPOD, SCOOTER, MOPED = 968, 873, 671, 666


def test_shapes_and_size() -> None:
    model = MobileNetV2()
    embedding, logit = model(torch.zeros(2, 3, 96, 96, dtype=torch.uint8))
    assert embedding.shape == (2, EMBEDDING)
    assert logit.shape == (2,)
    assert len(model.convolutions()) == 52
    assert sum(p.numel() for p in model.parameters()) * 4 < 12e6


def test_the_logit_is_linear_in_the_embedding() -> None:
    model = MobileNetV2().eval()
    embedding, logit = model(torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8))
    torch.testing.assert_close(logit, embedding @ model.classifier.weight[0] + model.classifier.bias)


def test_wrong_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no starting weights"):
        load_imagenet(MobileNetV2(), tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", **{"00.w": np.zeros((8, 3, 3, 3)), "00.b": np.zeros(8)})
    with pytest.raises(DataError, match="not MobileNetV2"):
        load_imagenet(MobileNetV2(), tmp_path / "other.npz")


@pytest.mark.parametrize(
    ("picture", "classes"),
    [("coffee.png", {ESPRESSO}), ("camera.png", {TRIPOD}), ("motorcycle_left.png", {SCOOTER, MOPED})],
)
def test_imagenet_features_are_sane(shared: Path, picture: str, classes: set[int]) -> None:
    skimage = pytest.importorskip("skimage", reason="needs the pictures that scikit-image ships")
    image = cv2.imread(str(Path(skimage.__file__).parent / "data" / picture))
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    image = cv2.resize(image[top : top + side, left : left + side], (224, 224), interpolation=cv2.INTER_AREA)
    model = MobileNetV2().eval()
    weight, bias = load_imagenet(model, shared / "models" / "mobilenet_v2_imagenet.npz")
    pixels = torch.from_numpy(np.ascontiguousarray(image[..., ::-1])).permute(2, 0, 1)[None]
    with torch.inference_mode():
        scores = (model.embed(pixels) @ weight.T + bias).softmax(dim=1)[0]
    assert int(scores.argmax()) in classes
