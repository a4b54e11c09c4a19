"""Embeddings of every window, reckoned once and kept; a run that was cut off goes on where it stood."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.training.data.dfdc import DataError
from unmask.training.temporal.sets import Clip

#: Windows per file: what a kill can cost.
CHUNK = 50
_FIELDS = ("vectors", "fake", "groups", "sources")


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """``vectors`` float32 (N, T, D), ``fake`` bool (N,), ``groups`` and ``sources`` (N,) names."""

    vectors: NDArray[np.float32]
    fake: NDArray[np.bool_]
    groups: NDArray[np.str_]
    sources: NDArray[np.str_]

    def rows(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Windows:
        return Windows(*(getattr(self, name)[keep] for name in _FIELDS))


def joined(parts: Sequence[Windows]) -> Windows:
    return Windows(*(np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS))


def embed_clips(
    clips: Sequence[Clip],
    embedder: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    folder: Path,
    log: Callable[[str], None] = print,
) -> None:
    """Write ``folder/NNNN.npz`` for every ``CHUNK`` clips and, at the end, ``folder/done``."""
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    for start in range(0, len(clips), CHUNK):
        path = folder / f"{start:05d}.npz"
        if path.is_file():
            continue
        chosen = clips[start : start + CHUNK]
        vectors = np.stack([embedder(clip.make()) for clip in chosen])
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(
                file,
                vectors=vectors,
                fake=np.asarray([clip.fake for clip in chosen]),
                groups=np.asarray([clip.group for clip in chosen]),
                sources=np.asarray([clip.source for clip in chosen]),
            )
        part.replace(path)
        log(f"{folder.name}: {start + len(chosen)}/{len(clips)} windows, {time.monotonic() - began:.0f} s")
    (folder / "done").touch()


def read_windows(folder: Path) -> Windows:
    """All windows of a folder that ``embed_clips`` finished. Raises ``DataError``."""
    if not (folder / "done").is_file():
        raise DataError(f"The windows in {folder} are not complete: run the command 'embed' first.")
    parts = []
    for path in sorted(folder.glob("*.npz")):
        try:
            with np.load(path, allow_pickle=False) as arrays:
                parts.append(Windows(*(arrays[name] for name in _FIELDS)))
        except Exception as error:  # zipfile, zlib and NumPy raise what they please on a damaged file
            raise DataError(
                f"{path} holds no windows ({type(error).__name__}): run the command 'embed' again."
            ) from error
    return joined(parts)
