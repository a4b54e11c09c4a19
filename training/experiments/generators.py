"""The fakes of the experiments: which generator, at which share, from which faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import FaceBox, Image
from unmask.training.experiments.faces import FaceSet, moved_face
from unmask.training.synthesis.marked import Generated
from unmask.training.synthesis.person_swap import alike, swap_people
from unmask.training.synthesis.reconstruct import FaceAutoencoder, load_autoencoder, render
from unmask.training.synthesis.repaint import repaint
from unmask.training.synthesis.self_blend import self_blend

KINDS = ("self-blend", "person-swap", "reconstruction", "rendered swap")


@dataclass(frozen=True, slots=True)
class View:
    """A picture with one face, RGB uint8, ready for a generator."""

    image: Image
    face: FaceBox

    @property
    def landmarks(self) -> NDArray[np.float32]:
        assert self.face.landmarks is not None
        return self.face.landmarks


def resampled(faces: FaceSet, row: int, rng: np.random.Generator | None) -> View:
    """One face of the set, mirrored, turned and scaled by ``rng``; as it is where that is ``None``.

    Pictures come from JPEG files: without resampling, a generator that moves pixels would be told by the
    8 x 8 grid that it breaks, which no call shows.
    """
    image, face = faces.pixels[row], faces.face(row)
    if rng is None:
        return View(image, face)
    side = image.shape[0]
    centre = face.centre
    matrix = cv2.getRotationMatrix2D(centre, rng.uniform(-8, 8), rng.uniform(0.6, 1.1))
    matrix[:, 2] += rng.uniform(-0.5, 0.5, 2)
    if rng.random() < 0.5:
        matrix = np.array([[-1.0, 0, side - 1], [0, 1, 0]]) @ np.vstack([matrix, [0, 0, 1]])
    image = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    face = moved_face(face, matrix)
    if np.linalg.det(matrix[:, :2]) < 0:
        assert face.landmarks is not None
        face = FaceBox(face.x0, face.y0, face.x1, face.y1, 1.0, face.landmarks[[1, 0, 2, 4, 3]])
    return View(image.astype(np.uint8, copy=False), face)


@dataclass(frozen=True, slots=True, eq=False)
class Forge:
    """Makes fakes from the faces of one set. ``shares`` weighs the generators; donors come from the same
    set, turned most alike. Random numbers come with every call."""

    faces: FaceSet
    autoencoder: FaceAutoencoder | None
    shares: Mapping[str, float]
    donors: NDArray[np.intp] = field(repr=False)
    noise: float = 0.3

    def make(self, view: View, row: int, rng: np.random.Generator) -> Generated:
        """A fake of ``view``, which shows the face ``row``."""
        weights = np.asarray([self.shares.get(kind, 0.0) for kind in KINDS])
        kind = KINDS[int(rng.choice(len(KINDS), p=weights / weights.sum()))]
        if kind == "self-blend":
            return self_blend(view.image, view.landmarks, rng)
        if kind == "reconstruction":
            return self._rendered(view, rng)
        swapped = self._swapped(view, row, rng)
        if kind == "person-swap":
            return swapped
        again = self._rendered(View(swapped.image, view.face), rng)
        return Generated(again.image, np.maximum(again.mask, swapped.mask), "rendered swap")

    def _swapped(self, view: View, row: int, rng: np.random.Generator) -> Generated:
        donor = resampled(self.faces, int(rng.choice(self.donors[row])), None)
        return swap_people(view.image, view.landmarks, donor.image, donor.landmarks, rng)

    def _rendered(self, view: View, rng: np.random.Generator) -> Generated:
        assert self.autoencoder is not None
        how = partial(render, self.autoencoder, noise=float(rng.uniform(0, self.noise)))
        return repaint(view.image, view.landmarks, how, self.autoencoder.settings.side, rng)


def make_forge(faces: FaceSet, autoencoder: Path | None, shares: Mapping[str, float], donors: int = 12) -> Forge:
    """Raises ``ValueError`` where the shares need an autoencoder and there is none."""
    model = None if autoencoder is None else load_autoencoder(autoencoder)
    if model is None and any(shares.get(kind) for kind in ("reconstruction", "rendered swap")):
        raise ValueError("This forge has no autoencoder: leave what needs it out of its shares.")
    return Forge(faces, model, dict(shares), alike(faces.landmarks, faces.groups, donors))


def hold_out_people(faces: FaceSet, share: float, seed: int) -> tuple[Sequence[int], Sequence[int]]:
    """Rows of the people kept and of those held out, by whole groups."""
    people = sorted(set(faces.groups))
    drawn = np.random.default_rng(seed).permutation(people)[: round(share * len(people))]
    held = set(drawn.tolist())
    rows = range(len(faces))
    return [i for i in rows if faces.groups[i] not in held], [i for i in rows if faces.groups[i] in held]
