"""ROC, DET, reliability and score histograms as PNG files. Needs matplotlib, which the ``train`` extra brings."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import norm

from unmask.engines.errors import UnmaskError
from unmask.training import evaluate
from unmask.training.evaluation.curves import draw_curves
from unmask.training.evaluation.measures import Table
from unmask.training.evaluation.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TICKS = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99)
_BINS = 15


class PlotsUnavailable(UnmaskError):
    """matplotlib is missing."""


def check_plots() -> None:
    """Raise ``PlotsUnavailable`` before anything is measured for nothing."""
    if importlib.util.find_spec("matplotlib") is None:
        raise PlotsUnavailable(
            "Plots need matplotlib, which is not installed: install the extra 'train' or give --no-plots."
        )


def draw_all(folder: Path, results: Sequence[Result], threshold: float) -> list[str]:
    """Write four plots per data set, per video, into ``folder``, and one of its robustness table; their file names.

    A data set with one class alone, or nothing judged of one, only gets its histogram.
    """
    check_plots()
    names: list[str] = []
    for result in results:
        names += _draw(folder, result, threshold)
    return names


def _draw(folder: Path, result: Result, threshold: float) -> list[str]:
    judged = np.isfinite(result.video_table.score)
    table = result.video_table.where(judged)
    title = f"{result.data}: {len(table)} judged of {len(judged)} videos"
    drawings: list[tuple[str, Any]] = [("histogram", lambda axes: _histogram(axes, table, threshold))]
    if table.fake.any() and not table.fake.all():
        drawings += [
            ("roc", lambda axes: _roc(axes, table)),
            ("det", lambda axes: _det(axes, table)),
            ("reliability", lambda axes: _reliability(axes, table)),
        ]
    names: list[str] = []
    for kind, draw in drawings:
        name = f"{kind}-{result.data}.png"
        _save(folder / name, title, draw)
        names.append(name)
    if len(result.robustness) > 1:
        names.append(f"robustness-{result.data}.png")
        draw_curves(folder / names[-1], result.robustness, f"{result.data}: per frame, n = {_rows(result)}")
    return names


def _rows(result: Result) -> int:
    return result.robustness[0].numbers["coverage"].n


def _save(path: Path, title: str, draw: Any) -> None:
    # The object interface: pyplot would pick a window system and keep every figure.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 4.6), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    draw(axes)
    axes.set_title(title, fontsize=9)
    axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Software": None})


def _roc(axes: Axes, table: Table) -> None:
    curve = evaluate.roc(table.fake, table.score)
    axes.plot(curve[0], curve[1], label=f"AUROC {evaluate.auroc_of(curve):.3f}")
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="chance")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.legend(loc="lower right")


def _det(axes: Axes, table: Table) -> None:
    """Detection error trade-off on normal deviates (Martin et al., Eurospeech 1997)."""
    curve = evaluate.roc(table.fake, table.score)
    false, miss = (np.clip(rate, 5e-4, 1 - 5e-4) for rate in (curve[0], 1.0 - curve[1]))
    axes.plot(norm.ppf(false), norm.ppf(miss), label=f"EER {evaluate.equal_error_rate_of(curve):.3f}")
    places, words = norm.ppf(_TICKS), [f"{100 * tick:g}" for tick in _TICKS]
    axes.set_xticks(places, words)
    axes.set_yticks(places, words)
    edge = float(norm.ppf(5e-4))
    axes.plot([edge, -edge], [edge, -edge], color="grey", linestyle=":")
    axes.set(xlabel="false positives, %", ylabel="misses, %", xlim=(edge, -edge), ylim=(edge, -edge))
    axes.legend(loc="upper right")


def _reliability(axes: Axes, table: Table) -> None:
    where = np.minimum((table.score * _BINS).astype(int), _BINS - 1)
    filled = [n for n in range(_BINS) if (where == n).any()]
    stated = [float(table.score[where == n].mean()) for n in filled]
    found = [float(table.fake[where == n].mean()) for n in filled]
    counts = [int((where == n).sum()) for n in filled]
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="calibrated")
    label = f"ECE {evaluate.calibration_error(table.fake, table.score):.3f}"
    axes.plot(stated, found, marker="o", label=label)
    for x, y, count in zip(stated, found, counts, strict=True):
        axes.annotate(str(count), (x, y), textcoords="offset points", xytext=(4, -9), fontsize=7)
    axes.set(xlabel="mean score (n per bin at the points)", ylabel="share manipulated", xlim=(-0.02, 1.02),
             ylim=(-0.02, 1.02))  # fmt: skip
    axes.legend(loc="upper left")


def _histogram(axes: Axes, table: Table, threshold: float) -> None:
    bins = np.linspace(0.0, 1.0, 41)
    for fake, label, colour in ((False, "genuine", "tab:blue"), (True, "manipulated", "tab:orange")):
        scores = table.score[table.fake == fake]
        if len(scores):
            axes.hist(scores, bins=bins.tolist(), alpha=0.55, color=colour, label=f"{label} (n = {len(scores)})")
    axes.axvline(threshold, color="black", linestyle="--", label=f"frozen threshold {threshold:.3f}")
    axes.set(xlabel="score", ylabel="videos")
    axes.legend()
