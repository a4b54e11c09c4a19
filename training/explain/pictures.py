"""From picture files to heat maps: what ``unmask train explain`` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.types import Image
from unmask.training.explain.grad_cam import ExplainError, grad_cam, scores
from unmask.training.explain.overlay import on_crops, overlay, write_overlay
from unmask.training.run.folder import BEST
from unmask.training.zoo.models.base import ZooModel
from unmask.training.zoo.recipe import Recipe
from unmask.training.zoo.weights import load_trained

_BATCH = 8


@dataclass(frozen=True, slots=True)
class Explained:
    """``written`` is the overlay of ``source`` (None where there is no face); ``logit`` is not calibrated."""

    source: Path
    written: Path | None
    logit: float | None
    silent: bool = False


def open_run(path: Path) -> tuple[ZooModel, Recipe]:
    """The network of a run's folder, or of its ``best.pt``. Raises ``WeightsError``."""
    return load_trained(path / BEST if path.is_dir() else path)


def read_crop(path: Path, recipe: Recipe, finder: FaceFinder | None) -> Image | None:
    """What the network would see of the picture, (side, side, 3) RGB: its largest face or, without a finder,
    the picture itself, stretched to a square. None where no face is found. Raises ``ExplainError``."""
    data = np.fromfile(path, np.uint8) if path.is_file() else None
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR) if data is not None and data.size else None
    if decoded is None:
        raise ExplainError(f"{path} is no picture that can be read: give PNG or JPEG files.")
    image: Image = np.asarray(decoded, np.uint8)
    side = recipe.input.side
    if finder is None:
        resized = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        return np.asarray(resized[:, :, ::-1], np.uint8)
    faces = finder.find(image)
    if not faces:
        return None
    return crop_face(image, max(faces, key=lambda face: face.size), CropSpec(side, recipe.input.margin))


def explain(
    run: Path,
    paths: Sequence[Path],
    out: Path,
    finder: FaceFinder | None,
    *,
    as_window: bool = False,
    log: Callable[[str], None] = print,
) -> list[Explained]:
    """Write ``out``/NAME-looked.png for every picture with a face; one result per path, in their order.

    ``as_window``: the pictures are one window, in the order of time. Raises ``UnmaskError``.
    """
    model, recipe = open_run(run)
    crops = [read_crop(path, recipe, finder) for path in paths]
    found = [row for row, crop in enumerate(crops) if crop is not None]
    if not found:
        raise ExplainError("No face was found in any picture: --crop takes pictures that are crops of faces already.")
    if as_window and len(found) > recipe.input.frames > 1:
        log(f"{recipe.name} was trained on windows of {recipe.input.frames} frames; this one has {len(found)}")
    out.mkdir(parents=True, exist_ok=True)
    result = [Explained(path, None, None) for path in paths]
    step = len(found) if as_window else _BATCH
    for start in range(0, len(found), step):
        rows = found[start : start + step]
        batch = np.stack([crop for row in rows if (crop := crops[row]) is not None])
        maps = grad_cam(model, batch, as_window=as_window)
        logits = np.broadcast_to(scores(model, batch, as_window=as_window), len(rows))
        for row, crop, heat, logit, own in zip(
            rows, batch, on_crops(maps, model, recipe.input), logits, maps, strict=True
        ):
            target = _target(out, paths, row)
            silent = not own.any()
            about = "no place spoke for manipulation" if silent else f"score {logit:.2f}, not calibrated"
            picture = overlay(crop, heat, f"Grad-CAM of {recipe.name}: {about}")
            write_overlay(target, picture, {"Method": f"Grad-CAM of {recipe.name}", "Source": paths[row].name})
            result[row] = Explained(paths[row], target, float(logit), silent)
    return result


def _target(out: Path, paths: Sequence[Path], row: int) -> Path:
    """A name of its own for each: pictures of different folders may be called the same."""
    stem = paths[row].stem
    same = [other for other, path in enumerate(paths) if path.stem == stem]
    number = "" if len(same) == 1 else f"-{same.index(row) + 1}"
    return out / f"{stem}{number}-looked.png"
