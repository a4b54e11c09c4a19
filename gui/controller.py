"""What a person asks of the monitor while it runs, done one after another on a thread of its own."""

from __future__ import annotations

import dataclasses
import functools
import queue
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence

from unmask.engines.errors import UnmaskError
from unmask.gui.i18n import tr
from unmask.gui.overlay.portal import with_portal
from unmask.gui.qt import QObject, pyqtSignal
from unmask.gui.services import DetectorChoice, Services
from unmask.realtime.budget import require_cores
from unmask.realtime.channel import Channel
from unmask.realtime.detector import Detector
from unmask.realtime.metrics.collector import MetricsCollector
from unmask.realtime.plans import SessionSettings, SourcePlan
from unmask.realtime.session import Session
from unmask.realtime.sinks.base import Sink
from unmask.realtime.types import Update

# A detector that hangs cannot be closed: it is left to its daemon thread after so long.
_CLOSING_S = 2.0


class Controller(QObject):
    """Owns the session and its detector, from the first source on, and changes both when it is asked to.

    The methods return at once; what they ask for is done in their order. ``busy`` tells what is being done
    ("" when nothing is any more), ``failed`` why something could not be done, ``said`` what a person should know
    besides, ``changed`` that sources, detector or settings are others now. They are emitted on the worker's
    thread: Qt hands them to the UI thread's slots through its event queue.

    ``session`` is ``None`` until there is a first source and a detector. It goes on when its sources are over.
    ``close`` ends it all.
    """

    busy = pyqtSignal(str)
    failed = pyqtSignal(str)
    said = pyqtSignal(str)
    changed = pyqtSignal()

    def __init__(
        self,
        services: Services,
        choice: DetectorChoice,
        settings: SessionSettings | None = None,
        *,
        sinks: Sequence[Sink] = (),
        collector: MetricsCollector | None = None,
        parent: QObject | None = None,
    ) -> None:
        """``sinks`` and the ``collector`` (one is made where none is given) become sinks of the session."""
        super().__init__(parent)
        self.services = services
        self.choice = choice
        self.collector = collector or MetricsCollector()
        self.session: Session | None = None
        #: Why there is no detector; empty while there is one, or nobody needed one.
        self.detector_problem = ""
        #: What is at work, in the words a report needs: the detector, and what backs its threshold.
        self.header: tuple[str, ...] = ()
        #: Every source that was ever watched, in their order.
        self.watched: list[str] = []
        self._tracebacks: list[str] = []
        self._settings = dataclasses.replace(settings or SessionSettings(), stays=True)
        self._sinks = [*sinks, self.collector]
        self._opened: list[Detector] = []
        self._faces = ""
        self._specs: dict[str, str] = {}
        self._waiting: list[str] = []
        self._orders: queue.SimpleQueue[tuple[str, Callable[[], None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="unmask-controller", daemon=True)
        self._thread.start()

    @property
    def alarms_per_hour(self) -> float:
        return self._settings.alarms_per_hour

    @property
    def cpu(self) -> float | None:
        """At most so many cores; ``None`` without a limit."""
        return self._settings.cpu_budget

    @property
    def channels(self) -> Sequence[Channel]:
        return self.session.channels if self.session is not None else []

    @property
    def failures(self) -> list[str]:
        return self.session.failures if self.session is not None else []

    def updates(self) -> dict[str, Update]:
        return self.session.updates() if self.session is not None else {}

    def spec_of(self, source_id: str) -> str:
        """How a person named that source; the id itself where nobody did."""
        return self._specs.get(source_id, source_id)

    @property
    def left(self) -> list[str]:
        """The threads that did not end when everything was stopped."""
        return self.session.left if self.session is not None else []

    @property
    def tracebacks(self) -> list[str]:
        """What nobody had foreseen: for ``--debug``."""
        return [*self._tracebacks, *(self.session.tracebacks if self.session is not None else [])]

    def adopt(self, session: Session, detector: Detector, specs: Mapping[str, str], faces: str = "") -> None:
        """Take over a session that was started elsewhere, its detector, how its sources were named, and what finds
        ``faces``. Call it before anything else."""
        self.session = session
        self._opened.append(detector)
        self._specs.update(specs)
        self.watched += list(specs)
        self._faces = faces
        self._describe()

    def add_source(self, spec: str) -> None:
        self._order(tr("Opening {source} …").format(source=spec), self._add, spec)

    def open_only(self, spec: str) -> None:
        """Watch ``spec`` in place of all that is watched."""
        self._order(tr("Opening {source} …").format(source=spec), self._open_only, spec)

    def replace_source(self, old_id: str, spec: str) -> None:
        """In its place watch ``spec``, which may be the same again."""
        self._order(tr("Opening {source} …").format(source=spec), self._replace, old_id, spec)

    def remove_source(self, source_id: str) -> None:
        self._order(tr("Closing {source} …").format(source=source_id), self._remove, source_id)

    def pause(self, source_id: str | None = None) -> None:
        self._order(tr("Pausing …"), self._pause, source_id, True)

    def resume(self, source_id: str | None = None) -> None:
        self._order(tr("Resuming …"), self._pause, source_id, False)

    def choose_detector(self, choice: DetectorChoice) -> None:
        """The old one goes on judging until the new one is open, and also where it cannot be opened."""
        self._order(_opening(choice), self._choose_detector, choice)

    def set_alarms_per_hour(self, alarms_per_hour: float) -> None:
        self._order(tr("Setting the sensitivity …"), self._set_alarms_per_hour, alarms_per_hour)

    def set_cpu(self, cores: float | None) -> None:
        self._order(tr("Setting the processor budget …"), self._set_cpu, cores)

    def say(self, line: str) -> None:
        """Let a person know ``line``. Any thread may call it."""
        self.said.emit(line)

    def stop(self) -> None:
        """End the session after what was asked for before; returns at once. Nothing can be asked for any more."""
        self._orders.put(None)

    def close(self, within_s: float = 8.0) -> None:
        """``stop``, and wait. Where the worker is still busy then (it opens a detector) the session is stopped all
        the same, so that its files are completed."""
        self.stop()
        self._thread.join(within_s)
        if self._thread.is_alive() and self.session is not None:
            self.session.stop()

    def _order(self, sentence: str, act: Callable[..., None], *arguments: object) -> None:
        self._orders.put((sentence, functools.partial(act, *arguments)))

    def _run(self) -> None:
        while (order := self._orders.get()) is not None:
            sentence, act = order
            self.busy.emit(sentence)
            try:
                act()
            except UnmaskError as error:
                self.failed.emit(str(error))
            except Exception as error:  # noqa: BLE001 - a bug, which is told and does not end the program
                self._tracebacks.append(traceback.format_exc())
                self.failed.emit(tr("{error} (a bug of Unmask; please report it)").format(error=error))
            self.changed.emit()
            if self._orders.empty():
                self.busy.emit("")
        if self.session is not None:
            self.session.stop()
        self._close_all_but(None)

    def _add(self, spec: str) -> None:
        self._watch(spec, lambda session, plan: session.add_source(plan))

    def _open_only(self, spec: str) -> None:
        def give(session: Session, plan: SourcePlan) -> None:
            for channel in list(session.channels):
                session.remove_source(channel.source_id)
            session.add_source(plan)

        self._waiting.clear()  # in place of what was asked for before, too
        self._watch(spec, give)

    def _replace(self, old_id: str, spec: str) -> None:
        self._watch(spec, lambda session, plan: session.replace_source(old_id, plan))

    def _watch(self, spec: str, give: Callable[[Session, SourcePlan], object]) -> None:
        plan = with_portal(self.services.plan(spec), spec)
        try:
            give(self._running_session(spec), plan)
        except BaseException:
            plan.finder.close()
            raise
        self._remember(plan, spec)

    def _remove(self, source_id: str) -> None:
        if self.session is not None:
            self.session.remove_source(source_id)

    def _pause(self, source_id: str | None, wanted: bool) -> None:
        if self.session is not None:
            (self.session.pause if wanted else self.session.resume)(source_id)

    def _remember(self, plan: SourcePlan, spec: str) -> None:
        self._specs[plan.source_id] = spec
        if plan.source_id not in self.watched:
            self.watched.append(plan.source_id)
        if not self._faces:
            self._faces = plan.finder.description
            self._describe()

    def _running_session(self, spec: str) -> Session:
        """The session, begun where there is none. ``spec`` waits for a detector where there is none."""
        if self.session is not None:
            return self.session
        try:
            if not self._opened:
                self.busy.emit(_opening(self.choice))
                self._opened.append(self.services.open_detector(self.choice))
            self._begin()
        except UnmaskError as error:
            self.detector_problem = str(error)
            self._waiting.append(spec)
            raise
        assert self.session is not None
        return self.session

    def _begin(self) -> None:
        reopen = functools.partial(self.services.open_detector, self.choice)
        session = Session([], self._opened[-1], self._settings, self._sinks, reopen=reopen)
        self.collector.attach(session.flow)
        session.start()
        self.session, self.detector_problem = session, ""
        self._waiting.clear()  # that they failed was told: they are not to come up out of the blue
        self._describe()

    def _choose_detector(self, choice: DetectorChoice) -> None:
        try:
            detector = self.services.open_detector(choice)
        except UnmaskError as error:
            if self.session is None:
                self.detector_problem = str(error)
                raise
            at_work = self.session.detector.manifest.name
            raise UnmaskError(tr("{error} {name} goes on judging.").format(error=error, name=at_work)) from error
        reopen = functools.partial(self.services.open_detector, choice)
        old = None
        try:
            if self.session is not None:
                old = self.session.replace_detector(detector, reopen=reopen)
        except BaseException:
            detector.close()
            raise
        if old is not None and old not in self._opened:
            self._opened.append(old)  # one that the session opened itself in place of one that hung
        self._opened.append(detector)
        self._close_all_but(detector)
        self.choice, self.detector_problem = choice, ""
        self._describe()
        waiting, self._waiting = self._waiting, []
        for spec in waiting:
            self.add_source(spec)

    def _set_alarms_per_hour(self, alarms_per_hour: float) -> None:
        if self.session is not None:
            self.session.set_alarms_per_hour(alarms_per_hour)
        self._settings = dataclasses.replace(self._settings, alarms_per_hour=alarms_per_hour)
        self._describe()

    def _set_cpu(self, cores: float | None) -> None:
        if cores is not None:
            require_cores(cores)
        if self.session is not None:
            self.session.set_cpu_budget(cores)
        self._settings = dataclasses.replace(self._settings, cpu_budget=cores)

    def _describe(self) -> None:
        if self.session is None:
            return
        detector = self.session.detector
        manifest = detector.manifest
        what = tr("Detector {name} {version} on {provider}").format(
            name=manifest.name, version=manifest.version, provider=detector.provider
        )
        faces = tr("; faces: {finder}").format(finder=self._faces) if self._faces else ""
        self.header = (what + faces, self.services.backing(detector, self.alarms_per_hour))

    def _close_all_but(self, kept: Detector | None) -> None:
        closing = [detector for detector in self._opened if detector is not kept]
        self._opened = [detector for detector in self._opened if detector is kept]
        threads = [threading.Thread(target=each.close, name="unmask-close-detector", daemon=True) for each in closing]
        deadline = time.monotonic() + _CLOSING_S
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def _opening(choice: DetectorChoice) -> str:
    return tr("Loading {detector} on {engine} …").format(detector=choice.detector, engine=choice.engine)
