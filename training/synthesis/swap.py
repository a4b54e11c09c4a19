"""Swaps one face for another by warping, colour transfer and blending: no network, only geometry.

Steps and sources: thin-plate spline warp between landmarks (Bookstein 1989, "Principal Warps");
colour transfer by mean and spread in Lab (Reinhard et al. 2001, "Color Transfer between Images"); a
softened and shrunk mask, as in Face X-ray (Li et al. 2020) and self-blended images (Shiohara and
Yamasaki 2022); blending by pyramids (Burt and Adelson 1983, "A Multiresolution Spline") or in the
gradient domain (Pérez et al. 2003, "Poisson Image Editing"). Nothing here keeps state or draws random
numbers: the caller varies ``SwapSettings``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from unmask.realtime.types import Image

Points = NDArray[np.float64]
Blend = Literal["soft", "pyramid", "poisson"]

# The spline is smooth: computed at every fourth pixel and interpolated it is off by well under 0.1 px.
_WARP_STEP = 4
# cv2.remap takes one map of pairs, or two; an empty second one says that there is no second.
_NO_MAP = np.empty(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class SwapSettings:
    """How a swap is made.

    ``blend``: "soft" mixes by the mask alone, "pyramid" band by band, "poisson" in the gradient domain.
    ``feather``: half-width of the mask's soft edge, in units of the mask's width. ``shrink``: scale of
    the mask about its middle. ``colour``: share of the colour transfer, 0 none to 1 full. ``opacity``:
    share of the donor inside the mask. ``stiffness``: of the warp, 0 meets every point, large is affine.
    ``blur``: Gaussian sigma in pixels on the donor, the softness that generators leave.
    """

    blend: Blend = "pyramid"
    feather: float = 0.06
    shrink: float = 0.96
    colour: float = 0.9
    opacity: float = 1.0
    stiffness: float = 0.5
    blur: float = 0.0
    levels: int = 4


@dataclass(frozen=True, slots=True, eq=False)
class SwapLayer:
    """A face ready to be laid over a picture.

    ``image`` is BGR float32 (h, w, 3), ``mask`` float32 (h, w) in 0..1 and 0 along its border;
    ``left`` and ``top`` say where their corner lies in the target picture.
    """

    image: NDArray[np.float32]
    mask: NDArray[np.float32]
    left: int
    top: int


def warp_map(donor_points: Points, points: Points, size: tuple[int, int], stiffness: float) -> NDArray[np.float32]:
    """For each pixel of a picture of ``size`` (w, h) the place in the donor it comes from: float32 (h, w, 2).

    A thin-plate spline that takes ``points`` (N, 2) to ``donor_points`` (N, 2). Coordinates are scaled to
    the face first, so ``stiffness`` means the same at any size: 0 meets every point, large is affine.
    """
    width, height = size
    scale = float(np.ptp(points, axis=0).max())
    spline = RBFInterpolator(points / scale, donor_points, kernel="thin_plate_spline", smoothing=stiffness)
    across, down = -(-width // _WARP_STEP), -(-height // _WARP_STEP)
    x = (np.arange(across) + 0.5) * _WARP_STEP - 0.5
    y = (np.arange(down) + 0.5) * _WARP_STEP - 0.5
    nodes = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    coarse = spline(nodes / scale).reshape(down, across, 2).astype(np.float32)
    fine = cv2.resize(coarse, (across * _WARP_STEP, down * _WARP_STEP), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(fine[:height, :width])


def hull_mask(polygon: Points, size: tuple[int, int], shrink: float = 1.0) -> Image:
    """255 inside the hull of ``polygon`` (N, 2) scaled by ``shrink`` about its middle: uint8 (h, w)."""
    middle = polygon.mean(axis=0)
    hull = cv2.convexHull(((polygon - middle) * shrink + middle).astype(np.float32))
    mask = np.zeros((size[1], size[0]), dtype=np.uint8)
    # Four binary digits of sub-pixel precision keep the outline steady when the polygon moves a little.
    cv2.fillConvexPoly(mask, np.rint(hull * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    return mask


def soften(region: Image, feather: float) -> NDArray[np.float32]:
    """A smooth ramp from 0 at the edge of ``region`` (uint8, h x w, over 127 is inside) to 1 further in.

    It is exactly 0 outside the region and along the picture's border, so a blend can promise to leave
    the rest untouched. ``feather`` is half the width of the ramp in units of the region's width.
    """
    hard = (region > 127).astype(np.uint8)
    hard[[0, -1], :] = 0
    hard[:, [0, -1]] = 0
    reach = max(1.0, feather * cv2.boundingRect(hard)[2])
    ramp = np.clip(cv2.distanceTransform(hard, cv2.DIST_L2, 5) / (2 * reach), 0, 1)
    return (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)


def transfer_colour(image: Image, target: Image, mask: NDArray[np.float32], amount: float = 1.0) -> NDArray[np.float32]:
    """Give ``image`` the mean and spread of ``target`` in Lab, both weighted by ``mask`` (Reinhard 2001).

    All of one size, BGR uint8; returns BGR float32 0..255. ``amount`` 0 leaves the colours as they are.
    Spreads are matched within a factor of 1.6, so that a flat patch is not blown up into noise.
    """
    own = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_BGR2Lab)
    wanted = cv2.cvtColor(target.astype(np.float32) / 255, cv2.COLOR_BGR2Lab)
    weight = (mask / max(float(mask.sum()), 1e-6))[..., None]
    own_mean = (own * weight).sum(axis=(0, 1))
    wanted_mean = (wanted * weight).sum(axis=(0, 1))
    own_spread = np.sqrt((weight * (own - own_mean) ** 2).sum(axis=(0, 1))) + 1e-3
    wanted_spread = np.sqrt((weight * (wanted - wanted_mean) ** 2).sum(axis=(0, 1))) + 1e-3
    ratio = np.clip(wanted_spread / own_spread, 1 / 1.6, 1.6)
    matched = (own - own_mean) * ratio + wanted_mean
    mixed = (own + amount * (matched - own)).astype(np.float32)
    return np.clip(cv2.cvtColor(mixed, cv2.COLOR_Lab2BGR) * 255, 0, 255).astype(np.float32)


def pyramid_blend(
    image: NDArray[np.float32], target: NDArray[np.float32], mask: NDArray[np.float32], levels: int
) -> NDArray[np.float32]:
    """Mix two pictures (h, w, 3) band by band, coarse bands over wide seams (Burt and Adelson 1983)."""
    ours: list[MatLike] = [image]
    theirs: list[MatLike] = [target]
    weights: list[MatLike] = [mask]
    for _ in range(levels):
        if min(ours[-1].shape[:2]) < 8:
            break
        ours.append(cv2.pyrDown(ours[-1]))
        theirs.append(cv2.pyrDown(theirs[-1]))
        weights.append(cv2.pyrDown(weights[-1]))
    mixed = theirs[-1] + (ours[-1] - theirs[-1]) * weights[-1][..., None]
    for level in range(len(ours) - 2, -1, -1):
        size = ours[level].shape[1::-1]
        ours_band = ours[level] - cv2.pyrUp(ours[level + 1], dstsize=size)
        theirs_band = theirs[level] - cv2.pyrUp(theirs[level + 1], dstsize=size)
        band = theirs_band + (ours_band - theirs_band) * weights[level][..., None]
        mixed = cv2.pyrUp(mixed, dstsize=size) + band
    return mixed.astype(np.float32)


def _poisson_blend(image: NDArray[np.float32], target: Image, mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """OpenCV's solver of Pérez et al.; it places the mask's bounding box by its centre."""
    region = (mask > 0).astype(np.uint8) * 255
    left, top, width, height = cv2.boundingRect(region)
    source = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    centre = (left + width // 2, top + height // 2)
    return cv2.seamlessClone(source, target, region, centre, cv2.NORMAL_CLONE).astype(np.float32)


def make_swap(
    target: Image,
    points: Points,
    polygon: Points,
    donor: Image,
    donor_points: Points,
    donor_polygon: Points,
    settings: SwapSettings | None = None,
) -> SwapLayer:
    """The face of ``donor`` fitted to the face of ``target`` (both BGR uint8), ready to be laid over it.

    ``points`` and ``donor_points`` (N, 2) correspond, N >= 4, in pixels of their pictures; ``polygon``
    and ``donor_polygon`` (M, 2) enclose the faces, each in its picture: only what lies in both is
    replaced, so nothing beside the donor's face comes along. For self-blending pass the same picture
    twice, the second one altered. Raises ``ValueError`` when the face lies outside the target.
    """
    settings = settings or SwapSettings()
    height, width = target.shape[:2]
    margin = 0.25 * float(np.ptp(polygon[:, 0])) + 8
    left, top = (max(0, int(low - margin)) for low in polygon.min(axis=0))
    right = min(width, int(polygon[:, 0].max() + margin))
    bottom = min(height, int(polygon[:, 1].max() + margin))
    if right - left < 16 or bottom - top < 16:
        raise ValueError(f"The face to be swapped lies outside the {width} x {height} picture.")
    place, size = np.array([left, top]), (right - left, bottom - top)
    region = np.ascontiguousarray(target[top:bottom, left:right])
    bent = warp_map(donor_points, points - place, size, settings.stiffness)
    warped = cv2.remap(donor, bent, _NO_MAP, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    theirs = hull_mask(donor_polygon, (donor.shape[1], donor.shape[0]), settings.shrink)
    theirs = cv2.remap(theirs, bent, _NO_MAP, cv2.INTER_LINEAR, borderValue=0)
    shared = np.minimum(hull_mask(polygon - place, size, settings.shrink), theirs)
    mask = soften(shared.astype(np.uint8, copy=False), settings.feather)
    if settings.blur > 0:
        warped = cv2.GaussianBlur(warped, (0, 0), settings.blur)
    face = transfer_colour(warped.astype(np.uint8, copy=False), region, mask, settings.colour)
    if settings.blend == "pyramid":
        face = pyramid_blend(face, region.astype(np.float32), mask, settings.levels)
        mask = np.clip(mask * 2, 0, 1)  # the bands already carry the soft seam
    elif settings.blend == "poisson":
        face = _poisson_blend(face, region, mask)
    return SwapLayer(image=face, mask=(mask * settings.opacity).astype(np.float32), left=left, top=top)


def lay_over(target: Image, layer: SwapLayer, shift: tuple[float, float] = (0.0, 0.0), gain: float = 1.0) -> Image:
    """``target`` (BGR uint8) with the layer on it, as a new picture; where the mask is 0 it stays the same.

    ``shift`` moves face and mask by a few sub-pixels and ``gain`` scales the face's brightness: the
    jitter and flicker of swaps made frame by frame.
    """
    image, mask = layer.image, layer.mask
    if shift != (0.0, 0.0):
        move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], dtype=np.float64)
        size = (mask.shape[1], mask.shape[0])
        image = cv2.warpAffine(image, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        mask = cv2.warpAffine(mask, move, size, flags=cv2.INTER_LINEAR)
    result = target.copy()
    rows = slice(layer.top, layer.top + mask.shape[0])
    columns = slice(layer.left, layer.left + mask.shape[1])
    below = target[rows, columns].astype(np.float32)
    mixed = below + (image * gain - below) * mask[..., None]
    result[rows, columns] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return result
