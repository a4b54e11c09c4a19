"""The networks that have been exported: how each wants its crops, and what its manifest tells of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.export.measure import HIGHER, Degrade, degradations, higher
from unmask.training.data.cache import SIDE
from unmask.training.experiments.views import mirrored_view
from unmask.training.first import MARGIN

#: The margin that ``unmask.training.experiments ... finetune wide192 --margin`` was given.
WIDE_MARGIN = 1.4
_LICENCE = "research and evaluation only (DFDC terms, LFW for research)"
_COMMON_LIMITS = (
    "calibrated on single pictures; the mean over a window is more certain than the score says",
    "the thresholds are quantiles of genuine validation crops: the false-alarm rates are intended, not proven",
    "the quality gates lie where validation ends: the outer half percent in sharpness and in brightness (widened "
    "by the augmentation's light, and upwards to where nine tenths of the crops lie that were made brighter at a "
    "cost of at most 5 points of AUROC), and the smallest crop that costs no more when crops are shrunk to it",
)


@dataclass(frozen=True, slots=True)
class Subject:
    """``widen`` makes of a tight RGB crop (224, 224, 3) what the network was trained to see of it. ``sides`` are the
    crop sizes that the smallest face is sought among; ``data`` gets the facts of the run; ``arguments`` are what
    the export command needs besides.
    """

    margin: float
    widen: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
    sides: tuple[int, ...]
    degradations: Mapping[str, Degrade]
    description: str
    validation: str
    data: Callable[[Mapping[str, Any]], tuple[str, ...]]
    trained_with: str
    limits: tuple[str, ...]
    arguments: str = ""
    licence: str = _LICENCE

    def command(self, name: str) -> str:
        """What reproduces the numbers of its manifest."""
        given = f"--subject {name} --material DATA --run RUN{self.arguments}"
        return f"python -m unmask.export.first {given} --out detectors/unmask-lite"


FIRST = Subject(
    margin=MARGIN,
    widen=lambda image: image,
    sides=(128, 96, 80, 64, 48, 40),
    degradations=degradations(MARGIN) | {HIGHER: higher},
    description="MobileNetV2 on single face crops, its logit averaged over 16 frames; a first detector.",
    validation="DFDC face crops, split val (identity-disjoint)",
    data=lambda facts: (
        f"DFDC face crops, split train without the {len(facts['held_out_groups'])} calibration groups",
        "LFW, one picture per person: real faces, and self-blended ones labelled fake",
        "starting weights: MobileNetV2 1.0 224, ImageNet (Apache-2.0)",
    ),
    trained_with="python -m unmask.training.first --material DATA --out RUN",
    limits=(
        "learnt from DFDC crops only: swaps by other methods are not among its training data, and live face "
        "swapping is not expected to be found",
        "its crops are tight, so seams at the chin, forehead and hair are mostly outside of what it sees",
        "the live crop sits about 7 % of its side higher than the crops it learnt from",
        *_COMMON_LIMITS,
        "the epoch was chosen on the validation split that the numbers are reported on",
    ),
)

WIDE192 = Subject(
    margin=WIDE_MARGIN,
    widen=lambda image: mirrored_view(image, SIDE, WIDE_MARGIN),
    sides=(128, 96, 80, 64),
    # Without the crop moved up: that is another thing where the surroundings are mirrored.
    degradations=degradations(WIDE_MARGIN),
    description="MobileNetV2 on single face crops with their surroundings, its logit averaged over 16 frames.",
    validation="DFDC face crops, split val (identity-disjoint), surroundings mirrored",
    data=lambda facts: (
        f"DFDC face crops, split train without the {len(facts['held_out_groups'])} calibration groups, "
        "surroundings mirrored",
        "LFW, one picture per person (2040 people): real faces, and fakes generated from them: self-blended, "
        "rendered by an autoencoder, swapped between people",
        "starting weights: unmask-lite 0.1.0, before it MobileNetV2 1.0 224, ImageNet (Apache-2.0)",
    ),
    trained_with="python -m unmask.training.experiments --material DATA --work WORK finetune wide192 "
    "(the whole chain: training/EXPERIMENTS.md)",
    limits=(
        "labelled data is DFDC alone, tight crops whose surroundings are mirrored; everything wider it knows from "
        "LFW faces and fakes generated from them",
        "every rendered fake it learnt from comes from one small autoencoder, blurrier than what live swappers paint",
        *_COMMON_LIMITS,
        "the epoch was chosen on LFW people and swaps between them, the run on the validation split reported here",
        "shrunk and coded crops are wide ones: a crop of 128 px shows a face of 91 px",
    ),
    arguments=" --weights WORK/wide192/best.pt --size 192",
)

LINE192 = replace(
    WIDE192,
    data=lambda facts: (
        *WIDE192.data(facts)[:-1],
        "starting weights: unmask-lite 0.2.0, before it 0.1.0 and MobileNetV2 1.0 224, ImageNet (Apache-2.0)",
    ),
    trained_with=WIDE192.trained_with.replace("wide192", "line192"),
    arguments=" --weights WORK/line192/best.pt --size 192",
)

SUBJECTS = {"first": FIRST, "wide192": WIDE192, "line192": LINE192}
