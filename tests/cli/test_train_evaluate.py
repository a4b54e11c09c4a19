"""`unmask train evaluate` as a person runs it: a toy package on made crops, and on recordings of a portrait."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
from clips import write_video
from labelled_crops import MadeCrop, crop_picture, write_crops
from toy_package import build_toy_package, toy_logit

from unmask.cli.evaluation_scoring import PackageScorer
from unmask.cli.main import main
from unmask.engines.package import load_package
from unmask.realtime.detector import Detector
from unmask.realtime.types import FaceBox
from unmask.training.degrade import DEGRADATIONS
from unmask.training.evaluation.passes import StoredCrop
from unmask.training.lines import LINES

QUALITY = {"min_face_px": 20, "min_brightness": 40}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages") / "toy"
    return build_toy_package(folder, rule={"dwell_s": 0.5, "release_s": 0.5}, quality=QUALITY)


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fakes are red, genuine ones blue, but for one of each; one crop is too small to be judged."""
    made = [MadeCrop(f"f{n}", True, 0.5 + n / 40, f"p{n}", manipulation="swap") for n in range(12)]
    made += [MadeCrop(f"r{n}", False, -0.5 - n / 40, f"p{n + 6}") for n in range(12)]
    made += [
        MadeCrop("wrong", False, 0.9, "p30"),
        MadeCrop("missed", True, -0.9, "p31", manipulation="other"),
    ]
    made += [
        MadeCrop("small", True, 0.9, "p32", source_width=15),
        MadeCrop("t", True, 0.9, "t", split="train"),
    ]
    return write_crops(tmp_path_factory.mktemp("data") / "my crops", made)


def read(out: Path) -> dict[str, Any]:
    return json.loads((out / "evaluation.json").read_text(encoding="utf-8"))


def evaluate(*words: object) -> int:
    return main(["train", "evaluate", *map(str, words), "--rounds", "30", "--no-plots"])


