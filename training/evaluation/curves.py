"""How AUROC falls as a degradation grows: one small panel for each family of the robustness table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.training.degrade import DEGRADATIONS
from unmask.training.evaluation.passes import CLEAN
from unmask.training.evaluation.result import RobustRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ACROSS = 4


def families(rows: Sequence[RobustRow]) -> dict[str, list[RobustRow]]:
    """Family -> its rows from the undisturbed one on; what belongs to no family stands together under ``other``."""
    clean = [row for row in rows if row.name == CLEAN]
    found: dict[str, list[RobustRow]] = {}
    for row in rows:
        if row.name != CLEAN and row.name in DEGRADATIONS:
            found.setdefault(DEGRADATIONS[row.name].family or "other", [*clean]).append(row)
    return found


def draw_curves(path: Path, rows: Sequence[RobustRow], title: str) -> None:
    """Write a PNG of AUROC with its interval, and of coverage. Needs matplotlib."""
    # The object interface: pyplot would pick a window system and keep every figure.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = families(rows)
    down = -(-len(found) // _ACROSS)
    figure = Figure(figsize=(2.6 * _ACROSS, 2.7 * down), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(down, _ACROSS, squeeze=False, sharey=True).ravel()
    for axes, (family, members) in zip(panels, found.items(), strict=False):
        _panel(axes, family, members)
    for axes in panels[len(found) :]:
        axes.set_axis_off()
    panels[0].legend(fontsize=7, loc="lower left")
    figure.suptitle(title, fontsize=9)
    figure.savefig(path, metadata={"Software": None})


def _panel(axes: Axes, family: str, rows: Sequence[RobustRow]) -> None:
    numbers = [row.numbers["auroc"] for row in rows]
    there = [place for place, one in enumerate(numbers) if one.value is not None]
    joined = family != "other"  # single points of different kinds are no curve
    values = [numbers[place].value or 0.0 for place in there]
    low = [numbers[place].low or values[n] for n, place in enumerate(there)]
    high = [numbers[place].high or values[n] for n, place in enumerate(there)]
    reach = [
        [value - end for value, end in zip(values, low, strict=True)],
        [end - value for value, end in zip(values, high, strict=True)],
    ]
    axes.errorbar(there, values, yerr=reach, marker="o", markersize=3, capsize=2, linestyle="-" if joined else "none",
                  label="AUROC, 95 %")  # fmt: skip
    covered = [row.numbers["coverage"].value or 0.0 for row in rows]
    axes.plot(range(len(rows)), covered, color="grey", linestyle=":" if joined else "none", marker=".",
              label="coverage")  # fmt: skip
    axes.set_xticks(range(len(rows)), [_short(row.name) for row in rows], rotation=35, ha="right", fontsize=7)
    axes.tick_params(axis="y", labelsize=7)
    axes.set_ylim(0.4, 1.02)
    axes.set_title(family, fontsize=8)
    axes.grid(alpha=0.3)


def _short(name: str) -> str:
    return name.removeprefix("360p H.264 ").removeprefix("360p VP9 ").removeprefix("H.264 ")
