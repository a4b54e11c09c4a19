"""Units spread over worker processes; a worker that dies costs one unit, not the run."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for_end
from pathlib import Path
from typing import Any

import cv2

from unmask.training.prepare.cutting import CutSettings
from unmask.training.prepare.ledger import Ledger
from unmask.training.prepare.media import Parts
from unmask.training.prepare.worker import Unit, UnitWorker, skipped_result

Results = list[dict[str, Any]]

# Enough waiting units that no worker idles, few enough that the packer never lags far behind.
_WAITING_PER_WORKER = 3


class Stopped(Exception):
    """The run was interrupted: the unit at hand is given up and nothing of it is kept."""


def process_units(
    units: Sequence[Unit], parts: Parts, settings: CutSettings, folder: Path, finder: str, workers: int
) -> Generator[tuple[Unit, Results], None, None]:
    """``(unit, its results)`` as they are done; with one worker in this very process.

    Closing the generator, or an interrupt, ends the workers within the time of one frame.
    """
    if workers == 1:
        worker = UnitWorker(parts, settings, folder, finder)
        try:
            for unit in units:
                yield unit, worker.process(unit, lambda: None)
        finally:
            worker.close()
        return
    arguments = (parts, settings, folder, finder)
    suspects: Sequence[Unit] = ()
    pending = units
    while pending:
        # A broken pool does not tell which unit broke it: those at hand are set aside, the rest goes on.
        at_hand, pending = yield from _run_pool(pending, arguments, min(workers, len(pending)))
        suspects = (*suspects, *at_hand)
    while suspects:
        broken, suspects = yield from _run_pool(suspects, arguments, 1, waiting=1)
        for unit in broken:
            yield unit, _crashed(unit, folder)


def _run_pool(
    units: Sequence[Unit], arguments: tuple[Any, ...], workers: int, waiting: int = _WAITING_PER_WORKER
) -> Generator[tuple[Unit, Results], None, tuple[list[Unit], Sequence[Unit]]]:
    """Yields what is done. Returns, after a crash, the units that were at hand, up to ``waiting`` for each
    worker, and those not yet begun.
    """
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(workers, context, _begin, (arguments, stop))
    begun: dict[Future[Results], Unit] = {}
    count = 0
    try:
        while begun or count < len(units):
            while len(begun) < waiting * workers and count < len(units):
                begun[pool.submit(_process, units[count])] = units[count]
                count += 1
            for future in wait(begun, return_when=FIRST_COMPLETED).done:
                results = future.result()
                yield begun.pop(future), results
    except BrokenProcessPool:
        return list(begun.values()), units[count:]
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
    return [], []


def _crashed(unit: Unit, folder: Path) -> Results:
    detail = "Reading it ends the process, by a fault of the decoder or for want of memory."
    results = [skipped_result(item, "crash", detail) for item, _ in unit.entries]
    Ledger(folder).write(unit.number, results, [])
    return results


class _Process:
    """What a worker process keeps from one unit to the next."""

    arguments: tuple[Any, ...]
    stop: Any
    worker: UnitWorker | None = None


def _begin(arguments: tuple[Any, ...], stop: Any) -> None:
    """In a new process: interrupts are the parent's business, and its death is ours.

    The worker itself is made with the first unit: an error here would look like a crash.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    cv2.setNumThreads(1)
    _Process.arguments, _Process.stop = arguments, stop


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for_end([parent.sentinel])
        os._exit(1)


def _process(unit: Unit) -> Results:
    if _Process.worker is None:
        _Process.worker = UnitWorker(*_Process.arguments)
    return _Process.worker.process(unit, _raise_if_stopped)


def _raise_if_stopped() -> None:
    if _Process.stop.is_set():
        raise Stopped
