"""Frames of clips, and the looks at side-by-side clips that are counted."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.realtime.faces.crop import CropSpec  # noqa: E402
from unmask.realtime.types import FaceBox, Image  # noqa: E402
from unmask.training.data.dfdc import DataError  # noqa: E402
from unmask.training.experiments.faces import CLIP_MARGIN, CLIP_SIDE, clip_faces  # noqa: E402
from unmask.training.experiments.pairs import FRAMES, LOG, look  # noqa: E402
from unmask.training.experiments.workshop import POOLS, RENDERERS  # noqa: E402

POINTS = np.array([[50, 50], [70, 50], [60, 60], [52, 70], [68, 70]], np.float32)


class OneFace:
    """A finder that sees one face in the same place of every picture that is not black."""

    def find(self, image: Image) -> list[FaceBox]:
        return [FaceBox(40, 35, 80, 85, 0.9, POINTS)] if image.max() > 40 else []


def write_clip(path: Path, left: int, right: int, frames: int = 40) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (240, 120))
    picture = np.zeros((120, 240, 3), np.uint8)
    picture[:, :120], picture[:, 120:] = left, right
    for _ in range(frames):
        writer.write(picture)
    writer.release()


def test_frames_are_spread_and_cut_wide_round_the_face(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", 90, 90)
    rows = list(clip_faces([tmp_path / "a.mp4"], OneFace(), 5))  # type: ignore[arg-type]
    assert [group for group, _, _ in rows] == ["a"] * 5
    _, picture, face = rows[0]
    assert picture.shape == (CLIP_SIDE, CLIP_SIDE, 3)
    assert face.size == pytest.approx(CLIP_SIDE / CLIP_MARGIN)


def brightness(crops: np.ndarray) -> np.ndarray:
    return crops.mean(axis=(1, 2, 3))


def test_the_right_half_is_the_swapped_one_and_every_look_is_counted(tmp_path: Path) -> None:
    for number in range(3):
        write_clip(tmp_path / f"{number}.mp4", 80 + number, 120 + number)
    spec = CropSpec(32, 1.3)
    for name in ("first", "second"):
        clips, frames = look(tmp_path, OneFace(), spec, brightness, tmp_path, name)  # type: ignore[arg-type]
    assert (clips.value, frames.value, clips.groups) == (1.0, 1.0, 3)
    entries = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [entry["what"] for entry in entries] == ["first", "second"]
    assert entries[0]["frames"] == 3 * 2 * FRAMES
    assert entries[0]["means"]["1 swapped"] > entries[0]["means"]["1 genuine"]


def test_clips_without_a_face_are_one_sentence(tmp_path: Path) -> None:
    write_clip(tmp_path / "dark.mp4", 0, 0)
    with pytest.raises(DataError, match="No face"):
        look(tmp_path, OneFace(), CropSpec(32, 1.3), brightness, tmp_path, "x")  # type: ignore[arg-type]


def test_validation_pools_hold_out_what_training_learns_from() -> None:
    train, people, other = POOLS["train"], POOLS["people"], POOLS["other"]
    assert not set(train.shares) & set(people.shares)
    assert people.faces == "held"
    assert "kept" not in {kind.faces for name, kind in POOLS.items() if name not in ("train", "all", "blends")}
    assert other.renderer not in {POOLS["train"].renderer, POOLS["all"].renderer}
    assert {kind.renderer for kind in POOLS.values()} - {None} == set(RENDERERS)
    assert len({kind.seed for name, kind in POOLS.items() if kind.faces != "clips"}) == 5
