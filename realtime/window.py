"""The window of one track: the newest embeddings of one face, one per stride of the source's timeline.

Only the embeddings are kept. A window that keeps crops has to run the encoder over all of them for
every new frame; here each crop is encoded once, and the head reads what was kept. Both ways give the
same scores to the last bit (tests/realtime/test_window_equality.py).
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

# Frames come when the camera sends them: at 25 fps and a stride of 0.1 s they are 0.08 or 0.12 s
# apart, and both belong in. Sooner than this share of a stride is a second sample of one moment.
_SOONEST_SHARE_OF_STRIDE = 0.5

# Frame times are sums of floats: a gap that equals the limit must not exceed it by rounding.
_ROUNDING_S = 1e-6


class Added(StrEnum):
    """What became of an embedding that was handed to a window."""

    KEPT = "kept"
    RESTARTED = "restarted"
    """Kept as the first of a new window: time went back, or the gap was too long to splice."""
    TOO_SOON = "too_soon"
    """Left out: it falls into the same stride as the one before."""
    NOT_FINITE = "not_finite"
    """Left out: it holds NaN or infinity, so the face cannot be judged from it."""

    @property
    def changed(self) -> bool:
        """Whether the window differs from what it was before."""
        return self in (Added.KEPT, Added.RESTARTED)


class FrameWindow:
    """A ring of ``length`` embeddings of ``embedding`` numbers. Used from one thread at a time.

    ``stride_s`` is the distance at which the detector was trained to see frames, ``max_gap_s`` the
    longest distance that still counts as one stretch of video. All its memory is taken here: adding
    copies into the ring and takes no more.
    """

    def __init__(self, length: int, embedding: int, stride_s: float, max_gap_s: float) -> None:
        if length < 1 or embedding < 1:
            raise ValueError(f"A window needs a length and an embedding size, it got {length} x {embedding}.")
        if not 0 < stride_s <= max_gap_s:
            raise ValueError(f"A window needs 0 < stride <= gap, it got {stride_s} s and {max_gap_s} s.")
        self._ring: NDArray[np.float32] = np.zeros((length, embedding), np.float32)
        self._finite = np.empty(embedding, np.bool_)
        self._soonest_s = stride_s * _SOONEST_SHARE_OF_STRIDE - _ROUNDING_S
        self._latest_s = max_gap_s + _ROUNDING_S
        self._next = 0
        self._frames = 0
        self._last_s: float | None = None

    @property
    def frames(self) -> int:
        """How many embeddings it holds, 0..length."""
        return self._frames

    @property
    def fill(self) -> float:
        """The share of the window that holds embeddings, 0..1."""
        return self._frames / len(self._ring)

    @property
    def last_s(self) -> float | None:
        """When the newest embedding was captured, in seconds of the source's timeline."""
        return self._last_s

    def reset(self) -> None:
        """Forget everything."""
        self._next = self._frames = 0
        self._last_s = None

    def add(self, time_s: float, vector: NDArray[np.float32]) -> Added:
        """Copy ``vector`` float32 (D,), captured at ``time_s``, into the ring.

        Raises ``ValueError`` for another dtype or shape: a cast would change the bits.
        """
        if vector.dtype != np.float32 or vector.shape != self._finite.shape:
            raise ValueError(f"The window keeps float32{self._finite.shape}, it got {vector.dtype}{vector.shape}.")
        if not np.isfinite(vector, out=self._finite).all():
            return Added.NOT_FINITE
        added = Added.KEPT
        if self._last_s is not None:
            passed = time_s - self._last_s
            if 0 <= passed < self._soonest_s:
                return Added.TOO_SOON
            if not 0 <= passed <= self._latest_s:
                self.reset()
                added = Added.RESTARTED
        self._ring[self._next] = vector
        self._next = (self._next + 1) % len(self._ring)
        self._frames = min(self._frames + 1, len(self._ring))
        self._last_s = time_s
        return added

    def copy_to(self, window: NDArray[np.float32], mask: NDArray[np.float32]) -> None:
        """Write into the caller's ``window`` float32 (T, D) and ``mask`` float32 (T,).

        The oldest embedding comes first, the newest last; where there are fewer than T, zeros
        *follow* them (the padding side of packed sequences). The mask is 1 where there is an embedding.
        """
        frames, length = self._frames, len(self._ring)
        oldest = (self._next - frames) % length
        unbroken = min(frames, length - oldest)
        window[:unbroken] = self._ring[oldest : oldest + unbroken]
        window[unbroken:frames] = self._ring[: frames - unbroken]
        window[frames:] = 0.0
        mask[:frames] = 1.0
        mask[frames:] = 0.0

    def snapshot(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """New arrays that belong to the caller, laid out as in ``copy_to``."""
        window = np.empty_like(self._ring)
        mask = np.empty(len(self._ring), np.float32)
        self.copy_to(window, mask)
        return window, mask
