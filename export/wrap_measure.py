"""Which reading of a classifier fits labelled faces: every candidate measured, a near-tie never decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.export.package_writer import ExportError
from unmask.export.wrap_graph import Colour, Preprocess, Readout, logits_of, prepared
from unmask.export.wrap_probe import Session
from unmask.training.evaluate import auroc

#: Fewer pictures of a kind than this decide nothing.
FEWEST = 10
#: More classes than this are not tried one by one.
MOST_CLASSES = 10

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_RESAMPLES, _SEED, _AT_ONCE = 500, 11, 16


@dataclass(frozen=True, slots=True)
class Labelled:
    """Cut faces, RGB uint8 (N, size, size, 3), and which are fake."""

    crops: NDArray[np.uint8]
    fake: NDArray[np.bool_]

    @property
    def counts(self) -> str:
        return f"{int((~self.fake).sum())} genuine and {int(self.fake.sum())} fake pictures of the user's"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to feed and to read the classifier, and how it ranks the labelled pictures."""

    pre: Preprocess
    readout: Readout
    auroc: float
    logits: NDArray[np.float32]

    def differs(self, other: Candidate) -> set[str]:
        """The options in which two candidates differ."""
        found = set()
        if self.pre.colour != other.pre.colour:
            found.add("--colour")
        if (self.pre.range, self.pre.mean, self.pre.std) != (other.pre.range, other.pre.mean, other.pre.std):
            found.add("--range (with --mean and --std)")
        if self.readout != other.readout:
            found.add("--fake-class")
        return found


def read_labelled(real: Path, fake: Path, size: int) -> Labelled:
    """Every picture of two folders, resized to ``size``: faces that are already cut as the detector will cut
    them. Raises ``ExportError`` for a folder that is missing or holds fewer than ``FEWEST``."""
    sides = [_read_folder(folder, size) for folder in (real, fake)]
    labels = np.repeat([False, True], [len(side) for side in sides])
    return Labelled(np.concatenate(sides), labels)


def measured(
    session: Session, labelled: Labelled, feeds: Iterable[Preprocess], readouts: Sequence[Readout]
) -> list[Candidate]:
    """Every feed with every readout, the best ranking first."""
    found = []
    for pre in feeds:
        raw = _answers(session, labelled.crops, pre, readouts[0].output)
        for readout in readouts:
            logits = logits_of(raw, readout)
            if np.isfinite(logits).all():
                found.append(Candidate(pre, readout, auroc(labelled.fake, logits), logits))
    if not found:
        raise ExportError("The model gives no finite number on the labelled pictures: check it and the pictures.")
    return sorted(found, key=lambda candidate: -candidate.auroc)


def decided(candidates: Sequence[Candidate], labelled: Labelled) -> Candidate:
    """The best one, where the pictures tell it from every other and from chance.

    A difference counts where its 95 % interval over resampled pictures (bootstrap, within each kind, the
    same pictures for both) lies over zero. Raises ``ExportError`` that names the options left open.
    """
    best = candidates[0]
    draws = _draws(labelled)
    chances = _resampled(best, labelled, draws)
    if len(candidates) > 1 and np.quantile(chances, 0.025) <= 0.5:
        raise ExportError(
            f"The best of {len(candidates)} readings of the model ranks {labelled.counts} with an AUROC of "
            f"{best.auroc:.3f}, which may be chance: give more pictures, or give {_open(best, candidates[1:])}."
        )
    tied = [
        other for other in candidates[1:] if np.quantile(chances - _resampled(other, labelled, draws), 0.025) <= 0.0
    ]
    if tied:
        raise ExportError(
            f"{labelled.counts[:1].upper()}{labelled.counts[1:]} cannot tell {len(tied) + 1} readings of the model "
            f"apart (AUROC {best.auroc:.3f} to {tied[-1].auroc:.3f}): give {_open(best, tied)}."
        )
    return best


def class_readouts(readout: Readout) -> list[Readout]:
    """Every single class as the fake one; for one number, both directions. Raises ``ExportError`` for many."""
    if readout.count > MOST_CLASSES:
        raise ExportError(f"The model has {readout.count} classes: say with --fake-class which one means fake.")
    if readout.count == 1:
        return [replace(readout, fake=(0,), real=()), replace(readout, fake=(), real=(0,))]
    every = range(readout.count)
    return [replace(readout, fake=(one,), real=tuple(c for c in every if c != one)) for one in every]


def in_order(crops: NDArray[np.uint8], colour: Colour) -> NDArray[np.uint8]:
    """RGB crops with their channels as ``colour`` says."""
    return crops if colour == "rgb" else np.ascontiguousarray(crops[..., ::-1])


def _answers(session: Session, crops: NDArray[np.uint8], pre: Preprocess, output: str) -> NDArray[np.generic]:
    parts = (crops[start : start + _AT_ONCE] for start in range(0, len(crops), _AT_ONCE))
    return np.concatenate([session.run(prepared(in_order(part, pre.colour), pre), output) for part in parts])


def _read_folder(folder: Path, size: int) -> NDArray[np.uint8]:
    import cv2

    if not folder.is_dir():
        raise ExportError(f"There is no folder {folder}: give one with cut faces as pictures.")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if len(files) < FEWEST:
        raise ExportError(f"The folder {folder} holds {len(files)} pictures: at least {FEWEST} are needed.")
    crops = np.empty((len(files), size, size, 3), np.uint8)
    for index, path in enumerate(files):
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise ExportError(f"The picture {path} cannot be read: replace it or take it out.")
        crops[index] = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)[..., ::-1]
    return crops


def _open(best: Candidate, others: Sequence[Candidate]) -> str:
    """The options that would tell ``best`` from ``others``."""
    return " and ".join(sorted({name for other in others for name in best.differs(other)}))


def _draws(labelled: Labelled) -> list[NDArray[np.intp]]:
    random = np.random.default_rng(_SEED)
    sides = [np.flatnonzero(labelled.fake == side) for side in (False, True)]
    return [np.concatenate([random.choice(side, len(side)) for side in sides]) for _ in range(_RESAMPLES)]


def _resampled(candidate: Candidate, labelled: Labelled, draws: list[NDArray[np.intp]]) -> NDArray[np.float64]:
    return np.array([auroc(labelled.fake[draw], candidate.logits[draw]) for draw in draws])
