"""Sound files of every kind that is read, small: what hostile ones are made of."""

from __future__ import annotations

import functools
import io
import json
import sqlite3
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from history import add_scan, add_session
from PIL import Image
from toy_package import build_toy_package

from unmask.realtime.types import Verdict


@functools.cache
def sound_pictures() -> dict[str, bytes]:
    """A small picture in every format and kind that is read."""
    noise = np.random.default_rng(3).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    colour = Image.fromarray(noise)
    clear = Image.fromarray(np.dstack([noise, noise[..., 0]]), "RGBA")
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera"
    kinds: dict[str, tuple[Image.Image, dict[str, Any]]] = {
        "png": (colour, {"format": "png"}),
        "clear png": (clear, {"format": "png"}),
        "palette png": (colour.quantize(16), {"format": "png", "transparency": 3}),
        "moving png": (colour, {"format": "png", "save_all": True, "append_images": [clear.convert("RGB")]}),
        "turned jpeg": (colour, {"format": "jpeg", "exif": exif}),
        "progressive jpeg": (colour, {"format": "jpeg", "progressive": True}),
        "cmyk jpeg": (colour.convert("CMYK"), {"format": "jpeg"}),
        "grey jpeg": (colour.convert("L"), {"format": "jpeg"}),
        "webp": (clear, {"format": "webp", "lossless": True, "exif": exif}),
        "moving webp": (colour, {"format": "webp", "save_all": True, "append_images": [clear]}),
        "moving gif": (colour.quantize(8), {"format": "gif", "save_all": True, "append_images": [colour.quantize(4)]}),
        "bmp": (colour, {"format": "bmp"}),
        "tiff": (colour, {"format": "tiff", "compression": "tiff_lzw", "exif": exif}),
        "deflated tiff": (colour.convert("CMYK"), {"format": "tiff", "compression": "tiff_adobe_deflate"}),
        "tiff of two": (colour, {"format": "tiff", "save_all": True, "append_images": [clear]}),
        "ppm": (colour, {"format": "ppm"}),
        "jpeg 2000": (colour, {"format": "jpeg2000"}),
        "avif": (colour, {"format": "avif"}),
        "photo of two": (colour, {"format": "mpo", "save_all": True, "append_images": [colour]}),
    }
    made = {name: _saved(picture, options) for name, (picture, options) in kinds.items()}
    made["deep png"] = cv2.imencode(".png", noise.astype(np.uint16) * 257)[1].tobytes()
    made["deep grey png"] = cv2.imencode(".png", noise[..., 0].astype(np.uint16) * 200)[1].tobytes()
    return made


