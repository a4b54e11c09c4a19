"""The levers one at a time: from the plain loop to what the monitor does, each step on top of the last.

A step is a maker of runs. All of them work on the same clip with the same weights; steps that look for
faces in another way name their recall against detection in every frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unmask.benchmarks.baseline import Find, Judge, LoopRun, PlainLoop, Prepare
from unmask.benchmarks.plain_parts import (
    DefaultScrfd,
    DefaultSession,
    as_it_is,
    caching,
    face_model_file,
    reencoding,
    split_front,
)
from unmask.benchmarks.subject import Clip, Subject
from unmask.benchmarks.throughput import run_pass
from unmask.engines.errors import UsageError
from unmask.realtime.detector import Detector
from unmask.realtime.faces.crop import CropSpec
from unmask.realtime.faces.registry import FaceFinderSettings
from unmask.realtime.faces.scales import WIDE
from unmask.realtime.sources.video_file import VideoFileSource

PLAIN = "plain loop"
WHEN_DUE = "plain loop, window judged only when it changed"
SAME_DETECTION = "+ stage threads, tracking, quality gates (the session)"
SHIPPED = "+ second look at weak faces (as it ships)"


@dataclass(frozen=True, slots=True)
class Step:
    """``role``: the plain loop, a reference beside the ladder, a lever that keeps detection as it was, or one
    that changes it."""

    name: str
    run: Callable[[], LoopRun]
    role: Literal["plain", "reference", "same", "detection"] = "same"


class LoggedDetector(Detector):
    """Remembers the logits of the windows, in the order in which they were judged."""

    def __init__(self, *parts: object) -> None:
        super().__init__(*parts)  # pyright: ignore[reportArgumentType]
        self.log: list[float] = []

    def judge(self, windows: NDArray[np.float32], masks: NDArray[np.float32]) -> NDArray[np.float32]:
        logits = super().judge(windows, masks)
        self.log += logits.tolist()
        return logits


@contextmanager
def ladder(subject: Subject, clip: Clip) -> Iterator[tuple[list[Step], list[str]]]:
    """The steps for one clip, and notes on what had to be left out. Closes what it opened.

    Raises ``UsageError`` for another engine than ort-cpu: the levers are those of the processor.
    """
    if subject.engine != "ort-cpu" or subject.precision != "fp32":
        raise UsageError("The plain loop runs fp32 on the processor: leave --engine and --precision out, or ort-cpu.")
    with ExitStack() as stack:
        detector = stack.enter_context(LoggedDetector.open(subject.package, subject.engine, options=subject.options))
        steps, notes = _session_steps(subject, detector, clip)
        first = next(step for step in steps if step.name == SAME_DETECTION)
        begin = _first_crop(first.run())
        loops, more = _loop_steps(subject, stack, clip, begin)
        yield [*loops, *steps], [*more, *notes]


def _first_crop(run: LoopRun) -> int:
    if not run.logits:
        raise UsageError(
            "No face was judged in this clip: give a clip that shows a face large enough for some seconds."
        )
    return min(run.logits)


def _loop_steps(subject: Subject, stack: ExitStack, clip: Clip, begin: int) -> tuple[list[Step], list[str]]:
    package, notes = subject.package, []
    manifest, encoder_path = package.manifest, package.encoder_file("fp32")[0]
    lean_finder = subject.make_finder(fixed_faces(subject))
    stack.callback(lean_finder.close)
    find: Find = lean_finder.find
    model = face_model_file(subject.faces)
    if lean_finder.name == "scrfd" and model is not None:
        size = fixed_faces(subject).input_size
        find = DefaultScrfd(model, size if isinstance(size, int) else WIDE, subject.faces.min_confidence).find
    else:
        notes.append(f"The face finder {lean_finder.name} has no ONNX Runtime session: all steps run it as it is.")
    front = split_front(encoder_path)
    if front is None:
        notes.append("The encoder does not begin with scaling: the step 'uint8 in the graph' has nothing to show.")
    prepare = front.prepare if front else as_it_is
    network = front.model if front else str(encoder_path)
    head, lean_head = DefaultSession(str(package.head_path)), DefaultSession(str(package.head_path), lean=True)
    encoder, lean = DefaultSession(network), DefaultSession(network, lean=True)
    lean_uint8 = DefaultSession(str(encoder_path), lean=True)
    spec = detector_spec(subject)

    def loop(find: Find, parts: tuple[Prepare, Judge], every_frame: bool = True) -> Callable[[], LoopRun]:
        return PlainLoop(clip.path, find, *parts, manifest, spec, begin, every_frame).run

    again = prepare, reencoding(encoder, head, manifest)
    cached = caching(encoder, head, manifest, prepare)
    few_threads = caching(lean, lean_head, manifest, prepare)
    in_graph = caching(lean_uint8, lean_head, manifest, as_it_is)
    steps = [
        Step(PLAIN, loop(find, again), "plain"),
        Step(WHEN_DUE, loop(find, again, every_frame=False), "reference"),
        Step("+ embedding cache", loop(find, cached)),
        Step("+ one thread per session, no spinning", loop(lean_finder.find, few_threads)),
    ]
    if front is not None:
        steps.append(Step("+ uint8 in the graph", loop(lean_finder.find, in_graph)))
    return steps, notes


def _session_steps(subject: Subject, detector: LoggedDetector, clip: Clip) -> tuple[list[Step], list[str]]:
    """The steps that are settings of the session: a further lever is a line here."""
    fixed = fixed_faces(subject)

    def step(name: str, faces: FaceFinderSettings, role: Literal["same", "detection"]) -> Step:
        return Step(name, lambda: _session_run(subject, detector, clip, faces), role)

    steps = [step(SAME_DETECTION, fixed, "same")]
    if subject.faces.input_size != "auto" or fixed.input_size == "auto":
        return steps, ["The face finder has one input size: the steps that adapt it are left out."]
    adaptive = replace(subject.faces, second_look=False)
    steps.append(step("+ 320 px of detector input while it suffices", adaptive, "detection"))
    if subject.faces.second_look:
        steps.append(step(SHIPPED, subject.faces, "detection"))
    return steps, []


def _session_run(subject: Subject, detector: LoggedDetector, clip: Clip, faces: FaceFinderSettings) -> LoopRun:
    detector.log.clear()
    done = run_pass(subject, detector, lambda: VideoFileSource(clip.path, "clip"), faces=faces, draw=True)
    fed = [sample.index for sample in done.samples if sample.crops]
    # The first crops of a window are not judged: the last of the list belong to the logits.
    judged = fed[len(fed) - len(detector.log) :] if len(detector.log) <= len(fed) else []
    logits = dict.fromkeys(fed, float("nan")) | dict(zip(judged, detector.log, strict=False))
    boxes = {sample.index: sample.boxes for sample in done.samples}
    return LoopRun(len(done.samples), done.wall_s, done.cpu_s, logits, boxes)


def fixed_faces(subject: Subject) -> FaceFinderSettings:
    """Detection in every frame at one size, without a second look: what the plain loop does too."""
    size = subject.faces.input_size
    kind = subject.faces.kind
    if kind == "auto" and face_model_file(subject.faces) is None:
        # ``auto`` may have to end with the cascade, which has no input size.
        return replace(subject.faces, second_look=False)
    fixed = WIDE if size == "auto" and kind != "cascade" else size
    return replace(subject.faces, input_size=fixed, second_look=False)


def detector_spec(subject: Subject) -> CropSpec:
    given, crop = subject.package.manifest.input, subject.package.manifest.crop
    return CropSpec(size=given.size, margin=crop.margin, align=crop.align, colour=given.colour)
