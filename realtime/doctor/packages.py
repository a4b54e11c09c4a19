"""Python itself, the packages that everything needs, and OpenCV's many wheels."""

from __future__ import annotations

import importlib
import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata

from unmask.realtime.doctor.finding import Finding

OLDEST, FIRST_UNTESTED = (3, 11), (3, 14)

#: Distribution -> the module that is imported to see whether it loads; empty where that takes too long.
PACKAGES = {
    "numpy": "numpy",
    "onnx": "onnx",
    "scipy": "",
    "av": "av",
    "mss": "mss",
    "pillow": "PIL.Image",
    "pydantic": "pydantic",
    "rich": "rich",
    "platformdirs": "platformdirs",
    "insightface": "",
}

OPENCV_WHEELS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")


def installed() -> dict[str, str]:
    """Distribution -> version, of everything that this Python sees; names as the package index writes them."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            # The first one found is the one that is imported.
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), distribution.version)
    return found


def python(version: tuple[int, ...] = tuple(sys.version_info[:3]), bits: int = sys.maxsize) -> Iterator[Finding]:
    """The interpreter: its version, and whether it is a 64-bit one."""
    text = f"Python {'.'.join(map(str, version))} on {platform.system()} {platform.machine()}"
    good = OLDEST <= version[:2] < FIRST_UNTESTED and bits > 2**32
    remedy = "" if good else "Install a 64-bit Python 3.11, 3.12 or 3.13, and Unmask into it."
    yield Finding("Python", "version", "ok" if good else "problem", f"{text}.", remedy)


def packages() -> Iterator[Finding]:
    """The packages of the core: present, and loading."""
    versions = installed()
    good: list[str] = []
    for name, module in PACKAGES.items():
        if name not in versions:
            yield Finding("packages", name, "problem", f"{name} is not installed.", f"Run: pip install {name}")
            continue
        if module and (reason := _why_not_loading(module)):
            yield Finding(
                "packages",
                name,
                "problem",
                f"{name} {versions[name]} is installed but does not load ({reason}).",
                f"Run: pip install --force-reinstall --no-deps {name}",
            )
            continue
        good.append(f"{name} {versions[name]}")
    if good:
        yield Finding("packages", "versions", "ok", f"{', '.join(good)}.")


def opencv() -> Iterator[Finding]:
    """One wheel of OpenCV, of major version 4, that loads."""
    versions = installed()
    wheels = [name for name in OPENCV_WHEELS if name in versions]
    again = "pip install 'opencv-python>=4.9,<5'"
    if not wheels:
        yield Finding("OpenCV", "wheel", "problem", "OpenCV is not installed.", f"Run: {again}")
        return
    told = " and ".join(f"{name} {versions[name]}" for name in wheels)
    if len(wheels) > 1:
        yield Finding(
            "OpenCV",
            "wheel",
            "problem",
            f"{told} are installed together: they bring the same files and overwrite each other.",
            f"Run: pip uninstall -y {' '.join(wheels)} && {again}",
        )
    elif versions[wheels[0]].startswith("5."):
        text = f"{told} has no cascade classifier, which finds faces where no model can be had."
        yield Finding("OpenCV", "wheel", "problem", text, f"Run: {again}")
    elif reason := _why_not_loading("cv2"):
        libraries = "Install the system's libraries (on Debian: apt install libgl1 libglib2.0-0 libsm6 libxext6), "
        yield Finding("OpenCV", "wheel", "problem", f"{told} does not load ({reason}).", f"{libraries}or run: {again}")
    else:
        yield Finding("OpenCV", "wheel", "ok", f"{told}.")


def _why_not_loading(module: str) -> str:
    try:
        importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - a damaged package fails in any way it likes
        return " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return ""