def _saved(picture: Image.Image, options: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    picture.save(out, **options)
    return out.getvalue()


@functools.cache
def sound_zips() -> list[bytes]:
    found = []
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", compression) as archive:
            for number, name in enumerate(("png", "turned jpeg", "moving gif")):
                archive.writestr(f"deep/ü{number}.png", sound_pictures()[name])
            archive.writestr("notes.txt", "nothing")
            archive.comment = b"made for tests"
        found.append(out.getvalue())
    return found


@functools.cache
def sound_manifest() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return json.loads((build_toy_package(Path(folder)) / "detector.json").read_text())


@functools.cache
def sound_graphs() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        package = build_toy_package(Path(folder))
        return [(package / name).read_bytes() for name in ("encoder.onnx", "head.onnx")]


SOUND_SETTINGS = (
    b'[alerts]\nflash=false\nsnooze_minutes=25\n\n[program]\nsources="[\\"camera:0\\", \\"a\\xfc\\"]"\nlanguage=de\n',
    b"[monitor]\nalarms_per_hour=0.01\ncpu=1.5\ndetector=@@x\n[view]\ntheme=dark\nlandmarks=true\n[future]\nx=a, b;c\n",
    b'[window]\ngeometry=AdnQywADAAA=\nstate=AAAA/wAAAAD9AAAAAA==\n; a note\n[overlay]\nmode=pill\npill_place="3,4"\n',
)


@functools.cache
def sound_history() -> bytes:
    from unmask.realtime.history.store import History

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.sqlite"
        with History(path) as history:
            add_session(history, alarms=2)
            event = history.record(1).events[0]  # pyright: ignore[reportAttributeAccessIssue]
            history.put_picture(event.event_id, 1.0, 0.9, b"\xff\xd8picture" * 20)
            for number in range(4):
                add_scan(history, f"/videos/{number}.mp4", verdict=list(Verdict)[number % 3])
            face = {
                "track": 1, "first_s": 0.0, "last_s": 3.0, "verdict": "signs_of_manipulation", "score": 0.8,
                "events": [{"start_s": 1.0, "end_s": None}],
            }  # fmt: skip
            finding = json.dumps({"frames_analysed": 40, "duration_s": 3.0, "faces": [face]})
            history._connection.execute("UPDATE scans SET finding = ? WHERE id = 3", (finding,))
        _emptied(path)
        return path.read_bytes()


def _emptied(path: Path) -> None:
    """All of it in the one file: no log beside it."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    connection.close()


@functools.cache
def sound_report() -> dict[str, Any]:
    from unmask.benchmarks.report import Line, Plot, Report, Row

    subject = {
        "detector": "toy", "version": "1", "precision": "fp32", "encoder_sha256": "ab" * 32, "engine": "ort-cpu",
        "provider": "CPUExecutionProvider", "faces": "scripted", "input_size": 224, "engine_threads": 1,
        "variants": {"int8": {"speed_ratio": 1.7, "auroc_difference": -0.002}},
        "clips": [{"name": "a.mp4", "sha256": "ab"}],
    }  # fmt: skip
    host = {
        "processor": "one", "cores": 2, "memory_gib": 4.0, "system": "Linux", "gpu": "none", "python": "3.11",
        "versions": {"numpy": "2"}, "load_before": [0.1, 0.2, 0.3], "others_cores": 0.01,
    }  # fmt: skip
    rows = (
        Row("720p, 1 face", {"score_p99_ms": 4.0, "score_p99_ms_low": 3.0, "score_p99_ms_high": 5.0, "jitter": 1.2}),
        Row("other", {"repeats": 3, "spread": 0.1, "stable": False, "cores": 0.2, "note": "a | b"}),
        Row("absent", {"why_not": "it is not installed"}),
    )
    plots = (Plot("p", "a plot", "x", "y", [Line("a", [1.0, 2.0], [3.0, 4.0])]),)
    settings = {"effort": {"frames": 3, "quick": True}, "minutes": 60}
    made = Report("latency", "The latency", "unmask bench latency", host, subject, settings, rows, ("A note.",), plots)
    return json.loads(made.as_json())


@functools.cache
def sound_choice() -> dict[str, Any]:
    rows = [
        {"engine": "ort-cpu", "wall_ms": 10.0, "cpu_ms": 10.0, "difference": None, "problem": ""},
        {"engine": "fast", "wall_ms": 4.0, "cpu_ms": 4.0, "difference": 0.001, "problem": ""},
    ]
    return {"format": 1, "when": "2031-01-31", "key": {"model": "aa"}, "rows": rows}


@functools.cache
def sound_notes() -> dict[str, Any]:
    from unmask.engines.built_cache import BuiltCache, BuiltKey

    with tempfile.TemporaryDirectory() as folder:
        key = BuiltKey("a.onnx", (("model", "aa"), ("TensorRT", "11")))
        stored = BuiltCache("plans", Path(folder)).store(key, b"plan", {"layers": "fp16"})
        return json.loads(stored.with_suffix(".json").read_text())


SOUND_INDEX = (
    b"key,label,original,source_width,source_height,identity_group,split,frame_time_s,face_confidence,margin,box,landmarks\n"
    b"a,real,,640,480,anna,train,0.5,0.99,2.0,10 10 90 90,1 2 3 4 5 6 7 8 9 10\n"
    b'"b, c",fake,a,640,480,bert,val,1.5,0.8,2.0,10.5 10 90 90,\n'
)
