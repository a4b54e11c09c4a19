"""The demo clip: a synthetic call with a known truth, made on this machine from pictures at hand.

It is no footage: two still pictures that scikit-image and insightface ship are made to move, one face
stays as it is, another one is replaced from the middle on by warping and blending. Marks in every frame
and in the file say so. It shows that the whole pipeline works; it says nothing about how well a
detector does on real swaps.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from unmask.engines.errors import UsageError, ends_with_a_sentence
from unmask.realtime.types import Image
from unmask.training.synthesis.encode import EncodeSettings, encode_clip
from unmask.training.synthesis.people import ASTRONAUT_PICTURE, GROUP_PICTURE
from unmask.training.synthesis.scene import Scene, SceneSettings
from unmask.training.synthesis.truth import (
    FaceTruth,
    Truth,
    TruthError,
    file_sha256,
    load_truth,
    save_truth,
)

__all__ = ["DemoClip", "FaceTruth", "Truth", "ensure_demo_clip", "make_demo_clip"]

# Raise it with every change of what the clip looks like: cached clips are then made anew.
GENERATOR = "unmask demo clip 1"
DEFAULT_SEED = 7

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class DemoClip:
    """A synthetic clip on disk and all that is known about it."""

    path: Path
    truth: Truth


def make_demo_clip(
    path: Path,
    *,
    seconds: float = 16,
    width: int = 1280,
    height: int = 720,
    fps: int = 25,
    faces: int = 2,
    seed: int = DEFAULT_SEED,
    progress: Progress | None = None,
) -> DemoClip:
    """Make a clip at ``path`` (.mp4, .mkv, .mov) and its truth beside it, each all or nothing.

    A clip and a truth that do not belong together are told apart by the clip's SHA-256 in the truth.

    ``faces`` is 1 (swapped from the middle on), 2 or 4 (one of them swapped so). ``progress`` is called
    with frames done and frames in all. Raises ``PictureError`` when a dependency's picture is not the
    one its constants belong to, ``UsageError`` for settings or a place that cannot work.
    """
    path = Path(path)
    if not 0 < seconds <= 3600:
        raise UsageError(f"A demo clip lasts more than 0 and at most 3600 seconds, not {seconds:g}.")
    settings = SceneSettings(width, height, fps, round(seconds * fps), faces, seed)
    scene = Scene(settings)
    size = (settings.width, settings.height)
    encode_clip(path, _frames(scene, progress), size=size, fps=fps, settings=EncodeSettings())
    truth = Truth(
        width=settings.width,
        height=settings.height,
        fps=fps,
        frames=settings.frames,
        seed=seed,
        faces=scene.truth(),
        credits=scene.credits,
        generator=GENERATOR,
        video_sha256=file_sha256(path),
    )
    save_truth(truth, path)
    return DemoClip(path, truth)


def ensure_demo_clip(folder: Path | None = None, *, progress: Progress | None = None) -> DemoClip:
    """The standard clip (16 s, 720p, two faces), made on first use and kept in ``folder``.

    ``folder`` is the user's cache folder unless given; it is created. The name carries a hash of
    generator, settings and pictures; a clip that is damaged or lacks its truth is made again.
    """
    if folder is None:
        from platformdirs import user_cache_dir

        folder = Path(user_cache_dir("unmask", appauthor=False)) / "demo"
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UsageError(
            f"The folder {folder} cannot be made ({error.strerror}): make it, or set XDG_CACHE_HOME to one of yours."
        ) from error
    path = folder / f"demo-{_cache_key()}.mp4"
    try:
        return DemoClip(path, load_truth(path))
    except TruthError:
        return make_demo_clip(path, progress=progress)


def _cache_key() -> str:
    parts = [
        GENERATOR,
        asdict(SceneSettings()),
        asdict(EncodeSettings()),
        ASTRONAUT_PICTURE.sha256,
        GROUP_PICTURE.sha256,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _frames(scene: Scene, progress: Progress | None) -> Iterator[Image]:
    for index in range(scene.settings.frames):
        yield scene.draw(index)
        if progress is not None:
            progress(index + 1, scene.settings.frames)


@ends_with_a_sentence
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m unmask.training.demo_clip",
        description="Make a synthetic clip of a call, one face swapped from the middle on, with its truth.",
    )
    parser.add_argument("--out", type=Path, required=True, help="the clip to write, .mp4, .mkv or .mov")
    parser.add_argument("--seconds", type=float, default=16.0)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--fps", type=int, default=25)
    parser.add_argument("--faces", type=int, choices=(1, 2, 4), default=2)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    chosen = vars(parser.parse_args(argv))
    clip = make_demo_clip(chosen.pop("out"), **chosen)
    truth = clip.truth
    print(
        f"{clip.path}: {truth.seconds:g} s, {truth.width}x{truth.height}, {len(truth.faces)} faces. {truth.statement}."
    )
    for face in truth.faces:
        stretch = f"swapped from {face.swapped[0]:g} to {face.swapped[1]:g} s" if face.swapped else "left as it is"
        print(f"  {face.name}: {stretch}")


if __name__ == "__main__":
    raise SystemExit(main())
