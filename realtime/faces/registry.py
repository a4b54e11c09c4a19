"""From settings to a face finder: which model, from where, and what is said when it is not the wanted one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from unmask.engines.errors import FaceModelError, UsageError
from unmask.realtime.faces import models
from unmask.realtime.faces.boxes import STRIDE
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.faces.model_kind import face_model_kind
from unmask.realtime.faces.scales import WIDE
from unmask.realtime.faces.second_look import SecondLook

FinderKind = Literal["auto", "scrfd", "yunet", "cascade"]
FINDER_KINDS: tuple[FinderKind, ...] = ("auto", "scrfd", "yunet", "cascade")

MODEL_VARIABLE = "UNMASK_FACE_MODEL"
OFFLINE_VARIABLE = "UNMASK_OFFLINE"

_INPUT_SIDES = range(128, 1920 + 1)
_VERIFIER_INPUT = 192
# What a second look must at least say, in units of the asked confidence. On 240 photographs with 325
# true and 7 false faces of YuNet at 0.5, asking 0.5 again costs 9 true ones, 0.3 costs one; SCRFD had
# no false one of 295 there, and 0.3 costs two. It pays with a low confidence: SCRFD at 0.3 has 331 true
# and 17 false, after the second look 303 and 3.
_CONFIRM_SHARE = 0.6

Announce = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FaceFinderSettings:
    """``model``: a SCRFD or YuNet file, before the variable UNMASK_FACE_MODEL. ``pack``: the InsightFace
    pack used otherwise, fetched on first use; ``None`` never fetches. ``input_size``: the longer side of
    the network's input, or "auto". ``refresh_every``: see ``TwoScales``; 1 for sparsely sampled frames.
    Raises ``UsageError`` for values that cannot work.
    """

    kind: FinderKind = "auto"
    model: Path | None = None
    pack: str | None = "buffalo_s"
    input_size: int | Literal["auto"] = "auto"
    min_confidence: float = 0.5
    second_look: bool = True
    min_face_px: float = 0.0
    refresh_every: int = 5

    def __post_init__(self) -> None:
        if self.kind not in FINDER_KINDS:
            raise UsageError(f"There is no face finder {self.kind!r}; choose one of {', '.join(FINDER_KINDS)}.")
        if not 0 < self.min_confidence < 1:
            raise UsageError(f"The face confidence must lie between 0 and 1, not {self.min_confidence:g}.")
        if self.input_size != "auto" and (self.input_size not in _INPUT_SIDES or self.input_size % STRIDE):
            raise UsageError(
                f"The face input size must be auto or a multiple of {STRIDE} from {_INPUT_SIDES[0]} to "
                f"{_INPUT_SIDES[-1]}, not {self.input_size}."
            )
        if self.kind == "cascade" and self.input_size != "auto":
            raise UsageError("The cascade has no input size: leave --face-size out, or choose another face finder.")
        if self.refresh_every < 1 or self.min_face_px < 0:
            raise UsageError("The refresh of the face finder must be 1 or more, the smallest face 0 px or more.")
        if self.kind == "cascade" and self.model:
            raise UsageError("The cascade needs no file: leave --face-model out, or choose another face finder.")
        if self.pack is not None:
            models.pack_named(self.pack)


def make_face_finder(settings: FaceFinderSettings, announce: Announce) -> FaceFinder:
    """The finder that ``settings`` ask for, loaded. One for each source: finders keep state.

    Only the kind "auto" may end with OpenCV's cascade, when no model can be had; ``announce`` then gets
    one sentence saying so, and it also hears of a download before it begins. Raises ``FaceModelError``
    for a file that is no face model, and where the kind that was asked for cannot be had.
    """
    if settings.kind == "cascade":
        return _cascade(settings)
    path = settings.model or _model_from_environment()
    if path is None and settings.kind == "yunet":
        raise FaceModelError(f"YuNet needs its file: give it with --face-model PATH or {MODEL_VARIABLE}.")
    if path is None:
        try:
            path = _pack_model(settings.pack, announce)
        except models.FaceModelUnreachable as error:
            if settings.kind != "auto":
                raise
            unused = "" if settings.input_size == "auto" else f" and has no use for --face-size {settings.input_size}"
            announce(f"Faces are found with OpenCV's cascade, the offline fallback, which misses many{unused}. {error}")
            return _cascade(settings)
    kind = face_model_kind(path)
    if settings.kind not in ("auto", kind):
        raise FaceModelError(f"{path} is a model of the kind {kind}, but {settings.kind} was asked for.")
    return _yunet(path, settings) if kind == "yunet" else _scrfd(path, settings)


def _model_from_environment() -> Path | None:
    named = os.environ.get(MODEL_VARIABLE, "").strip()
    return Path(named).expanduser() if named else None


def _pack_model(pack: str | None, announce: Announce) -> Path:
    if pack is None:
        raise models.FaceModelUnreachable(
            f"No face model was named: give one with --face-model PATH or {MODEL_VARIABLE}."
        )
    found = models.find_model(pack)
    if found:
        return found
    wanted = models.pack_named(pack)
    url = f"{models.RELEASE}/{wanted.archive}"
    if os.environ.get(OFFLINE_VARIABLE, "").strip() not in ("", "0"):
        raise models.unreachable(url, f"{OFFLINE_VARIABLE} is set")
    announce(f"Fetching the face model {wanted.file} once, from {url} ({models.LICENCE}).")
    with _progress_bar(wanted.archive) as progress:
        return models.fetch_model(pack, progress=progress)


@contextmanager
def _progress_bar(title: str) -> Iterator[models.Progress | None]:
    """A bar on standard error, so that a report on standard output stays clean; none where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda arrived, total: bar.update(task, completed=arrived, total=total)


def _scrfd(path: Path, settings: FaceFinderSettings) -> FaceFinder:
    from unmask.realtime.faces.scrfd import ScrfdFinder

    finder = ScrfdFinder(
        path,
        input_size=settings.input_size,
        min_confidence=settings.min_confidence,
        min_face_px=settings.min_face_px,
        refresh_every=settings.refresh_every,
    )
    if not settings.second_look:
        return finder
    confirm_at = _CONFIRM_SHARE * settings.min_confidence
    return SecondLook(finder, finder.sibling(_VERIFIER_INPUT, confirm_at), confirm_at=confirm_at)


def _yunet(path: Path, settings: FaceFinderSettings) -> FaceFinder:
    from unmask.realtime.faces.yunet import YunetFinder

    size = WIDE if settings.input_size == "auto" else settings.input_size
    confidence = settings.min_confidence
    finder = YunetFinder(path, input_size=size, min_confidence=confidence, min_face_px=settings.min_face_px)
    if not settings.second_look:
        return finder
    confirm_at = _CONFIRM_SHARE * confidence
    verifier = YunetFinder(path, input_size=_VERIFIER_INPUT, min_confidence=confirm_at)
    return SecondLook(finder, verifier, confirm_at=confirm_at)


def _cascade(settings: FaceFinderSettings) -> FaceFinder:
    """Without a second look: a cascade that is run again on a cut-out repeats itself."""
    from unmask.realtime.faces.cascade import CascadeFinder

    return CascadeFinder(min_confidence=settings.min_confidence, min_face_px=settings.min_face_px)
