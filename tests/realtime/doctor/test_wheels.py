"""Distributions made on the spot: metadata as pip writes it, and files beside it."""

from __future__ import annotations

import base64
import hashlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from unmask.realtime.doctor import wheels
from unmask.realtime.doctor.finding import Finding

VERSION = "1.31.1"


class Site:
    """A folder of installed packages, the only one on the path for ``importlib.metadata``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, files: dict[str, bytes]) -> None:
        """As pip does: the files go over whatever is there, RECORD says what they were."""
        info = self.folder / f"{name.replace('-', '_')}-{VERSION}.dist-info"
        info.mkdir()
        rows = [f"{info.name}/RECORD,,", "onnxruntime/__pycache__/x.pyc,,"]
        for path, raw in files.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(raw)
            digest = base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).rstrip(b"=").decode()
            rows.append(f"{path},sha256={digest},{len(raw)}")
        (info / "RECORD").write_text("\n".join(rows))
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {VERSION}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    module = SimpleNamespace(__version__=VERSION, get_available_providers=lambda: ["CPUExecutionProvider"])
    monkeypatch.setitem(sys.modules, "onnxruntime", module)
    monkeypatch.setattr(wheels.shutil, "which", lambda name: None)
    return Site(tmp_path)


CPU = {"onnxruntime/__init__.py": b"same", "onnxruntime/capi/core.so": b"processor"}
GPU = {"onnxruntime/__init__.py": b"same", "onnxruntime/capi/core.so": b"graphics!", "onnxruntime/capi/cuda.so": b"c"}


def found() -> dict[str, Finding]:
    return {finding.name: finding for finding in wheels.onnx_runtime()}


def test_one_wheel_is_fine(site: Site) -> None:
    site.install("onnxruntime", CPU)
    assert {finding.state for finding in found().values()} == {"ok"}
    assert "All 2 files" in found()["files of onnxruntime"].text


def test_both_wheels_are_a_problem_and_the_one_that_lost_is_named(site: Site) -> None:
    site.install("onnxruntime", CPU)
    site.install("onnxruntime-gpu", GPU)
    rows = found()
    assert rows["wheels"].state == "problem"
    assert rows["wheels"].remedy == (
        "Run: pip uninstall -y onnxruntime onnxruntime-gpu && pip install --no-deps --force-reinstall onnxruntime"
    )
    assert rows["files of onnxruntime"].text == (
        "Of the 2 files of onnxruntime 1.31.1, 1 were overwritten by another package."
    )
    assert rows["files of onnxruntime-gpu"].state == "ok"


def test_with_a_driver_the_wheel_for_gpus_is_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels.shutil, "which", lambda name: f"/usr/bin/{name}")
    site.install("onnxruntime", CPU)
    site.install("onnxruntime-gpu", GPU)
    assert found()["wheels"].remedy.endswith("--force-reinstall onnxruntime-gpu")


def test_what_an_uninstalled_neighbour_took_away_is_counted(site: Site) -> None:
    site.install("onnxruntime-gpu", GPU)
    (site.folder / "onnxruntime" / "capi" / "core.so").unlink()
    rows = found()
    assert rows["wheels"].state == "ok"
    assert "1 are missing" in rows["files of onnxruntime-gpu"].text
    assert rows["files of onnxruntime-gpu"].remedy.endswith("--force-reinstall onnxruntime-gpu")


def test_no_wheel_at_all(site: Site) -> None:
    assert found()["wheels"].remedy == "Run: pip install onnxruntime"


def test_a_module_that_does_not_load_or_is_another(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("onnxruntime", CPU)
    monkeypatch.setattr(sys.modules["onnxruntime"], "__version__", "1.20.0")
    assert "none of the installed packages" in found()["module"].text
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "does not load" in found()["module"].text
