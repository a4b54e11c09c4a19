"""Graphs with other bytes and a right checksum, and files that are given as face models. Each single way to harm with
a graph is in tests/engines/test_hostile_models.py."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz_targets import try_some
from hostile_files import nothing_stays_in, peak_mib, sentence
from onnx import TensorProto, helper
from sound_files import sound_graphs

from unmask.engines.errors import EngineError, FaceModelError
from unmask.engines.model_bytes import read_model_bytes
from unmask.realtime.faces.model_kind import LARGEST, face_model_kind

NO_PIPES = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes, which this system lacks")


def test_other_bytes_with_a_right_checksum_give_a_sentence_or_a_package(tmp_path: Path) -> None:
    try_some("graph", tmp_path, 60)


def vast(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)  # takes no room on the disk


def with_far_weights(path: Path) -> None:
    tensor = TensorProto(name="far", data_type=TensorProto.FLOAT, dims=(3,), data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../etc/passwd")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "face", [], [], [tensor])
    path.write_bytes(helper.make_model(graph).SerializeToString())


def lying(path: Path) -> None:
    tensor = TensorProto(name="vast", data_type=TensorProto.FLOAT, dims=(1 << 40,))
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "face", [], [], [tensor])
    path.write_bytes(helper.make_model(graph).SerializeToString())


FACE_MODELS: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda path: path.touch(), "SCRFD"),
    "cut off": (lambda path: path.write_bytes(sound_graphs()[0][:-40]), "damaged or cut off"),
    "empty nodes": (lambda path: path.write_bytes(b"\x3a\x80\x80\x20" + b"\x0a\x00" * (1 << 18)), "damaged|nodes"),
    "vast": (vast, "larger than 512 MiB"),
    "weights elsewhere": (with_far_weights, "'far' in another file"),
    "weights that are not there": (lying, "'vast' as float"),
    "another network": (lambda path: path.write_bytes(sound_graphs()[0]), "neither SCRFD nor YuNet"),
    "a folder": (lambda path: path.mkdir(), "no face model at"),
    "a loop": (lambda path: path.symlink_to(path), "no face model at"),
}


@pytest.mark.parametrize("name", FACE_MODELS)
def test_what_is_no_face_model(tmp_path: Path, name: str) -> None:
    make, words = FACE_MODELS[name]
    path = tmp_path / "face.onnx"
    make(path)

    def look() -> None:
        with nothing_stays_in(tmp_path), pytest.raises(FaceModelError, match=words) as caught:
            face_model_kind(path)
        sentence(caught.value)

    assert peak_mib(look) < 200


@NO_PIPES
def test_a_pipe_is_no_model(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(FaceModelError):
        face_model_kind(tmp_path / "pipe.onnx")
    with pytest.raises(EngineError, match="not an ordinary file") as caught:
        read_model_bytes(tmp_path / "pipe.onnx", None)
    sentence(caught.value)
