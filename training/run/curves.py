"""Pictures of a run: its curves, and which class was taken for which."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unmask.engines.errors import UnmaskError

_PANELS = (("loss", "validation_loss"), ("validation_auroc", "frame_auroc", "accuracy"), ("rate",))


class PlottingUnavailable(UnmaskError):
    """Matplotlib is not installed."""


def _figure(width: float, height: float) -> Any:
    if importlib.util.find_spec("matplotlib") is None:
        raise PlottingUnavailable("Plots need matplotlib, which is not installed: pip install 'unmask[train]'.")
    # No pyplot: it would look for a screen, and keep every figure.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def plot_curves(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Losses, validation measures and the learning rate over the epochs, as PNG."""
    figure = _figure(12, 3.6)
    epochs = [row["epoch"] for row in history]
    for axes, names in zip(figure.subplots(1, len(_PANELS)), _PANELS, strict=True):
        for name in names:
            if all(name in row for row in history):
                axes.plot(epochs, [row[name] for row in history], marker="o", markersize=3, label=name)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path)


def plot_confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str], path: Path) -> None:
    """Counts of validation samples, rows the truth, columns what was said, as PNG."""
    size = 2.4 + 0.7 * len(classes)
    figure = _figure(size, size)
    axes = figure.subplots()
    shares = [[count / max(1, sum(row)) for count in row] for row in matrix]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("said")
    axes.set_ylabel("truth")
    for row, counts in enumerate(matrix):
        for column, count in enumerate(counts):
            colour = "white" if shares[row][column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
    figure.savefig(path)
