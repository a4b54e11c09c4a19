"""Is it the same model? A few pictures go through the encoder that lies here and through the server's.

Names, shapes and versions are only what a server says of itself. The numbers that come back for pictures
that it has not seen before are what the monitor will rest on, so these are compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.engines.engine import Arrays, Engine

#: Scores before calibration, sigmoid(logit), may differ by this much: half precision stays well below it.
LARGEST_SCORE_DIFFERENCE = 1e-2
#: An embedding may be off by this share of its length. The head here reads it, so a logit alone proves nothing.
LARGEST_EMBEDDING_DIFFERENCE = 5e-2

_PICTURES = 4


@dataclass(frozen=True, slots=True)
class Probe:
    """``crops`` uint8 (4, S, S, 3) and what the encoder here says of them."""

    crops: NDArray[np.uint8]
    expected: Arrays

    @classmethod
    def through(cls, encoder: Engine) -> Probe:
        """Run the pictures through the opened ``encoder``."""
        (given,) = encoder.inputs
        crops = probe_pictures(given.shape[1] or 1)
        return cls(crops, encoder.infer({given.name: crops}))

    def batch(self, count: int) -> NDArray[np.uint8]:
        """The pictures again and again, ``count`` in all."""
        return self.crops[np.arange(count) % _PICTURES]

    def difference(self, got: Arrays) -> str:
        """A clause that says how ``got``, the answer for a ``batch``, differs too much; empty where it does not.

        Rows are compared one by one, so a server that mixes them up is found out as well.
        """
        rows = np.arange(len(got["logit"])) % _PICTURES
        scores = np.abs(_sigmoid(got["logit"]) - _sigmoid(self.expected["logit"][rows]))
        ours = self.expected["embedding"][rows].astype(np.float64)
        off = np.linalg.norm(got["embedding"].astype(np.float64) - ours, axis=1) / np.maximum(
            np.linalg.norm(ours, axis=1), 1e-6
        )
        # Written so that NaN fails.
        if not np.all(scores <= LARGEST_SCORE_DIFFERENCE):
            return f"its scores differ by {np.max(scores):.3g} from those of the detector here"
        if not np.all(off <= LARGEST_EMBEDDING_DIFFERENCE):
            return f"its embeddings are {np.max(off):.0%} off those of the detector here"
        return ""


def probe_pictures(size: int) -> NDArray[np.uint8]:
    """Four pictures uint8 (4, size, size, 3), the same at each call: waves of colour, coarse and fine, and
    noise. Made anew for every size, with a face in none of them."""
    along, down = np.meshgrid(np.linspace(0, 1, size), np.linspace(0, 1, size))
    noise = np.random.default_rng(20240229).random((size, size, 3))
    pictures = [
        np.stack([_wave(along, 1.0), _wave(down, 2.0), _wave(along + down, 1.5)], axis=-1),
        np.stack([_wave(along - down, 7.0), _wave(along, 11.0), _wave(down, 5.0)], axis=-1),
        0.75 * np.stack([along, down, 1 - along], axis=-1) + 0.25 * noise,
        0.5 + 0.5 * (noise - 0.5) * np.array([1.0, 0.6, 0.3]) + np.array([0.2, 0.0, -0.15]),
    ]
    return np.round(np.clip(pictures, 0, 1) * 255).astype(np.uint8)


def _wave(phase: NDArray[np.float64], turns: float) -> NDArray[np.float64]:
    return 0.5 + 0.5 * np.sin(2 * np.pi * turns * phase)


def _sigmoid(logits: NDArray[np.generic]) -> NDArray[np.float64]:
    return 0.5 * (1.0 + np.tanh(0.5 * logits.astype(np.float64)))
