from __future__ import annotations

import os
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from unmask.engines.errors import FaceModelError, UsageError
from unmask.realtime.faces import models, registry
from unmask.realtime.faces.model_kind import face_model_kind
from unmask.realtime.faces.registry import FaceFinderSettings, make_face_finder


def write_model(path: Path, outputs: list[tuple[str, list[int | str]]]) -> Path:
    """An ONNX file with these outputs, each an unrelated constant: enough to be looked at."""
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "h", "w"])
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs]
    nodes = [helper.make_node("Shape", ["input"], [name]) for name, _ in outputs]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [picture], values)), str(path))
    return path


def scrfd_file(path: Path, landmarks: bool = True) -> Path:
    widths = (1, 4, 10) if landmarks else (1, 4)
    return write_model(path, [(f"{width}-{stride}", ["n", width]) for width in widths for stride in (8, 16, 32)])


def yunet_file(path: Path) -> Path:
    parts = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    return write_model(path, [(f"{part}_{s}", [1, "n", width]) for part, width in parts.items() for s in (8, 16, 32)])


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A machine without any model and without a network; gives what was tried to be fetched."""
    tried: list[str] = []

    def fails(name: str, **_: object) -> Path:
        tried.append(name)
        raise models.unreachable("https://example.invalid/pack.zip", "no route")

    monkeypatch.setattr(models, "fetch_model", fails)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    return tried


def test_the_kind_is_read_from_the_graph(tmp_path: Path) -> None:
    assert face_model_kind(scrfd_file(tmp_path / "yunet.onnx")) == "scrfd"
    assert face_model_kind(scrfd_file(tmp_path / "bare.onnx", landmarks=False)) == "scrfd"
    assert face_model_kind(yunet_file(tmp_path / "scrfd.onnx")) == "yunet"


def test_other_files_are_refused(tmp_path: Path) -> None:
    classifier = write_model(tmp_path / "classifier.onnx", [("logits", [1, 1000])])
    with pytest.raises(FaceModelError, match="neither SCRFD nor YuNet"):
        face_model_kind(classifier)
    nine = write_model(tmp_path / "nine.onnx", [(f"o{index}", ["n", 7]) for index in range(9)])
    with pytest.raises(FaceModelError, match="neither SCRFD nor YuNet"):
        face_model_kind(nine)
    text = tmp_path / "text.onnx"
    text.write_text("not a model, only words")
    with pytest.raises(FaceModelError, match="SCRFD or YuNet"):
        face_model_kind(text)
    with pytest.raises(FaceModelError, match="no face model at"):
        face_model_kind(tmp_path / "absent.onnx")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "retina"},
        {"min_confidence": 0.0},
        {"min_confidence": 1.5},
        {"input_size": 333},
        {"input_size": 64},
        {"refresh_every": 0},
        {"pack": "antelope"},
        {"kind": "cascade", "model": Path("x.onnx")},
        {"kind": "cascade", "input_size": 320},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        FaceFinderSettings(**wrong)  # type: ignore[arg-type]


def test_auto_falls_back_to_the_cascade_and_says_so_once(no_model: list[str]) -> None:
    said: list[str] = []
    finder = make_face_finder(FaceFinderSettings(), said.append)
    assert finder.name == "cascade"
    assert "offline fallback" in finder.description
    assert no_model == ["buffalo_s"]
    fallback = [sentence for sentence in said if "offline fallback" in sentence]
    assert len(fallback) == 1
    assert "--face-model PATH" in fallback[0]


def test_the_fallback_says_that_it_takes_no_input_size(no_model: list[str]) -> None:
    said: list[str] = []
    make_face_finder(FaceFinderSettings(input_size=320), said.append)
    assert "--face-size 320" in said[-1]


def test_scrfd_that_cannot_be_had_is_an_error(no_model: list[str]) -> None:
    with pytest.raises(FaceModelError, match="--face-model PATH"):
        make_face_finder(FaceFinderSettings(kind="scrfd"), lambda _: None)


def test_a_damaged_download_is_an_error_for_auto_too(no_model: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(name: str, **_: object) -> Path:
        raise FaceModelError("the checksum differs")

    monkeypatch.setattr(models, "fetch_model", damaged)
    with pytest.raises(FaceModelError, match="checksum"):
        make_face_finder(FaceFinderSettings(), lambda _: None)


def test_the_offline_variable_keeps_the_network_out(no_model: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMASK_OFFLINE", "1")
    said: list[str] = []
    assert make_face_finder(FaceFinderSettings(), said.append).name == "cascade"
    assert no_model == []
    assert "UNMASK_OFFLINE" in said[0]


def test_without_a_pack_nothing_is_fetched(no_model: list[str]) -> None:
    assert make_face_finder(FaceFinderSettings(pack=None), lambda _: None).name == "cascade"
    assert no_model == []


def test_the_cascade_on_request_is_not_announced(no_model: list[str]) -> None:
    said: list[str] = []
    assert make_face_finder(FaceFinderSettings(kind="cascade"), said.append).name == "cascade"
    assert said == []
    assert no_model == []


def test_yunet_needs_its_file(no_model: list[str]) -> None:
    with pytest.raises(FaceModelError, match="--face-model PATH or UNMASK_FACE_MODEL"):
        make_face_finder(FaceFinderSettings(kind="yunet"), lambda _: None)


def test_a_file_of_another_kind_than_asked_for(tmp_path: Path) -> None:
    settings = FaceFinderSettings(kind="yunet", model=scrfd_file(tmp_path / "model.onnx"))
    with pytest.raises(FaceModelError, match="kind scrfd, but yunet"):
        make_face_finder(settings, lambda _: None)


def test_a_wrong_file_never_becomes_the_cascade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FaceModelError, match="no face model at"):
        make_face_finder(FaceFinderSettings(model=tmp_path / "absent.onnx"), lambda _: None)
    monkeypatch.setenv("UNMASK_FACE_MODEL", str(tmp_path / "gone.onnx"))
    with pytest.raises(FaceModelError, match=r"gone\.onnx"):
        make_face_finder(FaceFinderSettings(), lambda _: None)


def test_the_setting_goes_before_the_variable(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMASK_FACE_MODEL", str(shared / "models" / "yunet_s_640.onnx"))
    assert make_face_finder(FaceFinderSettings(), lambda _: None).name == "yunet"
    named = FaceFinderSettings(model=shared / "models" / "scrfd_500m.onnx")
    assert make_face_finder(named, lambda _: None).name == "scrfd"


def test_a_model_in_the_cache_is_used_without_a_word(shared: Path, no_model: list[str]) -> None:
    target = models.cache_folder() / "det_500m.onnx"
    target.parent.mkdir(parents=True)
    os.symlink(shared / "models" / "scrfd_500m.onnx", target)
    said: list[str] = []
    finder = make_face_finder(FaceFinderSettings(kind="scrfd"), said.append)
    assert "det_500m.onnx" in finder.description
    assert (said, no_model) == ([], [])


def test_a_fetch_is_announced_before_it_begins(no_model: list[str]) -> None:
    said: list[str] = []
    with pytest.raises(FaceModelError):
        make_face_finder(FaceFinderSettings(kind="scrfd"), said.append)
    assert f"{models.RELEASE}/buffalo_sc.zip" in said[0]
    assert "non-commercial" in said[0]


def test_the_second_look_is_a_setting(shared: Path) -> None:
    path = shared / "models" / "scrfd_500m.onnx"
    with_it = make_face_finder(FaceFinderSettings(model=path), lambda _: None)
    without = make_face_finder(FaceFinderSettings(model=path, second_look=False), lambda _: None)
    assert "second look" in with_it.description
    assert "second look" not in without.description
    assert registry.FINDER_KINDS == ("auto", "scrfd", "yunet", "cascade")
