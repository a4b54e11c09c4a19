"""Loads the pictures that scikit-image and insightface ship, and refuses any other version of them."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from unmask.engines.errors import UnmaskError
from unmask.realtime.types import Image
from unmask.training.synthesis.people import PictureFile


class PictureError(UnmaskError):
    """A picture that the generator starts from is missing or is not the one its constants belong to."""


def locate(picture: PictureFile) -> Path:
    """The picture's file inside the installed package, which is not imported (both import slowly).

    Raises ``PictureError`` where the package is not installed or does not hold the file.
    """
    spec = find_spec(picture.package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / picture.path
        if path.is_file():
            return path
    raise PictureError(
        f"The demo needs the picture {picture.path} of the package {picture.distribution}, which is not "
        f"there: reinstall it with `pip install --force-reinstall {picture.distribution}`."
    )


def load_picture(picture: PictureFile, path: Path | None = None) -> Image:
    """The picture as BGR uint8 (height, width, 3), new and the caller's; ``path`` stands in for the file.

    Raises ``PictureError`` when the file's SHA-256 or its size in pixels differs: the places of the
    faces are constants and would be wrong in another picture.
    """
    path = path or locate(picture)
    data = path.read_bytes()
    image = None
    if hashlib.sha256(data).hexdigest() == picture.sha256:
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    if image is None or image.shape != (picture.height, picture.width, 3):
        raise PictureError(
            f"The picture {path} is not the one that the demo's face positions were measured in: "
            f"reinstall {picture.distribution} to get it back."
        )
    return image.astype(np.uint8, copy=False)
