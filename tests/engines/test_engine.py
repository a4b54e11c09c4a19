"""The seam itself: what every engine refuses, whatever runtime is behind it."""

from __future__ import annotations

import numpy as np
import pytest

from unmask.engines.engine import Engine, TensorSpec
from unmask.engines.errors import EngineError, EngineUnavailable

FLOAT = np.dtype(np.float32)


class Doubler(Engine):
    """Gives ``y`` = 2 ``x``; the test may break each of its steps."""

    name = "doubler"

    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []
        self.open_error: Exception | None = None
        self.answer: object = None

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec("x", FLOAT, (None, 3)),)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec("y", FLOAT, (None, 3)),)

    @property
    def provider(self) -> str:
        return "none"

    def _open_impl(self) -> None:
        self.log.append("open")
        if self.open_error:
            raise self.open_error

    def _infer_impl(self, arrays):
        self.log.append(f"infer {arrays['x'].shape}")
        return {"y": arrays["x"] * 2} if self.answer is None else self.answer

    def _close_impl(self) -> None:
        self.log.append("close")


def ones(rows: int = 2) -> np.ndarray:
    return np.ones((rows, 3), np.float32)


def test_opening_warms_up_once_and_closing_twice_frees_once() -> None:
    engine = Doubler()
    engine.open()
    engine.open()
    assert engine.log == ["open", "infer (1, 3)"]
    engine.close()
    engine.close()
    assert engine.log == ["open", "infer (1, 3)", "close"]


def test_it_runs_between_enter_and_exit_alone() -> None:
    engine = Doubler()
    with pytest.raises(EngineError, match="doubler is not open"):
        engine.infer({"x": ones()})
    with engine:
        np.testing.assert_array_equal(engine.infer({"x": ones()})["y"], 2 * ones())
    with pytest.raises(EngineError, match="doubler is not open"):
        engine.infer({"x": ones()})


def test_it_can_be_opened_again() -> None:
    engine = Doubler()
    with engine:
        pass
    with engine:
        assert engine.infer({"x": ones()})["y"].shape == (2, 3)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({}, r"wants the arrays \['x'\], it got \[\]"),
        ({"z": ones()}, r"it got \['z'\]"),
        ({"x": ones(), "z": ones()}, r"it got \['x', 'z'\]"),
        ({"x": ones().astype(np.float64)}, r"wants x: float32\(any, 3\), it got float64\(2, 3\)"),
        ({"x": ones().astype(">f4")}, r"it got >f4\(2, 3\)"),
        ({"x": np.ones((2, 4), np.float32)}, r"it got float32\(2, 4\)"),
        ({"x": np.ones(3, np.float32)}, r"it got float32\(3,\)"),
        ({"x": [[1.0, 2.0, 3.0]]}, r"it got a list"),
    ],
)
def test_wrong_inputs_are_named(arrays, words: str) -> None:
    with Doubler() as engine:
        with pytest.raises(EngineError, match=words):
            engine.infer(arrays)
        assert engine.log == ["open", "infer (1, 3)"], "the runtime must not see a wrong input"


@pytest.mark.parametrize("answer", [{}, {"y": np.ones((2, 4), np.float32)}, {"y": np.ones((2, 3))}, {"y": None}])
def test_outputs_that_break_the_promise_are_refused(answer) -> None:
    with Doubler() as engine:
        engine.answer = answer
        with pytest.raises(EngineError, match="promised"):
            engine.infer({"x": ones()})


def test_a_failed_opening_frees_what_was_loaded() -> None:
    engine = Doubler()
    engine.open_error = EngineUnavailable("No device.")
    with pytest.raises(EngineUnavailable):
        engine.open()
    assert engine.log == ["open", "close"]
    engine.close()
    assert engine.log == ["open", "close"]


def test_a_failed_warm_up_closes() -> None:
    engine = Doubler()
    engine.answer = {}
    with pytest.raises(EngineError), engine:
        pass
    assert engine.log[-1] == "close"
    with pytest.raises(EngineError, match="not open"):
        engine.infer({"x": ones()})


def test_spec_reads_as_text() -> None:
    assert str(TensorSpec("crops", np.dtype(np.uint8), (None, 8, 8, 3))) == "crops: uint8(any, 8, 8, 3)"
