"""How numbers and tables look in the Markdown of an evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from unmask.training.evaluation.measures import Estimate


def shown(estimate: Estimate | None, places: int = 3) -> str:
    """``0.912 [0.880, 0.940]``; a dash where the number does not exist."""
    if estimate is None or estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.{places}f} (no interval)"
    return f"{estimate.value:.{places}f} [{estimate.low:.{places}f}, {estimate.high:.{places}f}]"


def digits(value: float | None) -> str:
    """Three digits after the point; a dash for no number."""
    return "-" if value is None else f"{value:.3f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
