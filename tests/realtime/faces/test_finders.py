"""The finders on real pictures: the ones that scikit-image and insightface ship."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from unmask.engines.errors import FaceModelError
from unmask.realtime.faces.boxes import fitted_size, sorted_faces
from unmask.realtime.faces.cascade import CascadeFinder
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.faces.scrfd import InputSize, ScrfdFinder
from unmask.realtime.faces.yunet import YunetFinder
from unmask.realtime.types import FaceBox, Image

ASTRONAUT_FACE = FaceBox(180, 75, 262, 180, 1.0)  # seen by eye


@pytest.fixture(scope="module")
def astronaut() -> Image:
    from skimage import data

    picture = np.ascontiguousarray(data.astronaut()[..., ::-1])
    picture.flags.writeable = False
    return picture


@pytest.fixture(scope="module")
def group() -> Image:
    spec = find_spec("insightface")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    picture = cv2.imread(str(Path(spec.submodule_search_locations[0]) / "data" / "images" / "t1.jpg"))
    assert picture is not None
    picture.flags.writeable = False
    return picture


@pytest.fixture(scope="module")
def make(shared: Path) -> Callable[[str], FaceFinder]:
    scrfd, yunet = shared / "models" / "scrfd_500m.onnx", shared / "models" / "yunet_s_640.onnx"
    network = ScrfdFinder(scrfd, input_size=640)
    makers: dict[str, Callable[[], FaceFinder]] = {
        "scrfd 640": lambda: network,
        "scrfd 320": lambda: network.sibling(320, 0.5),
        "scrfd auto": lambda: ScrfdFinder(scrfd),
        "yunet": lambda: YunetFinder(yunet, min_confidence=0.7),
        "cascade": CascadeFinder,
    }
    return lambda name: makers[name]()


NETWORKS = ["scrfd 640", "scrfd 320", "scrfd auto", "yunet"]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_astronaut_has_one_face_with_landmarks_from_left_to_right(
    make: Callable[[str], FaceFinder], astronaut: Image, name: str
) -> None:
    (face,) = make(name).find(astronaut)
    assert face.overlap(ASTRONAUT_FACE) > 0.6
    assert face.landmarks is not None
    assert face.landmarks.shape == (5, 2)
    assert face.landmarks.dtype == np.float32
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


@pytest.mark.parametrize("name", ["scrfd 640", "scrfd auto", "yunet"])
def test_six_faces_in_the_group(make: Callable[[str], FaceFinder], group: Image, name: str) -> None:
    faces = make(name).find(group)
    assert len(faces) == 6
    assert [face.confidence for face in faces] == sorted((face.confidence for face in faces), reverse=True)


@pytest.mark.parametrize("name", NETWORKS)
def test_boxes_follow_the_picture_whatever_its_shape(
    make: Callable[[str], FaceFinder], astronaut: Image, name: str
) -> None:
    """Padded to a wide and to a tall picture the face is found in the same place of its own pixels."""
    wide = cv2.copyMakeBorder(astronaut, 0, 0, 200, 300, cv2.BORDER_CONSTANT, value=(90, 90, 90))
    tall = cv2.copyMakeBorder(astronaut, 250, 150, 0, 0, cv2.BORDER_CONSTANT, value=(90, 90, 90))
    for picture, dx, dy in ((wide, 200, 0), (tall, 0, 250)):
        face = make(name).find(picture)[0]
        moved = FaceBox(face.x0 - dx, face.y0 - dy, face.x1 - dx, face.y1 - dy, 1.0)
        assert moved.overlap(ASTRONAUT_FACE) > 0.6


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_in_an_empty_or_tiny_picture(make: Callable[[str], FaceFinder], name: str) -> None:
    finder = make(name)
    assert finder.find(np.full((240, 320, 3), 90, np.uint8)) == []
    assert finder.find(np.zeros((1, 900, 3), np.uint8)) == []


@pytest.mark.parametrize("shape", [(20, 10_000), (10_000, 8), (40, 40_000)])
@pytest.mark.parametrize("name", [*NETWORKS, "cascade"])
def test_nothing_in_a_picture_that_is_a_mere_strip(
    make: Callable[[str], FaceFinder], name: str, shape: tuple[int, int]
) -> None:
    strip = np.full((*shape, 3), 90, np.uint8)
    assert make(name).find(strip) == []


@pytest.mark.parametrize("size", ["auto", 640])
def test_a_model_of_one_fixed_size_says_so_and_looks_once(
    shared: Path, tmp_path: Path, group: Image, size: InputSize
) -> None:
    finder = ScrfdFinder(fixed_to(640, shared, tmp_path), input_size=size)
    assert len(finder.find(group)) == 6
    assert finder.looks == {320: 0, 640: 0}
    assert "input 640 px" in finder.description
    assert len(finder.sibling(192, 0.3).find(group)) == 6


def test_another_size_than_the_model_takes_is_an_error(shared: Path, tmp_path: Path) -> None:
    with pytest.raises(FaceModelError, match="--face-size 640"):
        ScrfdFinder(fixed_to(640, shared, tmp_path), input_size=320)


def fixed_to(side: int, shared: Path, folder: Path) -> Path:
    """SCRFD as some packs export it: for one input size."""
    model = onnx.load(str(shared / "models" / "scrfd_500m.onnx"))
    for axis, length in zip(model.graph.input[0].type.tensor_type.shape.dim, (1, 3, side, side), strict=True):
        axis.ClearField("dim_param")
        axis.dim_value = length
    path = folder / "fixed.onnx"
    onnx.save(model, str(path))
    return path


def test_auto_says_its_sizes(make: Callable[[str], FaceFinder]) -> None:
    assert "input 320 or 640 px as needed" in make("scrfd auto").description


def test_a_face_that_fills_the_picture_is_found_by_auto(make: Callable[[str], FaceFinder], astronaut: Image) -> None:
    filling = np.ascontiguousarray(astronaut[80:180, 178:262])
    faces = make("scrfd auto").find(filling)
    assert len(faces) == 1
    assert faces[0].size > 70


def test_auto_rests_on_the_small_input_for_a_large_face(shared: Path, astronaut: Image) -> None:
    finder = ScrfdFinder(shared / "models" / "scrfd_500m.onnx")
    boxes = {(face.x0, face.y0) for _ in range(6) for face in finder.find(astronaut)}
    assert finder.looks == {320: 6, 640: 2}
    assert len(boxes) == 1


def test_small_faces_can_be_left_out(shared: Path, group: Image) -> None:
    path = shared / "models" / "scrfd_500m.onnx"
    sizes = sorted(face.size for face in ScrfdFinder(path, input_size=640).find(group))
    limit = (sizes[2] + sizes[3]) / 2
    assert len(ScrfdFinder(path, input_size=640, min_face_px=limit).find(group)) == 3


def test_the_cascade_finds_the_astronaut_and_says_what_it_is(astronaut: Image) -> None:
    finder = CascadeFinder()
    (face,) = finder.find(astronaut)
    assert face.overlap(ASTRONAUT_FACE) > 0.4
    assert face.landmarks is None
    assert 0.5 <= face.confidence <= 1.0
    assert "offline fallback" in finder.description


def test_the_cascade_finds_most_of_the_group_and_little_else(group: Image) -> None:
    faces = CascadeFinder().find(group)
    assert 4 <= len(faces) <= 6


class LeftSquare:
    """A classifier that knows one side only: it finds the white square when that is in the left half."""

    def detectMultiScale3(self, grey: Image, *_: object, **__: object) -> tuple[object, object, object]:
        rows, columns = np.nonzero(grey > 127)
        x, y, side = columns.min(), rows.min(), np.ptp(columns) + 1
        if x + side / 2 > grey.shape[1] / 2:
            return (), (), ()
        return [[x, y, side, side]], [20], [5.0]


class Blind:
    def detectMultiScale3(self, *_: object, **__: object) -> tuple[object, object, object]:
        return (), (), ()


@pytest.mark.parametrize("x", [90, 690])
def test_the_cascade_looks_for_both_profiles_where_no_front_is(x: int) -> None:
    finder = CascadeFinder()
    finder._frontal = replace(finder._frontal, classifier=Blind())  # type: ignore[arg-type]
    finder._profile = replace(finder._profile, classifier=LeftSquare())  # type: ignore[arg-type]
    picture = np.zeros((540, 960, 3), np.uint8)
    picture[120:240, x : x + 120] = 255
    (face,) = finder.find(picture)
    assert face.overlap(FaceBox(x, 120, x + 120, 240, 1.0)) > 0.9


def test_the_cascade_sees_nothing_in_noise() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (360, 640, 3), dtype=np.uint8)
    finder = CascadeFinder()
    assert finder.find(noise) == []
    assert finder.find(np.zeros((10, 10, 3), np.uint8)) == []


def test_the_session_does_not_spin_and_runs_on_the_cpu(shared: Path) -> None:
    from unmask.realtime.faces.scrfd import _open_session

    session = _open_session(shared / "models" / "scrfd_500m.onnx")
    options = session.get_session_options()
    assert options.intra_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert session.get_providers() == ["CPUExecutionProvider"]


def test_the_input_written_in_place_gives_the_faces_of_insightface_itself(shared: Path) -> None:
    """To the last bit, also when one size follows another and when buffers are made anew."""
    from insightface.model_zoo.scrfd import SCRFD

    from unmask.realtime.faces.scrfd import _open_session
    from unmask.realtime.faces.scrfd_network import ScrfdNetwork

    path = shared / "models" / "scrfd_500m.onnx"
    session = _open_session(path)
    theirs = SCRFD(model_file=str(path), session=session, static_shape_sessions=False)
    ours = ScrfdNetwork(path, session)
    reader = cv2.VideoCapture(str(shared / "data" / "clips" / "live" / "several_faces_360p.mp4"))
    pictures = [reader.read()[1] for _ in range(12)][::4]
    reader.release()
    for size in [(640, 384), (320, 192), (192, 192), (352, 352), (256, 160), (640, 384)]:
        for picture in pictures:
            mine, others = ours.detect(picture, input_size=size), theirs.detect(picture, input_size=size)
            np.testing.assert_array_equal(mine[0], others[0])
            np.testing.assert_array_equal(mine[1], others[1])


@pytest.mark.parametrize("kind", [ScrfdFinder, YunetFinder])
def test_a_missing_or_broken_file_is_one_sentence(kind: type, tmp_path: Path) -> None:
    with pytest.raises(FaceModelError, match="--face-model"):
        kind(tmp_path / "absent.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"words")
    with pytest.raises(FaceModelError, match="cannot load") as caught:
        kind(broken)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["scrfd auto", "yunet"])
def test_a_closed_finder_says_so(make: Callable[[str], FaceFinder], astronaut: Image, name: str) -> None:
    finder = make(name)
    finder.close()
    with pytest.raises(FaceModelError, match="closed"):
        finder.find(astronaut)


@pytest.mark.parametrize(
    ("width", "height", "longest", "expected"),
    [
        (1280, 720, 640, (640, 384)),
        (720, 1280, 640, (384, 640)),
        (500, 500, 320, (320, 320)),
        (1920, 1200, 640, (640, 416)),
        (4000, 10, 640, (640, 32)),
    ],
)
def test_the_input_fits_the_picture(width: int, height: int, longest: int, expected: tuple[int, int]) -> None:
    assert fitted_size(width, height, longest) == expected


def test_boxes_that_make_no_sense_are_left_out() -> None:
    corners = np.array([[0, 0, 10, 10], [0, 0, np.nan, 10], [5, 5, 5, 9], [0, 0, 40, 40]], np.float32)
    faces = sorted_faces(corners, np.array([0.6, 0.9, 0.9, 1.2], np.float32), min_face_px=5)
    assert [(face.x1, face.confidence) for face in faces] == [(40, 1.0), (10, pytest.approx(0.6))]
