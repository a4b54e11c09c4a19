"""`unmask` and `unmask watch` in a window: what the window is given, and how it is begun and ended."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from unmask.cli.interrupt import Interrupt
from unmask.cli.options import engine_options, face_settings, need_of, open_detector, tell
from unmask.cli.watch_files import file_sinks

if TYPE_CHECKING:
    from unmask.cli.window_parts import WindowParts
    from unmask.engines.manifest import Metric
    from unmask.gui.controller import Controller
    from unmask.gui.instance import FirstInstance
    from unmask.gui.services import DetectorChoice, DetectorEntry, EngineEntry
    from unmask.gui.settings.preferences import Preferences
    from unmask.realtime.detector import Detector
    from unmask.realtime.faces.finder import FaceFinder
    from unmask.realtime.metrics.collector import MetricsCollector
    from unmask.realtime.session import SessionSettings, SourcePlan
    from unmask.realtime.sinks.base import Sink
    from unmask.realtime.sinks.tally import TallySink
    from unmask.realtime.sources.registry import SourceOptions


class WindowServices:
    """Opens sources, face finders and detectors as the arguments of the command line say (``gui/services.py``).

    ``say`` hears what a person should know of it; it is called from any thread.
    """

    def __init__(self, args: argparse.Namespace, options: SourceOptions, say: Callable[[str], None] = tell) -> None:
        self._args, self._options = args, options
        self._wishes: dict[str, tuple[SourceOptions, bool | None]] = {}
        self.say = say

    def plan(self, spec: str) -> SourcePlan:
        from unmask.realtime.session import SourcePlan
        from unmask.realtime.sources.registry import make_source

        options, pace = self._wishes.get(spec, (self._options, None))
        make = functools.partial(make_source, spec, options)
        return SourcePlan(make().source_id, make, self.face_finder(), pace)

    def wish(self, spec: str, options: SourceOptions, pace: bool | None = None) -> None:
        wished = {name: wish for name in ("width", "height", "fps") if (wish := getattr(options, name)) is not None}
        self._wishes[spec] = (dataclasses.replace(self._options, **wished), pace)

    def open_detector(self, choice: DetectorChoice) -> Detector:
        args = argparse.Namespace(**{**vars(self._args), "engine": choice.engine})
        if choice.engine != "remote":
            args.server = args.remote_model = args.deadline = None
        return open_detector(
            choice.detector,
            choice.engine,
            precision=choice.precision,
            options=engine_options(args),
            say=lambda line: self.say(line),
        )

    def detectors(self) -> Sequence[DetectorEntry]:
        from unmask.engines.errors import UnmaskError
        from unmask.engines.package import list_packages, read_manifest
        from unmask.gui.services import DetectorEntry
        from unmask.realtime.scan.header import backing

        entries = []
        for row in list_packages():
            # By its folder where a user's package has the name of another: `--detector` takes both.
            try:
                manifest = read_manifest(row.folder)
            except UnmaskError as error:
                entries.append(DetectorEntry(row.name, row.version, "", row.problem or str(error)))
                continue
            thresholds = sorted(manifest.thresholds, key=lambda each: -each.alarms_per_hour)
            entries.append(
                DetectorEntry(
                    manifest.name,
                    manifest.version,
                    manifest.description,
                    row.problem,
                    ("fp32", *manifest.files.variants),
                    tuple(each.alarms_per_hour for each in thresholds),
                    tuple(backing(each) for each in thresholds),
                    tuple(_metric_words(each) for each in manifest.provenance.metrics),
                    manifest.provenance.limits,
                    manifest.provenance.licence,
                )
            )
        return entries

    def engines(self) -> Sequence[EngineEntry]:
        from unmask.engines.registry import list_engines
        from unmask.gui.services import EngineEntry

        return [
            EngineEntry(row.name, row.reason)
            if row.available
            else EngineEntry(row.name, "", f"unavailable, because {row.reason}")
            for row in list_engines()
        ]

    def backing(self, detector: Detector, alarms_per_hour: float) -> str:
        from unmask.realtime.scan.header import backing
        from unmask.realtime.verdict import threshold_for

        return backing(threshold_for(detector.manifest, alarms_per_hour))

    def face_finder(self) -> FaceFinder:
        from unmask.realtime.faces.registry import make_face_finder

        return make_face_finder(face_settings(self._args), lambda line: self.say(line))


def _metric_words(metric: Metric) -> str:
    """``AUROC 0.911 (0.879 to 0.94), 39 identity groups: DFDC``."""
    interval = "" if metric.low is None or metric.high is None else f" ({metric.low:.3g} to {metric.high:.3g})"
    return f"{metric.name}: {metric.value:.3g}{interval}; {metric.units} {metric.unit}; {metric.data}"


def watch_in_window(
    args: argparse.Namespace,
    specs: Sequence[str],
    options: SourceOptions,
    notices: Sequence[str] = (),
    more_sinks: Sequence[Sink] = (),
) -> int:
    """`unmask watch SOURCE ...`: everything is opened before there is a window, and what cannot be is said in the
    terminal."""
    from unmask.cli import watch
    from unmask.cli.window_parts import WindowParts
    from unmask.gui.services import DetectorChoice
    from unmask.realtime.metrics.collector import MetricsCollector
    from unmask.realtime.session import Session, SessionSettings
    from unmask.realtime.sinks.tally import TallySink

    watch.require_display()
    parts = WindowParts()
    _load_what_blocks()
    services, collector, tally = WindowServices(args, options), MetricsCollector(), TallySink()
    choice = DetectorChoice(args.detector, args.engine, args.precision)
    need = need_of(args)
    settings = SessionSettings(args.alarms_per_hour, pace=args.realtime, cpu_budget=args.cpu, stays=True, need=need)
    with watch.metrics_server(args.metrics, collector), services.open_detector(choice) as detector:
        lines = list(notices)
        plans = watch.make_plans(args, specs, options, lines)
        sinks = [tally, parts.ring, *more_sinks, *file_sinks(args, plans, detector, settings, collector)]
        reopen = functools.partial(services.open_detector, choice)
        session = Session(plans, detector, settings, [collector, *sinks], reopen=reopen)
        collector.attach(session.flow)
        controller = _controller(services, choice, settings, collector)
        named = dict(zip([plan.source_id for plan in plans], specs, strict=True))
        with Interrupt() as interrupt:
            session.start()
            controller.adopt(session, detector, named, plans[0].finder.description)
            _show(controller, parts, lines, args.max_seconds, interrupt.event)
    return _tell_how_it_went(controller, tally, debug=args.debug)


def open_window(args: argparse.Namespace, options: SourceOptions, *, own_choice: bool) -> int:
    """`unmask`: a window that asks what to watch. ``own_choice``: detector, sensitivity and processor budget come
    from the person's settings, else from the arguments. A window that is open already comes to the front."""
    from unmask.cli import watch
    from unmask.cli.window_parts import WindowParts
    from unmask.gui.instance import FirstInstance, raise_first
    from unmask.gui.qt import application
    from unmask.gui.services import DetectorChoice
    from unmask.realtime.metrics.collector import MetricsCollector
    from unmask.realtime.session import SessionSettings
    from unmask.realtime.sinks.tally import TallySink

    watch.require_display()
    application()
    if raise_first():
        tell("Unmask is open already: its window was brought to the front.")
        return 0
    parts = WindowParts()
    if own_choice:
        _prefer(args, parts.preferences)
    _load_what_blocks()
    services, collector, tally = WindowServices(args, options), MetricsCollector(), TallySink()
    choice = DetectorChoice(args.detector, args.engine, args.precision)
    need = need_of(args)
    settings = SessionSettings(args.alarms_per_hour, pace=True, cpu_budget=args.cpu, stays=True, need=need)
    with watch.metrics_server(args.metrics, collector):
        controller = _controller(services, choice, settings, collector, [tally, parts.ring])
        first = FirstInstance()
        try:
            with Interrupt() as interrupt:
                _show(controller, parts, [], args.max_seconds, interrupt.event, first)
        finally:
            first.close()
    return _tell_how_it_went(controller, tally, debug=args.debug)


