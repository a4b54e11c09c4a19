"""The examples of docs/ADDING.md, taken from the page as they stand: each is put where the page says, and works."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
import types
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import skimage.data
from toy_classifier import toy_classifier

from unmask.cli import main as command_line
from unmask.engines import registry as engine_registry
from unmask.engines.package import load_package, user_folder
from unmask.engines.registry import list_engines
from unmask.realtime.api import updates
from unmask.realtime.detector import Detector
from unmask.realtime.session import Session, SourcePlan
from unmask.realtime.types import SourceState, Verdict
from unmask.training.zoo.recipe import merged, parse_recipe
from unmask.training.zoo.registry import RECIPES

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "ADDING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
FILES = {code.splitlines()[0].removeprefix("# "): code for language, code in BLOCKS if language != "sh"}


@pytest.fixture
def placed(monkeypatch):
    """Puts the example for a path among the modules of the program, and gives the module."""

    def place(path):
        name = "unmask." + path.removesuffix(".py").replace("/", ".")
        module = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(FILES[path], path, "exec"), vars(module))
        return module

    return place


@pytest.fixture
def portrait(tmp_path):
    path = tmp_path / "portrait.png"
    cv2.imwrite(str(path), skimage.data.astronaut()[:400, :, ::-1])
    return path


def sh_lines(word):
    """The command lines of the page that have ``word`` in them, without their comments."""
    lines = [line for language, code in BLOCKS if language == "sh" for line in code.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if word in line]


def test_the_files_of_the_page_are_not_there_yet():
    assert len(FILES) == 5
    assert [path for path in FILES if (ROOT / path).exists()] == []


def test_a_source_and_a_face_finder(placed, tmp_path, detector):
    raw, middle = placed("realtime/sources/raw.py"), placed("realtime/faces/middle.py")
    red = np.full((raw.HEIGHT, raw.WIDTH, 3), (40, 40, 220), np.int16)
    noise = np.random.default_rng(0)
    frames = [np.clip(red + noise.integers(-30, 30, red.shape), 0, 255).astype(np.uint8) for _ in range(40)]
    file = tmp_path / "frames.raw"
    file.write_bytes(b"".join(frame.tobytes() for frame in frames) + b"cut off")
    plan = SourcePlan("raw", lambda: raw.RawSource("raw", file), middle.MiddleFinder())
    with Session([plan], detector) as session:
        last = list(updates(session))[-1]
    assert session.failures == []
    assert (last.state, last.counters.analysed) == (SourceState.ENDED, len(frames))
    assert last.verdict is Verdict.SIGNS, "the toy detector takes red for manipulated"

    absent = SourcePlan("raw", lambda: raw.RawSource("raw", tmp_path / "absent.raw"), middle.MiddleFinder())
    with Session([absent], detector) as session:
        assert session.wait(10)
    assert "check the path" in session.failures[0]


def test_an_engine(placed, toy, monkeypatch, capsys):
    module = placed("engines/onnx_reference.py")
    name = module.ReferenceEngine.name
    monkeypatch.setitem(engine_registry._TABLE, name, module.__name__)
    monkeypatch.setattr(engine_registry, "ENGINE_NAMES", (*engine_registry.ENGINE_NAMES, name))
    assert name in [row.name for row in list_engines() if row.available]
    crops = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    package = load_package(toy)
    with Detector.open(package, name) as here, Detector.open(package, "ort-cpu") as there:
        assert here.provider.startswith("encoder onnx ")
        np.testing.assert_allclose(here.encode(crops), there.encode(crops), atol=1e-5)
    assert command_line.main(["detectors", "verify", str(toy), "--engine", name]) == 0
    assert "is sound" in capsys.readouterr().out


def test_a_detector(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    onnx.save_model(toy_classifier(), "somebody.onnx")
    wrap, verify, scan = (line for line in sh_lines("somebody") if line[0] == "unmask")
    assert command_line.main(wrap[1:]) == 0
    assert command_line.main(verify[1:]) == 0
    assert scan[:2] == ["unmask", "scan"]
    user_folder().mkdir(parents=True)
    (tmp_path / "somebody").rename(user_folder() / "somebody")
    assert command_line.main(["detectors", "show", "somebody"]) == 0
    assert "somebody 0.1.0" in capsys.readouterr().out


def test_a_command(placed, portrait, monkeypatch, capsys):
    module = placed("cli/faces.py")
    monkeypatch.setitem(command_line.COMMANDS, "faces", (module.__name__, "where the faces of a picture are"))
    assert command_line.main(["faces", str(portrait), "--face-finder", "cascade"]) == 0
    assert re.search(r"^\d+ \d+ \d+ \d+  0\.\d\d$", capsys.readouterr().out, re.MULTILINE)
    assert command_line.main(["faces", "absent.png", "--face-finder", "cascade"]) == 2
    assert capsys.readouterr().err == "unmask: absent.png does not exist; check the path.\n"


def test_a_recipe():
    path = next(path for path in FILES if path.endswith(".toml"))
    content = tomllib.loads(FILES[path])
    base = tomllib.loads((RECIPES / f"{content.pop('extends')}.toml").read_text(encoding="utf-8"))
    recipe = parse_recipe(merged(base, content), path)
    assert recipe.name == Path(path).stem
    assert (recipe.input.side, recipe.network.kind) == (160, "cnn")
    (run,) = sh_lines("cnn-deep")
    assert path in run


def test_a_language(tmp_path):
    pytest.importorskip("PyQt6")
    from unmask.gui.translations.compile import compile_ts
    from unmask.gui.translations.extract import of_window, renew
    from unmask.gui.translations.ts import read_ts, write_ts

    assert [line[2] for line in sh_lines("translations")] == [
        "unmask.gui.translations.extract",
        "unmask.gui.translations.compile",
    ]
    file = tmp_path / "unmask_de.ts"
    number, missing = renew(file, "de", of_window())
    assert number == missing > 100
    write_ts(file, {**read_ts(file), "Dismiss": "Schließen"}, "de")
    assert renew(file, "de", of_window()) == (number, number - 1)
    assert compile_ts(file, "de").stat().st_size > 0
