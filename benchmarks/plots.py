"""The plots of a report as PNG files. Needs matplotlib, which the extra ``bench`` brings."""

from __future__ import annotations

import importlib.util
import io
import math
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.benchmarks.report import Line, Plot, Report, write_atomically
from unmask.engines.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HOW = "install matplotlib with `pip install unmask[bench]`"


def plots_missing() -> bool:
    """Whether the drawing library is absent."""
    return importlib.util.find_spec("matplotlib") is None


def require_plots() -> None:
    """Raise ``UsageError`` where plots were asked for and cannot be drawn: before anything is measured."""
    if plots_missing():
        raise UsageError(f"--plots needs matplotlib, which is not installed: {HOW}, or leave --plots out.")


def draw_plots(report: Report, folder: Path, name: str = "") -> list[Path]:
    """Write every plot of ``report`` into ``folder`` as NAME-PLOT.png (NAME: its kind); the files, in order."""
    require_plots()
    files = []
    for plot in report.plots:
        path = folder / f"{name or report.kind}-{plot.name}.png"
        write_atomically(path, _drawn(plot))
        files.append(path)
    return files


def _drawn(plot: Plot) -> bytes:
    # The object interface: pyplot would pick a window system and keep every figure.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    bars = sum(len(line.x) for line in plot.lines) if plot.style == "bar" else 0
    figure = Figure(figsize=(7.5, max(2.0, 0.36 * bars + 1.2) if bars else 4.5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if plot.style == "bar":
        _bars(axes, plot)
    else:
        for line in plot.lines:
            x, y = [float(value) for value in line.x], [_number(value) for value in line.y]
            axes.plot(x, y, label=line.label, marker="." if len(x) < 40 else "")
        axes.set(xlabel=plot.x_label, ylabel=plot.y_label)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    axes.set_title(plot.title, fontsize=10)
    if len(plot.lines) > 1:
        axes.legend(fontsize=8)
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _bars(axes: Axes, plot: Plot) -> None:
    """Groups of bars: a place on the axis for every word that any line has, a bar in it for every line."""
    words = list(dict.fromkeys(str(word) for line in plot.lines for word in line.x))
    width = 0.8 / max(1, len(plot.lines))
    for number, line in enumerate(plot.lines):
        places, lengths = _places(line, words, number * width - 0.4 + width / 2), [*map(_number, line.y)]
        drawn = axes.barh(places, lengths, width, label=line.label)
        axes.bar_label(drawn, [f"{length:.3g}" for length in lengths], padding=3, fontsize=8)
    # Lying, since the names are whole sentences; the first one on top.
    axes.set_yticks(range(len(words)), [textwrap.fill(word, 38) for word in words], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(plot.y_label)
    axes.margins(x=0.12)
    axes.set_axisbelow(True)
    axes.grid(alpha=0.3, axis="x")


def _places(line: Line, words: list[str], offset: float) -> list[float]:
    return [words.index(str(word)) + offset for word in line.x]


def _number(value: float | None) -> float:
    """What JSON could not hold leaves a gap."""
    return math.nan if value is None else float(value)
