"""Watching and scanning from Python in a few lines, without a window: see docs/API.md.

A thin coat over ``Session`` and ``Scanner`` with the choices that the command line makes too. Who needs more takes the
parts themselves: everything here is built from public ones.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from unmask.engines.errors import UsageError
from unmask.engines.package import find_package, load_package
from unmask.realtime.detector import Detector
from unmask.realtime.faces.registry import FaceFinderSettings, make_face_finder
from unmask.realtime.scan.items import expand
from unmask.realtime.scan.results import ItemFinding
from unmask.realtime.scan.scanner import Scanner, ScanSettings
from unmask.realtime.session import Session, SessionSettings, SourcePlan
from unmask.realtime.sinks.base import Sink
from unmask.realtime.sources.registry import SourceOptions, make_source
from unmask.realtime.types import Update
from unmask.realtime.verdict import threshold_for

__all__ = ["DETECTOR", "open_detector", "scan", "updates", "watching"]

#: The detector that ships.
DETECTOR = "unmask-lite"

Say = Callable[[str], None]


def tell(line: str) -> None:
    """One line to standard error."""
    print(line, file=sys.stderr)


def open_detector(name: str = DETECTOR, engine: str = "auto") -> Detector:
    """The package ``name`` (or its folder), checked and opened; the caller closes it (it is a context manager).

    ``engine`` "auto" measures on first use which runtime is the fastest here. Raises what ``load_package`` and
    ``Detector.open`` raise.
    """
    return Detector.open(load_package(find_package(name)), engine)


@contextlib.contextmanager
def watching(
    *specs: str,
    detector: str = DETECTOR,
    engine: str = "auto",
    settings: SessionSettings | None = None,
    faces: FaceFinderSettings | None = None,
    options: SourceOptions | None = None,
    sinks: Sequence[Sink] = (),
    say: Say = tell,
) -> Iterator[Session]:
    """A running session that watches ``specs`` (as in ``unmask watch``); it is stopped when the block is left.

    ``say`` hears which face finder was taken, where it is not the usual one, and of a download before it begins.
    Raises ``UnmaskError``, one sentence, for what cannot be opened here; a source that fails later is in
    ``session.failures``.
    """
    if not specs:
        raise UsageError("There is nothing to watch: name a source, such as camera:0 or the path of a video.")
    reopen = functools.partial(open_detector, detector, engine)
    with reopen() as opened:
        plans = []
        for spec in specs:
            make = functools.partial(make_source, spec, options)
            source_id = make().source_id
            plans.append(SourcePlan(source_id, make, make_face_finder(faces or FaceFinderSettings(), say)))
        with Session(plans, opened, settings, sinks, reopen=reopen) as session:
            yield session


def updates(session: Session, every_s: float = 0.1) -> Iterator[Update]:
    """What is new of any source, looked at every ``every_s`` seconds, until all are over or the session was stopped.

    What comes and goes between two looks is not seen; an alarm is, since ``Update.events`` holds them all. A sink with
    ``every_update`` misses nothing of a file.
    """
    seen: dict[str, Update] = {}
    over = False
    while not over:
        over = session.wait(every_s) or session.ended
        for source_id, update in session.updates().items():
            if seen.get(source_id) is not update:
                seen[source_id] = update
                yield update


def scan(
    *paths: str,
    detector: str = DETECTOR,
    engine: str = "auto",
    settings: ScanSettings | None = None,
    faces: FaceFinderSettings | None = None,
    options: SourceOptions | None = None,
    say: Say = tell,
) -> Iterator[ItemFinding]:
    """One finding after another for the videos and pictures in ``paths`` (files, folders, zips, addresses).

    What cannot be read is a finding with its ``error``. Raises ``UnmaskError`` where nothing can be scanned at all: at
    the first step, since this is a generator.
    """
    settings = settings or ScanSettings()
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(open_detector(detector, engine))
        # The moments lie too far apart for a finder that saves work from one frame to the next.
        finder = make_face_finder(replace(faces or FaceFinderSettings(), refresh_every=1), say)
        stack.callback(finder.close)
        threshold = threshold_for(opened.manifest, settings.alarms_per_hour).score
        scanner = Scanner([(opened, threshold)], finder, settings)
        for item in expand(paths, options or SourceOptions()):
            yield scanner.scan(item)
