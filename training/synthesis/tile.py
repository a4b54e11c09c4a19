"""One caller of the synthetic call: a person cut out of a still picture, made to move, swapped or not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Image
from unmask.training.synthesis import motion
from unmask.training.synthesis.motion import HeadShape, MotionPaths, MotionSettings, Points
from unmask.training.synthesis.people import Person
from unmask.training.synthesis.sensor import Sensor, SensorSettings
from unmask.training.synthesis.swap import SwapLayer, SwapSettings, lay_over, make_swap

# Of the tile's height: the face, and where its middle sits. The plate is larger than the tile by the
# margin on each side, so that the camera has room to move.
_FACE_SHARE = 0.40
_FACE_LEVEL = 0.43
_MARGIN = 0.06
# cv2.remap takes one map of pairs, or two; an empty second one says that there is no second.
_NO_MAP = np.empty(0, dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Plate:
    """A person's still picture at the scale of the tile: ``size`` (w, h), larger than the tile by ``margin``.

    ``background`` BGR uint8 without the person, blurred as call programs do; ``person`` BGR uint8;
    ``alpha`` uint8 (h, w); ``to_plate`` the affine map (2, 3) from the source picture.
    """

    background: Image
    person: Image
    alpha: Image
    head: HeadShape
    to_plate: NDArray[np.float64]
    size: tuple[int, int]
    margin: int


def apply_affine(matrix: NDArray[np.float64], points: object) -> Points:
    """Points (N, 2) under an affine map (2, 3)."""
    return np.asarray(points, dtype=np.float64) @ matrix[:, :2].T + matrix[:, 2]


def view_of(person: Person, size: tuple[int, int], level: float = 0.5) -> NDArray[np.float64]:
    """The affine map (2, 3) that puts the person into a tile of ``size`` (w, h), face middle at ``level``."""
    x0, y0, x1, y1 = person.box
    scale = _FACE_SHARE * size[1] / (y1 - y0)
    angle = math.radians(person.roll)
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])
    place = np.array([size[0] / 2, size[1] * level])
    return np.column_stack([turn, place - turn @ np.array([(x0 + x1) / 2, (y0 + y1) / 2])])


def enlarge(picture: Image, matrix: NDArray[np.float64], size: tuple[int, int]) -> Image:
    """``picture`` under ``matrix`` (2, 3), of ``size`` (w, h), mirrored beyond its edges, a bit sharpened."""
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    if scale < 0.8:
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale).astype(np.uint8, copy=False)
    large = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    if scale > 1.1:
        soft = cv2.GaussianBlur(large, (0, 0), scale)
        large = cv2.addWeighted(large, 1.4, soft, -0.4, 0)
    return large.astype(np.uint8, copy=False)


def blurred_background(picture: Image, alpha: Image) -> Image:
    """``picture`` (BGR uint8) blurred, without the person that ``alpha`` (uint8) covers shining through."""
    height, width = alpha.shape
    small = (max(8, width // 4), max(8, height // 4))
    person = cv2.dilate(alpha, np.ones((9, 9), dtype=np.uint8))
    weight = 1 - cv2.resize(person, small, interpolation=cv2.INTER_AREA).astype(np.float32) / 255 + 1e-3
    colour = cv2.resize(picture, small, interpolation=cv2.INTER_AREA).astype(np.float32) * weight[..., None]
    sigma = 0.07 * small[1]
    filled = cv2.GaussianBlur(colour, (0, 0), sigma) / cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    large = cv2.resize(filled.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(large, 0, 255).astype(np.uint8)


def make_plate(person: Person, picture: Image, size: tuple[int, int]) -> Plate:
    """Cut ``person`` out of its ``picture`` (BGR uint8) for a tile of ``size`` (w, h)."""
    margin = math.ceil(_MARGIN * max(size))
    matrix = view_of(person, size, _FACE_LEVEL)
    matrix[:, 2] += margin
    full = (size[0] + 2 * margin, size[1] + 2 * margin)
    large = enlarge(picture, matrix, full)
    outline = apply_affine(matrix, person.outline)
    # What the source's edge cuts off goes on in the mirrored picture: no straight cut through a shoulder.
    alpha = np.zeros(picture.shape[:2], dtype=np.uint8)
    cv2.fillPoly(alpha, [np.rint(np.array(person.outline)).astype(np.int32)], 255)
    alpha = cv2.warpAffine(alpha, matrix, full, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    feather = max(0.8, 0.006 * float(np.ptp(outline[:, 1])))
    alpha = cv2.GaussianBlur(cv2.erode(alpha, np.ones((3, 3), dtype=np.uint8)), (0, 0), feather)
    x0, y0, x1, y1 = person.box
    corners = apply_affine(matrix, [[x0, y0], [x1, y0], [x0, y1], [x1, y1]])
    middle, scale = corners.mean(axis=0), _FACE_SHARE * size[1] / (y1 - y0)
    half = np.array([x1 - x0, y1 - y0]) * scale / 2
    (left, top), (right, bottom) = (middle - half).tolist(), (middle + half).tolist()
    head = HeadShape(box=(left, top, right, bottom), landmarks=apply_affine(matrix, person.landmarks))
    alpha = alpha.astype(np.uint8, copy=False)
    return Plate(blurred_background(large, alpha), large, alpha, head, matrix, full, margin)


def swap_onto(plate: Plate, person: Person, donor: Person, picture: Image, settings: SwapSettings) -> SwapLayer:
    """The face of ``donor`` (in ``picture``) made to fit ``person`` on its ``plate``; both need contours."""
    matrix = view_of(donor, (plate.size[0], plate.size[1] - 2 * plate.margin))
    donor_picture = enlarge(picture, matrix, plate.size)
    return make_swap(
        plate.person,
        apply_affine(plate.to_plate, person.landmarks + person.contour),
        apply_affine(plate.to_plate, person.contour),
        donor_picture,
        apply_affine(matrix, donor.landmarks + donor.contour),
        apply_affine(matrix, donor.contour),
        settings,
    )


class Tile:
    """Renders one caller frame by frame. Frames may be asked for in any order; nothing carries over."""

    def __init__(
        self, plate: Plate, swap: SwapLayer | None, times: motion.Floats, size: tuple[int, int], seed: int
    ) -> None:
        """``times`` are the seconds of all frames, ``size`` (w, h) of the tile, ``seed`` of this caller."""
        self.size = size
        self._plate, self._swap, self._seed = plate, swap, seed
        rng = np.random.default_rng(seed)
        self._paths: MotionPaths = motion.make_paths(rng, times, MotionSettings())
        self._sensor = Sensor(rng, times, size, SensorSettings())
        self._grid = motion.GridMap(size, plate.margin)
        self._mask = np.zeros(plate.alpha.shape, dtype=np.uint8)
        if swap is not None:
            height, width = swap.mask.shape
            place = (slice(swap.top, swap.top + height), slice(swap.left, swap.left + width))
            self._mask[place] = np.ceil(swap.mask * 255)

    def draw(self, index: int, swapped: bool) -> Image:
        """Frame ``index`` as BGR uint8 (h, w, 3), new; ``swapped`` lays the donor's face over the own one."""
        rng = np.random.default_rng((self._seed, index))
        field = self._field(index)
        person, mask = self._plate.person, None
        jitter, flicker = np.clip(rng.normal(0, 0.35, 2), -1, 1), rng.normal(1, 0.012)
        if swapped and self._swap is not None:
            person = lay_over(person, self._swap, (float(jitter[0]), float(jitter[1])), float(flicker))
            mask = self.swap_mask(index, field)
        alpha = _taken(self._plate.alpha, field) * np.float32(1 / 255)
        image = cv2.blendLinear(_taken(person, field), self._behind(index), alpha, 1 - alpha)
        return self._sensor.take(image.astype(np.uint8, copy=False), index, rng, mask)

    def truth(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Where the face is in frame ``index``, tile pixels: box (4,) x0, y0, x1, y1 and landmarks (5, 2)."""
        x0, y0, x1, y1 = self._plate.head.box
        round_about = np.linspace(0, 2 * math.pi, 24, endpoint=False)
        oval = np.column_stack(
            [
                (x0 + x1) / 2 + (x1 - x0) / 2 * np.cos(round_about),
                (y0 + y1) / 2 + (y1 - y0) / 2 * np.sin(round_about),
            ]
        )
        points = np.vstack([oval, self._plate.head.landmarks])
        moved = motion.moved_points(points, self._paths, index, self._plate.head, self._plate.size)
        moved = (moved - self._plate.margin).astype(np.float32)
        # Box corners are pixel edges, points are pixel centres: half a pixel apart.
        box = np.concatenate([moved[:24].min(axis=0), moved[:24].max(axis=0)]) + np.float32(0.5)
        return box, moved[24:]

    def swap_mask(self, index: int, field: NDArray[np.float32] | None = None) -> Image:
        """Where the swap may show in frame ``index``, to within its jitter of a pixel: uint8 (h, w)."""
        field = self._field(index) if field is None else field
        return cv2.remap(self._mask, field, _NO_MAP, cv2.INTER_LINEAR, borderValue=0).astype(np.uint8, copy=False)

    def _behind(self, index: int) -> Image:
        plate = self._plate
        matrix = motion.camera_matrix(self._paths, index, plate.size, share=0.6)
        matrix[:, 2] += matrix[:, :2] @ np.full(2, plate.margin)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        behind = cv2.warpAffine(plate.background, matrix, self.size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
        return behind.astype(np.uint8, copy=False)

    def _field(self, index: int) -> NDArray[np.float32]:
        plate = self._plate
        there = motion.plate_points(self._grid.nodes, self._paths, index, plate.head, plate.size)
        return self._grid.full(there)


def _taken(picture: Image, field: NDArray[np.float32]) -> Image:
    taken = cv2.remap(picture, field, _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return taken.astype(np.uint8, copy=False)
