"""Crops, their rows, and that any smaller crop can be cut out of them again."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from data_trees import TwoFaces
from skimage.data import astronaut

from unmask.engines.errors import UsageError
from unmask.realtime.faces.cascade import CascadeFinder
from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.types import FaceBox, Image
from unmask.training.data.dfdc import CropRecord, DataError
from unmask.training.prepare.cutting import ClipSettings, CutSettings, clip_array, cut_media, main_face
from unmask.training.prepare.index import (
    COLUMNS,
    PreparedCrop,
    face_in_crop,
    index_lines,
    keys_of_videos,
    read_prepared,
    recrop,
    share_inside,
)
from unmask.training.prepare.items import SourceItem
from unmask.training.prepare.media import even_moments

ITEM = SourceItem(Path("a.mp4"), "a.mp4", "video", True, "set")


class Stills:
    """The same picture at every moment."""

    damaged = 0

    def __init__(self, image: Image, duration_s: float = 10.0) -> None:
        self._image, self.duration_s = image, duration_s

    def frames_at(self, times_s: list[float]) -> list[tuple[float, Image]]:
        return [(time_s, self._image) for time_s in times_s]

    def close(self) -> None: ...


def portrait() -> Image:
    return cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR)


def prepared(face: FaceBox | None, margin: float) -> PreparedCrop:
    record = CropRecord("k", False, "g", "train", 200)
    return PreparedCrop(record, "", "set", "v", 0.0, margin, face)


def test_frames_come_from_all_of_a_video() -> None:
    assert even_moments(10.0, 5) == [1.0, 3.0, 5.0, 7.0, 9.0]


@pytest.mark.parametrize("align", ["none", "roll"])
@pytest.mark.parametrize("margin", [1.0, 1.3])
def test_a_smaller_crop_is_cut_from_the_stored_one(margin: float, align: str) -> None:
    image = portrait()
    landmarks = np.array([[205, 105], [243, 118], [222, 128], [203, 140], [232, 152]], np.float32)
    face = FaceBox(178, 66, 268, 178, 0.9, landmarks)
    wide = CropSpec(400, 1.6, "none", "bgr")
    spec = CropSpec(96, margin, align, "rgb")  # type: ignore[arg-type]
    again = recrop(crop_face(image, face, wide), prepared(face_in_crop(face, wide), 1.6), spec)
    directly = crop_face(image, face, spec)
    difference = np.abs(again.astype(int) - directly.astype(int))
    assert difference.mean() < 3.0
    shifted = crop_face(image, FaceBox(181, 66, 271, 178, 0.9, landmarks), spec)
    assert difference.mean() < 0.5 * np.abs(shifted.astype(int) - directly.astype(int)).mean()


def test_a_crop_cannot_grow_and_needs_a_box() -> None:
    image = np.zeros((320, 320, 3), np.uint8)
    with pytest.raises(DataError, match=r"margin 1.3, less than 1.6"):
        recrop(image, prepared(FaceBox(100, 100, 200, 200, 1), 1.3), CropSpec(96, 1.6))
    with pytest.raises(DataError, match="without a face box"):
        recrop(image, prepared(None, 1.0), CropSpec(96, 1.0))


def test_the_share_of_a_crop_that_lay_in_the_picture() -> None:
    face = FaceBox(0, 0, 100, 100, 1)
    assert share_inside(face, 1.0, 500, 500) == 1
    assert share_inside(face, 2.0, 500, 500) == pytest.approx(150**2 / 200**2)


def test_the_most_central_of_the_large_faces() -> None:
    left, middle = FaceBox(0, 0, 100, 100, 0.9), FaceBox(200, 0, 280, 80, 0.9)
    assert main_face([left, middle], 480, 100) is middle
    assert main_face([left, FaceBox(200, 0, 270, 70, 0.9)], 480, 100) is left


def test_rows_of_the_largest_face_and_of_all() -> None:
    image = portrait()
    one = cut_media(ITEM, "v", Stills(image), TwoFaces(), CutSettings(frames=2, size=64, min_face=40), lambda: None)
    assert [cut.name for cut in one.cuts] == ["v-000-0.jpg", "v-001-0.jpg"]
    row = one.cuts[1].row
    assert (row["frame_time_s"], row["source_width"], row["faces_in_frame"]) == ("7.500000", 176, 2)
    assert row["box"] == "13.82 12.00 50.18 52.00"
    assert row["landmarks"] == ""
    assert one.counts["several_faces"] == 2
    every = CutSettings(frames=1, faces="all", size=64, min_face=40)
    many = cut_media(ITEM, "v", Stills(image), TwoFaces(), every, lambda: None)
    assert [cut.row["source_width"] for cut in many.cuts] == [176, 80]
    larger = CutSettings(frames=1, faces="all", size=64, min_face=60)
    assert len(cut_media(ITEM, "v", Stills(image), TwoFaces(), larger, lambda: None).cuts) == 1


def test_png_keeps_every_pixel_and_jpeg_the_colours() -> None:
    image = portrait()
    finder = CascadeFinder()
    (face,) = finder.find(image)
    wanted = crop_face(image, face, CropSpec(128, 1.6, "none", "bgr"))
    for format_, most in (("png", 0), ("jpg", 2.0)):
        settings = CutSettings(frames=1, size=128, format=format_)  # type: ignore[arg-type]
        (cut,) = cut_media(ITEM, "v", Stills(image), finder, settings, lambda: None).cuts
        got = cv2.imdecode(np.frombuffer(cut.data, np.uint8), cv2.IMREAD_COLOR)
        assert np.abs(got.astype(int) - wanted.astype(int)).mean() <= most


def test_the_array_of_a_video() -> None:
    crops = [np.full((4, 4, 3), (number, 50, 60), np.uint8) for number in range(6)]
    array = clip_array(crops, ClipSettings(3, 4))
    assert array is not None
    assert (array.shape, array.dtype) == ((3, 3, 4, 4), np.uint8)
    assert array[:, 0, 0, 0].tolist() == [1, 3, 5]  # red first, frames from beginning to end
    floats = clip_array(crops, ClipSettings(3, 4, dtype="float32"))
    assert floats is not None
    assert floats.dtype == np.float32
    assert floats[0, 1, 0, 0] == pytest.approx(50 / 255)
    assert clip_array(crops[:2], ClipSettings(3, 4)) is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"margin": 0.5}, "--margin from 1 to 4"),
        ({"size": 4}, "--size from 16"),
        ({"quality": 0}, "quality goes from 1 to 100"),
        ({"frames": 5, "clips": ClipSettings(10)}, "only 5 are looked at: raise --frames"),
    ],
)
def test_settings_that_cannot_work(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CutSettings(**wrong)  # type: ignore[arg-type]


def index_row(**changed: object) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(COLUMNS, "")
    row |= {"key": "k", "label": "real", "source_width": 200, "source_height": 200, "identity_group": "g"}
    row |= {
        "split": "train",
        "video": "v",
        "frame_time_s": "2.000",
        "face_confidence": "0.9",
        "margin": "1.6",
    }
    return row | {"box": "60 50 140 150", "landmarks": " ".join(map(str, range(10)))} | changed


def test_an_index_gives_back_boxes_and_landmarks(tmp_path: Path) -> None:
    rows = [index_row(), index_row(key="l", frame_time_s="1.000", landmarks="")]
    (tmp_path / "index.csv").write_bytes(b"".join(index_lines(rows)))
    first, second = read_prepared(tmp_path)
    assert first.face is not None
    assert (first.face.x0, first.face.y1, first.margin, first.time_s) == (60, 150, 1.6, 2.0)
    assert first.face.landmarks is not None
    assert first.face.landmarks[1].tolist() == [2, 3]
    assert second.face is not None
    assert second.face.landmarks is None
    assert [(video, [crop.record.key for crop in crops]) for video, crops in keys_of_videos([first, second])] == [
        ("v", ["l", "k"])
    ]


@pytest.mark.parametrize("changed", [{"box": "1 2 3"}, {"landmarks": "1 2"}, {"box": "a b c d"}, {"margin": "wide"}])
def test_a_damaged_index_is_told(tmp_path: Path, changed: dict[str, object]) -> None:
    (tmp_path / "index.csv").write_bytes(b"".join(index_lines([index_row(**changed)])))
    with pytest.raises(DataError, match=r"index.csv holds something that is no number"):
        read_prepared(tmp_path)


def test_an_index_of_the_seven_columns_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text(
        "key,label,original,source_width,source_height,identity_group,split\nb,fake,a,150,150,7,train\n"
    )
    (crop,) = read_prepared(tmp_path)
    assert crop.record == CropRecord("b", True, "7", "train", 150, "a")
    assert (crop.video, crop.face, crop.margin) == ("b", None, 1.0)


def test_the_reference_crops_are_read_by_the_same_reader(shared: Path) -> None:
    crops = read_prepared(shared / "data" / "dfdc")
    assert len(crops) == 19500
    assert {crop.record.split for crop in crops} == {"train", "val"}
    assert all(crop.face is None for crop in crops)
