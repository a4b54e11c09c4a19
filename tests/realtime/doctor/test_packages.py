from __future__ import annotations

import sys

import pytest

from unmask.realtime.doctor import packages, qt


def states(findings: list[packages.Finding]) -> dict[str, str]:
    return {finding.name: finding.state for finding in findings}


def have(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """Only these distributions are installed; ``_`` stands for ``-``."""
    plain = {name.replace("_", "-"): version for name, version in versions.items()}
    monkeypatch.setattr(packages, "installed", lambda: plain)
    monkeypatch.setattr(qt, "installed", lambda: plain)


@pytest.mark.parametrize(
    ("version", "state"),
    [((3, 10, 9), "problem"), ((3, 11, 0), "ok"), ((3, 13, 9), "ok"), ((3, 14, 0), "problem")],
)
def test_python(version: tuple[int, ...], state: str) -> None:
    (found,) = packages.python(version)
    assert found.state == state


def test_a_32_bit_python_is_a_problem() -> None:
    (found,) = packages.python((3, 11, 0), 2**31 - 1)
    assert found.state == "problem"
    assert "64-bit" in found.remedy


def test_a_missing_package_and_one_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = {**packages.installed()}
    del everything["rich"]
    monkeypatch.setattr(packages, "installed", lambda: everything)
    monkeypatch.setitem(sys.modules, "mss", None)
    found = {finding.name: finding for finding in packages.packages()}
    assert found["rich"].text == "rich is not installed."
    assert "does not load (ModuleNotFoundError" in found["mss"].text
    assert "--force-reinstall --no-deps mss" in found["mss"].remedy
    assert found["versions"].state == "ok"


def test_two_wheels_of_opencv_are_a_problem_with_the_exact_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, opencv_python="4.12.0", opencv_python_headless="4.11.0")
    (found,) = packages.opencv()
    assert found.state == "problem"
    assert "pip uninstall -y opencv-python opencv-python-headless && pip install" in found.remedy


def test_opencv_5_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, opencv_python="5.0.0")
    (found,) = packages.opencv()
    assert (found.state, "<5" in found.remedy) == ("problem", True)


def test_no_opencv_and_a_broken_one(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch)
    assert next(packages.opencv()).state == "problem"
    have(monkeypatch, opencv_python="4.12.0")
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert "does not load" in next(packages.opencv()).text


@pytest.mark.parametrize(
    ("path", "state"), [("", "ok"), ("/x/site-packages/cv2/qt/plugins", "ok"), ("/opt/qt/plugins", "note")]
)
def test_the_plugin_path_of_qt(path: str, state: str) -> None:
    found = {finding.name: finding for finding in qt.qt({qt.PLUGIN_PATH: path})}
    assert found[qt.PLUGIN_PATH].state == state


def test_no_pyqt_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch)
    assert states(list(qt.qt({})))["PyQt6"] == "note"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the libraries have these names on Linux")
def test_a_library_that_qt_cannot_load_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    if "pyqt6" not in packages.installed():
        pytest.skip("PyQt6 is not installed")

    def refuse(path: str) -> None:
        raise OSError("libEGL.so.1: cannot open shared object file")

    monkeypatch.setattr(qt.ctypes, "CDLL", refuse)
    found = next(qt.qt({}))
    assert found.state == "problem"
    assert "libEGL.so.1" in found.text
    assert "libegl1" in found.remedy
