"""Small real media files whose content is known."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import cv2

from unmask.realtime.types import FaceBox, Image


def write_video(path: Path, pictures: Iterable[Image], fps: int = 25) -> Path:
    """An H.264 file of BGR pictures of one size."""
    with av.open(str(path), "w") as container:
        stream = None
        for picture in pictures:
            if stream is None:
                stream = container.add_stream("libx264", rate=fps, options={"crf": "12", "preset": "ultrafast"})
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        assert stream is not None
        container.mux(stream.encode(None))
    return path


class ColourFinder:
    """Finds the red and blue "faces" that ``fakes.picture`` paints, wherever they are."""

    name = "colour"
    description = "a finder of coloured squares"

    def find(self, image: Image) -> list[FaceBox]:
        blurred = cv2.blur(image, (5, 5)).astype(int)
        boxes = []
        for this, other in ((2, 0), (0, 2)):
            mask = (blurred[..., this] - blurred[..., other] > 90).astype("uint8")
            for left, top, width, height, area in cv2.connectedComponentsWithStats(mask)[2][1:]:
                if area > 400:
                    boxes.append(FaceBox(left, top, left + width, top + height, 0.9))
        return boxes

    def close(self) -> None: ...
