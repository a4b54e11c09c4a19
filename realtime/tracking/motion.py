"""How a face box moves: one small Kalman filter for each of its four numbers."""

from __future__ import annotations

import math

from unmask.realtime.types import FaceBox

# All in units of the face's longer side and of seconds. A head that starts to move reaches one or two
# face sizes per second within a second; a detector's box trembles by a few hundredths of its size.
_BOX_NOISE = 0.05
_ACCELERATION = 1.5
_FIRST_SPEED = 1.5
# For the logarithms of width and height: a face grows by half within a second when somebody leans in.
_SIZE_NOISE = 0.06
_SIZE_ACCELERATION = 0.6
_FIRST_GROWTH = 0.3
# An unseen head stops or turns: its speed fades with these time constants. A shorter one would make every
# prediction lag, which is what confuses two people who cross.
_SPEED_FADES_S = 3.0
_GROWTH_FADES_S = 0.3


class _Axis:
    """A value and its speed, with their covariance: a constant-velocity Kalman filter whose speed fades.

    Written out in scalars: for two states, numpy's cost per call is ten times that of the arithmetic.
    """

    __slots__ = ("cross", "fades_s", "speed", "speed_variance", "value", "variance")

    def __init__(self, value: float, noise: float, first_speed: float, fades_s: float) -> None:
        self.value, self.speed = value, 0.0
        self.variance, self.cross, self.speed_variance = noise**2, 0.0, first_speed**2
        self.fades_s = fades_s

    def reach(self, seconds: float) -> float:
        """Seconds of full speed that ``seconds`` of fading speed are worth."""
        return self.fades_s * -math.expm1(-seconds / self.fades_s)

    def at(self, seconds: float) -> float:
        return self.value + self.speed * self.reach(seconds)

    def advance(self, seconds: float, acceleration: float) -> None:
        reach, keep = self.reach(seconds), math.exp(-seconds / self.fades_s)
        density = acceleration**2
        self.value += self.speed * reach
        self.speed *= keep
        self.variance += 2 * reach * self.cross + reach**2 * self.speed_variance + density * seconds**3 / 3
        self.cross = keep * (self.cross + reach * self.speed_variance) + density * seconds**2 / 2
        self.speed_variance = keep**2 * self.speed_variance + density * seconds

    def correct(self, measured: float, noise: float) -> None:
        total = self.variance + noise**2
        gain, speed_gain = self.variance / total, self.cross / total
        surprise = measured - self.value
        self.value += gain * surprise
        self.speed += speed_gain * surprise
        self.speed_variance -= speed_gain * self.cross
        self.cross *= 1 - gain
        self.variance *= 1 - gain


class BoxMotion:
    """The place, size and speed of one face, told by detections that come at uneven times.

    Times are seconds of the source's timeline and never run backwards here. Centre, and the logarithms
    of width and height, are filtered one by one (R. E. Kalman, A New Approach to Linear Filtering and
    Prediction Problems, 1960; as in Bewley et al., Simple Online and Realtime Tracking, 2016, section
    3.2, but in real time instead of frames). Noise scales with the face.
    """

    __slots__ = ("_high", "_time_s", "_wide", "_x", "_y")

    def __init__(self, face: FaceBox, time_s: float) -> None:
        centre_x, centre_y = face.centre
        box_noise, speed = _BOX_NOISE * face.size, _FIRST_SPEED * face.size
        self._x = _Axis(centre_x, box_noise, speed, _SPEED_FADES_S)
        self._y = _Axis(centre_y, box_noise, speed, _SPEED_FADES_S)
        self._wide = _Axis(math.log(face.width), _SIZE_NOISE, _FIRST_GROWTH, _GROWTH_FADES_S)
        self._high = _Axis(math.log(face.height), _SIZE_NOISE, _FIRST_GROWTH, _GROWTH_FADES_S)
        self._time_s = time_s

    def at(self, time_s: float) -> tuple[float, float, float, float]:
        """The box predicted for ``time_s``: x0, y0, x1, y1 in pixels."""
        seconds = time_s - self._time_s
        centre_x, centre_y = self._x.at(seconds), self._y.at(seconds)
        half_wide, half_high = math.exp(self._wide.at(seconds)) / 2, math.exp(self._high.at(seconds)) / 2
        return centre_x - half_wide, centre_y - half_high, centre_x + half_wide, centre_y + half_high

    @property
    def pace(self) -> float:
        """How fast it moves or grows, in face sizes per second, as of the last detection."""
        size = math.exp(max(self._wide.value, self._high.value))
        return math.hypot(self._x.speed, self._y.speed) / size + max(abs(self._wide.speed), abs(self._high.speed))

    def correct(self, face: FaceBox, time_s: float) -> None:
        """Take in a detection of this face at ``time_s``."""
        seconds, size = time_s - self._time_s, face.size
        centre_x, centre_y = face.centre
        for axis, measured in ((self._x, centre_x), (self._y, centre_y)):
            axis.advance(seconds, _ACCELERATION * size)
            axis.correct(measured, _BOX_NOISE * size)
        for axis, measured in ((self._wide, math.log(face.width)), (self._high, math.log(face.height))):
            axis.advance(seconds, _SIZE_ACCELERATION)
            axis.correct(measured, _SIZE_NOISE)
        self._time_s = time_s
