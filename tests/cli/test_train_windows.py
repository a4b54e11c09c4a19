"""A network of windows the whole way, as a person goes it: prepare, train, export, evaluate, watch a clip with it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import write_video
from skimage.data import astronaut

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")
pytest.importorskip("onnxscript", reason="needs onnxscript (the train extra)")

from unmask.cli.main import main  # noqa: E402
from unmask.engines.package import load_package  # noqa: E402
from unmask.realtime.types import Image  # noqa: E402

#: Videos are made, prepared, learnt from and watched; on a busy machine that takes a while.
pytestmark = pytest.mark.timeout(600)

FINDER = ("--face-finder", "cascade")
LEARNT, HELD = 8, 6
RECIPE = """
name = "small-windows"
summary = "A small CNN with an LSTM over windows of four frames"

[input]
height = 32
width = 32
frames = 4
margin = 1.3
{arrays}

[network]
kind = "cnn"
channels = [8, 16]

[head]
time = "lstm"
hidden = 8

[augmentation]
views = "mirror"

[optimiser]
kind = "adam"
rate = 1e-2

[schedule]
kind = "constant"

[training]
epochs = 8
batch = 4
"""


def portraits(red: int, person: int, count: int) -> list[Image]:
    """The same astronaut, moving, in another light for each ``person``; fakes are redder."""
    picture = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR)[:320, 40:440].astype(np.int16)
    if person % 2:
        picture = np.ascontiguousarray(picture[:, ::-1])
    if person % 3 == 0:  # so that the gates of what validates leave room for a clip from elsewhere
        picture = cv2.GaussianBlur(picture, (0, 0), 1.5)
    rng = np.random.default_rng((person, red > 0))
    light = np.array([-red, 0, red]) + 3 * (person % 5)
    shots = []
    for step in range(count):
        shifted = picture[:, 20 + step % 12 : 340 + step % 12]
        shots.append(np.clip(shifted + light + rng.integers(-4, 5, shifted.shape), 0, 255).astype(np.uint8))
    return shots


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Crops and arrays of a genuine and a fake video of each person, by the command itself."""
    root = tmp_path_factory.mktemp("windows")
    for person in range(LEARNT + HELD):
        split = "train" if person < LEARNT else "val"
        for label, red in (("fake", 50), ("real", -50)):
            folder = root / "videos" / split / label / f"person{person}"
            folder.mkdir(parents=True)
            write_video(folder / f"{label}.mp4", portraits(red, person, 12), fps=8)
    words = [
        "train",
        "prepare",
        root / "videos",
        root / "crops",
        "--identities",
        "parent",
        "--workers",
        1,
        "--frames",
        6,
    ]
    words += ["--test", 0, "--frames", 6, "--size", 96, "--npz", "--npz-frames", 4, "--npz-size", 64, *FINDER]
    assert run(*words) == 0
    assert len(list((root / "crops" / "npz").glob("*.npz"))) == 2 * (LEARNT + HELD)
    return root / "crops"


def run(*words: object) -> int:
    return main([str(word) for word in words])


@pytest.mark.parametrize("arrays", ["arrays = true", ""])
def test_windows_from_videos_to_a_verdict(arrays: str, prepared: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    recipe = tmp_path / "small-windows.toml"
    recipe.write_text(RECIPE.format(arrays=arrays))
    folder, package, report = tmp_path / "run", tmp_path / "windows", tmp_path / "report"
    assert run("train", "run", recipe, "--data", prepared, "--out", folder, "--device", "cpu") == 0
    assert (folder / "best.pt").is_file()
    history = json.loads((folder / "history.json").read_text())
    assert max(row["validation_auroc"] for row in history) > 0.9
    assert "frame_auroc" in history[0], "single frames are judged beside the windows"

    words = ["--data", prepared, "--margin", 1.3, "--min-frames", 2, "--version", "1.2.3"]
    assert run("export", folder, "--out", package, *words) == 0
    manifest = load_package(package).manifest
    assert (manifest.window.length, manifest.window.min_frames, manifest.single_image) == (4, 2, False)
    assert manifest.calibration.fitted_on == f"{2 * HELD} windows of {HELD} identity groups: crops, split val"

    words = ["--robustness", 0, "--rounds", 20, "--no-plots"]
    assert run("train", "evaluate", package, prepared, *words, "--out", report) == 0
    (data,) = json.loads((report / "evaluation.json").read_text())["runs"][0]["data"]
    assert data["per_video"]["auroc"]["value"] > 0.9
    assert data["per_frame"]["coverage"]["value"] == 0.0, "a single picture says nothing to it"

    verdicts = {name: watched(package, tmp_path, name, red) for name, red in (("fake", 50), ("real", -50))}
    assert "signs_of_manipulation" in verdicts["fake"]
    assert verdicts["real"] - {"cannot_judge"} == {"no_signs_found"}


def watched(package: Path, folder: Path, name: str, red: int) -> set[str]:
    """The verdicts on the face of a clip of somebody new."""
    clip, log = folder / f"{name}.mp4", folder / f"{name}.jsonl"
    write_video(clip, portraits(red, 98, 125))
    assert run("watch", clip, "--headless", "--detector", package, "--jsonl", log, *FINDER) == 0
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    events = [line for line in lines if line["type"] == "event"]
    assert bool(events) is (name == "fake")
    return {line["verdict"] for line in lines if line["type"] == "face"}
