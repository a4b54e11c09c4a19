"""A data set and a trained run small enough for a test: 48 people, coloured crops, random weights.

Needs torch. The labels are what the random network itself says, so that calibration and metrics have
something to find.
"""

from __future__ import annotations

import csv
import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import torch

from unmask.training.data.batches import plain_view
from unmask.training.data.cache import SIDE, build_cache
from unmask.training.data.dfdc import hold_out_groups, read_index
from unmask.training.loop import logits_of
from unmask.training.models.mobilenet_v2 import MobileNetV2

SIZE = 32
PEOPLE = 48
PER_PERSON = 2


def random_network(seed: int = 0) -> MobileNetV2:
    """MobileNetV2 with weights that keep the signal alive through 52 layers."""
    torch.manual_seed(seed)
    model = MobileNetV2()
    for convolution in model.convolutions():
        torch.nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    torch.nn.init.normal_(model.classifier.weight, std=1.0)
    return model.eval()


def write_data(shared: Path, model: MobileNetV2) -> None:
    """``shared/data/dfdc`` (half the people train, half val) and ``shared/models`` with the network's weights."""
    rng = np.random.default_rng(0)
    folder = shared / "data" / "dfdc"
    folder.mkdir(parents=True)
    pixels = [_picture(rng) for _ in range(PEOPLE * PER_PERSON)]
    views = np.stack([plain_view(image[..., ::-1], SIZE) for image in pixels])
    logits = logits_of(model, views)
    with tarfile.open(folder / "faces-00.tar", "w") as archive:
        for number, image in enumerate(pixels):
            _, data = cv2.imencode(".png", image)
            member = tarfile.TarInfo(f"k{number}.png")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data.tobytes()))
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["key", "label", "original", "source_width", "source_height", "identity_group", "split"])
        for number, logit in enumerate(logits):
            label = "fake" if logit > np.median(logits) else "real"
            person = number % PEOPLE
            split = "train" if person % 2 else "val"
            writer.writerow([f"k{number}", label, "", SIDE, SIDE, person, split])
    (shared / "models").mkdir()
    arrays = {}
    for number, convolution in enumerate(model.convolutions()):
        assert convolution.bias is not None
        arrays[f"{number:02}.w"] = convolution.weight.detach().numpy()
        arrays[f"{number:02}.b"] = convolution.bias.detach().numpy()
    arrays["52.w"], arrays["52.b"] = np.zeros((5, 1280, 1, 1), np.float32), np.zeros(5, np.float32)
    np.savez(shared / "models" / "mobilenet_v2_imagenet.npz", **arrays)


def write_faces(cache: Path) -> None:
    """The cache of LFW faces, which otherwise needs a face finder."""
    rng = np.random.default_rng(1)
    build_cache(cache / "lfw", ((f"p{n}", _picture(rng)) for n in range(12)), colour="rgb")


def write_run(run: Path, shared: Path, model: MobileNetV2) -> None:
    """What ``unmask.training.first`` leaves behind, as far as the export reads it."""
    run.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), run / "best.pt")
    train = [record for record in read_index(shared / "data" / "dfdc") if record.split == "train"]
    held = sorted(hold_out_groups(train, 0.5, 1))
    (run / "run.json").write_text(json.dumps({"size": SIZE, "held_out_groups": held}))


def _picture(rng: np.random.Generator) -> np.ndarray:
    colour = rng.integers(40, 200, 3)
    texture = cv2.GaussianBlur(rng.normal(0, 40, (SIDE, SIDE, 3)), (0, 0), 3) * rng.uniform(1, 6)
    return np.clip(colour + texture, 0, 255).astype(np.uint8)
