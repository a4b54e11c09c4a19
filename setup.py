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

# The oldest versions are those without a known flaw that we can reach: scripts/audit.py holds them against the list.
CORE = [
    "numpy>=1.26",
    "opencv-python>=4.9,<5",  # OpenCV 5 has no cascade classifier, our offline fallback
    "insightface>=2.0,<3",
    "onnxruntime>=1.20",
    "onnx>=1.21",
    "scipy>=1.11",
    "av>=18",
    "mss>=10.2",
    "pillow>=12.3",
    "pydantic>=2.7",
    "rich>=13",
    "scikit-image>=0.22",  # ships the picture that the demo clip starts from
    "platformdirs>=4",
]

setup(
    name="unmask",
    version="0.1.0",
    description="Real-time deepfake monitor for the desktop: runs on your own machine, abstains honestly",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license_expression="Apache-2.0",  # our code; NOTICE says what PyQt6 (GPLv3) means for a combined work
    license_files=["LICENSE", "NOTICE"],
    python_requires=">=3.11,<3.14",
    packages=list(package_dir),
    package_dir=package_dir,
    package_data={
        **{f"unmask.{room}": ["py.typed"] for room in ROOMS},
        "unmask.gui.translations": ["*.ts", "*.qm"],
        "unmask.training.zoo": ["recipes/*.toml"],
        "unmask.training.tune": ["families/*.toml"],
        "unmask.detectors": ["*/*.json", "*/*.onnx", "*/*.md"],
    },
    install_requires=CORE,
    extras_require={
        "gui": ["PyQt6>=6.6", "pyqtgraph>=0.14"],
        "page": ["yt-dlp>=2026.7.4"],
        "tensorrt": ["tensorrt>=10", "cuda-python>=12.6"],
        "remote": ["grpcio>=1.66", "protobuf>=6.33.5"],
        "openvino": ["openvino>=2025.0"],
        # Ends with two runtimes that overwrite each other; `make install-gpu` leaves this one only.
        "gpu": ["onnxruntime-gpu[cuda,cudnn]>=1.21"],
        "train": [
            "torch>=2.10",
            "timm>=1.0",
            "onnxscript",
            "safetensors",
            "tensorboard",
            "matplotlib>=3.8",
            "optuna>=4",
        ],
        "bench": ["matplotlib>=3.8"],
        "dev": ["pytest>=9.0.3", "coverage>=7.10", "pytest-timeout", "pytest-qt", "hypothesis", "ruff", "pyright"],
    },
    entry_points={"console_scripts": ["unmask = unmask.cli.main:main"]},
)
