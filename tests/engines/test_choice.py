"""``auto``: what it picks, what it remembers, and what makes it measure again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from toy_package import build_toy_package

from unmask.engines import choice as choice_module
from unmask.engines.choice import Choice, choose, largest_difference, measure, pick_precision
from unmask.engines.choice_memory import Measured, memory_file, recall, remember
from unmask.engines.errors import EngineError, EngineUnavailable, PackageError, UsageError
from unmask.engines.manifest import Manifest
from unmask.engines.options import EngineOptions
from unmask.engines.ort_cpu import OrtCpuEngine
from unmask.engines.package import read_manifest


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return build_toy_package(tmp_path / "toy") / "encoder.onnx"


@dataclass
class Machine:
    """Engines that this machine is made to have, what measuring them gives, and how often it was done."""

    rows: list[Measured]
    versions: dict[str, str] = field(default_factory=lambda: {"onnxruntime": "1.31.1"})
    measured: int = 0
    said: list[str] = field(default_factory=list)

    def choose(self, model: Path, **more: object) -> Choice:
        self.said.clear()
        return choose(model, None, EngineOptions(threads=1), say=self.said.append, **more)  # type: ignore[arg-type]

    def measure(self, *_: object) -> tuple[Measured, ...]:
        self.measured += 1
        return tuple(self.rows)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine([Measured("ort-cpu", 10.0, 10.0), Measured("fast", 4.0, 8.0, 0.001)])
    monkeypatch.setattr(choice_module, "AUTO_ENGINES", ("ort-cpu", "fast", "gone"))
    there = lambda: {row.engine for row in made.rows}  # noqa: E731
    monkeypatch.setattr(choice_module, "why_unavailable", lambda name: None if name in there() else "it is gone")
    monkeypatch.setattr(choice_module, "measure", made.measure)
    monkeypatch.setattr(choice_module, "runtime_versions", lambda: made.versions)
    return made


def kept_file(model: Path) -> Path:
    return memory_file(None, hashlib.sha256(model.read_bytes()).hexdigest(), "fp32-1-16")


def test_the_fastest_is_picked_and_says_why(machine: Machine, model: Path) -> None:
    choice = machine.choose(model)
    assert choice.engine == "fast"
    assert choice.reason == "4 ms per crop where ort-cpu takes 10 (measured now)"
    assert choice.rows == tuple(machine.rows)
    assert any("Measuring ort-cpu, fast on toy/encoder.onnx" in line for line in machine.said)


@pytest.mark.parametrize(("fast", "picked"), [(8.9, "fast"), (9.1, "ort-cpu"), (11.0, "ort-cpu")])
def test_ort_cpu_is_left_for_more_than_a_tenth_only(fast: float, picked: str, machine: Machine, model: Path) -> None:
    machine.rows[1] = Measured("fast", fast, 1.0, 0.0)
    choice = machine.choose(model)
    assert choice.engine == picked
    if picked == "ort-cpu":
        assert f"no other is over 10 % faster: fast takes {fast:.3g}" in choice.reason


def test_what_is_unsound_is_not_picked(machine: Machine, model: Path) -> None:
    machine.rows[1] = Measured("fast", 1.0, 1.0, 0.5, "its outputs differ")
    choice = machine.choose(model)
    assert choice.engine == "ort-cpu"
    assert "fast its outputs differ" in choice.reason


def test_where_ort_cpu_fails_another_one_runs(machine: Machine, model: Path) -> None:
    machine.rows[0] = Measured("ort-cpu", problem="it cannot")
    assert machine.choose(model).engine == "fast"
    machine.rows[1] = Measured("fast", problem="nor can it")
    with pytest.raises(EngineUnavailable, match="No engine runs this model: ort-cpu: it cannot"):
        machine.choose(model, again=True)


def test_that_nothing_ran_is_not_remembered(machine: Machine, model: Path) -> None:
    """No memory left, a GPU that is held: it may have passed by the next time."""
    sound = list(machine.rows)
    machine.rows[:] = [Measured(row.engine, problem="out of memory") for row in sound]
    with pytest.raises(EngineUnavailable, match=r"ort-cpu: out of memory\.$"):
        machine.choose(model)
    machine.rows[:] = sound
    assert machine.choose(model).engine == "fast"


def test_a_long_complaint_is_remembered_in_part(machine: Machine, model: Path) -> None:
    machine.rows[1] = Measured("fast", problem="x" * 5000)
    machine.choose(model)
    assert machine.choose(model).engine == "ort-cpu"
    assert machine.measured == 1


def test_a_single_engine_is_not_measured(machine: Machine, model: Path) -> None:
    del machine.rows[1]
    choice = machine.choose(model)
    assert choice == Choice("ort-cpu", "the only engine on this machine that auto may pick")
    assert machine.measured == 0
    assert machine.said == []
    assert not kept_file(model).exists()
    assert machine.choose(model, again=True).rows == tuple(machine.rows), "asked for, even one is measured"


def test_no_engine_at_all(machine: Machine, model: Path) -> None:
    machine.rows.clear()
    with pytest.raises(EngineUnavailable, match="No engine can run here: ort-cpu: it is gone"):
        machine.choose(model)


@pytest.mark.parametrize("options", [{"device": "GPU"}, {"server": "host:1"}, {"remote_model": "toy"}])
def test_a_device_or_a_server_is_refused(options: dict[str, str], machine: Machine, model: Path) -> None:
    with pytest.raises(UsageError, match="belongs to one engine"):
        choose(model, None, EngineOptions(**options))  # type: ignore[arg-type]


def test_the_checksum_is_checked(machine: Machine, model: Path) -> None:
    with pytest.raises(PackageError, match="checksum"):
        choose(model, "0" * 64, EngineOptions())


def test_it_is_remembered(machine: Machine, model: Path) -> None:
    first = machine.choose(model)
    machine.rows = [Measured("ort-cpu", 1.0, 1.0), Measured("fast", 9.0, 9.0, 0.0)]
    second = machine.choose(model)
    assert machine.measured == 1
    assert machine.said == []
    assert (second.engine, second.rows) == (first.engine, first.rows)
    assert "measured on 20" in second.reason
    assert machine.choose(model, again=True).engine == "ort-cpu"
    assert machine.choose(model).engine == "ort-cpu", "the newer measurement is the one that is kept"
    assert machine.measured == 2


def test_another_version_is_named_and_measured_again(machine: Machine, model: Path) -> None:
    machine.choose(model)
    machine.versions = {"onnxruntime": "1.32.0"}
    machine.choose(model)
    assert machine.measured == 2
    assert "measured again on toy/encoder.onnx: onnxruntime 1.31.1 is now 1.32.0" in machine.said[0]
    machine.choose(model)
    assert machine.measured == 2


def test_another_machine_or_engine_is_measured_again(
    machine: Machine, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.choose(model)
    monkeypatch.setattr(choice_module, "fingerprint", lambda: (("gpu", "Another 1.0"),))
    machine.choose(model)
    assert machine.measured == 2
    machine.rows.append(Measured("gone", 1.0, 1.0, 0.0))
    assert machine.choose(model).engine == "gone"
    assert machine.measured == 3


def test_another_model_or_thread_count_is_measured_apart(machine: Machine, model: Path, tmp_path: Path) -> None:
    machine.choose(model)
    machine.choose(build_toy_package(tmp_path / "other", size=32) / "encoder.onnx")
    choose(model, None, EngineOptions(threads=2), say=machine.said.append)
    choose(model, None, EngineOptions(), precision="fp16", say=machine.said.append)
    assert machine.measured == 4
    machine.choose(model)
    assert machine.measured == 4


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"9" * 100_000,
        {"format": 2},
        {"extra": 1},
        {"rows": []},
        {"rows": [{"engine": "fast", "wall_ms": -1.0, "cpu_ms": 1.0, "difference": None, "problem": ""}]},
        {"rows": [{"engine": "../evil", "wall_ms": 1.0, "cpu_ms": 1.0, "difference": None, "problem": ""}]},
        {"rows": [{"engine": "remote", "wall_ms": 1.0, "cpu_ms": 1.0, "difference": None, "problem": ""}]},
        {"key": {"model": 7}},
        {"when": "yesterday"},
    ],
)
def test_a_damaged_memory_is_named_and_measured_again(
    damage: bytes | dict[str, object], machine: Machine, model: Path
) -> None:
    machine.choose(model)
    path = kept_file(model)
    if isinstance(damage, bytes):
        path.write_bytes(damage)
    else:
        path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    assert machine.choose(model).engine == "fast"
    assert machine.measured == 2
    assert f"{path} is damaged" in machine.said[0]
    machine.choose(model)
    assert machine.measured == 2
    assert [left.name for left in path.parent.iterdir()] == [path.name]


def test_a_memory_that_cannot_be_written_or_read_stops_nothing(machine: Machine, model: Path) -> None:
    folder = kept_file(model).parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("in the way")
    assert machine.choose(model).engine == "fast"
    assert "measured again next time" in machine.said[-1]
    folder.unlink()
    kept_file(model).mkdir(parents=True)
    assert machine.choose(model).engine == "fast"
    assert "cannot be read" in machine.said[0]


def test_what_is_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    rows = (Measured("ort-cpu", 1.25, 1.5), Measured("fast", None, None, None, "it failed"))
    assert remember(tmp_path / "a" / "b.json", {"x": "1"}, rows, "2026-01-31") == ""
    found = recall(tmp_path / "a" / "b.json", {"x": "1"}, ["ort-cpu", "fast"])
    assert (found.rows, found.when, found.problem) == (rows, "2026-01-31", "")
    assert recall(tmp_path / "none.json", {}, []).rows == ()
    assert recall(tmp_path / "a" / "b.json", {"x": "2"}, []).problem == "x 1 is now 2"


class Scaled(OrtCpuEngine):
    """An engine whose logits are off by a factor."""

    name = "scaled"
    factor = 1.0

    def _infer_impl(self, arrays):
        return {name: values * np.float32(self.factor) for name, values in super()._infer_impl(arrays).items()}


def open_some(name: str, model: Path, options: EngineOptions) -> OrtCpuEngine:
    if name == "missing":
        raise EngineUnavailable("There is no such thing.")
    engine = Scaled(model, threads=options.threads, sha256=options.sha256)
    engine.factor = {"ort-cpu": 1.0, "same": 1.001, "wrong": 1.5, "nan": np.nan}.get(name, 1.0)
    engine.open()
    if name == "fails":
        engine._infer_impl = lambda arrays: (_ for _ in ()).throw(EngineError("It fell over."))  # type: ignore[method-assign]
    return engine


def test_measuring_real_engines(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice_module, "open_engine", open_some)
    names = ("ort-cpu", "same", "wrong", "nan", "missing", "fails")
    rows = {row.engine: row for row in measure(model, EngineOptions(), names)}
    assert tuple(rows) == names
    for name in ("ort-cpu", "same", "wrong"):
        assert rows[name].wall_ms is not None
        assert rows[name].cpu_ms is not None
    assert (rows["ort-cpu"].problem, rows["same"].problem) == ("", "")
    assert rows["same"].difference == pytest.approx(0.001, rel=0.5)
    assert "differ from those of ort-cpu by" in rows["wrong"].problem
    assert "by nan" in rows["nan"].problem
    assert rows["nan"].difference is None
    assert rows["missing"] == Measured("missing", problem="There is no such thing")
    assert rows["fails"].problem == "It fell over"


def test_a_wrong_checksum_is_no_engines_fault(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice_module, "open_engine", open_some)
    with pytest.raises(PackageError):
        measure(model, EngineOptions(sha256="0" * 64), ("ort-cpu", "same"))


def test_differences_are_relative_to_the_output_and_at_least_to_one() -> None:
    small, large = {"y": np.array([0.1], np.float32)}, {"y": np.array([100.0], np.float32)}
    assert largest_difference(small, {"y": np.array([0.2], np.float32)}) == pytest.approx(0.1)
    assert largest_difference(large, {"y": np.array([101.0], np.float32)}) == pytest.approx(0.01)
    assert np.isnan(largest_difference(small, {"y": np.array([np.nan], np.float32)}))


def manifest_with(tmp_path: Path, **ratios: float) -> Manifest:
    gate = {
        "against": "torch",
        "data": "crops",
        "crops": 100,
        "largest_score_difference": 0.01,
        "verdict_flips": 0,
        "auroc_difference": -0.001,
        "machine": "two cores",
    }
    variants = {
        name: {"path": f"{name}.onnx", "sha256": "0" * 64, "gate": {**gate, "speed_ratio": ratio}}
        for name, ratio in ratios.items()
    }
    return read_manifest(build_toy_package(tmp_path / "with", files={"variants": variants}))


@pytest.mark.parametrize(
    ("ratios", "engine", "picked"),
    [
        ({"int8": 2.1, "fp16": 0.7}, "ort-cpu", "int8"),
        ({"int8": 1.0, "fp16": 0.7}, "ort-cpu", "fp32"),
        ({}, "ort-cpu", "fp32"),
        ({"int8": 2.1}, "ort-cuda", "fp32"),
    ],
)
def test_the_precision_goes_by_the_gate(ratios: dict[str, float], engine: str, picked: str, tmp_path: Path) -> None:
    precision, reason = pick_precision(manifest_with(tmp_path, **ratios), engine)
    assert precision == picked
    assert reason