def test_crops_give_the_numbers_that_the_toy_must_give(toy: Path, crops: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "report"
    assert evaluate(toy, crops, "--out", out, "--robustness", 6) == 0
    plain = read(out)
    (data,) = plain["runs"][0]["data"]
    assert data["data"] == "my-crops"
    assert data["counts"] == {"videos": 27, "videos_fake": 14, "frames": 27, "frames_fake": 14, "groups": 21,
                              "unreadable": 0}  # fmt: skip
    found = {name: estimate["value"] for name, estimate in data["per_video"].items()}
    # 13 judged fakes, one of them below all; 13 genuine, one of them above all.
    assert found["auroc"] == pytest.approx(144 / 169, abs=1e-6)
    assert found["recall"] == pytest.approx(12 / 14, abs=1e-6)
    assert found["fpr"] == pytest.approx(1 / 13, abs=1e-6)
    assert found["accuracy"] == pytest.approx(24 / 27, abs=1e-6)
    assert found["coverage"] == pytest.approx(26 / 27, abs=1e-6)
    assert data["not_judged_videos"] == {"face_too_small": 1}
    assert data["manipulations"]["other"]["recall"]["value"] == 0.0
    assert [row["name"] for row in data["robustness"]] == ["none", *DEGRADATIONS]
    by_name = {row["name"]: row["per_frame"] for row in data["robustness"]}
    assert by_name["low light 0.2"]["coverage"]["value"] < by_name["none"]["coverage"]["value"], "the gate is at work"
    assert plain["runs"][0]["speed"]["calls"] == 100
    text = (out / "evaluation.md").read_text(encoding="utf-8")
    assert plain["command"] in text
    assert plain["command"].startswith("unmask train evaluate toy 'my crops' --split val --robustness 6")
    for name in ("evaluation.md", "evaluation.json"):
        assert str(tmp_path.parent) not in (out / name).read_text(encoding="utf-8")
    shown = capsys.readouterr().out
    assert "my-crops" in shown
    assert "Written to" in shown


def test_the_same_run_gives_the_same_numbers(toy: Path, crops: Path, tmp_path: Path) -> None:
    files = []
    for name in ("one", "two"):
        assert evaluate(toy, crops, "--out", tmp_path / name, "--robustness", 4) == 0
        plain = read(tmp_path / name)
        plain["runs"][0].pop("speed")
        files.append(plain)
    assert files[0] == files[1]


def test_several_data_sets_and_runs_keep_the_frozen_threshold(toy: Path, crops: Path, tmp_path: Path) -> None:
    redder = write_crops(tmp_path / "my crops", [MadeCrop(f"k{n}", n < 4, 0.9, f"p{n}") for n in range(8)])
    other = build_toy_package(tmp_path / "toy2", name="toy2", threshold=0.95, quality=QUALITY)
    out = tmp_path / "report"
    assert evaluate(toy, crops, redder, "--repeat", other, "--robustness", 0, "--out", out) == 0
    plain = read(out)
    assert [data["data"] for data in plain["runs"][0]["data"]] == ["my-crops", "my-crops-2"]
    assert plain["runs"][0]["data"][1]["per_video"]["fpr"]["value"] == 1.0
    assert len(plain["runs"]) == 2
    recall = plain["repeated"]["my-crops"]["recall"]
    assert recall["best_run"] == "1: toy"
    assert recall["values"][0] > recall["values"][1]
    text = (out / "evaluation.md").read_text(encoding="utf-8")
    assert "Across data sets" in text
    assert "2 runs on my-crops" in text


def test_recordings_go_through_the_scanner(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A portrait, reddened and made blue; a picture of each, a recording without a face, and one that is broken."""
    few = {name: DEGRADATIONS[name] for name in ("360p", "JPEG 30")}
    monkeypatch.setattr("unmask.cli.evaluation_runs.DEGRADATIONS", few)
    portrait = skimage.data.astronaut()[:300, 80:380, ::-1].astype(np.int16)
    noise = np.random.default_rng(0)

    def shot(red: int, shift: int) -> np.ndarray:
        picture = np.roll(portrait, shift, axis=1) + np.array([-red, 0, red]) + noise.integers(-3, 4, portrait.shape)
        return np.clip(picture, 0, 255).astype(np.uint8)

    for folder, red in (("fake/swap", 60), ("real", -60)):
        place = tmp_path / "calls" / folder
        place.mkdir(parents=True)
        write_video(place / f"v{red}.mp4", [shot(red, n // 4) for n in range(50)])
        cv2.imwrite(str(place / f"p{red}.png"), shot(red, 0))
    write_video(
        tmp_path / "calls" / "real" / "wall.mp4",
        [np.full((240, 320, 3), 90 + n, np.uint8) for n in range(30)],
    )
    (tmp_path / "calls" / "real" / "broken.mp4").write_bytes(b"no video")
    out = tmp_path / "report"
    assert evaluate(toy, tmp_path / "calls", "--face-finder", "cascade", "--robustness", 2, "--out", out) == 0
    (data,) = read(out)["runs"][0]["data"]
    assert data["counts"]["videos"] == 6
    assert data["counts"]["unreadable"] == 1
    found = {name: estimate["value"] for name, estimate in data["per_video"].items()}
    assert found["auroc"] == 1.0
    assert found["recall"] == 1.0
    assert found["coverage"] == pytest.approx(4 / 6, abs=1e-6)
    assert data["not_judged_videos"]["unreadable"] == 1
    times = data["time_to_detect"]
    assert (times["recordings"], times["noticed"]) == (1, 1)
    assert 0.4 <= times["median_s"]["value"] <= 1.5
    assert times["as_long"] == {"5": 0, "15": 0, "30": 0}
    assert data["false_alarms"]["alarms"] == 0
    assert data["false_alarms"]["hours"] == pytest.approx((2.0 + 1.2) / 3600, rel=0.2)
    assert [row["name"] for row in data["robustness"]] == ["none", *few]
    assert data["robustness"][0]["per_frame"]["coverage"]["n"] == 2


def test_plots_lie_beside_the_report(toy: Path, crops: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need matplotlib (extra 'train'), which is absent")
    out = tmp_path / "report"
    words = [
        "train",
        "evaluate",
        str(toy),
        str(crops),
        "--robustness",
        "0",
        "--rounds",
        "5",
        "--out",
        str(out),
    ]
    assert main(words) == 0
    assert {path.name for path in out.glob("*.png")} == {
        f"{kind}-my-crops.png" for kind in ("roc", "det", "reliability", "histogram")
    }
    assert "](roc-my-crops.png)" in (out / "evaluation.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--split", "dev"], "choose one of train, val"),
        (["--alarms-per-hour", "0.0001"], "per hour"),
        (["--engine", "tensorflow"], "There is no engine"),
        (["--robustness", "-1"], "argument --robustness"),
        (["--repeat", "no-such-detector"], "no-such-detector"),
    ],
)
def test_a_wrong_argument_is_one_sentence(toy: Path, crops: Path, tmp_path: Path, words, sentence, capsys) -> None:
    out = tmp_path / "report"
    try:
        code = evaluate(toy, crops, "--out", out, *words)
    except SystemExit as exit_:
        code = exit_.code
    assert code == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.strip().splitlines()) == 1
    assert not out.exists()


def test_the_scorer_sees_what_live_would_see(toy: Path) -> None:
    """A tight crop is taken whole; one with a box is cut by the live crop function; both to the last bit."""
    with Detector.open(load_package(toy), "auto") as detector:
        scorer = PackageScorer(detector)
        image = crop_picture(0.4)
        wide = cv2.copyMakeBorder(image, 32, 32, 32, 32, cv2.BORDER_CONSTANT, value=(255, 0, 0))
        box = FaceBox(32.0, 32.0, 96.0, 96.0, 0.9)
        vectors, causes = scorer.encode([StoredCrop(image, None, 200), StoredCrop(wide, box, 400)])
        assert causes == [(), ()]
        np.testing.assert_array_equal(vectors[0], vectors[1])
        score = scorer.score([vectors[:1], vectors])
        logit = toy_logit(image[..., ::-1])
        np.testing.assert_allclose(score, 1 / (1 + np.exp(-logit)), atol=1e-6)


def test_the_scorer_names_its_causes(toy: Path) -> None:
    with Detector.open(load_package(toy), "auto") as detector:
        scorer = PackageScorer(detector)
        black = np.zeros((64, 64, 3), np.uint8)
        profile = np.array([[30, 20], [31, 20], [50, 30], [30, 45], [31, 45]], np.float32)
        vectors, causes = scorer.encode(
            [
                StoredCrop(crop_picture(0.4), None, 19),
                StoredCrop(black, None, 200),
                StoredCrop(crop_picture(0.4), FaceBox(0, 0, 64, 64, 0.9, profile), 200),
            ]
        )
        assert causes[0] == ("face_too_small",)
        assert "dark" in causes[1]
        assert causes[2] == (), "this package sets no limit for turned heads"
        assert np.isnan(vectors).all(axis=1).tolist() == [True, True, False]


def test_a_recording_that_breaks_off_counts_as_far_as_it_goes(toy: Path, tmp_path: Path) -> None:
    portrait = skimage.data.astronaut()[:300, 80:380, ::-1]
    place = tmp_path / "calls" / "fake"
    place.mkdir(parents=True)
    frames = [np.roll(portrait, number // 4, axis=1).copy() for number in range(75)]
    whole = write_video(tmp_path / "whole.mkv", frames)
    (place / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    out = tmp_path / "report"
    assert evaluate(toy, tmp_path / "calls", "--face-finder", "cascade", "--out", out) == 0
    (data,) = read(out)["runs"][0]["data"]
    assert data["counts"]["unreadable"] == 0
    assert data["per_frame"]["coverage"]["value"] > 0.2


def test_tight_crops_are_mirrored_out_to_the_detectors_margin(toy: Path, crops: Path, tmp_path: Path, capsys) -> None:
    wide = build_toy_package(tmp_path / "wide", name="wide", crop={"margin": 1.4}, quality=QUALITY)
    out = tmp_path / "report"
    assert evaluate(wide, crops, "--out", out, "--robustness", 0, "--crop-margin", 0.8) == 0
    plain = read(out)
    (data,) = plain["runs"][0]["data"]
    assert "--crop-margin 0.8" in plain["command"]
    assert "as cut with a margin of 0.8, and what the detector's margin of 1.4 reaches beyond" in data["notes"][0]
    with Detector.open(load_package(wide), "auto") as detector:
        scorer = PackageScorer(detector, 0.8)
        image = np.zeros((64, 64, 3), np.uint8)
        image[:, :8] = 200  # mirrored, the edge is seen twice
        vectors, causes = scorer.encode([StoredCrop(image + 45, None, 200)])
        assert causes == [()]
        assert np.isfinite(vectors).all()
        assert scorer.margin == 0.8
    boxed = write_boxed(tmp_path / "boxed")
    assert evaluate(toy, boxed, "--out", tmp_path / "no", "--crop-margin", 0.8) == 2
    assert "leave out --crop-margin" in capsys.readouterr().err


def write_boxed(folder: Path) -> Path:
    write_crops(folder, [MadeCrop(f"k{n}", n < 2, 0.5 - n / 4, f"p{n}") for n in range(4)])
    lines = (folder / "index.csv").read_text().splitlines()
    extra = [",margin,box,face_confidence", *[",2,16 16 48 48,1"] * (len(lines) - 1)]
    text = "\n".join(line + more for line, more in zip(lines, extra, strict=True))
    (folder / "index.csv").write_text(text + "\n")
    return folder


def test_windows_of_stills_stand_beside_their_frames(toy: Path, crops: Path, tmp_path: Path, monkeypatch) -> None:
    few = {name: LINES[name] for name in ("re-encoded", "360p VP9 150 kbit/s")}
    monkeypatch.setattr("unmask.cli.evaluation_runs.LINES", few)
    out = tmp_path / "report"
    assert evaluate(toy, crops, "--robustness", 0, "--windows", 12, "--out", out) == 0
    plain = read(out)
    (data,) = plain["runs"][0]["data"]
    found = data["windows"]
    assert found["length"] == 4
    assert [row["name"] for row in found["rows"]] == ["none", *few]
    for row in found["rows"]:
        assert row["windows"]["coverage"]["n"] == 12
        assert row["frames"]["coverage"]["n"] == 48
    assert "### Single frames against windows of 4" in (out / "evaluation.md").read_text(encoding="utf-8")
    assert "--windows 12" in plain["command"]


def test_recordings_are_watched_again_after_each_line(toy: Path, tmp_path: Path, monkeypatch) -> None:
    few = {name: LINES[name] for name in ("360p", "low light 0.4")}
    monkeypatch.setattr("unmask.cli.evaluation_runs.LINES", few)
    portrait = skimage.data.astronaut()[:300, 80:380, ::-1].astype(np.int16)
    for folder, red in (("fake", 60), ("real", -60)):
        place = tmp_path / "calls" / folder
        place.mkdir(parents=True)
        tint = np.array([-red, 0, red])
        frames = [np.clip(np.roll(portrait, n // 4, axis=1) + tint, 0, 255).astype(np.uint8) for n in range(50)]
        write_video(place / "v.mp4", frames)
    (tmp_path / "calls" / "real" / "broken.mp4").write_bytes(b"no video")
    out = tmp_path / "report"
    assert evaluate(toy, tmp_path / "calls", "--face-finder", "cascade", "--lines", 9, "--out", out) == 0
    (data,) = read(out)["runs"][0]["data"]
    by_name = {row["name"]: row for row in data["recordings"]}
    assert list(by_name) == ["none", *few]
    assert by_name["none"]["numbers"]["recall"]["value"] == 1.0
    assert by_name["360p"]["numbers"]["recall"]["value"] == 1.0
    assert by_name["360p"]["genuine"]["recordings"] == 2, "the broken one stays in"
    assert by_name["360p"]["genuine"]["judged"] == 1
    bright, dark = (by_name[name]["genuine"]["moments"] for name in ("none", "low light 0.4"))
    assert bright >= dark
    assert "### Recordings after a line" in (out / "evaluation.md").read_text(encoding="utf-8")
