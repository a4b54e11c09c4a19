"""``unmask detectors list|show|verify``: the detector packages on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask.cli.options import add_engine_arguments, choose_engine, engine_options, tell

if TYPE_CHECKING:
    from rich.console import Console

    from unmask.engines.manifest import Manifest, Metric, Threshold
    from unmask.engines.options import EngineOptions
    from unmask.engines.verify import Verification


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the packages that ship and your own")
    listing.set_defaults(act=_list)
    show = actions.add_parser("show", help="thresholds and what backs them, metrics, limits, crop, window")
    show.add_argument("detector", metavar="NAME|PATH")
    show.set_defaults(act=_show)
    verify = actions.add_parser("verify", help="check files and graphs, and run them on random crops")
    verify.add_argument("detectors", metavar="NAME|PATH", nargs="+")
    add_engine_arguments(verify)
    verify.set_defaults(act=_verify)
    for child in (listing, show, verify):
        child.add_argument("--json", action="store_true", help="print JSON")
        child.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    return args.act(args)


def _list(args: argparse.Namespace) -> int:
    from unmask.engines.package import list_packages, user_folder

    rows = list_packages()
    if args.json:
        fields = ("name", "version", "origin", "size_bytes", "licence", "problem")
        detectors = [{name: getattr(row, name) for name in fields} | {"folder": str(row.folder)} for row in rows]
        _print_json({"version": 1, "detectors": detectors})
        return 0
    console = _console()
    if not rows:
        console.print(f"No detector is installed. Put packages, one folder each, into {user_folder()}.", soft_wrap=True)
        return 0
    table = _table("detector", "version", "from", "size", "licence", "folder")
    for row in rows:
        size = f"{row.size_bytes / 1e6:.1f} MB"
        licence = f"unusable: {row.problem}" if row.problem else row.licence
        table.add_row(row.name, row.version, row.origin, size, licence, str(row.folder))
    console.print(table)
    return 0


def _show(args: argparse.Namespace) -> int:
    from unmask.engines.package import find_package, read_manifest

    folder = find_package(args.detector)
    manifest = read_manifest(folder)
    if args.json:
        plain = manifest.model_dump(mode="json")
        for entry, threshold in zip(plain["thresholds"], manifest.thresholds, strict=True):
            entry["proven_per_hour"] = threshold.proven_per_hour
        _print_json({"version": 1, "folder": str(folder), "manifest": plain})
        return 0
    console = _console()
    console.print(f"{manifest.name} {manifest.version}", style="bold")
    console.print(manifest.description)
    console.print(_facts(manifest, str(folder)))
    thresholds = _table("alarm from score", "false alarms it was set for", "what backs it")
    for threshold in manifest.thresholds:
        thresholds.add_row(f"{threshold.score:.3f}", f"{threshold.alarms_per_hour:g} per hour", backing(threshold))
    console.print(thresholds)
    _print_variants(console, manifest)
    _print_metrics(console, manifest)
    console.print("Known limits", style="bold")
    for limit in manifest.provenance.limits or ("none are stated, which does not mean that there are none",):
        console.print(f"- {limit}")
    console.print("\nWhat it says is a hint, never proof: confirm through another channel.")
    return 0


def _facts(manifest: Manifest, folder: str) -> Any:
    from rich.table import Table

    window, quality, rule = manifest.window, manifest.quality, manifest.rule
    length_s = window.length * window.stride_ms / 1e3
    calibration = manifest.calibration
    calibrated = (
        "none: the score is no probability"
        if calibration.method == "none"
        else f"{calibration.method}, fitted on {calibration.fitted_on or 'data that is not stated'}"
    )
    rows = {
        "folder": folder,
        "crop": f"{manifest.input.size} px {manifest.input.colour}, {manifest.crop.margin:g} times the face "
        + ("box, turned level by the eyes" if manifest.crop.align == "roll" else "box, not turned"),
        "window": f"{window.length} crops, one per {window.stride_ms} ms ({length_s:g} s); scores from "
        f"{window.min_frames} on; a gap over {window.max_gap_ms} ms starts anew",
        "one picture": "is enough for a score" if manifest.single_image else "is not enough for a score",
        "calibration": calibrated,
        "alarm": f"begins after {rule.dwell_s:g} s over the threshold, ends {rule.release_margin:g} below it "
        f"for {rule.release_s:g} s; smoothed over {rule.smoothing_s:g} s",
        "judges faces": f"from {quality.min_face_px:g} px, sharpness {quality.min_sharpness:g}, brightness "
        f"{quality.min_brightness:g} to {quality.max_brightness:g}, turned up to "
        f"{quality.max_yaw_degrees:g}°, {quality.min_inside:.0%} in the picture",
        "activation map": "none: it cannot show where it looked"
        if manifest.activation is None
        else f"{manifest.activation.rows} x {manifest.activation.columns} cells: where it looked, no evidence",
        "data": "; ".join(manifest.provenance.data),
        "trained with": manifest.provenance.trained_with,
        "licence": manifest.provenance.licence,
        "exported with": ", ".join(f"{tool} {version}" for tool, version in manifest.exported_with.items()),
    }
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows.items():
        grid.add_row(name, value)
    return grid


def backing(threshold: Threshold) -> str:
    """What the footage behind a threshold proves about its false alarms, in words."""
    bound = threshold.proven_per_hour
    if bound is None:
        return f"nothing: no footage was watched with it ({threshold.footage})"
    return (
        f"{threshold.alarms_seen} false alarms in {threshold.footage_hours:g} h of {threshold.footage}: "
        f"proves at most {bound:.2g}/h (95 %)"
    )


def interval(metric: Metric) -> str:
    """The 95 % interval in words, or that there is none."""
    return "no interval" if metric.low is None else f"{metric.low:.3f} to {metric.high:.3f}"


def _print_variants(console: Console, manifest: Manifest) -> None:
    if not manifest.files.variants:
        console.print("Encoders of other precisions: none.\n")
        return
    table = _table("encoder", "speed", "largest score difference", "verdicts that flip", "AUROC", "measured on")
    for name, variant in manifest.files.variants.items():
        gate = variant.gate
        table.add_row(
            name,
            f"{gate.speed_ratio:.2f} x fp32",
            f"{gate.largest_score_difference:.4f}",
            f"{gate.verdict_flips} of {gate.crops}",
            f"{100 * gate.auroc_difference:+.2f} points",
            f"{gate.crops} crops of {gate.data}, against {gate.against}; {gate.machine}",
        )
    console.print(table)
    for command in dict.fromkeys(variant.gate.command for variant in manifest.files.variants.values()):
        if command:
            console.print(f"reproduced by: {command}", markup=False, highlight=False, soft_wrap=True)
    console.print()


def _print_metrics(console: Console, manifest: Manifest) -> None:
    if not manifest.provenance.metrics:
        console.print("No measured numbers are stated.\n")
        return
    metrics = _table("metric", "value", "95 % interval", "measured on")
    for metric in manifest.provenance.metrics:
        measured = f"{metric.data} ({metric.units} {metric.unit})"
        metrics.add_row(metric.name, f"{metric.value:.3f}", interval(metric), measured)
    console.print(metrics)
    # Most metrics of a package come from one command: said once, not in every row.
    for command in dict.fromkeys(metric.command for metric in manifest.provenance.metrics if metric.command):
        console.print(f"reproduced by: {command}", markup=False, highlight=False, soft_wrap=True)
    console.print()


def _verify(args: argparse.Namespace) -> int:
    """Every package is tried; the exit code is 2 when one of them is broken."""
    from unmask.engines.errors import UnmaskError
    from unmask.engines.package import find_package
    from unmask.engines.registry import require_engine

    require_engine(args.engine)
    options = engine_options(args)
    results: list[dict[str, Any]] = []
    for name in args.detectors:
        try:
            verification = _verify_one(find_package(name), args, options)
        except UnmaskError as error:
            if len(args.detectors) == 1 and not args.json:
                raise
            results.append({"detector": name, "sound": False, "problem": str(error)})
            if not args.json:
                print(f"unmask: {error}", file=sys.stderr)
        else:
            results.append(_as_json(name, verification))
            if not args.json:
                _console().print(_praise(verification), soft_wrap=True)
    if args.json:
        _print_json({"version": 1, "detectors": results})
    return 0 if all(result["sound"] for result in results) else 2


def _verify_one(folder: Path, args: argparse.Namespace, options: EngineOptions) -> Verification:
    from unmask.cli.build_bar import build_bar
    from unmask.engines.package import load_package
    from unmask.engines.verify import verify_package

    engine = args.engine
    with build_bar():
        if engine == "auto":
            engine = choose_engine(load_package(folder), args.precision, options, tell)
        return verify_package(folder, engine, precision=args.precision, options=options)


def _as_json(name: str, verification: Verification) -> dict[str, Any]:
    return {
        "detector": name,
        "sound": True,
        "problem": "",
        "name": verification.name,
        "version": verification.version,
        "folder": str(verification.folder),
        "engine": verification.engine,
        "precision": verification.precision,
        "provider": verification.provider,
        "batch_difference": verification.batch_difference,
        "engine_difference": verification.engine_difference,
        "encode_ms": verification.encode_ms,
    }


def _praise(verification: Verification) -> str:
    apart = verification.engine_difference
    beside = "" if apart is None else f", and by {apart:.1g} from those of ort-cpu"
    return (
        f"{verification.name} {verification.version} is sound: checksums and graphs fit the manifest; on "
        f"{verification.engine} ({verification.provider}), {verification.precision}, its outputs are finite, "
        f"repeatable and differ by {verification.batch_difference:.1g} at most in a batch{beside}; "
        f"{verification.encode_ms:.1f} ms per crop. "
        "This says nothing about its accuracy: see unmask detectors show."
    )


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


def _console() -> Console:
    from rich.console import Console

    # Manifests are written by strangers: brackets in them are text, not markup.
    return Console(markup=False, emoji=False, highlight=False)


def _table(*columns: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
