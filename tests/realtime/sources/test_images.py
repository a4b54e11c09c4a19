"""Pictures of every mode, and folders of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from unmask.engines.errors import SourceError
from unmask.realtime.sources import images
from unmask.realtime.sources.images import FolderSource, ImageSource, decode_image, natural_key


def save(path, picture, **how):
    picture.save(path, **how)
    return path


def only_frame(path):
    source = ImageSource(str(path), path)
    info = source.open()
    frame = source.read()
    assert source.read() is None
    assert (info.kind, info.live, info.frame_count) == ("image", False, 1)
    assert (info.width, info.height) == (frame.width, frame.height)
    assert frame.image.flags.c_contiguous
    assert frame.image.dtype == np.uint8
    return frame.image


def test_colours_come_as_bgr(tmp_path):
    image = only_frame(save(tmp_path / "a.png", Image.new("RGB", (8, 4), (10, 20, 30))))
    assert image.shape == (4, 8, 3)
    assert image[0, 0].tolist() == [30, 20, 10]


def test_exif_rotation_is_honoured(tmp_path):
    picture = Image.new("RGB", (40, 20), (0, 0, 255))
    picture.paste((255, 0, 0), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    image = only_frame(save(tmp_path / "a.png", picture, exif=exif))
    assert image.shape == (40, 20, 3)
    assert image[2, 10].tolist() == [0, 0, 255]
    assert image[38, 10].tolist() == [255, 0, 0]


def test_deep_grey_keeps_its_brightness(tmp_path):
    deep = np.full((4, 4), 0x80FF, np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), deep)
    assert only_frame(tmp_path / "a.png")[0, 0].tolist() == [0x80] * 3


def test_deep_colour_keeps_its_brightness(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((4, 4, 3), (0x1000, 0x8000, 0xF000), np.uint16))
    assert only_frame(tmp_path / "a.png")[0, 0].tolist() == pytest.approx([0x10, 0x80, 0xF0], abs=1)


def test_transparency_lies_over_white(tmp_path):
    picture = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    picture.putpixel((1, 0), (0, 0, 0, 255))
    image = only_frame(save(tmp_path / "a.png", picture))
    assert image[0].tolist() == [[255] * 3, [0] * 3]


@pytest.mark.parametrize(
    ("mode", "colour", "want"),
    [("L", 77, [77] * 3), ("1", 1, [255] * 3), ("CMYK", (0, 255, 255, 0), [0, 0, 255])],
)
def test_other_modes(tmp_path, mode, colour, want):
    image = only_frame(save(tmp_path / "a.tif", Image.new(mode, (8, 8), colour)))
    assert np.abs(image[0, 0].astype(int) - want).max() <= 4


def test_of_an_animation_the_first_picture_counts_and_that_is_said(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    path = save(tmp_path / "a.webp", frames[0], save_all=True, append_images=frames[1:], lossless=True)
    source = ImageSource("a", path)
    assert "first of 2" in source.open().description
    assert source.read().image[0, 0].tolist() == [0, 0, 255]


def test_bad_pictures_are_refused_by_name(tmp_path, monkeypatch):
    whole = save(tmp_path / "whole.png", Image.effect_noise((64, 64), 50))
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:1000])
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.png").touch()
    for name in ("cut.png", "text.jpg", "empty.png", "absent.png"):
        with pytest.raises(SourceError, match=name):
            ImageSource(name, tmp_path / name).open()
    monkeypatch.setattr(images, "MAX_PIXELS", 64 * 64 - 1)
    with pytest.raises(SourceError, match="too large"):
        decode_image(whole, "whole.png")


def test_whatever_a_decoder_raises_becomes_a_sentence_that_names_the_picture(tmp_path):
    """Pillow's plugins raise what they please: RuntimeError from AVIF, TypeError from a TIFF without a width."""
    whole = save(tmp_path / "whole.avif", Image.effect_noise((32, 24), 50).convert("RGB")).read_bytes()
    place = whole.index(b"av01") + 3
    (tmp_path / "a.avif").write_bytes(whole[:place] + b"X" + whole[place + 1 :])
    tiff = bytearray(save(tmp_path / "a.tif", Image.new("L", (8, 8))).read_bytes())
    tag = tiff.index((256).to_bytes(2, "little"), 8)
    tiff[tag : tag + 2] = (250).to_bytes(2, "little")
    (tmp_path / "a.tif").write_bytes(tiff)
    save(tmp_path / "float.tif", Image.new("F", (8, 8)))
    for name in ("a.avif", "a.tif", "float.tif"):
        with pytest.raises(SourceError, match=rf"^{name} .*(again|convert)"):
            ImageSource(name, tmp_path / name).open()


def test_a_huge_claim_is_refused_without_decoding(tmp_path):
    """A BMP header that claims 60,000 x 60,000 pixels."""
    good = save(tmp_path / "a.bmp", Image.new("RGB", (4, 4)))
    data = bytearray(good.read_bytes())
    data[18:26] = (60_000).to_bytes(4, "little") * 2
    good.write_bytes(data)
    with pytest.raises(SourceError, match="too large"):
        ImageSource("a", good).open()


def test_natural_order():
    names = ["f10.png", "f2.png", "F1.png", "a.png", "10.png", "9.png"]
    assert sorted(names, key=natural_key) == ["9.png", "10.png", "a.png", "F1.png", "f2.png", "f10.png"]


def test_a_folder_is_a_sequence(tmp_path):
    for number in (10, 2, 1):
        save(tmp_path / f"f{number}.png", Image.new("RGB", (8, 8), (number, 0, 0)))
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".hidden.png").write_text("x")
    source = FolderSource("folder", tmp_path, fps=10)
    info = source.open()
    assert (info.kind, info.frame_count, info.fps, info.duration_s) == ("folder", 3, 10, pytest.approx(0.3))
    frames = [source.read() for _ in range(3)]
    assert [int(frame.image[0, 0, 2]) for frame in frames] == [1, 2, 10]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.1, 0.2])
    assert source.read() is None


def test_a_folder_without_pictures_or_with_a_bad_one(tmp_path):
    with pytest.raises(SourceError, match="no pictures"):
        FolderSource("folder", tmp_path).open()
    save(tmp_path / "a.png", Image.new("RGB", (8, 8)))
    (tmp_path / "b.png").write_text("x")
    source = FolderSource("folder", tmp_path)
    source.open()
    source.read()
    with pytest.raises(SourceError, match=r"b\.png"):
        source.read()
