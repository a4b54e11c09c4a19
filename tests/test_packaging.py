"""The wheel, the pins and the extras: what somebody gets who installs the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("realtime", "engines", "export", "training", "gui", "benchmarks", "cli")
BESIDE = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
JUNK = shutil.ignore_patterns("__pycache__", "*.pyc")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the project (a build leaves files behind), with a toy detector package in it."""
    pytest.importorskip("setuptools", minversion="77", reason="needs the pinned setuptools: run make install")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for room in (*ROOMS, "detectors"):
        shutil.copytree(ROOT / room, source / room, ignore=JUNK)
    for name in BESIDE:
        shutil.copy(ROOT / name, source / name)
    (source / "detectors" / "toy").mkdir()
    for name in ("detector.json", "encoder.onnx", "head.onnx", "README.md", "leftover.tmp"):
        (source / "detectors" / "toy" / name).write_text("{}", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "."]
    done = subprocess.run([*command, "--wheel-dir", out], cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_string(archive.read(name).decode())


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_the_wheel_holds_every_module_under_one_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in packed} == {"unmask"}
    modules = {f"unmask/{path.relative_to(ROOT).as_posix()}" for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert modules <= packed
    assert {f"unmask/{room}/py.typed" for room in ROOMS} <= packed


def test_the_wheel_holds_the_detector_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("unmask/detectors/toy/")}
    names = ("detector.json", "encoder.onnx", "head.onnx", "README.md")
    assert packed == {f"unmask/detectors/toy/{name}" for name in names}


def test_the_metadata(wheel: Path) -> None:
    metadata = metadata_of(wheel)
    assert metadata["Name"] == "unmask"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(metadata.get_all("License-File", [])) == {"LICENSE", "NOTICE"}
    assert set(metadata.get_all("Provides-Extra", [])) == {
        *("gui", "page", "remote", "openvino", "tensorrt", "gpu", "train", "bench", "dev")
    }
    needed = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert not [line for line in needed if re.match(r"torch|PyQt6|onnxruntime-gpu", line)]


def test_the_installed_wheel_runs_away_from_the_sources(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, wheel]
    subprocess.run(command, check=True, capture_output=True)
    program = "import unmask.cli.main as m; print(m.__file__); m.main(['--help'])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith(str(site)), done.stderr
    assert "usage: unmask" in done.stdout


def test_the_wheel_holds_what_is_used_and_nothing_else(wheel: Path) -> None:
    """Recipes, models, translations and licences; no tests, no scripts, no results, no leftovers."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    packed = [name for name in names if ".dist-info/" not in name]
    beside = {name.partition(".dist-info/")[2] for name in names if ".dist-info/" in name}
    described = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "top_level.txt"}
    assert beside == described | {"licenses/LICENSE", "licenses/NOTICE"}
    shipped = {f"unmask/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "detectors").glob("*/*.onnx")}
    assert shipped
    assert shipped <= set(packed)
    assert {Path(name).suffix for name in packed} <= {".py", ".typed", ".ts", ".qm", ".toml", ".json", ".onnx", ".md"}
    strange = re.compile(r"/(tests?|scripts|docs|results|__pycache__)/|/conftest|/test_[^/]*$|leftover")
    assert [name for name in packed if strange.search(name)] == []


def test_every_file_that_the_modules_read_is_in_the_wheel(wheel: Path) -> None:
    """One that setup.py does not name is missing for everybody who installed the project, and for no developer."""
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    read = {".ts", ".qm", ".toml", ".json", ".onnx", ".css", ".html", ".svg", ".png", ".wav", ".sql", ".proto"}
    for_people = {ROOT / "benchmarks" / "results", ROOT / "training" / "pictures"}  # what reports show
    found = [path for room in ROOMS for path in (ROOT / room).rglob("*") if path.suffix in read]
    names = [f"unmask/{path.relative_to(ROOT).as_posix()}" for path in found if not for_people & set(path.parents)]
    assert "unmask/training/zoo/recipes/cnn.toml" in names
    assert [name for name in names if name not in packed] == []


def test_the_help_loads_the_standard_library_and_nothing_of_anybody_else(wheel: Path, tmp_path: Path) -> None:
    """What is imported for the help is waited for by every command; `make wheel-check` measures it."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = (
        f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nfrom unmask.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "tops = {name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)\n"
        "print('', sorted(tops), sorted(name for name in sys.modules if name.startswith('unmask.')), sep='\\n')\n"
    )
    # -S: what other packages have hooked into the start of this interpreter is not ours.
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    others, ours = done.stdout.splitlines()[-2:]
    assert others in ("['__main__', 'unmask']", "['unmask']")
    assert ours == "['unmask.cli', 'unmask.cli.main', 'unmask.engines', 'unmask.engines.errors']"


def test_every_requirement_is_pinned_except_those_of_training_and_tensorrt(wheel: Path) -> None:
    requirements = metadata_of(wheel).get_all("Requires-Dist", [])
    # TensorRT's releases follow the driver of the machine: a pin would shut machines out.
    plain = [line for line in requirements if not re.search(r"extra == .(train|tensorrt)", line)]
    names = {canonical(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in plain}
    assert {"numpy", "pyqt6", "pytest", "onnxruntime-gpu"} <= names
    assert names <= {canonical(name) for name in pins()}


def test_the_pins_are_bare_versions() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    wrong = [line for line in lines if not line.startswith("#") and not re.fullmatch(r"[\w.-]+==[\w.]+", line)]
    assert wrong == []
    assert len(pins()) == len([line for line in lines if not line.startswith("#")])


def test_both_onnx_runtimes_are_pinned_alike() -> None:
    assert pins()["onnxruntime"] == pins()["onnxruntime-gpu"]
