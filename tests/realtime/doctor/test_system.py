"""NVIDIA, engines, cameras, screen, models and the machine, each with what it would find elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy_package import build_toy_package
from x_display import x_display

from unmask.engines import package as package_module
from unmask.engines.package import user_folder
from unmask.engines.registry import EngineListing
from unmask.realtime.doctor import devices, machine, models, nvidia, runtimes
from unmask.realtime.doctor.finding import Finding
from unmask.realtime.faces import models as face_models
from unmask.realtime.sources.camera_names import Camera, SystemCameras


def by_name(findings) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


class FakeCameras(SystemCameras):
    def __init__(self, *cameras: Camera, names: bool = True) -> None:
        super().__init__("linux" if names else "win32")
        self._cameras = cameras

    def list(self) -> tuple[Camera, ...]:
        assert self.tells_names, "listing would open the cameras"
        return self._cameras


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The distributions that the check of NVIDIA sees; no library on the system, a driver that works."""
    versions: dict[str, str] = {}
    monkeypatch.setattr(nvidia, "installed", lambda: versions)
    monkeypatch.setattr(nvidia, "_on_the_system", lambda stem: False)
    monkeypatch.setattr(nvidia, "driver_finding", lambda: Finding("NVIDIA", "driver", "ok", "A GPU."))
    return versions


def test_without_a_driver_nothing_that_is_missing_is_a_problem(
    bare: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvidia, "driver_finding", lambda: Finding("NVIDIA", "driver", "note", "None.", "Buy one."))
    assert {finding.state for finding in nvidia.nvidia()} == {"note", "ok"}
    bare["onnxruntime-gpu"] = "1.31.1"
    assert by_name(nvidia.nvidia())["CUDA and cuDNN"].state == "note"


def test_the_wheel_for_gpus_says_which_libraries_it_lacks(bare: dict[str, str]) -> None:
    bare |= {"onnxruntime-gpu": "1.31.1", "nvidia-cublas": "13.1", "nvidia-cuda-runtime": "13.0"}
    found = by_name(nvidia.nvidia())["CUDA and cuDNN"]
    assert found.state == "problem"
    assert found.text.startswith("onnxruntime-gpu 1.31.1 lacks cuFFT, cuRAND, cuDNN; there is CUDA runtime")
    bare |= {"nvidia-cufft": "12", "nvidia-curand": "10", "nvidia-cudnn-cu13": "9.28"}
    found = by_name(nvidia.nvidia())["CUDA and cuDNN"]
    assert (found.state, "cuDNN (nvidia-cudnn-cu13 9.28)" in found.text) == ("ok", True)


def test_half_of_tensorrt_says_what_is_missing(bare: dict[str, str]) -> None:
    assert by_name(nvidia.nvidia())["TensorRT"].state == "note"
    bare["tensorrt-cu13-libs"] = "10.16.1"
    found = by_name(nvidia.nvidia())["TensorRT"]
    assert found.state == "problem"
    assert "libnvinfer (tensorrt-cu13-libs 10.16.1)" in found.text
    assert "cuda-python" in found.text.partition("not installed:")[2]


def test_no_driver_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(nvidia.ctypes, "CDLL", refuse)
    assert nvidia.driver_finding().state == "note"


@pytest.mark.parametrize(("failure", "count", "state"), [(0, 1, "ok"), (0, 0, "problem"), (999, 1, "problem")])
def test_a_driver_is_asked_for_its_gpus(failure: int, count: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Driver:
        def cuInit(self, flags: int) -> int:
            return failure

        def cuDriverGetVersion(self, version) -> int:
            version._obj.value = 13010
            return 0

        def cuDeviceGetCount(self, number) -> int:
            number._obj.value = count
            return 0

    monkeypatch.setattr(nvidia.ctypes, "CDLL", lambda name: Driver())
    monkeypatch.setattr(nvidia.shutil, "which", lambda *_, **__: None)
    found = nvidia.driver_finding()
    assert found.state == state
    assert state != "ok" or "CUDA up to 13.1" in found.text


def test_an_engine_that_cannot_run_is_a_note_unless_all_rests_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        EngineListing("ort-cpu", False, "onnxruntime cannot be imported; reinstall it"),
        EngineListing("tensorrt", False, "TensorRT is not installed; run: pip install 'unmask[tensorrt]'"),
        EngineListing("openvino", True, "ready"),
    ]
    monkeypatch.setattr(runtimes.registry, "list_engines", lambda: rows)
    found = by_name(runtimes.engines())
    assert {name: finding.state for name, finding in found.items()} == {
        "ort-cpu": "problem",
        "tensorrt": "note",
        "openvino": "ok",
    }
    assert found["tensorrt"].remedy == "Run: pip install 'unmask[tensorrt]'"