def _load_what_blocks() -> None:
    """Import now what the first source and its choice need: libraries that are loaded hold the interpreter's lock for
    up to a tenth of a second each, in which a window would not answer."""
    engines = "unmask.engines.package", "unmask.engines.ort_session"
    choosing = "mss", "unmask.gui.chooser.dialog", "unmask.realtime.sources.images"
    for name in ("av", "cv2", "onnx", "onnxruntime", *engines, *choosing):
        importlib.import_module(name)


def _prefer(args: argparse.Namespace, preferences: Preferences) -> None:
    """Put what the person chose in the settings in the place of the usual."""
    args.detector = preferences.value("monitor/detector") or args.detector
    args.engine = preferences.value("monitor/engine")
    args.precision = preferences.value("monitor/precision")
    args.alarms_per_hour = preferences.value("monitor/alarms_per_hour")
    args.cpu = preferences.value("monitor/cpu") or None


def _controller(
    services: WindowServices,
    choice: DetectorChoice,
    settings: SessionSettings,
    collector: MetricsCollector,
    sinks: Sequence[Sink] = (),
) -> Controller:
    from unmask.gui.controller import Controller
    from unmask.gui.qt import application

    application()
    controller = Controller(services, choice, settings, sinks=sinks, collector=collector)
    services.say = controller.say
    return controller


def _show(
    controller: Controller,
    parts: WindowParts,
    notices: Sequence[str],
    max_seconds: float | None,
    interrupted: threading.Event,
    first: FirstInstance | None = None,
) -> None:
    """The window over ``controller`` until it is closed, and the end of all that the controller owns."""
    from unmask.gui.app import run_window
    from unmask.gui.garbage import collected_here

    lines = [*notices, *parts.problems]
    if first is not None and first.problem:
        lines.append(first.problem)
    with collected_here():  # until the session is over: its threads make objects too
        try:
            run_window(
                controller,
                notices=lines,
                max_seconds=max_seconds,
                interrupted=interrupted,
                collector=controller.collector,
                controller=controller,
                preferences=parts.preferences,
                features=parts.features(),
                first=first,
            )
        finally:
            controller.close()
            parts.preferences.save()


def _tell_how_it_went(controller: Controller, tally: TallySink, *, debug: bool) -> int:
    """The summary of every source that was watched, and what failed."""
    from unmask.cli.watch import print_summary, report_failures

    print_summary(tally, controller.collector, controller.watched)
    return report_failures(controller, debug=debug)
