"""Movement without footage: smooth random paths, a virtual camera, and a head that turns, blinks and talks.

A picture is moved by a map from output pixels back to its own pixels, so one function both renders it
and (inverted by iteration) says where its landmarks went.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Floats = NDArray[np.float64]

# Every bend below spans many pixels, so the map is computed at every sixth and interpolated.
_GRID_STEP = 6


@dataclass(frozen=True, slots=True)
class MotionSettings:
    """How far things move.

    The camera in shares of the plate's height, the head in shares of the distance between the eyes,
    rolls in degrees, ``blink_every_s`` in seconds.
    """

    camera_shift: float = 0.012
    camera_zoom: float = 0.018
    camera_roll: float = 0.6
    head_shift: float = 0.16
    head_roll: float = 3.0
    head_turn: float = 0.12
    blink_every_s: float = 3.5
    talk: float = 0.10


@dataclass(frozen=True, slots=True, eq=False)
class MotionPaths:
    """One value per frame of each movement, float64 (frames,).

    Shifts and zoom of the camera are shares of the plate's height and 1; head shifts and turns are shares
    of the eye distance; rolls are radians; ``blink`` and ``mouth`` go from 0 (open, shut) to 1.
    """

    camera_x: Floats
    camera_y: Floats
    camera_zoom: Floats
    camera_roll: Floats
    head_x: Floats
    head_y: Floats
    head_roll: Floats
    turn: Floats
    nod: Floats
    blink: Floats
    mouth: Floats


def smooth_path(rng: np.random.Generator, times: Floats, amplitude: float, period_s: float) -> Floats:
    """A wandering value within ``amplitude`` for each of ``times`` (seconds): sines around ``period_s``."""
    phases = rng.uniform(0, 2 * math.pi, 3)
    periods = period_s * rng.uniform(0.8, 1.25, 3) / np.array([1.0, 1.7, 3.1])
    weights = np.array([0.55, 0.3, 0.15])
    waves = np.sin(2 * math.pi * times[:, None] / periods + phases)
    return amplitude * (waves * weights).sum(axis=1)


def blink_path(rng: np.random.Generator, times: Floats, every_s: float) -> Floats:
    """0 with eyes open and 1 shut: a blink of a quarter of a second about every ``every_s`` seconds."""
    path = np.zeros_like(times)
    moment = rng.uniform(0.3, 1.0) * every_s
    while times.size and moment < times[-1]:
        phase = np.clip((times - moment) / 0.25, 0, 1)
        path = np.maximum(path, np.sin(math.pi * phase) ** 2)
        moment += rng.uniform(0.6, 1.4) * every_s
    return path


def talk_path(rng: np.random.Generator, times: Floats) -> Floats:
    """0..1: syllables at about four a second, in stretches of a few seconds with silence between them."""
    speaking = np.clip(smooth_path(rng, times, 2.5, 5.0) + 0.4, 0, 1)
    return speaking * (0.5 + smooth_path(rng, times, 0.5, 0.42))


def make_paths(rng: np.random.Generator, times: Floats, settings: MotionSettings) -> MotionPaths:
    """Draw the movements of one person for the moments ``times`` (seconds, float64 (frames,))."""
    return MotionPaths(
        camera_x=smooth_path(rng, times, settings.camera_shift, 5.0),
        camera_y=smooth_path(rng, times, settings.camera_shift, 4.0),
        camera_zoom=1 + smooth_path(rng, times, settings.camera_zoom, 9.0),
        camera_roll=np.radians(smooth_path(rng, times, settings.camera_roll, 6.0)),
        head_x=smooth_path(rng, times, settings.head_shift, 3.2),
        head_y=smooth_path(rng, times, settings.head_shift * 0.5, 2.6),
        head_roll=np.radians(smooth_path(rng, times, settings.head_roll, 3.8)),
        turn=smooth_path(rng, times, settings.head_turn, 2.9),
        nod=smooth_path(rng, times, settings.head_turn * 0.6, 2.2),
        blink=blink_path(rng, times, settings.blink_every_s),
        mouth=talk_path(rng, times) * settings.talk,
    )


@dataclass(frozen=True, slots=True)
class HeadShape:
    """A head in plate pixels: ``box`` of the face x0, y0, x1, y1 and its five landmarks (5, 2)."""

    box: tuple[float, float, float, float]
    landmarks: Points

    @property
    def eye_distance(self) -> float:
        return float(np.linalg.norm(self.landmarks[1] - self.landmarks[0]))

    @property
    def down(self) -> Points:
        """Unit vector from the eyes to the mouth."""
        way = self.landmarks[3:5].mean(axis=0) - self.landmarks[0:2].mean(axis=0)
        return way / np.linalg.norm(way)


def camera_matrix(paths: MotionPaths, index: int, size: tuple[int, int], share: float = 1.0) -> NDArray[np.float64]:
    """The affine map (2, 3) from pixels of frame ``index`` to the plate pixels that the camera shows there.

    ``size`` is (w, h) of the plate; ``share`` below 1 moves a background less: parallax.
    """
    middle = (np.array(size, dtype=np.float64) - 1) / 2
    shift = np.array([paths.camera_x[index], paths.camera_y[index]]) * size[1] * share
    angle = paths.camera_roll[index] * share
    scale = 1 / (1 + (paths.camera_zoom[index] - 1) * share)
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    turn = np.array([[cos, sin], [-sin, cos]])
    return np.column_stack([turn, middle - turn @ (middle + shift)])


def head_inverse(points: Points, paths: MotionPaths, index: int, head: HeadShape) -> Points:
    """Where the head's movement takes ``points`` (N, 2) from: far from the head they stay where they are."""
    x0, y0, x1, y1 = head.box
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    radii = np.array([x1 - x0, y1 - y0]) / 2
    unit = head.eye_distance
    offset = points - middle
    reach = np.sqrt(((offset / radii) ** 2).sum(axis=1))
    ease = np.clip((2.6 - reach) / 1.3, 0, 1)
    stiff = (ease * ease * (3 - 2 * ease))[:, None]
    bulge = (np.clip(1 - (reach / 1.3) ** 2, 0, 1) ** 2)[:, None]
    # The whole head sways about the neck; its middle, being nearer, shifts more than its rim: a turn.
    neck = middle + head.down * radii[1] * 1.2
    angle = -paths.head_roll[index]
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    sway = np.array([paths.head_x[index], paths.head_y[index]]) * unit
    turned = (points - neck - sway) @ turn.T + neck
    depth = np.array([paths.turn[index], paths.nod[index]]) * unit
    moved = points + stiff * (turned - points) - bulge * depth
    return moved - _lids_and_jaw(moved, paths, index, head)


