"""What somebody wants to see of how faces are judged: nothing of it is kept while nobody does."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unmask.realtime.faces.crop import CropSpec, crop_transform
from unmask.realtime.types import Cause, FaceBox, FaceLook, Image

Sight = Literal["activation", "crops", "landmarks"]
NOTHING: frozenset[Sight] = frozenset()


class Looks:
    """One for a session. ``wanted`` is replaced as a whole, by any thread, at any time: it holds from the next crop
    on, and what was kept of a kind that is not wanted any more goes with the next frame that is analysed."""

    def __init__(self, wanted: frozenset[Sight] = NOTHING) -> None:
        self.wanted = wanted


def look_at(
    face: FaceBox,
    crop: Image,
    spec: CropSpec,
    wanted: frozenset[Sight],
    times_s: tuple[float, float],
    causes: tuple[Cause, ...] = (),
) -> FaceLook:
    """What is kept of a crop that was just cut. The crop is shared, not copied. ``times_s``: now, and when the
    track's next crop is due."""
    to_crop = crop_transform(face, spec)
    to_crop.flags.writeable = False
    return FaceLook(
        time_s=times_s[0],
        due_s=times_s[1],
        face=face,
        to_crop=to_crop,
        size=spec.size,
        causes=causes,
        crop=crop if "crops" in wanted else None,
        colour=spec.colour,
    )


def with_activation(look: FaceLook, activation: NDArray[np.float32] | None, scale: float) -> FaceLook:
    """``look`` with what the encoder gave of its crop (rows, columns); as it is where that is no map of numbers.

    ``scale`` is that of the calibration."""
    if activation is None or not np.isfinite(activation).all():
        return look
    return dataclasses.replace(look, activation=activation, logit_scale=scale)


def as_wanted(look: FaceLook | None, wanted: frozenset[Sight]) -> FaceLook | None:
    """``look`` without what nobody wants to see any more; ``None`` where nobody wants to see anything."""
    if look is None or not wanted:
        return None
    crop = look.crop if "crops" in wanted else None
    activation = look.activation if "activation" in wanted else None
    if crop is look.crop and activation is look.activation:
        return look
    return dataclasses.replace(look, crop=crop, activation=activation)
