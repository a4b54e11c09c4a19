"""What a package takes from labelled crops after the export: calibration, thresholds, quality gates, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unmask.engines.manifest import Calibration, Metric, Quality, Threshold
from unmask.export import measure
from unmask.export.measure import Crops, Degrade, Opened
from unmask.export.package_writer import ExportError
from unmask.training.calibrate import Platt, fit_platt
from unmask.training.data.cache import SIDE
from unmask.training.data.codec import LIGHT
from unmask.training.evaluate import Floats, auroc, bootstrap

#: Which share of the genuine validation crops may score over the threshold of each false-alarm budget.
#: A choice, not a measurement: no footage here is long enough to measure such rates.
BUDGETS = {1.0: 0.02, 0.1: 0.005, 0.01: 0.001}
#: The thresholds of a detector that nothing was fitted for. Careful guesses.
UNFITTED = {1.0: 0.9, 0.1: 0.97, 0.01: 0.99}
#: No alarm below an even chance, however well the genuine crops at hand are told apart.
LOWEST_THRESHOLD = 0.5
#: How much AUROC a smaller or a brighter face may cost before it is not judged at all.
TOLERATED_LOSS = 0.05
#: Tone curves that make the validation crops brighter, from little to much.
_BRIGHTER = (0.8, 0.65, 0.5)


@dataclass(frozen=True, slots=True)
class Bench:
    """A running package, the labelled crops it is measured on, and how they and the command are called."""

    package: Opened
    crops: Crops
    data: str
    command: str

    def auroc(self, name: str, degrade: Degrade | None = None) -> Metric:
        found = measure.logits(self.package, self.crops, degrade)
        value = bootstrap(auroc, self.crops.labels, found, self.crops.groups)
        return measure.metric(name, value, self.data, self.command)


def calibrated(fake: ArrayLike, found: ArrayLike, words: str) -> tuple[Platt, Calibration]:
    """Platt scaling of logits ``found`` (M,) with the labels ``fake`` (M,), and the manifest's entry; ``words``
    say what it is fitted on.

    Raises ``ExportError`` where a class is missing, or where higher logits do not mean fake.
    """
    try:
        platt = fit_platt(fake, found)
    except (ValueError, np.linalg.LinAlgError) as error:
        raise ExportError(
            f"The detector cannot be calibrated on {words}: {str(error).rstrip('.')}; give other data, or none for a "
            "package whose scores are no probabilities."
        ) from error
    return platt, Calibration(
        method="platt", scale=max(round(platt.scale, 6), 1e-6), bias=round(platt.bias, 6), fitted_on=words
    )


def thresholds(genuine: Floats, unit: str = "crops") -> tuple[Threshold, ...]:
    """Scores that the shares in ``BUDGETS`` of genuine validation samples exceed; no footage watched yet."""
    results = []
    for budget, share in BUDGETS.items():
        score = round(float(np.quantile(genuine, 1 - share, method="higher")), 4)
        results.append(
            _threshold(
                max(score, LOWEST_THRESHOLD),
                budget,
                f"none watched yet; at most {share:.1%} of {len(genuine)} genuine validation {unit} exceed this score"
                if score >= LOWEST_THRESHOLD
                else f"none watched yet; fewer than {share:.1%} of {len(genuine)} genuine validation {unit} exceed it",
            )
        )
    return tuple(results)


def unfitted_thresholds() -> tuple[Threshold, ...]:
    """For a detector without calibration: high marks that were set for no false-alarm rate."""
    words = "none watched: a careful guess, not set for a false-alarm rate, since no labelled crops were given"
    return tuple(_threshold(score, budget, words) for budget, score in UNFITTED.items())


def _threshold(score: float, budget: float, footage: str) -> Threshold:
    return Threshold(score=score, alarms_per_hour=budget, footage_hours=0.0, alarms_seen=0, footage=footage)


def smallest_crop(bench: Bench, sides: Sequence[int], best: float) -> tuple[int, list[Metric]]:
    """The smallest crop side in pixels that costs at most ``TOLERATED_LOSS``, and the AUROC at each of
    ``sides`` (from large to small). Without one that is good enough: the side of stored crops, or the smaller one
    that the network sees of them."""
    metrics: list[Metric] = []
    smallest, usable = min(SIDE, bench.package.size), True
    for side in sides:
        metrics.append(bench.auroc(f"AUROC, crop of {side} px", measure.smaller(side)))
        usable = usable and metrics[-1].value >= best - TOLERATED_LOSS
        if usable:
            smallest = side
    return smallest, metrics


def robustness(bench: Bench, degradations: Mapping[str, Degrade]) -> list[Metric]:
    """AUROC on validation crops that were made worse."""
    return [bench.auroc(f"AUROC, {name}", degrade) for name, degrade in degradations.items()]


def brightest(bench: Bench, best: float) -> tuple[float, list[Metric]]:
    """Up to which brightness faces are judged, 0 if not even a little more than validation's, and the AUROC at each
    tone curve: of the strongest one that costs at most ``TOLERATED_LOSS``, what nine tenths of the crops stay below."""
    metrics: list[Metric] = []
    strongest, usable = None, True
    for exponent in _BRIGHTER:
        degrade = measure.brighter(exponent)
        metrics.append(bench.auroc(f"AUROC, in more light (tone curve {exponent:g})", degrade))
        usable = usable and metrics[-1].value >= best - TOLERATED_LOSS
        if usable:
            strongest = degrade
    if strongest is None:
        return 0.0, metrics
    return float(np.quantile(measure.looks(bench.crops, bench.package.size, strongest).brightness, 0.9)), metrics


def quality(crops: Crops, size: int, smallest: int, margin: float, brightest: float = 0.0) -> Quality:
    """Gates at the edges of what it knows: the outer half percent of validation in sharpness and in light, the latter
    widened by the light of the augmentation, and to ``brightest`` where that is more."""
    seen = measure.looks(crops, size)
    low, high = np.quantile(seen.brightness, [0.005, 0.995])
    return Quality(
        min_face_px=max(8.0, float(round(smallest / margin))),
        min_sharpness=round(float(np.quantile(seen.sharpness, 0.005)), 1),
        min_brightness=round(float(low) * LIGHT[0], 1),
        max_brightness=round(min(255.0, max(float(high) * LIGHT[1], brightest)), 1),
    )
