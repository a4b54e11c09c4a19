"""Metadata of the distribution. The folders sit at the root; they install under one name, ``unmask``.

A bare ``realtime`` in site-packages would collide with another public package, so every import
reads ``unmask.realtime``. ``unmask`` itself is a namespace: there is no folder of that name.
"""

from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
ROOMS = ["realtime", "engines", "export", "training", "gui", "benchmarks", "cli"]


def packages_below(room: str) -> list[Path]:
    """Every folder of ``room`` that holds Python files, as a path relative to the root."""
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / room).rglob("*.py")}
    return sorted(folders)


package_dir = {
    "unmask." + ".".join(folder.parts): folder.as_posix() for room in ROOMS for folder in packages_below(room)
}
package_dir["unmask.detectors"] = "detectors"

CORE = [
    "numpy>=1.26",
    "opencv-python>=4.9,<5",  # OpenCV 5 has no cascade classifier, our offline fallback
    "insightface>=2.0,<3",
    "onnxruntime>=1.20",
    "onnx>=1.16",
    "scipy>=1.11",
    "av>=13",
    "mss>=9",
    "pydantic>=2.7",
    "rich>=13",
    "scikit-image>=0.22",  # ships the picture that the demo clip starts from
    "platformdirs>=4",
]

setup(
    name="unmask",
    version="0.1.0",
    description="Real-time deepfake monitor for the desktop: it abstains honestly and runs on your own machine",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="GPL-3.0-or-later",
    python_requires=">=3.11,<3.14",
    packages=list(package_dir),
    package_dir=package_dir,
    package_data={
        "unmask.detectors": ["*/*.json", "*/*.onnx", "*/*.md"],
        **{name: ["py.typed"] for name in package_dir if name.count(".") == 1},
    },
    install_requires=CORE,
    extras_require={
        "gui": ["PyQt6>=6.6"],
        "page": ["yt-dlp"],
        "gpu": ["onnxruntime-gpu>=1.20"],
        "train": ["torch>=2.5", "timm>=1.0", "onnxscript", "scikit-learn"],
        "dev": ["pytest>=8", "pytest-timeout", "pytest-qt", "hypothesis", "ruff", "pyright"],
    },
    entry_points={"console_scripts": ["unmask = unmask.cli.main:main"]},
)
