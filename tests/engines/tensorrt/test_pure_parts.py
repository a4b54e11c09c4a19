"""Shapes, batches, precision of graphs, messages, progress: what needs neither TensorRT nor a GPU."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from toy_half import toy_encoder_half
from toy_package import build_manifest, toy_encoder

from unmask.engines.build_progress import BuildProgress, listening, report
from unmask.engines.errors import EngineError, UsageError
from unmask.engines.tensorrt.graph_facts import precision_of_graph
from unmask.engines.tensorrt.lanes import RecentlyUsed
from unmask.engines.tensorrt.log import kept_lines, spread
from unmask.engines.tensorrt.profile import (
    check_batches,
    check_max_batch,
    plan_buffer,
    shape_range,
    split,
    usual_batch,
)
from unmask.engines.tensorrt.progress import BuildTracker

UINT8, FLOAT = np.dtype(np.uint8), np.dtype(np.float32)


def test_the_range_of_a_dynamic_batch() -> None:
    found = shape_range("crops", (-1, 224, 224, 3), 16, "m.onnx")
    assert (found.smallest[0], found.usual[0], found.largest[0]) == (1, 8, 16)
    assert found.largest[1:] == (224, 224, 3)
    assert found.is_dynamic
    assert str(found) == "crops 1x224x224x3..16x224x224x3, tuned for 8x224x224x3"


def test_a_fixed_batch_needs_no_range() -> None:
    found = shape_range("crops", (4, 8), 16, "m.onnx")
    assert not found.is_dynamic
    assert found.largest == (4, 8)


@pytest.mark.parametrize("shape", [(-1, -1, 3), (4, -1), ()])
def test_other_dynamic_axes_are_refused_by_name(shape: tuple[int, ...]) -> None:
    with pytest.raises(EngineError, match=r"window of m\.onnx .* first axis alone"):
        shape_range("window", shape, 4, "m.onnx")


def test_batches() -> None:
    assert [usual_batch(most) for most in (1, 2, 3, 16)] == [1, 1, 1, 8]
    assert check_max_batch(1) == 1
    with pytest.raises(UsageError, match="at least 1, it was given as 0"):
        check_max_batch(0)


@pytest.mark.parametrize(
    ("count", "most", "sizes"),
    [(0, 4, []), (1, 4, [1]), (4, 4, [4]), (5, 4, [3, 2]), (9, 4, [3, 3, 3]), (7, 1, [1] * 7)],
)
def test_split_covers_every_row_once_and_evenly(count: int, most: int, sizes: list[int]) -> None:
    parts = list(split(count, most))
    assert [part.stop - part.start for part in parts] == sizes
    assert [row for part in parts for row in range(count)[part]] == list(range(count))


def test_buffers_have_room_for_the_largest_batch() -> None:
    crops = plan_buffer("crops", UINT8, (-1, 8, 8, 3), is_input=True, max_batch=16)
    logit = plan_buffer("logit", FLOAT, (-1,), is_input=False, max_batch=16)
    assert (crops.nbytes, crops.bytes_of(2)) == (16 * 192, 2 * 192)
    assert (logit.nbytes, logit.full_shape, logit.row_shape) == (64, (16,), ())
    assert str(crops.spec) == "crops: uint8(any, 8, 8, 3)"
    assert check_batches([crops, logit]) == 16


def test_buffers_of_a_fixed_batch_are_of_that_batch() -> None:
    fixed = plan_buffer("x", FLOAT, (2, 5), is_input=True, max_batch=16)
    assert (fixed.rows, fixed.nbytes) == (2, 40)
    growing = plan_buffer("y", FLOAT, (-1, 5), is_input=False, max_batch=16)
    with pytest.raises(EngineError, match="different batches"):
        check_batches([fixed, growing])


@pytest.mark.parametrize("shape", [(), (-1, -1)])
def test_an_output_that_varies_otherwise_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(EngineError, match="output boxes"):
        plan_buffer("boxes", FLOAT, shape, is_input=False, max_batch=4)


def test_the_precision_is_read_off_the_graph() -> None:
    full, half = toy_encoder(build_manifest()), toy_encoder_half()
    assert precision_of_graph(full.SerializeToString(), "m") == "fp32"
    assert precision_of_graph(half.SerializeToString(), "m") == "fp16"
    full.graph.node.append(helper.make_node("QuantizeLinear", ["logit", "a", "b"], ["q"]))
    assert precision_of_graph(full.SerializeToString(), "m") == "int8"


def test_a_cast_alone_or_one_in_a_branch_is_half_precision() -> None:
    cast = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT16)
    inner = helper.make_graph([cast], "branch", [], [])
    outer = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    for node in (cast, outer):
        model = helper.make_model(helper.make_graph([node], "g", [], []))
        assert precision_of_graph(model.SerializeToString(), "m") == "fp16"


@pytest.mark.parametrize("raw", [b"", b"\xff" * 50, onnx.ModelProto().SerializeToString()])
def test_what_is_no_graph_is_one_sentence(raw: bytes) -> None:
    with pytest.raises(EngineError, match=r"The model broken\.onnx .* install the detector again\.$"):
        precision_of_graph(raw, "broken.onnx")


def test_lines_are_kept_while_somebody_collects() -> None:
    spread("before", is_error=True)
    with kept_lines() as lines:
        assert lines.reasons() == "TensorRT gave no reason"
        spread("only a\n warning.", is_error=False)
        assert lines.reasons() == "TensorRT says: only a warning"
        for number in range(30):
            spread(f"error {number % 5}.", is_error=True)
    spread("after", is_error=True)
    assert lines.reasons() == "TensorRT says: error 0 | error 1 | error 2"


def test_two_collectors_get_the_same_lines() -> None:
    with kept_lines() as outer:
        with kept_lines() as inner:
            spread("x", is_error=True)
        spread("y", is_error=True)
    assert inner.reasons() == "TensorRT says: x"
    assert outer.reasons() == "TensorRT says: x | y"


def test_progress_counts_inner_phases_as_parts_of_a_step_and_never_falls() -> None:
    told: list[BuildProgress] = []
    tracker = BuildTracker("plan", "none yet", told.append)
    tracker.start("outer", None, 2)
    tracker.start("inner", "outer", 4)
    assert tracker.step("inner", 1)
    assert tracker.share() == pytest.approx(0.25)
    tracker.finish("inner")
    tracker.step("outer", 0)
    tracker.start("inner", "outer", 10)
    tracker.step("inner", 0)
    assert tracker.share() == pytest.approx(0.55)
    tracker.step("outer", 1)
    tracker.finish("outer")
    tracker.start("another outer", None, 5)
    shares = [progress.share for progress in told]
    assert shares == sorted(shares)
    assert shares[-1] == 0.99, "only the end of the build is all of it"
    assert [told[2].phase, told[2].done, told[2].total] == ["inner", 2, 4]


def test_a_phase_that_was_never_started_does_no_harm() -> None:
    tracker = BuildTracker("plan", "", lambda progress: None)
    assert tracker.step("unknown", 3)
    tracker.finish("unknown")
    assert tracker.share() == 0.0


@pytest.mark.parametrize("error", [ValueError("listener"), KeyboardInterrupt()])
def test_what_a_listener_raises_cancels_and_is_kept(error: BaseException) -> None:
    def tell(progress: BuildProgress) -> None:
        raise error

    tracker = BuildTracker("plan", "", tell)
    tracker.start("outer", None, 2)
    assert tracker.error is error
    assert tracker.step("outer", 0) is False


def test_a_cancelled_build_is_told_so_at_its_next_step() -> None:
    told: list[BuildProgress] = []
    tracker = BuildTracker("plan", "", told.append)
    tracker.start("outer", None, 2)
    tracker.cancel()
    assert tracker.step("outer", 0) is False
    assert len(told) == 1


def test_listeners_are_registered_while_inside() -> None:
    progress, told = BuildProgress("plan", "", "x", 0, 1, 0.0), []
    with listening(told.append), listening(told.append):
        report(progress)
    report(progress)
    assert told == [progress, progress]


class Thing:
    def __init__(self, number: int, log: list[str]) -> None:
        self.number, self.log = number, log
        log.append(f"make {number}")

    def close(self) -> None:
        self.log.append(f"close {self.number}")


def test_the_longest_unused_lane_is_closed_before_a_new_one_is_made() -> None:
    log: list[str] = []
    lanes = RecentlyUsed(lambda number: Thing(number, log), most=2)
    first = lanes.get(1)
    lanes.get(2)
    assert lanes.get(1) is first
    lanes.get(3)
    assert log == ["make 1", "make 2", "close 2", "make 3"]
    lanes.close()
    assert sorted(log[4:]) == ["close 1", "close 3"]
    lanes.close()


def test_a_lane_that_cannot_be_made_is_tried_again() -> None:
    tries: list[int] = []

    def make(number: int) -> Thing:
        tries.append(number)
        if len(tries) == 1:
            raise EngineError("no memory")
        return Thing(number, [])

    lanes = RecentlyUsed(make)
    with pytest.raises(EngineError):
        lanes.get(1)
    assert lanes.get(1).number == 1
