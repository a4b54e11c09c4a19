"""What ``unmask bench`` measures on: the demo clip at several sizes, made here once, or a file that was given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.engines.errors import SourceError, UsageError

if TYPE_CHECKING:
    from unmask.benchmarks.subject import Clip

FPS = 30
#: Long enough for a verdict; the plain loop is slow, and two seconds fill its window.
SECONDS, QUICK_SECONDS, QUICK_PIPELINE_SECONDS = 8, 4, 2
#: Height -> width. The quick clip is small, so that making it takes a second or two.
WIDTHS = {360: 640, 720: 1280, 1080: 1920}


def own_clip(path: Path) -> Clip:
    """A file that somebody gave. Raises ``SourceError`` where it is none."""
    from unmask.benchmarks.subject import Clip

    if not path.is_file():
        raise SourceError(f"There is no clip at {path}: give --clip the path of a video file.")
    return Clip(path.name, path)


def made_clip(faces: int, height: int, seconds: int, say: Callable[[str], None]) -> Clip:
    """The demo clip with ``faces`` (1, 2 or 4) at ``height``, made on first use and kept in the user's cache."""
    from platformdirs import user_cache_dir

    from unmask.benchmarks.subject import Clip
    from unmask.training.demo_clip import GENERATOR, make_demo_clip
    from unmask.training.synthesis.truth import TruthError, load_truth

    width = WIDTHS[height]
    key = hashlib.sha256(json.dumps([GENERATOR, faces, width, height, FPS, seconds]).encode()).hexdigest()[:12]
    folder = Path(user_cache_dir("unmask", appauthor=False)) / "bench"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UsageError(f"The folder {folder} cannot be made ({error.strerror}): set XDG_CACHE_HOME.") from error
    path = folder / f"{height}p-{faces}-{key}.mp4"
    try:
        load_truth(path)  # it knows the checksum of the clip that it belongs to
    except TruthError:
        say(f"Making the clip {path.name} once ...")
        make_demo_clip(path, seconds=seconds, width=width, height=height, fps=FPS, faces=faces)
    return Clip(f"{height}p, {faces} face{'s' if faces > 1 else ''}", path, faces)


def clips_for(kind: str, given: Path | None, quick: bool, say: Callable[[str], None]) -> list[Clip]:
    """The clips that a measurement of ``kind`` runs on."""
    if given is not None:
        return [own_clip(given)]
    if quick:
        seconds = QUICK_PIPELINE_SECONDS if kind == "pipeline" else QUICK_SECONDS
        return [made_clip(1, 360, seconds, say)]
    wide = kind in ("latency", "throughput")
    settings = [(1, 720), (4, 720), (1, 1080), (4, 1080)] if wide else [(1, 720)]
    return [made_clip(faces, height, SECONDS, say) for faces, height in settings]
