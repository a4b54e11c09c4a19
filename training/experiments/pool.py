"""Pairs of a real face and a fake made from it, generated once and learnt from by every experiment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import FaceBox
from unmask.training.data.dfdc import DataError
from unmask.training.experiments.generators import Forge, View, resampled
from unmask.training.synthesis.encode import TITLE


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """``real`` and ``fake`` uint8 (N, S, S, 3) RGB, ``boxes`` float32 (N, 4), ``groups`` the people and
    ``generators`` what made each fake. ``mark`` says that the fakes are synthetic."""

    real: NDArray[np.uint8]
    fake: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    groups: tuple[str, ...]
    generators: tuple[str, ...]
    mark: str = TITLE

    def face(self, row: int) -> FaceBox:
        x0, y0, x1, y1 = (float(edge) for edge in self.boxes[row])
        return FaceBox(x0, y0, x1, y1, 1.0)


def make_pool(
    forge: Forge, count: int, seed: int, *, resample: bool = True, log: Callable[[str], None] = print
) -> Pool:
    """``count`` pairs from the forge's faces in turn, each drawn by ``(seed, number)``. With ``resample`` the
    real picture is turned and scaled first, both halves of a pair alike. Faces outside of their picture
    are left out, and counted."""
    real, fake, boxes, groups, generators = [], [], [], [], []
    for number in range(count):
        row = number % len(forge.faces)
        rng = np.random.default_rng((seed, number))
        view: View = resampled(forge.faces, row, rng if resample else None)
        try:
            made = forge.make(view, row, rng)
        except ValueError:
            continue
        real.append(view.image)
        fake.append(made.image)
        boxes.append((view.face.x0, view.face.y0, view.face.x1, view.face.y1))
        groups.append(forge.faces.groups[row])
        generators.append(made.generator)
        if (number + 1) % 250 == 0:
            log(f"  {number + 1}/{count} pairs")
    if len(real) < count:
        log(f"  {count - len(real)} faces lie outside their pictures and are left out")
    if not real:
        raise DataError("No pair could be made: the faces lie outside their pictures.")
    return Pool(np.stack(real), np.stack(fake), np.asarray(boxes, np.float32), tuple(groups), tuple(generators))


def save_pool(path: Path, pool: Pool) -> None:
    with path.with_suffix(".part").open("wb") as file:
        np.savez(
            file,
            real=pool.real,
            fake=pool.fake,
            boxes=pool.boxes,
            groups=np.asarray(pool.groups),
            generators=np.asarray(pool.generators),
            mark=np.asarray(pool.mark),
        )
    path.with_suffix(".part").rename(path)


def load_pool(path: Path) -> Pool:
    if not path.is_file():
        raise DataError(f"There is no {path}: run the command 'pools' of unmask.training.experiments first.")
    with np.load(path) as arrays:
        groups, generators = (tuple(str(name) for name in arrays[key]) for key in ("groups", "generators"))
        return Pool(arrays["real"], arrays["fake"], arrays["boxes"], groups, generators, str(arrays["mark"]))
