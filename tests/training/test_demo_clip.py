"""The demo clip: its truth is true, its marks are there, it comes out the same, and never half-written."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from unmask.engines.errors import UsageError
from unmask.realtime.types import FaceBox
from unmask.training import demo_clip
from unmask.training.demo_clip import DemoClip, ensure_demo_clip, main, make_demo_clip
from unmask.training.synthesis import people, scene
from unmask.training.synthesis.encode import encode_clip
from unmask.training.synthesis.pictures import PictureError
from unmask.training.synthesis.scene import Scene, SceneSettings
from unmask.training.synthesis.truth import TruthError, load_truth, truth_path

SMALL = {"seconds": 2.4, "width": 640, "height": 360, "fps": 10}
SCRFD = Path(__file__).resolve().parents[3] / "shared" / "models" / "scrfd_2.5g.onnx"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> DemoClip:
    return make_demo_clip(tmp_path_factory.mktemp("demo") / "clip.mp4", **SMALL)


@pytest.fixture(scope="module")
def pictures(clip: DemoClip) -> list[np.ndarray]:
    with av.open(str(clip.path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def small_scene() -> Scene:
    return Scene(SceneSettings(width=640, height=360, fps=10, frames=24))


def test_it_is_real_h264_with_even_timestamps(clip: DemoClip) -> None:
    with av.open(str(clip.path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.width, stream.height) == (640, 360)
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([index / 10 for index in range(24)])
    assert (clip.truth.frames, clip.truth.fps, clip.truth.seconds) == (24, 10, 2.4)


def test_the_file_and_every_frame_say_that_it_is_synthetic(clip: DemoClip, pictures: list[np.ndarray]) -> None:
    with av.open(str(clip.path)) as container:
        assert container.metadata["title"] == "SYNTHETIC: made by unmask"
        assert container.metadata["comment"].startswith("synthetic: made by unmask")
    for picture in pictures:
        corner = picture[342:, 320:]
        assert (corner > 140).mean() > 0.03, "the mark at the bottom right"
        assert (picture[342:, :100] > 140).mean() == 0
    assert "no footage" in scene.MARK
    assert "synthetic" in clip.truth.statement


def test_one_face_stays_and_the_other_is_swapped_from_the_middle_on(clip: DemoClip) -> None:
    stays, swapped = clip.truth.faces
    assert stays.swapped is None
    assert stays.donor is None
    assert swapped.swapped == pytest.approx((1.2, 2.4))
    assert [swapped.swapped_at(time) for time in (0.0, 1.19, 1.2, 2.3)] == [False, False, True, True]
    assert not any(stays.swapped_at(time) for time in (0.0, 1.2, 2.3))
    assert stays.boxes[:, 2].max() < swapped.boxes[:, 0].min()


def test_faces_are_large_and_inside_and_move(clip: DemoClip) -> None:
    for face in clip.truth.faces:
        heights = face.boxes[:, 3] - face.boxes[:, 1]
        assert heights.min() >= 120
        assert face.boxes.min() >= 0
        assert face.boxes[:, 2].max() <= 640
        assert face.boxes[:, 3].max() <= 360
        assert np.ptp(face.landmarks[:, 2], axis=0).max() > 2, "a still picture is no call"


def _share_found(clip: DemoClip, pictures: list[np.ndarray], find) -> float:
    """Of all faces in every fourth frame, the share that ``find`` sees at IoU > 0.4."""
    hits = []
    for index in range(0, len(pictures), 4):
        found = find(pictures[index])
        for face in clip.truth.faces:
            hits.append(any(face.face(index).overlap(box) > 0.4 for box in found))
    return float(np.mean(hits))


def test_the_bundled_cascade_finds_the_faces_where_the_truth_says(clip: DemoClip, pictures: list[np.ndarray]) -> None:
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")

    def find(picture: np.ndarray) -> list[FaceBox]:
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        boxes = cascade.detectMultiScale(grey, 1.05, 3, minSize=(60, 60))
        return [FaceBox(x, y, x + w, y + h, 1.0) for x, y, w, h in boxes]

    assert _share_found(clip, pictures, find) >= 0.8


@pytest.mark.skipif(not SCRFD.exists(), reason="../shared/models/scrfd_2.5g.onnx is not here")
def test_scrfd_agrees_with_boxes_and_landmarks(clip: DemoClip, pictures: list[np.ndarray]) -> None:
    from insightface.model_zoo import get_model

    model = get_model(str(SCRFD))
    model.prepare(ctx_id=-1, det_thresh=0.5, input_size=(640, 640))
    for index in (0, 7, 13, 22):
        boxes, points = model.detect(pictures[index])
        assert len(boxes) == 2, "two faces and no others"
        for face in clip.truth.faces:
            truth = face.face(index)
            found = [FaceBox(*(float(edge) for edge in box[:4]), 1.0) for box in boxes]
            best = int(np.argmax([truth.overlap(box) for box in found]))
            assert truth.overlap(found[best]) > 0.7
            apart = np.linalg.norm(points[best] - face.landmarks[index], axis=1)
            assert apart.mean() < 0.07 * truth.height


def test_the_swap_changes_the_inside_of_its_mask_and_nothing_else(small_scene: Scene) -> None:
    for index in (2, 15):
        plain, swapped = small_scene.draw(index, swapped=False), small_scene.draw(index, swapped=True)
        mask = small_scene.swap_mask(index)
        reach = cv2.dilate(mask, np.ones((5, 5), dtype=np.uint8)) > 0
        changed = (plain != swapped).any(axis=2)
        assert changed[mask > 200].mean() > 0.7
        assert not changed[~reach].any()
        x0, y0, x1, y1 = small_scene.truth()[1].boxes[index].astype(int)
        assert (mask > 0)[y0:y1, x0:x1].sum() > 0.9 * (mask > 0).sum(), "the mask lies on the face"


def test_before_the_middle_nothing_is_swapped(small_scene: Scene) -> None:
    assert small_scene.settings.swap_from == 12
    assert (small_scene.draw(11) == small_scene.draw(11, swapped=False)).all()
    assert (small_scene.draw(12) == small_scene.draw(12, swapped=True)).all()
    assert (small_scene.draw(12) != small_scene.draw(12, swapped=False)).any()


def test_the_same_settings_give_the_same_pixels_and_file(clip: DemoClip, small_scene: Scene, tmp_path: Path) -> None:
    again = Scene(SceneSettings(width=640, height=360, fps=10, frames=24))
    other = Scene(SceneSettings(width=640, height=360, fps=10, frames=24, seed=8))
    for index in (20, 3):
        assert (again.draw(index) == small_scene.draw(index)).all()
        assert (other.draw(index) != small_scene.draw(index)).any()
    assert make_demo_clip(tmp_path / "b.mp4", **SMALL).truth.video_sha256 == clip.truth.video_sha256


@pytest.mark.parametrize("faces", [1, 4])
def test_other_numbers_of_faces(faces: int, tmp_path: Path) -> None:
    made = make_demo_clip(tmp_path / "c.mkv", seconds=0.4, width=640, height=360, fps=10, faces=faces)
    assert len(made.truth.faces) == faces
    assert sum(face.swapped is not None for face in made.truth.faces) == 1


def test_truth_reads_back(clip: DemoClip) -> None:
    read = load_truth(clip.path)
    for made, kept in zip(clip.truth.faces, read.faces, strict=True):
        assert np.abs(made.boxes - kept.boxes).max() < 0.011
        assert np.abs(made.landmarks - kept.landmarks).max() < 0.011
        assert (made.name, made.person, made.donor) == (kept.name, kept.person, kept.donor)
    assert read.credits == clip.truth.credits
    assert any("NASA" in line for line in read.credits)


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def frames():
        yield np.zeros((180, 320, 3), dtype=np.uint8)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_clip(tmp_path / "a.mp4", frames(), size=(320, 180), fps=10)
    assert list(tmp_path.iterdir()) == []

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_demo_clip(tmp_path / "a.mp4", **SMALL, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_changed_picture_stops_the_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), np.zeros((512, 512, 3), dtype=np.uint8))
    monkeypatch.setattr("unmask.training.synthesis.pictures.locate", lambda picture: other)
    with pytest.raises(PictureError, match="reinstall"):
        make_demo_clip(tmp_path / "a.mp4", **SMALL)
    assert list(tmp_path.iterdir()) == [other]


def test_the_cached_clip_is_made_once_and_again_when_damaged(
    clip: DemoClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def quick(path: Path, progress=None) -> DemoClip:
        made.append(path)
        return make_demo_clip(path, seconds=0.4, width=320, height=180, fps=10)

    monkeypatch.setattr(demo_clip, "make_demo_clip", quick)
    folder = tmp_path / "new" / "demo"
    first = ensure_demo_clip(folder)
    assert first.path.parent == folder
    assert ensure_demo_clip(folder).path == first.path
    assert len(made) == 1
    with first.path.open("r+b") as file:
        file.seek(500)
        file.write(b"damage")
    again = ensure_demo_clip(folder)
    assert len(made) == 2
    assert again.truth.video_sha256 == first.truth.video_sha256
    truth_path(again.path).write_text("{}")
    with pytest.raises(TruthError, match="make the clip again"):
        load_truth(again.path)
    ensure_demo_clip(folder)
    assert len(made) == 3
    assert sorted(path.name for path in folder.iterdir()) == sorted([first.path.name, truth_path(first.path).name])


def test_the_cache_goes_to_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name, appauthor=None: str(tmp_path / name))
    monkeypatch.setattr(demo_clip, "make_demo_clip", lambda path, progress=None: path)
    assert ensure_demo_clip().parent == tmp_path / "unmask" / "demo"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"faces": 3}, "1, 2 or 4 faces"),
        ({"width": 641}, "even numbers"),
        ({"height": 90}, "even numbers"),
        ({"seconds": 0}, "at most 3600"),
        ({"seconds": float("nan")}, "at most 3600"),
        ({"fps": 0}, "1 to 240"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        make_demo_clip(tmp_path / "a.mp4", **{**SMALL, **settings})
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_it_made_and_refuses_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = ["--seconds", "0.4", "--width", "320", "--height", "180", "--fps", "10"]
    assert main(["--out", str(tmp_path / "a.mp4"), *size]) == 0
    said = capsys.readouterr().out
    assert "synthetic: made by unmask" in said
    assert "Caller B: swapped from 0.2 to 0.4 s" in said
    assert json.loads(truth_path(tmp_path / "a.mp4").read_text())["version"] == 1
    for place in (tmp_path / "missing" / "a.mp4", tmp_path / "a.txt"):
        assert main(["--out", str(place), *size]) == 2
        refusal = capsys.readouterr().err
        assert refusal.count("\n") == 1
        assert str(place.name if place.suffix == ".txt" else place.parent) in refusal


def test_credits_name_both_pictures() -> None:
    assert "public domain" in people.ASTRONAUT_PICTURE.credit
    assert "insightface" in people.GROUP_PICTURE.credit
