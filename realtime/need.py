"""How often a face must be scored: one whose verdict is settled less often, until its score rises.

Nothing is spliced: the crops of a settled face are ``strides`` apart, well within the gap that resets a window,
and each of them is an ordinary one. It holds for heads that do not look at the order of the embeddings (a mean,
a maximum): to one that does, frames further apart are another movement, and its faces are scored at every stride.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unmask.engines.errors import UsageError
from unmask.engines.manifest import Window
from unmask.realtime.detector import Detector

# Times are sums of decimals.
_ROUNDING_S = 1e-6
# Faces that go unseen for longer are called out of sight.
_LONGEST_STRIDE_S = 0.4
# So much may be missing of the gap that resets a window: a frame of a source of 10 a second.
_SPARE_S = 0.1
# A head may add up in another order: by under 1e-6 of a logit where measured.
_SAME_LOGIT = 1e-3


@dataclass(frozen=True, slots=True)
class NeedSettings:
    """A face is settled when its window is full, and for ``calm_s`` its scores stayed below the share ``far`` of
    the threshold and within the share ``spread`` of it from each other. Its crops then come ``strides`` strides
    apart, until a score is higher than all in that time, or one of these is over. Raises ``UsageError`` for numbers
    that cannot be."""

    calm_s: float = 3.0
    far: float = 0.5
    spread: float = 0.1
    strides: float = 2.0

    def __post_init__(self) -> None:
        if not (self.calm_s > 0 and 0 < self.far <= 1 and 0 < self.spread <= 1 and 1 <= self.strides <= 8):
            raise UsageError(
                "A settled face needs a time above 0, shares of the threshold up to 1, and 1 to 8 strides between "
                f"two crops, not {self}."
            )


class Need:
    """The scores of one face, in seconds of the source's timeline. Used from one thread."""

    def __init__(self, settings: NeedSettings, threshold: float) -> None:
        self._settings = settings
        self._far, self._spread = settings.far * threshold, settings.spread * threshold
        self._since_s: float | None = None
        self._low = self._high = 0.0
        #: Whether the face may be scored less often.
        self.settled = False

    def upset(self) -> None:
        """Something else happened to the face (it cannot be judged, its window began anew, an alarm): begin anew."""
        self._since_s = None
        self.settled = False

    def scored(self, time_s: float, score: float, *, window_full: bool) -> None:
        """Take in the score of its window, 0..1; one that is no number is an upset."""
        if not (math.isfinite(score) and score < self._far):
            self.upset()
            return
        rises = self.settled and score > self._high
        low, high = min(self._low, score), max(self._high, score)
        if self._since_s is None or rises or high - low > self._spread or time_s < self._since_s:
            self._since_s, self._low, self._high = time_s, score, score
            self.settled = False
            return
        self._low, self._high = low, high
        self.settled = window_full and time_s - self._since_s >= self._settings.calm_s - _ROUNDING_S


class Needs:
    """The tracks of one source whose verdict is settled: the scoring thread says it, the detect thread reads it."""

    def __init__(self, settings: NeedSettings, window: Window) -> None:
        self.settings = settings
        own_s, gap_s = window.stride_ms / 1000, window.max_gap_ms / 1000
        self._longest_s = min(settings.strides * own_s, _LONGEST_STRIDE_S, gap_s - _SPARE_S)
        #: Replaced as a whole.
        self.settled: frozenset[int] = frozenset()

    def rest_s(self, stride_s: float) -> float:
        """Seconds by which the crops of a settled face come later than ``stride_s``: so many whole strides, that
        several faces stay on one grid. 0 where the window bears no more, or a budget has made the stride longer."""
        return max(0, math.floor(self._longest_s / stride_s + _ROUNDING_S) - 1) * stride_s


def reads_order(detector: Detector) -> bool:
    """Whether the head gives another logit for the same embeddings in another order. Runs the head once.

    Raises ``EngineError`` where it fails.
    """
    manifest = detector.manifest
    shape = (4, manifest.window.length, manifest.embedding)
    windows = np.abs(np.random.default_rng(5).standard_normal(shape)).astype(np.float32)
    windows[2] = windows[0, ::-1]
    windows[3] = np.roll(windows[1], manifest.window.length // 2, axis=0)
    logits = detector.judge(windows, np.ones(shape[:2], np.float32))
    # What is no number is no equality either.
    return not np.allclose(logits[:2], logits[2:], rtol=_SAME_LOGIT, atol=_SAME_LOGIT)
