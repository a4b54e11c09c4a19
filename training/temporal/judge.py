"""A window against its own single frames, with intervals that resample whole people or clips."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from unmask.training.evaluate import Interval, auroc, draws
from unmask.training.temporal.embed import Windows

Floats = NDArray[np.float64]
#: So many places of the window stand for "a single frame": their AUROCs are averaged.
_PLACES = 4
ROWS = {
    "frame": "a single frame, the encoder's classifier",
    "mean": "the mean of the window's logits, the encoder's classifier",
    "frame again": "a single frame, classifier learnt from the same windows",
    "mean again": "the mean of its logits over the window",
    "window": "the head over time",
    "shuffled": "the head over time, frames in random order",
}
DIFFERENCES = (
    ("window", "frame"),
    ("window", "frame again"),
    ("window", "mean again"),
    ("window", "shuffled"),
    ("mean again", "frame again"),
)


def compare(
    windows: Windows, first: Floats, learnt: tuple[Floats, Floats], shuffled: Floats, *, rounds: int
) -> dict[str, Interval]:
    """AUROC of every row of ``ROWS``, and of every pair of ``DIFFERENCES`` the difference on the same draws
    (``"window - frame"``). ``first`` (N, T) and ``learnt`` ((N,), (N, T)) are logits of frames and windows."""
    window, frames = learnt
    places = np.linspace(0, frames.shape[1] - 1, _PLACES).round().astype(int)
    columns: dict[str, Floats] = {
        "frame": first[:, places],
        "mean": first.mean(axis=1, keepdims=True),
        "frame again": frames[:, places],
        "mean again": frames.mean(axis=1, keepdims=True),
        "window": window[:, None],
        "shuffled": shuffled[:, None],
    }
    everything = _all_measures(windows.fake, columns)
    usable = (
        rows
        for rows in draws(windows.groups, rounds * 20, 0)
        if windows.fake[rows].any() and not windows.fake[rows].all()
    )
    drawn = [
        _all_measures(windows.fake[rows], {name: values[rows] for name, values in columns.items()})
        for rows in itertools.islice(usable, rounds)
    ]
    groups = len(np.unique(windows.groups))
    result: dict[str, Interval] = {}
    for name, value in everything.items():
        low, high = np.quantile([draw[name] for draw in drawn], [0.025, 0.975])
        result[name] = Interval(value, min(value, float(low)), max(value, float(high)), groups)
    return result


def _all_measures(fake: NDArray[np.bool_], columns: Mapping[str, Floats]) -> dict[str, float]:
    found = {name: float(np.mean([auroc(fake, one) for one in values.T])) for name, values in columns.items()}
    return found | {f"{one} - {other}": found[one] - found[other] for one, other in DIFFERENCES}


def markdown(name: str, windows: Windows, rows: Mapping[str, Interval]) -> str:
    """A table of one set."""
    lines = [
        f"**{name}**: {len(windows.fake)} windows, {int(windows.fake.sum())} of them fake, "
        f"{len(np.unique(windows.groups))} people or clips\n",
        "| | AUROC |",
        "|---|---|",
    ]
    for key, row in rows.items():
        sign = "+" if " - " in key else ""
        lines.append(f"| {ROWS.get(key, key)} | {row.value:{sign}.3f} [{row.low:{sign}.3f}, {row.high:{sign}.3f}] |")
    return "\n".join(lines) + "\n"
