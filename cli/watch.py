"""`unmask watch`: live sources, in a window or in the terminal."""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from unmask.cli.interrupt import Interrupt
from unmask.cli.options import (
    add_detector_arguments,
    add_face_arguments,
    engine_options,
    face_settings,
    need_of,
    open_detector,
    positive,
    whole,
)
from unmask.cli.watch_files import check_arguments, file_sinks
from unmask.engines.errors import UsageError

if TYPE_CHECKING:
    from unmask.realtime.detector import Detector
    from unmask.realtime.metrics.collector import MetricsCollector
    from unmask.realtime.session import SessionSettings, SourcePlan
    from unmask.realtime.sinks.base import Sink
    from unmask.realtime.sinks.tally import TallySink
    from unmask.realtime.sources.registry import SourceOptions


class Ended(Protocol):
    """A session, or what owned one."""

    @property
    def failures(self) -> list[str]: ...

    @property
    def left(self) -> list[str]: ...

    @property
    def tracebacks(self) -> list[str]: ...


#: The window has this in its footer.
HINT = "What follows is a hint, never proof: confirm through another channel."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        nargs="*",
        metavar="SOURCE",
        help="camera:0, screen, region:LEFT,TOP,WIDTH,HEIGHT, window:TITLE, a file, folder or zip, "
        "or an address (rtsp, http, udp); see `unmask sources`; without one the window asks",
    )
    add_output_arguments(parser)
    group = parser.add_argument_group("source")
    group.add_argument("--width", type=whole, metavar="PX", help="wanted picture width of a camera")
    group.add_argument("--height", type=whole, metavar="PX", help="wanted picture height of a camera")
    group.add_argument("--fps", type=positive, metavar="N", help="wanted rate of a camera, screen or picture folder")
    group.add_argument("--backend", default="auto", help="camera backend: auto, v4l2, dshow, msmf, ... (default auto)")
    add_detector_arguments(parser)
    add_face_arguments(parser)
    parser.set_defaults(own_choice=False)


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--headless", action="store_true", help="no window: show it in the terminal")
    parser.add_argument("--record", metavar="OUT.mp4", type=Path, help="record the annotated picture")
    parser.add_argument("--jsonl", metavar="FILE", type=Path, help="append what happens as JSON lines")
    parser.add_argument(
        "--metrics",
        metavar="PORT",
        help="serve figures for Prometheus on 127.0.0.1 (HOST:PORT for another address) at /metrics",
    )
    parser.add_argument(
        "--cpu",
        metavar="CORES",
        type=positive,
        help="stay within so many processor cores, such as 0.5, by searching and scoring less often",
    )
    parser.add_argument(
        "--score-always",
        action="store_true",
        help="score every face at every stride; without it a live face whose score is steady and low is scored half "
        "as often until it rises",
    )
    parser.add_argument(
        "--history",
        action="store_true",
        help="with --headless: keep the session, without pictures, see `unmask history`",
    )
    parser.add_argument("--max-seconds", metavar="N", type=positive, help="stop after this many seconds")
    parser.add_argument("--realtime", action="store_true", help="play files at their own speed")


def run(args: argparse.Namespace) -> int:
    from unmask.realtime.sources.registry import SourceOptions

    options = SourceOptions(width=args.width, height=args.height, fps=args.fps, backend=args.backend)
    if args.source:
        return watch(args, args.source, options, [])
    if args.headless or not can_show_window():
        raise UsageError("Name what to watch, such as camera:0 or screen; see: unmask watch --help.")
    for option, value in (("--record", args.record), ("--jsonl", args.jsonl)):
        if value is not None:
            raise UsageError(f"{option} needs something to watch: name a source too, such as camera:0.")
    from unmask.cli.window import open_window

    _refuse_history(args)
    return open_window(args, options, own_choice=args.own_choice)


