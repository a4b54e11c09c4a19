"""From the arguments of ``unmask bench`` to a report: one function per kind of measurement."""

from __future__ import annotations

import argparse
import shlex
import sys
import threading
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from unmask.cli.bench_inputs import clips_for
from unmask.cli.interrupt import Interrupt
from unmask.cli.options import choose_engine, engine_options, face_settings, tell
from unmask.engines.errors import UsageError

if TYPE_CHECKING:
    from unmask.benchmarks.report import Report
    from unmask.benchmarks.settings import Effort
    from unmask.benchmarks.subject import Clip, Subject
    from unmask.realtime.detector import Detector

TITLES = {
    "latency": "Latency: age of a frame at its score and on the screen",
    "throughput": "Throughput: as fast as it goes",
    "streams": "Streams: how many 30-fps sources at once",
    "cadence": "Cadence: searching and scoring less often",
    "engines": "Engines: every runtime, precision and batch",
    "window": "Embedding cache: one new frame of a full window",
    "pipeline": "Pipeline against the plain loop, and the levers one at a time",
    "soak": "Soak: does anything grow",
    "startup": "Start-up of a fresh process",
}


def subject_of(args: argparse.Namespace) -> Subject:
    """The package, the engine that ``auto`` stands for, and the face finder, as the arguments say."""
    from typing import cast

    from unmask.benchmarks.subject import Subject
    from unmask.engines.choice import pick_precision
    from unmask.engines.options import Precision
    from unmask.engines.package import find_package, load_package
    from unmask.engines.registry import require_engine

    require_engine(args.engine)
    package, options, engine = load_package(find_package(args.detector)), engine_options(args), args.engine
    if engine == "auto":
        engine = choose_engine(package, args.precision, options, tell)
    precision = cast("Precision", args.precision)
    if args.precision == "auto":
        precision, reason = pick_precision(package.manifest, engine)
        tell(f"Precision {precision}: {reason}.")
    return Subject(package, engine, precision, options, face_settings(args), tell)


def measure(kind: str, args: argparse.Namespace, host: dict[str, Any] | None = None) -> Report:
    """Run one measurement on the machine ``host`` (default: as it is now). ``soak`` ends early, with what there
    is, on Ctrl-C and on SIGTERM."""
    from unmask.benchmarks.host import OthersLoad, host_facts
    from unmask.benchmarks.report import Report
    from unmask.benchmarks.settings import FAST, FULL

    host = dict(host or host_facts())  # before the run: afterwards the load is our own
    others = OthersLoad()
    effort = FAST if args.quick else FULL
    subject = subject_of(args)
    clips = [] if kind in ("engines", "window") else clips_for(kind, args.clip, args.quick, tell)
    with subject.open_detector() as detector:
        found = _RUNS[kind](args, subject, detector, clips, effort)
        facts = subject.facts(detector, faces_used=bool(clips))
    rows, plots, notes, *rest = found
    host["others_cores"] = others.cores()
    return Report(
        kind=kind,
        title=TITLES[kind],
        command=shlex.join(["unmask", *args.typed]),
        host=host,
        subject={**facts, "clips": [clip.facts() for clip in clips]},
        settings={"effort": asdict(effort), **_own_settings(kind, args)},
        rows=tuple(rows),
        notes=tuple(notes),
        plots=tuple(plots),
        details=rest[0] if rest else {},
        complete=rest[1] if len(rest) > 1 else True,
    )


def _own_settings(kind: str, args: argparse.Namespace) -> dict[str, Any]:
    names = {"streams": ("bound_ms", "most_streams"), "soak": ("minutes", "every"), "engines": ("batches",)}
    return {name: getattr(args, name) for name in names.get(kind, ())}


def _latency(args: argparse.Namespace, subject: Subject, detector: Detector, clips: list[Clip], effort: Effort) -> Any:
    from unmask.benchmarks import latency
    from unmask.cli.bench_paint import offscreen_painter

    return latency.measure(subject, detector, clips, effort, offscreen_painter())


def _throughput(
    args: argparse.Namespace, subject: Subject, detector: Detector, clips: list[Clip], effort: Effort
) -> Any:
    from unmask.benchmarks import throughput

    return throughput.measure(subject, detector, clips, effort)


def _streams(args: argparse.Namespace, subject: Subject, detector: Detector, clips: list[Clip], effort: Effort) -> Any:
    from unmask.benchmarks import streams

    bound = streams.Bound(p99_ms=args.bound_ms)
    return streams.measure(subject, detector, clips, effort, bound, args.most_streams)


def _cadence(args: argparse.Namespace, subject: Subject, detector: Detector, clips: list[Clip], effort: Effort) -> Any:
    from unmask.benchmarks import cadence

    return cadence.measure(subject, detector, clips, effort)


def _engines(args: argparse.Namespace, subject: Subject, detector: Detector, clips: list[Clip], effort: Effort) -> Any:
    from unmask.benchmarks import engine_grid

    return engine_grid.measure(subject, effort, batches_of(args.batches))


def _window(args: argparse.Namespace, subject: Subject, detector: Detector, clips: list[Clip], effort: Effort) -> Any:
    from unmask.benchmarks import window_cache

    return window_cache.measure(subject, detector, effort)


def _pipeline(args: argparse.Namespace, subject: Subject, detector: Detector, clips: list[Clip], effort: Effort) -> Any:
    from unmask.benchmarks import pipeline

    return pipeline.measure(subject, clips[0], effort)


def _startup(args: argparse.Namespace, subject: Subject, detector: Detector, clips: list[Clip], effort: Effort) -> Any:
    from unmask.benchmarks import startup

    return startup.measure(subject, clips[0], effort)


def _soak(args: argparse.Namespace, subject: Subject, detector: Detector, clips: list[Clip], effort: Effort) -> Any:
    from unmask.benchmarks import soak

    seconds = args.minutes * 60
    main_thread = threading.current_thread() is threading.main_thread()
    with Interrupt() if main_thread else nullcontext(Interrupt()) as interrupt:
        found = soak.measure(
            subject,
            detector,
            clips[0],
            seconds=seconds,
            every_s=args.every or max(0.5, min(10.0, seconds / 60)),
            warm_s=effort.warm_s if args.quick else min(60.0, max(effort.warm_s, seconds / 20)),
            stop=interrupt.event,
            pictures=effort.pictures,
        )
    if interrupt.event.is_set():
        print("unmask: interrupted; the report holds what was measured until then.", file=sys.stderr)
    return found


def batches_of(text: str) -> tuple[int, ...]:
    """``1,2,4`` as numbers. Raises ``UsageError`` for anything else."""
    words = text.split(",")
    if not all(word.isdecimal() and 0 < int(word) <= 1024 for word in words):
        raise UsageError(f"--batches {text} does not work: give whole numbers from 1 to 1024, as in 1,4,16.")
    return tuple(dict.fromkeys(map(int, words)))


_RUNS = {
    "latency": _latency,
    "throughput": _throughput,
    "streams": _streams,
    "cadence": _cadence,
    "engines": _engines,
    "window": _window,
    "pipeline": _pipeline,
    "startup": _startup,
    "soak": _soak,
}