def test_an_engine_whose_package_is_damaged_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> str | None:
        raise AttributeError("module 'onnxruntime' has no attribute 'get_available_providers'")

    for name in ("ort_cpu", "ort_cuda"):
        monkeypatch.setattr(f"unmask.engines.{name}.why_unavailable", broken)
    monkeypatch.setattr("unmask.engines.openvino.why_unavailable", lambda: None)
    found = by_name(runtimes.engines())
    assert (found["ort-cpu"].state, found["ort-cuda"].state, found["openvino"].state) == ("problem", "note", "ok")
    assert "get_available_providers" in found["ort-cpu"].text


def test_cameras_are_listed_with_what_is_wrong_with_them() -> None:
    closed = Camera(1, "B", Path("/dev/video1"), "you may not use /dev/video1; add yourself to its group.")
    found = by_name(devices.cameras(FakeCameras(Camera(0, "A", Path("/dev/video0")), closed)))
    assert found["camera 0 (A)"].state == "ok"
    assert found["camera 1 (B)"].state == "problem"
    assert found["camera 1 (B)"].remedy == "Add yourself to its group."
    assert by_name(devices.cameras(FakeCameras()))["list"].state == "note"


def test_where_listing_would_open_a_camera_none_is_listed() -> None:
    (found,) = devices.cameras(FakeCameras(names=False))
    assert "not done here" in found.text


def test_no_display_is_a_note_and_wayland_cannot_be_captured() -> None:
    (found,) = devices.screen("linux", {})
    assert found.state == "note"
    rows = by_name(devices.screen("linux", {"WAYLAND_DISPLAY": "wayland-0"}))
    assert rows["display server"].text == "Wayland: Wayland display wayland-0."
    assert rows["capture"].state == "problem"
    assert "X11" in rows["capture"].remedy
    assert next(iter(devices.screen("darwin", {}))).state == "ok"


@pytest.mark.display
def test_an_x_server_with_shared_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    with x_display(320, 240) as server:
        monkeypatch.setenv("DISPLAY", server.display)
        rows = by_name(devices.screen("linux", {"DISPLAY": server.display}))
    assert rows["capture"].text == "mss through shared memory (MIT-SHM)."


def test_the_face_model_and_a_damaged_download() -> None:
    assert by_name(models.models({}))["face model"].state == "note"
    file = face_models.cache_folder() / face_models.PACKS["buffalo_s"].file
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half a download")
    assert by_name(models.models({}))[file.name].state == "problem"


def test_a_named_face_model_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "face.onnx").write_bytes(b"\xff" * 99)
    found = by_name(models.models({"UNMASK_FACE_MODEL": str(tmp_path / "face.onnx")}))
    assert found["face model of UNMASK_FACE_MODEL"].state == "problem"


def test_detectors_are_checked_to_the_last_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_module, "_shipped_roots", list)
    assert by_name(models.models({}))["detectors"].state == "problem"
    folder = build_toy_package(user_folder() / "toy")
    assert by_name(models.models({}))["detector toy"].state == "ok"
    raw = bytearray((folder / "encoder.onnx").read_bytes())
    raw[-1] ^= 1
    (folder / "encoder.onnx").write_bytes(raw)
    found = by_name(models.models({}))["detector toy"]
    assert (found.state, "checksum" in found.text, found.remedy) == ("problem", True, "Install the detector again.")
    manifest = json.loads((folder / "detector.json").read_text())
    (folder / "detector.json").write_text(json.dumps({**manifest, "surplus": 1}))
    assert "surplus" in by_name(models.models({}))["detector toy"].text


def test_the_shipped_detectors_are_whole() -> None:
    shipped = [row for row in models.models({}) if row.name.startswith("detector ")]
    assert shipped
    assert {row.state for row in shipped} == {"ok"}


def test_a_folder_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.folder_finding("cache", tmp_path / "not" / "made").state == "ok"
    assert not (tmp_path / "not").exists()

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(machine.tempfile, "TemporaryFile", refuse)
    assert machine.folder_finding("cache", tmp_path).state == "problem"


@pytest.mark.parametrize(("free", "state"), [(1 << 20, "problem"), (1 << 30, "note"), (1 << 40, "ok")])
def test_little_room_on_the_disk(free: int, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free}))
    assert machine.folder_finding("cache", tmp_path).state == state


@pytest.mark.parametrize(
    ("governor", "driver", "state"),
    [("powersave", "acpi-cpufreq", "note"), ("powersave", "intel_pstate", "ok"), ("schedutil", "acpi-cpufreq", "ok")],
)
def test_the_governor(governor: str, driver: str, state: str, tmp_path: Path) -> None:
    (tmp_path / "scaling_governor").write_text(governor)
    (tmp_path / "scaling_driver").write_text(driver)
    (found,) = machine._governor(tmp_path)
    assert found.state == state
    assert not list(machine._governor(tmp_path / "nowhere"))


def test_memory_clock_and_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 99 kB\nMemAvailable:    1000 kB\n")
    assert next(machine._memory(tmp_path / "meminfo")).state == "note"
    assert machine._clock(0.0156).state == "note"
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda pid: {0}, raising=False)
    assert machine._cores().state == "note"