def watch(
    args: argparse.Namespace,
    specs: Sequence[str],
    options: SourceOptions,
    notices: Sequence[str] = (),
    more_sinks: Sequence[Sink] = (),
) -> int:
    """Watch ``specs`` as the arguments say, ``notices`` said first. `unmask demo` goes through here too."""
    from rich.console import Console

    from unmask.realtime.metrics.collector import MetricsCollector
    from unmask.realtime.session import Session, SessionSettings
    from unmask.realtime.sinks.console import ConsoleSink
    from unmask.realtime.sinks.tally import TallySink

    check_arguments(args, specs, options)
    if not args.headless:
        from unmask.cli.window import watch_in_window

        _refuse_history(args)
        return watch_in_window(args, specs, options, notices, more_sinks)
    console = Console()
    reopen = functools.partial(
        open_detector, args.detector, args.engine, precision=args.precision, options=engine_options(args)
    )
    collector = MetricsCollector()
    # The port is taken first: a busy one is said before a model is loaded.
    with metrics_server(args.metrics, collector), reopen() as detector:
        settings = SessionSettings(
            alarms_per_hour=args.alarms_per_hour, pace=args.realtime, cpu_budget=args.cpu, need=need_of(args)
        )
        lines = list(notices)
        plans = make_plans(args, specs, options, lines)
        lines += header_lines(detector, plans, settings)
        tally = TallySink()
        sinks: list[Sink] = [collector, tally, *more_sinks]
        sinks += file_sinks(args, plans, detector, settings, collector)
        if args.history:
            from unmask.cli.history import session_sink

            sinks.append(session_sink(detector, settings, [plan.source_id for plan in plans], args.precision))
        sinks.append(ConsoleSink(console, [*lines, HINT], collector.clocks))
        session = Session(plans, detector, settings, sinks, reopen=reopen)
        collector.attach(session.flow)
        # The interrupt outlasts the session: one more Ctrl-C must not break off the completing of its files.
        with Interrupt() as interrupt, session:
            interrupt.wait_for(session, args.max_seconds)
    print_summary(tally, collector, [plan.source_id for plan in plans])
    return report_failures(session, debug=args.debug)


def _refuse_history(args: argparse.Namespace) -> None:
    if args.history:
        raise UsageError("--history is for --headless: the window has it on its privacy page.")


def print_summary(tally: TallySink, collector: MetricsCollector, source_ids: Sequence[str]) -> None:
    """What was seen of each source, and how the monitor fared."""
    from rich.console import Console

    console = Console()
    for line in _summary(tally, collector, source_ids):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _summary(tally: TallySink, collector: MetricsCollector, source_ids: Sequence[str]) -> list[str]:
    from unmask.realtime.metrics.words import summary_lines, trouble_line

    clocks = collector.clocks()
    lines: list[str] = []
    for source_id in source_ids:
        lines += tally.lines(source_id)
        if (told := clocks.sources.get(source_id)) is not None:
            lines += summary_lines(told)
    return lines + [line for line in [trouble_line(clocks)] if line]


@contextlib.contextmanager
def metrics_server(address: str | None, collector: MetricsCollector) -> Iterator[None]:
    """Serve the collector's figures while the body runs, if an address was given."""
    if address is None:
        yield
        return
    from importlib.metadata import version

    from unmask.realtime.metrics.server import serve

    with serve(address, collector, version("unmask")) as server:
        print(f"Metrics: {server.url}", flush=True)
        yield


def can_show_window() -> bool:
    """Whether there is a display, and what the window needs; loads nothing."""
    try:
        require_display()
    except UsageError:
        return False
    return True


def require_display() -> None:
    """Raise ``UsageError`` where no window can be shown. Windows and macOS always have a display."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise UsageError("There is no display for the window: add --headless to watch in the terminal.")
    if importlib.util.find_spec("PyQt6") is None:
        raise UsageError("The window needs PyQt6: run `pip install unmask[gui]`, or add --headless.")


def header_lines(detector: Detector, plans: Sequence[SourcePlan], settings: SessionSettings) -> list[str]:
    """What is running, in the words that a report needs: detector, runtime, threshold and what backs it."""
    from unmask.realtime.scan.header import backing
    from unmask.realtime.verdict import threshold_for

    manifest = detector.manifest
    return [
        f"Detector {manifest.name} {manifest.version} on {detector.provider}; faces: {plans[0].finder.description}",
        backing(threshold_for(manifest, settings.alarms_per_hour)),
    ]


def make_plans(
    args: argparse.Namespace, specs: Sequence[str], options: SourceOptions, notices: list[str]
) -> list[SourcePlan]:
    """A plan per source. What the face finder has to announce is added to ``notices`` once."""
    from unmask.realtime.faces.registry import make_face_finder
    from unmask.realtime.session import SourcePlan
    from unmask.realtime.sources.registry import make_source

    def announce(line: str) -> None:
        if line not in notices:
            notices.append(line)

    makers = [functools.partial(make_source, spec, options) for spec in specs]
    settings = face_settings(args)
    return [SourcePlan(make().source_id, make, make_face_finder(settings, announce)) for make in makers]


def report_failures(session: Ended, *, debug: bool) -> int:
    """Say in the terminal what failed; the exit code."""
    for failure in session.failures:
        print(f"unmask: {failure}", file=sys.stderr)
    if session.left:
        print(f"unmask: did not end in time and was left behind: {', '.join(session.left)}.", file=sys.stderr)
    if debug:
        for trace in session.tracebacks:
            print(trace, file=sys.stderr)
    return 2 if session.failures else 0
