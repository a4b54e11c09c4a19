"""Crops decoded once into flat files, so that an epoch reads memory instead of JPEGs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Image
from unmask.training.data.dfdc import DataError

SIDE = 224
"""The side of a cached crop in pixels, that of the DFDC crops."""


@dataclass(frozen=True, slots=True)
class CropCache:
    """``pixels`` is a read-only memory map uint8 (N, 224, 224, 3), RGB; ``names`` has one name per crop."""

    pixels: NDArray[np.uint8]
    names: tuple[str, ...]


def build_cache(path: Path, crops: Iterable[tuple[str, Image]], *, colour: str) -> CropCache:
    """Write named crops (uint8 (H, W, 3) in the order ``colour``, ``rgb`` or ``bgr``) and open the result.

    The index is written last, so a cache that was cut short is never taken for a whole one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    names: list[str] = []
    with path.with_suffix(".raw").open("wb") as file:
        for name, crop in crops:
            if crop.shape[:2] != (SIDE, SIDE):
                crop = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
            file.write((cv2.cvtColor(crop, cv2.COLOR_BGR2RGB) if colour == "bgr" else crop).tobytes())
            names.append(name)
    _index(path).write_text(json.dumps(names), encoding="utf-8")
    return open_cache(path)


def open_cache(path: Path) -> CropCache:
    """Map a cache that ``build_cache`` finished. Raises ``DataError`` for a damaged one."""
    try:
        names = tuple(json.loads(_index(path).read_text(encoding="utf-8")))
        shape = (len(names), SIDE, SIDE, 3)
        return CropCache(np.memmap(path.with_suffix(".raw"), np.uint8, "r", shape=shape), names)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{path} is no cache of crops ({error}): remove it, and it is made anew.") from error


def has_cache(path: Path) -> bool:
    """Whether a finished cache lies at ``path``."""
    return _index(path).is_file()


def _index(path: Path) -> Path:
    return path.with_suffix(".json")
