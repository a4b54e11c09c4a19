"""The Markdown of an evaluation. Every number comes with its interval, its unit and how many stand behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unmask.training.evaluation import markdown_parts as parts_of
from unmask.training.evaluation.cells import shown, table
from unmask.training.evaluation.measures import MEASURES, SHORT, Estimate
from unmask.training.evaluation.report import Report, Run
from unmask.training.evaluation.result import Repeats, Result
from unmask.training.evaluation.timing import DetectionTimes, FalseAlarms, Speed

_TITLES = {measure.name: measure.title for measure in MEASURES}
_SHORT_TITLES = {
    "auroc": "AUROC",
    "auroc_all": "AUROC, abstentions guessed",
    "tpr_at_fpr_1": "TPR at FPR 1 %",
    "recall": "recall, frozen",
    "fpr": "FPR, frozen",
    "ece": "ECE",
    "coverage": "coverage",
}

_READING = """\
Scores are higher the more suspicious. Intervals (95 %, in brackets) come from drawing whole groups, people or
source videos, with replacement, never single frames. The threshold was frozen before: it is the package's own.
A face that cannot be judged stays in the denominator: it is not found and not right; ranking and calibration
use what was judged (see coverage), and *AUROC, abstentions count as guesses* counts every pair with an
abstention half. Where something happened never or always, the interval's open end is the exact binomial one for
as many trials as groups. Results are hints about this data, never proof about a single recording.
"""


def markdown(report: Report, plots: Sequence[str] = ()) -> str:
    """The whole report; ``plots`` are file names beside it."""
    first = report.runs[0]
    parts = [f"# Evaluation of {first.name}", _facts(report), _READING]
    parts += [_section(result) for result in first.results]
    if len(first.results) > 1:
        parts.append(_across(first))
    if report.repeated:
        parts += [_repeats(data, found, len(report.runs)) for data, found in report.repeated.items()]
    parts += [_speed(run.name, run.speed) for run in report.runs if run.speed is not None]
    if plots:
        parts.append("## Plots\n\n" + "\n\n".join(f"![{_words(name)}]({name})" for name in plots))
    return "\n".join(part.rstrip() + "\n" for part in parts if part)


def _facts(report: Report) -> str:
    facts = report.runs[0].facts
    lines = [f"- {key}: {value}" for key, value in {**facts, **report.settings, **report.machine}.items()]
    return f"    {report.command}\n\n" + "\n".join(lines) + "\n"


def _section(result: Result) -> str:
    counts = result.counts
    split = f", split {result.split}" if result.split else ""
    parts = [
        f"## {result.data} ({result.kind}{split})",
        f"{counts['videos']} videos ({counts['videos_fake']} manipulated, "
        f"{counts['videos'] - counts['videos_fake']} genuine), {counts['frames']} frames, "
        f"{counts['groups']} groups (people or source videos).",
        table(
            ("measure", "per video", "n", "per frame", "n", "a share of"),
            (
                (
                    measure.title,
                    shown(result.videos[measure.name]),
                    str(result.videos[measure.name].n),
                    shown(result.frames[measure.name]),
                    str(result.frames[measure.name].n),
                    measure.unit,
                )
                for measure in MEASURES
            ),
        ),
        _causes(result),
        parts_of.operating(result.points),
        _manipulations(result.manipulations),
        parts_of.people(result.people),
        _robustness(result),
        parts_of.windows(result.windows),
        parts_of.recordings(result.recordings),
        _detection(result.detection),
        _alarms(result.false_alarms),
        "\n".join(f"- {note}" for note in result.notes),
    ]
    return "\n\n".join(part.rstrip() for part in parts if part)


def _causes(result: Result) -> str:
    def line(what: str, causes: Mapping[str, int]) -> str:
        named = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in causes.items())
        return f"{what} that could not be judged, by the first cause: {named or 'none'}."

    return f"{line('Videos', result.video_causes)} {line('Frames', result.frame_causes)}"


def _manipulations(found: Mapping[str, Mapping[str, Estimate]]) -> str:
    if not found:
        return ""
    rows = (
        (name, *(shown(numbers[key]) for key in SHORT), str(numbers["recall"].n)) for name, numbers in found.items()
    )
    head = ("manipulation", *(_SHORT_TITLES[key] for key in SHORT), "manipulated videos")
    return "### Per manipulation, against all genuine videos\n\n" + table(head, rows)


def _robustness(result: Result) -> str:
    if not result.robustness:
        return ""
    rows = (
        (
            row.name,
            shown(row.loss),
            *(shown(row.numbers[key]) for key in SHORT),
            str(row.numbers["coverage"].n),
        )
        for row in result.robustness
    )
    head = ("degradation", "AUROC lost", *(_SHORT_TITLES[key] for key in SHORT), "frames")
    words = "\n".join(f"- {row.name}: {row.words}" for row in result.robustness)
    return f"### Robustness, per frame, the same frames in every line\n\n{table(head, rows)}\n{words}"


def _detection(found: DetectionTimes | None) -> str:
    if found is None:
        return ""
    rows = [
        ("median", f"{shown(found.median_s, 1)} s", str(found.recordings)),
        ("90th percentile", f"{shown(found.p90_s, 1)} s", str(found.recordings)),
    ]
    rows += [
        (f"noticed within {limit} s", shown(share), f"{share.n} ({found.as_long[limit]} last that long)")
        for limit, share in found.within.items()
    ]
    return (
        f"### Time to detect\n\n{found.noticed} of {found.recordings} manipulated recordings raised an alarm. "
        "A dash means that fewer than that share did.\n\n" + table(("", "seconds or share", "recordings"), rows)
    )


def _alarms(found: FalseAlarms | None) -> str:
    if found is None:
        return ""
    if found.at_most is None or found.per_hour is None:
        return "### False alarms\n\nNo genuine footage was watched."
    return (
        f"### False alarms\n\n{found.alarms} alarms in {found.hours:.2f} h of genuine footage "
        f"({found.recordings} recordings): {found.per_hour:.2f} per hour, at most {found.at_most:.2f} (95 %)."
    )


def _across(run: Run) -> str:
    rows = (
        (result.data, *(shown(result.videos[key]) for key in SHORT), str(result.counts["videos"]))
        for result in run.results
    )
    head = ("data", *(_SHORT_TITLES[key] for key in SHORT), "videos")
    return "## Across data sets, per video, one frozen threshold\n\n" + table(head, rows)


def _repeats(data: str, found: Mapping[str, Repeats], runs: int) -> str:
    rows = (
        (
            _TITLES[name],
            f"{number.mean:.3f}",
            "-" if number.spread is None else f"{number.spread:.3f}",
            f"{number.best:.3f} ({number.best_run})",
            str(len(number.values)),
        )
        for name, number in found.items()
    )
    head = ("measure, per video", "mean", "standard deviation", "best (which run)", "runs")
    note = "The best run was picked on this data: it says less about new data than the mean."
    return f"## {runs} runs on {data}\n\n{table(head, rows)}\n{note}"


def _speed(name: str, speed: Speed | None) -> str:
    if speed is None:
        return ""
    rows = [
        ("crops per second, one at a time", f"{speed.crops_per_s:.0f}"),
        ("wall time per crop, median", f"{speed.wall_ms:.2f} ms"),
        ("wall time per crop, 90th percentile", f"{speed.wall_ms_p90:.2f} ms"),
        ("processor time per crop, mean", f"{speed.cpu_ms:.2f} ms"),
        ("head, per window, median", f"{speed.head_ms:.2f} ms"),
    ]
    return f"## Speed of {name}, one thread ({speed.calls} calls)\n\n" + table(("", "measured"), rows)


def _words(file: str) -> str:
    return file.rsplit(".", 1)[0].replace("-", " ")