def _lids_and_jaw(points: Points, paths: MotionPaths, index: int, head: HeadShape) -> Points:
    """How far down the skin has come (N, 2): lids over the eyes when they shut, chin when the mouth opens."""
    unit, down = head.eye_distance, head.down
    drop = np.zeros(len(points))
    if paths.blink[index] > 0:
        for eye in head.landmarks[:2]:
            way = (points - eye) / (np.array([0.26, 0.2]) * unit)
            # The steepest slope, 0.26 / 0.2 * 0.61, stays under 1: the map never folds.
            drop += paths.blink[index] * 0.26 * unit * np.exp(-0.5 * (way**2).sum(axis=1))
    if paths.mouth[index] > 0:
        mouth = head.landmarks[3:5].mean(axis=0)
        along = (points - mouth) @ down / unit
        across = (points - mouth) @ np.array([down[1], -down[0]]) / unit
        below = np.clip(along / 0.25, 0, 1) * np.exp(-0.5 * (along / 0.7) ** 2)
        drop += paths.mouth[index] * unit * below * np.exp(-0.5 * (across / 0.5) ** 2)
    return drop[:, None] * down


def plate_points(points: Points, paths: MotionPaths, index: int, head: HeadShape, size: tuple[int, int]) -> Points:
    """Plate pixels that show up at the moved pixels ``points`` (N, 2) of frame ``index``."""
    matrix = camera_matrix(paths, index, size)
    return head_inverse(points @ matrix[:, :2].T + matrix[:, 2], paths, index, head)


def moved_points(points: Points, paths: MotionPaths, index: int, head: HeadShape, size: tuple[int, int]) -> Points:
    """Where plate pixels ``points`` (N, 2) show up in frame ``index``: ``plate_points`` turned round.

    Fixed-point iteration, to a fiftieth of a pixel: the map is the identity and a gentle bend.
    """
    moved = points.copy()
    for _ in range(40):
        step = points - plate_points(moved, paths, index, head, size)
        moved = moved + step
        if np.abs(step).max() < 0.02:
            break
    return moved


class GridMap:
    """Turns places known at every few pixels into the full map that cv2.remap wants."""

    def __init__(self, size: tuple[int, int], margin: int) -> None:
        """For output pictures of ``size`` (w, h) whose corner lies at (margin, margin) of the plate.

        ``nodes`` float64 (N, 2) are the plate pixels, before any movement, at which to compute the map.
        """
        across, down = -(-size[0] // _GRID_STEP), -(-size[1] // _GRID_STEP)
        x = (np.arange(across) + 0.5) * _GRID_STEP - 0.5 + margin
        y = (np.arange(down) + 0.5) * _GRID_STEP - 0.5 + margin
        self.nodes: Points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float64)
        self._coarse = (down, across, 2)
        self._fine = (across * _GRID_STEP, down * _GRID_STEP)
        still = np.meshgrid(np.arange(size[0]) + margin, np.arange(size[1]) + margin)
        self._still = np.stack(still, axis=-1).astype(np.float32)

    def full(self, values: Points) -> NDArray[np.float32]:
        """The map float32 (h, w, 2) from its ``values`` (N, 2) at the nodes.

        What is interpolated is the displacement, which hardly changes along the rim; the position would
        be clamped there.
        """
        coarse = (values - self.nodes).reshape(self._coarse).astype(np.float32)
        fine = cv2.resize(coarse, self._fine, interpolation=cv2.INTER_LINEAR)
        height, width = self._still.shape[:2]
        return cv2.add(fine[:height, :width], self._still).astype(np.float32, copy=False)
