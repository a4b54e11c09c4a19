from __future__ import annotations

import sys
from collections.abc import Iterator

import onnxruntime
import pytest

from unmask.engines import ort_probe
from unmask.engines.ort_probe import load_cuda_libraries, why_not_started

CPU = "CPUExecutionProvider"


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    for cached in (ort_probe._try, load_cuda_libraries):
        cached.cache_clear()
    yield
    for cached in (ort_probe._try, load_cuda_libraries):
        cached.cache_clear()


def asked(provider: str = CPU, **more) -> str | None:
    return why_not_started(provider, "the-wheel", "a thing", {}, **more)


def promise(monkeypatch: pytest.MonkeyPatch, *providers: str) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [*providers, CPU])


def test_one_that_runs() -> None:
    assert asked() is None


def test_one_that_was_not_built_in() -> None:
    assert "lacks UnheardOfProvider; install the-wheel in place of" in (asked("UnheardOfProvider") or "")


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_one_that_was_built_in_and_is_silently_replaced(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDAExecutionProvider")
    promise(monkeypatch, "CUDAExecutionProvider")
    reason = asked("CUDAExecutionProvider")
    assert reason == (
        "CUDAExecutionProvider is installed but does not start: "
        "ONNX Runtime runs CPUExecutionProvider in its place; it needs a thing"
    )
    assert capfd.readouterr() == ("", "")


def test_one_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no driver.\nat all")

    promise(monkeypatch, "X")
    monkeypatch.setattr(onnxruntime, "InferenceSession", fail)
    assert asked("X") == "X is installed but does not start: no driver. at all; it needs a thing"


def test_one_that_takes_no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    promise(monkeypatch, "X")
    real = onnxruntime.InferenceSession

    class Session(real):
        def __init__(self, raw, options, providers, **more) -> None:
            super().__init__(raw, options, providers=[CPU])

        def get_providers(self):
            return ["X", CPU]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    assert "takes over no part of a model" in (asked("X") or "")


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_libraries_that_are_missing_are_named_and_nothing_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def preload() -> None:
        print("Failed to load /opt/lib/libcublas.so.13: cannot open shared object file")
        print("Failed to load libcublas.so.13: cannot open shared object file")
        print("Failed to load libcurand.so.10: cannot open")
        print("Please follow a page")

    promise(monkeypatch, "X")
    monkeypatch.setattr(onnxruntime, "preload_dlls", preload, raising=False)
    reason = asked("X", cuda=True)
    assert "(not found: libcublas.so.13, libcurand.so.10); it needs a thing" in (reason or "")
    assert capsys.readouterr().out == ""


def test_it_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked() is None
    monkeypatch.setattr(onnxruntime, "InferenceSession", None)
    assert asked() is None


def test_another_system() -> None:
    other = "win32" if sys.platform != "win32" else "darwin"
    assert asked(system=other) == "this system cannot have it: it needs a thing; choose another engine"
    assert asked(system=sys.platform) is None


def test_without_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "cannot be imported" in (asked() or "")
