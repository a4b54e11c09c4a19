"""How ``auto`` measures: what is timed, in which order, with which inputs, and what is said of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from toy_package import build_toy_package

from unmask.engines import choice as choice_module
from unmask.engines.choice import ROUNDS, choose, measure, pick_precision
from unmask.engines.choice_memory import Measured
from unmask.engines.engine import Arrays
from unmask.engines.errors import EngineError, EngineUnavailable
from unmask.engines.options import EngineOptions
from unmask.engines.ort_cpu import OrtCpuEngine
from unmask.engines.package import read_manifest

CALLS: list[tuple[str, Arrays]] = []


class Noted(OrtCpuEngine):
    """An engine that notes its calls, and breaks in the one of this number."""

    known_as = ""
    breaks_at = 0
    calls = 0

    def _infer_impl(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        self.calls += 1
        CALLS.append((self.known_as, arrays))
        if self.calls == self.breaks_at:
            raise EngineError("It grew tired.")
        return super()._infer_impl(arrays)


def open_noted(name: str, model: Path, options: EngineOptions) -> OrtCpuEngine:
    if name.startswith("missing"):
        raise EngineUnavailable("There is no such thing.")
    engine = Noted(model, threads=1, sha256=options.sha256)
    engine.known_as, engine.breaks_at = name, 8 if name == "tires" else 0
    engine.open()
    return engine


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    CALLS.clear()
    monkeypatch.setattr(choice_module, "open_engine", open_noted)
    return build_toy_package(tmp_path / "toy") / "encoder.onnx"


def clock(step_s: float) -> Iterator[float]:
    return (1000 + number * step_s for number in itertools.count())


def test_each_call_is_timed_in_milliseconds_of_the_clock_and_of_the_processor(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall, cpu = clock(0.002), clock(0.003)
    monkeypatch.setattr(choice_module, "perf_counter", lambda: next(wall))
    monkeypatch.setattr(choice_module, "process_time", lambda: next(cpu))
    (row,) = measure(model, EngineOptions(), ("ort-cpu",))
    assert (row.wall_ms, row.cpu_ms, row.problem) == (2.0, 3.0, "")


def test_the_engines_take_turns_and_another_one_begins_each_round(model: Path) -> None:
    measure(model, EngineOptions(), ("ort-cpu", "b", "c"))
    # Before the rounds each one is warmed up by itself; opening it made one call more.
    rounds = [name for name, _ in CALLS][-3 * ROUNDS :]
    turns = ["".join(name[-1] for name in rounds[place : place + 3]) for place in range(0, len(rounds), 3)]
    assert turns == ["ubc", "bcu", "cub"] * (ROUNDS // 3)


def test_every_engine_gets_the_same_inputs(model: Path) -> None:
    measure(model, EngineOptions(), ("ort-cpu", "b"))
    given = {arrays["crops"].tobytes() for _, arrays in CALLS if arrays["crops"].any()}
    assert len(given) == 1
    (crops,) = (arrays["crops"] for _, arrays in CALLS[-1:])
    assert (crops.shape[0], crops.dtype, crops.max() > 200, crops.min() < 50) == (1, np.uint8, True, True)


def test_inputs_that_are_no_whole_numbers_lie_between_0_and_1(model: Path) -> None:
    measure(model.with_name("head.onnx"), EngineOptions(), ("ort-cpu",))
    window = CALLS[-1][1]["window"]
    assert window.dtype == np.float32
    assert 0 <= window.min() < 0.5 < window.max() < 1


def test_one_that_tires_is_left_out_of_the_later_rounds(model: Path) -> None:
    rows = {row.engine: row for row in measure(model, EngineOptions(), ("ort-cpu", "tires"))}
    assert rows["tires"].problem == "It grew tired"
    assert rows["ort-cpu"].problem == ""
    assert [name for name, _ in CALLS].count("tires") == 8


def test_nothing_is_compared_with_itself_or_with_what_is_not_there(model: Path) -> None:
    assert measure(model, EngineOptions(), ("ort-cpu",))[0].difference is None
    assert measure(model, EngineOptions(), ("b",))[0].difference is None
    assert [row.difference for row in measure(model, EngineOptions(), ("ort-cpu", "b"))] == [None, 0.0]


def test_where_nothing_opens_every_one_has_its_reason(model: Path) -> None:
    rows = measure(model, EngineOptions(), ("missing", "missing too"))
    assert [row.problem for row in rows] == ["There is no such thing"] * 2


def test_the_only_engine_is_said_to_be_the_only_one(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice_module, "AUTO_ENGINES", ("ort-cpu",))
    said: list[str] = []
    choice = choose(model, None, EngineOptions(), again=True, say=said.append)
    assert choice.reason.endswith("ms per crop, the only engine here that auto may pick (measured now)")
    assert said == ["Measuring ort-cpu on toy/encoder.onnx, once ..."], "nothing was remembered, so nothing was wrong"


def test_the_key_names_the_model_the_settings_the_runtimes_and_the_machine(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice_module, "AUTO_ENGINES", ("ort-cpu", "torch"))
    monkeypatch.setattr(choice_module, "why_unavailable", lambda name: None)
    said: list[str] = []
    choose(model, None, EngineOptions(cache=tmp_path / "cache", threads=1, max_batch=4), say=said.append)
    assert len(said) == 1
    (path,) = (tmp_path / "cache" / "engine-choice").iterdir()
    key = json.loads(path.read_text(encoding="utf-8"))["key"]
    assert key["precision, threads, largest batch"] == "fp32-1-4"
    assert key["engines"] == "ort-cpu, torch"
    assert path.name == f"{key['model'][:16]}-fp32-1-4.json"
    assert {"model", "onnxruntime", "system", "processor", "cores", "gpu"} <= key.keys()


def test_each_engine_that_was_passed_over_has_its_reason() -> None:
    rows = (
        Measured("ort-cpu", 10.0, 10.0),
        Measured("b", 9.5, 9.5, 0.0),
        Measured("c", problem="it fell over"),
    )
    found = choice_module._pick(rows, "measured now")
    words = "10 ms per crop, no other is over 10 % faster: b takes 9.5; c it fell over (measured now)"
    assert (found.engine, found.reason) == ("ort-cpu", words)


def test_the_reason_for_a_precision(tmp_path: Path) -> None:
    plain = read_manifest(build_toy_package(tmp_path / "plain"))
    assert pick_precision(plain, "ort-cpu") == ("fp32", "no variant of this detector is faster")
    assert pick_precision(plain, "openvino") == ("fp32", "no variant was measured on openvino")
