"""The model card of a package, written from its manifest so that the two cannot disagree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from unmask.engines.manifest import Manifest, Metric, Threshold

_FOOTAGE = (
    "python -m unmask.benchmarks.footage {name} DATA/data/clips/live DATA/data/clips/talking --json GENUINE",
    "python -m unmask.export.footage detectors/{name} --genuine GENUINE --pairs PAIRS",
)


def card(manifest: Manifest) -> str:
    """Markdown: what it is, what it was taught, how good it is, where it fails, how to make it anew."""
    provenance = manifest.provenance
    trained = [] if _wrapped(manifest) else [provenance.trained_with]
    commands = [*trained, *dict.fromkeys(m.command for m in provenance.metrics if m.command)]
    commands += dict.fromkeys(v.gate.command for v in manifest.files.variants.values() if v.gate.command)
    if any(threshold.footage_hours for threshold in manifest.thresholds):
        commands += [command.format(name=manifest.name) for command in _FOOTAGE]
    parts = [*_parts(manifest), *(["## Commands"] if commands else [])]
    where = "`DATA` is a folder with `data/dfdc`, `data/lfw`, `data/clips` and `models`; `RUN` is any folder."
    if any("DATA" in command for command in commands):
        parts.append(where)
    if any(command.startswith("unmask export RUN") for command in commands):
        parts.append("`RUN` is the folder of the training run, `CROPS` the labelled crops that are named above.")
    if commands:
        parts.append("```\n" + "\n".join(commands) + "\n```")
    return "\n\n".join(parts) + "\n"


def _parts(manifest: Manifest) -> list[str]:
    provenance = manifest.provenance
    precisions = ["## Precisions", _precisions(manifest)] if manifest.files.variants else []
    return [
        f"# {manifest.name} {manifest.version}",
        manifest.description,
        f"**Licence of the weights:** {provenance.licence}.",
        "## What it is",
        _list(_facts(manifest)),
        *_wrapped(manifest),
        "## What it learnt from",
        _list(provenance.data),
        "## How good it is",
        *_measured(provenance.metrics),
        *precisions,
        "## False alarms",
        _thresholds(manifest.thresholds),
        "## Where it fails",
        _list(provenance.limits),
    ]


def _facts(manifest: Manifest) -> Iterable[str]:
    window, quality, calibration = manifest.window, manifest.quality, manifest.calibration
    yield (
        f"Input: one face, {manifest.input.size} x {manifest.input.size} {manifest.input.colour.upper()}, "
        f"cut {manifest.crop.margin:g} times the longer side of the face box, alignment {manifest.crop.align}."
    )
    yield (
        f"Window: {window.length} frames, one each {window.stride_ms} ms, at least {window.min_frames}; "
        f"{manifest.embedding} numbers are kept per frame."
    )
    single = "is" if manifest.single_image else "is not"
    yield f"A single picture {single} enough for a score."
    if calibration.method == "none":
        yield "Calibration: none; its score is no probability."
    else:
        yield f"Calibration: {calibration.method}, fitted on {calibration.fitted_on or 'nothing'}."
    if (cells := manifest.activation) is not None:
        yield f"It says where it looked, in {cells.rows} x {cells.columns} cells: a hint, no evidence."
    yield (
        f"Faces below {quality.min_face_px:g} px, sharpness below {quality.min_sharpness:g} or brightness "
        f"outside {quality.min_brightness:g} to {quality.max_brightness:g} are not judged."
    )


def _wrapped(manifest: Manifest) -> list[str]:
    """How a classifier of somebody else's was read: every choice with where it came from."""
    choices = {key.removeprefix("wrap."): value for key, value in manifest.exported_with.items() if key[:5] == "wrap."}
    return ["## How it was wrapped", _list(f"{key}: {value}" for key, value in choices.items())] if choices else []


def _measured(metrics: Sequence[Metric]) -> list[str]:
    if not metrics:
        return ["Nothing was measured."]
    return [
        "95 % intervals come from resampling whole identity groups (or clips), never single pictures.",
        _metrics(metrics),
    ]


def _metrics(metrics: Iterable[Metric]) -> str:
    lines = ["| metric | value | 95 % interval | data | independent units |", "|---|---|---|---|---|"]
    for m in metrics:
        interval = "" if m.low is None or m.high is None else f"{m.low:.3f} to {m.high:.3f}"
        lines.append(f"| {m.name} | {m.value:.3f} | {interval} | {m.data} | {m.units} {m.unit} |")
    return "\n".join(lines)


def _thresholds(thresholds: Iterable[Threshold]) -> str:
    lines = ["| intended alarms per hour | score | footage watched | alarms seen | proven | footage |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for t in thresholds:
        bound = t.proven_per_hour
        proven = "nothing" if bound is None else f"at most {bound:{'.0f' if bound >= 10 else '.2g'}} an hour"
        lines.append(
            f"| {t.alarms_per_hour:g} | {t.score:.4f} | {t.footage_hours * 60:.1f} min | {t.alarms_seen} "
            f"| {proven} | {t.footage} |"
        )
    return "\n".join(lines)


def _precisions(manifest: Manifest) -> str:
    lines = ["| precision | largest score difference | verdict flips | AUROC difference | times as fast "
             "| crops | machine |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, variant in manifest.files.variants.items():
        gate = variant.gate
        lines.append(
            f"| {name} | {gate.largest_score_difference:.4f} | {gate.verdict_flips} | {gate.auroc_difference:+.4f} "
            f"| {gate.speed_ratio:.2f} | {gate.crops} of {gate.data} | {gate.machine} |"
        )
    return "\n".join(lines)


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item[:1].upper()}{item[1:]}" for item in items)
