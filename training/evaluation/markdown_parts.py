"""The parts of an evaluation's Markdown that not every evaluation has: thresholds, people, windows, recordings."""

from __future__ import annotations

from collections.abc import Sequence

from unmask.training.evaluation.cells import digits, shown, table
from unmask.training.evaluation.operating import NAMES as POINT_NAMES
from unmask.training.evaluation.operating import OperatingPoint
from unmask.training.evaluation.people import FEWEST, People
from unmask.training.evaluation.recordings import Evidence, RecordingRow
from unmask.training.evaluation.windows import WindowResult

_RANKING = (
    "line", "AUROC, frame", "AUROC, window", "recall, frame", "recall, window", "FPR, frame", "FPR, window",
    "coverage, window",
)  # fmt: skip
_CALIBRATION = (
    "line", "ECE, frame", "Brier, frame", "ECE, window", "Brier, window", "ECE, window, fitted on windows",
    "Brier, window, fitted on windows",
)  # fmt: skip


def operating(points: Sequence[OperatingPoint]) -> str:
    if not points:
        return ""
    rows = (
        (f"{point.alarms_per_hour:g}", f"{point.score:.4f}", *(shown(point.videos[name]) for name in POINT_NAMES))
        for point in points
    )
    head = ("set for false alarms per hour", "score", "recall", "FPR", "precision", "F1", "accuracy")
    return (
        "### Operating points: every threshold of the package, per video\n\n"
        "What these thresholds cost per video; how often they alarm in an hour of calls is another question.\n\n"
        + table(head, rows)
    )


def people(found: People | None) -> str:
    if found is None:
        return ""
    lines = [f"### Per group (person or source video), n = {found.ranked} with {FEWEST} of each class"]
    if found.ranked:
        lines.append(
            f"AUROC within one group: median {digits(found.middle)}, worst tenth {digits(found.tenth)}, lowest "
            f"{digits(found.lowest)}."
        )
    carried = "" if found.first_three is None else f"; three of them have {found.first_three:.0%} of all"
    lines.append(
        f"{found.false_positives} false positives at the frozen threshold fall on {found.alarmed} of {found.genuine} "
        f"groups with genuine videos{carried}. Those with the most, then those that are told apart worst:"
    )
    rows = (
        (
            one.group,
            digits(one.auroc),
            f"{one.false_positives} of {one.genuine}",
            f"{one.found} of {one.manipulated}",
        )
        for one in found.worst
    )
    lines.append(table(("group", "AUROC", "false positives", "manipulated that were found"), rows))
    return "\n\n".join(lines)


def windows(found: WindowResult | None) -> str:
    if found is None:
        return ""
    ranking = (
        (
            row.name,
            *(shown(side["auroc"]) for side in (row.frames, row.windows)),
            *(shown(side["recall"]) for side in (row.frames, row.windows)),
            *(shown(side["fpr"]) for side in (row.frames, row.windows)),
            shown(row.windows["coverage"]),
        )
        for row in found.rows
    )
    calibration = (
        (
            row.name,
            *(shown(row.frames[name]) for name in ("ece", "brier")),
            *(shown(row.windows[name]) for name in ("ece", "brier")),
            *(shown(row.own.get(name)) for name in ("ece", "brier")),
        )
        for row in found.rows
    )
    count = found.rows[0].windows["coverage"].n
    words = "\n".join(f"- {row.name}: {row.words}" for row in found.rows)
    return (
        f"### Single frames against windows of {found.length}\n\n"
        f"{count} stills were made into windows that move (pseudo-clips). *Frame*: each of their frames by itself, as\n"
        f"a single picture; *window*: what the verdict machine reads.\n\n{table(_RANKING, ranking)}\n"
        "Calibration: the package's own on frames and on windows, and one fitted on windows (of all lines, crosswise\n"
        f"by person).\n\n{table(_CALIBRATION, calibration)}\n{_fitted(found)}\n\n{words}"
    )


def _fitted(found: WindowResult) -> str:
    if found.fitted is None:
        return "No calibration could be fitted on these windows: a class or people are missing."
    return (
        f"Fitted on all these windows, a calibration takes the logit of the package's score times "
        f"{found.fitted.scale:.2f} {found.fitted.bias:+.2f}: times 1 and + 0 would be as the package says."
    )


def recordings(found: Sequence[RecordingRow]) -> str:
    if not found:
        return ""
    rows = []
    for row in found:
        alarms = row.alarms
        bound = "-" if alarms is None or alarms.at_most is None else f"at most {alarms.at_most:.0f}"
        rows.append(
            (
                row.name,
                shown(row.numbers["auroc"]),
                shown(row.numbers["recall"]),
                shown(row.numbers["fpr"]),
                shown(row.numbers["coverage"]),
                "-" if alarms is None else f"{alarms.alarms} in {60 * alarms.hours:.1f} min",
                bound,
                *_evidence(row.genuine),
            )
        )
    head = ("line", "AUROC", "recall, frozen", "FPR, frozen", "coverage", "false alarms", "an hour (95 %)",
            "genuine: median score", "95 % of moments below", "highest that lasted")  # fmt: skip
    words = "\n".join(f"- {row.name}: {row.words}" for row in found)
    return f"### Recordings after a line, per recording, by the live scanner\n\n{table(head, rows)}\n{words}"


def _evidence(found: Evidence | None) -> tuple[str, str, str]:
    if found is None:
        return "-", "-", "-"
    return digits(found.median), digits(found.high), digits(found.highest)
