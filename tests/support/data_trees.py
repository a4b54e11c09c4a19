"""Small data sets on disk, with painted faces, and what the preparation needs to read them; all picklable."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
from clips import ColourFinder, write_video
from fakes import BLUE, RED, picture

from unmask.cli.train_media import open_media
from unmask.realtime.types import FaceBox, Image
from unmask.training.prepare.cutting import CutSettings
from unmask.training.prepare.items import MediaKind
from unmask.training.prepare.layouts.base import LayoutOptions
from unmask.training.prepare.layouts.registry import find_layout
from unmask.training.prepare.media import Media, Parts
from unmask.training.prepare.run import PrepareSettings, plan, prepare
from unmask.training.prepare.splits import SplitSettings

FACE = (100.0, 60.0, 200.0, 170.0)
PARTS = Parts(open_media, ColourFinder)
FINDER = ColourFinder.description


def face_video(path: Path, seed: int, *, frames: int = 12, box: tuple[float, ...] = FACE) -> Path:
    """A painted face that moves a little; red, or blue for odd seeds; no two seeds give the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    x0, y0, x1, y1 = box
    colour = BLUE if seed % 2 else RED
    pictures = [picture(((x0 + step, y0, x1 + step, y1), colour), seed=1000 * seed + step) for step in range(frames)]
    return write_video(path, pictures)


def face_picture(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture((FACE, RED), seed=seed))
    return path


def empty_video(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_video(path, [picture(seed=1000 * seed + step) for step in range(8)])


def touch(root: Path, names: Iterable[str]) -> Path:
    """Files that no test opens; each with other contents, so that none is a duplicate."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * (number + 1))
    return root


def pair_tree(root: Path, pairs: int, *, frames: int = 12) -> Path:
    """UADFV's layout: real/0000.mp4 and fake/0000_fake.mp4."""
    for number in range(pairs):
        face_video(root / "real" / f"{number:04d}.mp4", 2 * number, frames=frames)
        face_video(root / "fake" / f"{number:04d}_fake.mp4", 2 * number + 1, frames=frames)
    return root


def settings(
    *, frames: int = 3, val: float = 0.0, test: float = 0.0, per_shard: int = 5, layout: LayoutOptions | None = None
) -> PrepareSettings:
    cut = CutSettings(frames=frames, size=96, min_face=40)
    return PrepareSettings(cut, SplitSettings(val, test), layout or LayoutOptions(), per_shard=per_shard)


def prepare_tree(
    root: Path, out: Path, wanted: PrepareSettings, parts: Parts = PARTS, **options: object
) -> dict[str, object]:
    found = find_layout(root, labelled=wanted.layout.label is not None)
    return prepare(out, plan(root, found, wanted), parts, wanted, FINDER, **options)  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder`` by its path, hidden ones too."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def open_or_die(path: Path, kind: MediaKind) -> Media:
    """A decoder with a fault: one file ends the process."""
    if "0001" in path.name and "fake" in path.name:
        os._exit(3)
    return open_media(path, kind)


class TwoFaces:
    """A small sure face in the middle, a large one at the left, whatever the picture."""

    name = "two"
    description = ColourFinder.description

    def find(self, image: Image) -> list[FaceBox]:
        return [FaceBox(140, 100, 190, 150, 0.95), FaceBox(10, 60, 110, 170, 0.9)]

    def close(self) -> None: ...


def write_json(path: Path, value: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def sources(items: Sequence[object]) -> list[str]:
    return [item.source for item in items]  # type: ignore[attr-defined]
