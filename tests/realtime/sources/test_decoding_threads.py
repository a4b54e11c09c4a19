"""Converting a decoded frame: no thread per frame, the same pixels."""

from __future__ import annotations

import gc
from pathlib import Path

import av
import numpy as np
import pytest
from clips import write_video
from fakes import picture

from unmask.realtime.sources.decoding import to_bgr

TASKS = Path("/proc/self/task")


@pytest.mark.skipif(not TASKS.is_dir(), reason="threads are counted in Linux's /proc")
def test_a_converted_frame_leaves_no_thread_behind(tmp_path):
    clip = write_video(tmp_path / "clip.mp4", [picture(seed=number) for number in range(40)])
    with av.open(str(clip)) as container:
        frames = list(container.decode(video=0))
    gc.collect()
    gc.disable()
    try:
        before = sum(1 for _ in TASKS.iterdir())
        images = [to_bgr(frame, None) for frame in frames]
        after = sum(1 for _ in TASKS.iterdir())
    finally:
        gc.enable()
    assert after <= before
    expected = np.asarray(frames[7].to_ndarray(format="bgr24"))
    assert np.array_equal(images[7], expected)
