"""Everything of ours that reads a file, with sound files to change and what must hold for any file at all.

The tests try a few hundred changed files of each kind, ``scripts/fuzz.py`` tries them for as long as it is told.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_history import changed_rows, check_history, check_history_rows
from hostile_files import changed_bytes, changed_json, sentence
from hypothesis import strategies as st
from sound_files import (
    SOUND_INDEX,
    SOUND_SETTINGS,
    sound_choice,
    sound_graphs,
    sound_history,
    sound_manifest,
    sound_notes,
    sound_pictures,
    sound_report,
    sound_zips,
)
from toy_package import build_toy_package, rehash

from unmask.engines.errors import PackageError, SourceError, UnmaskError, UsageError

Check = Callable[[bytes, Path], None]


@dataclass(frozen=True, slots=True)
class Target:
    """``sound`` are files to change, ``data`` changed ones; ``check`` reads one with a folder of its own and raises
    where anything but a result or a sentence comes of it."""

    sound: Callable[[], list[bytes]]
    data: Callable[[], st.SearchStrategy[bytes]]
    check: Check


def of_json(valid: Callable[[], Any], check: Check) -> Target:
    return Target(lambda: [json.dumps(valid()).encode()], lambda: changed_json(valid()), check)


def of_bytes(sound: Callable[[], list[bytes]], check: Check, most: int = 6) -> Target:
    return Target(sound, lambda: changed_bytes(sound(), most), check)


def check_picture(raw: bytes, folder: Path) -> None:
    from unmask.realtime.sources.decoding import MAX_PIXELS
    from unmask.realtime.sources.images import decode_image

    try:
        image, count = decode_image(raw, "a.png")
    except SourceError as error:
        sentence(error)
        return
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert 0 < image.shape[0] * image.shape[1] <= MAX_PIXELS
    assert image.flags.c_contiguous
    assert count is None or count >= 1


def check_zip(raw: bytes, folder: Path) -> None:
    from unmask.realtime.scan.items import expand
    from unmask.realtime.sources.archive import ArchiveSource
    from unmask.realtime.sources.registry import SourceOptions

    path = folder / "a.zip"
    path.write_bytes(raw)
    with own_temporary(folder):
        for item in expand([str(path)], SourceOptions()):
            if item.make is None:
                sentence(item.error)
            else:
                _look_at(item.make())
        _look_at(ArchiveSource("zip", path))


def _look_at(source: Any, most: int = 4) -> None:
    try:
        source.open()
        while most and source.read() is not None:
            most -= 1
    except UnmaskError as error:
        sentence(error)
    finally:
        source.close()


@contextlib.contextmanager
def own_temporary(folder: Path) -> Iterator[None]:
    """A folder for temporary files; afterwards it must be empty."""
    place = folder / "temporary"
    place.mkdir(exist_ok=True)
    before, tempfile.tempdir = tempfile.tempdir, str(place)
    try:
        yield
    finally:
        tempfile.tempdir = before
    assert list(place.iterdir()) == []


def changed_videos() -> st.SearchStrategy[bytes]:
    """By seed, which reaches far, and by single bytes, which hypothesis can make smaller."""
    from hostile_videos import KINDS, mutated, small

    return st.one_of(st.integers(0, 1 << 62).map(mutated), changed_bytes([small(kind) for kind in KINDS]))


def small_videos() -> list[bytes]:
    from hostile_videos import KINDS, small

    return [small(kind) for kind in KINDS]


def check_video(raw: bytes, folder: Path) -> None:
    from hostile_videos import left_open, watch_one

    path = folder / "a.video"
    path.write_bytes(raw)
    watch_one(path)
    assert left_open(folder) == []


def check_manifest(raw: bytes, folder: Path) -> None:
    from unmask.cli.main import main
    from unmask.engines.package import load_package, read_manifest

    package = folder / "toy"
    if not package.exists():
        build_toy_package(package)
    (package / "detector.json").write_bytes(raw)
    try:
        read_manifest(package)
    except PackageError as error:
        sentence(error)
    else:
        with contextlib.redirect_stdout(io.StringIO()) as said:
            assert main(["detectors", "show", str(package)]) == 0
        assert "\x1b" not in said.getvalue()
    with contextlib.suppress(PackageError):
        load_package(package)


def check_graph_file(raw: bytes, folder: Path) -> None:
    from unmask.engines.package import load_package

    package = folder / "toy"
    build_toy_package(package)
    (package / "encoder.onnx").write_bytes(raw)
    rehash(package)
    try:
        load_package(package)
    except PackageError as error:
        sentence(error)


def check_settings(raw: bytes, folder: Path) -> None:
    from unmask.gui.settings.preferences import Preferences
    from unmask.gui.settings.table import TABLE, checked

    place = folder / "settings"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    path = place / "unmask.ini"
    path.write_bytes(raw)
    preferences = Preferences(path)
    for setting in TABLE:
        assert checked(setting, preferences.value(setting.key)) == preferences.value(setting.key)
    assert preferences.problem.isprintable()
    failed: list[str] = []
    preferences.failed.connect(failed.append)
    preferences.set("view/theme", "light" if preferences.value("view/theme") == "dark" else "dark")
    preferences.save()
    assert failed == []
    again = Preferences(path)
    assert again.problem == ""
    assert again.value("view/theme") == preferences.value("view/theme")


def check_report(raw: bytes, folder: Path) -> None:
    from unmask.benchmarks.compare import compare
    from unmask.benchmarks.goals import goals, goals_table
    from unmask.benchmarks.report import Report, load_report

    path = folder / "latency.json"
    path.write_bytes(raw)
    try:
        report = load_report(path)
    except UsageError as error:
        sentence(error)
        return
    words = report.as_markdown() + goals_table(goals(dict.fromkeys(("latency", "pipeline", "window", "soak"), report)))
    assert all(letter.isprintable() or letter == "\n" for letter in words)
    sound = Report.from_json(json.dumps(sound_report()), "sound")
    for one, other in ((report, sound), (sound, report)):
        try:
            compare(one, other).as_markdown()
        except UsageError as error:
            sentence(error)


def check_choice(raw: bytes, folder: Path) -> None:
    from unmask.engines.choice import _pick
    from unmask.engines.choice_memory import recall

    path = folder / "choice.json"
    path.write_bytes(raw)
    found = recall(path, {"model": "aa"}, ["ort-cpu", "fast"])
    assert bool(found.rows) != bool(found.problem)
    assert found.problem.isprintable()
    if found.rows:
        assert _pick(found.rows, "now").reason.isprintable()


def check_built(raw: bytes, folder: Path) -> None:
    from unmask.engines.built_cache import BuiltCache, BuiltKey

    cache = BuiltCache("plans", folder)
    key = BuiltKey("a.onnx", (("model", "aa"), ("TensorRT", "11")))
    stored = cache.store(key, b"plan", {"layers": "fp16"})
    stored.with_suffix(".json").write_bytes(raw)
    found = cache.find(key)
    assert (found.payload is None) == bool(found.reason)
    assert found.payload in (None, b"plan")
    assert found.reason.isprintable()
    cache.prune()
    cache.store(key, b"anew")
    assert cache.find(key).payload == b"anew"
    shutil.rmtree(cache.folder)


def check_index(raw: bytes, folder: Path) -> None:
    from unmask.training.data.dfdc import DataError
    from unmask.training.prepare.index import keys_of_videos, read_prepared

    (folder / "index.csv").write_bytes(raw)
    try:
        crops = read_prepared(folder)
    except DataError:
        return
    list(keys_of_videos(crops))


TARGETS: dict[str, Target] = {
    "manifest": of_json(sound_manifest, check_manifest),
    "graph": of_bytes(sound_graphs, check_graph_file),
    "settings": of_bytes(lambda: list(SOUND_SETTINGS), check_settings),
    "zip": of_bytes(sound_zips, check_zip),
    "picture": of_bytes(lambda: list(sound_pictures().values()), check_picture),
    "video": Target(small_videos, changed_videos, check_video),
    "history": of_bytes(lambda: [sound_history()], check_history, 30),
    "history-rows": Target(lambda: [b'[["entries", "at", 1.5]]'], changed_rows, check_history_rows),
    "report": of_json(sound_report, check_report),
    "choice": of_json(sound_choice, check_choice),
    "built": of_json(sound_notes, check_built),
    "index": of_bytes(lambda: [SOUND_INDEX], check_index),
}


def try_some(name: str, folder: Path, examples: int) -> None:
    """The same ``examples`` changed files of ``name`` each time."""
    from hypothesis import HealthCheck, given, settings

    target = TARGETS[name]

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list[Any](HealthCheck),
    )
    @given(target.data())
    def run(raw: bytes) -> None:
        target.check(raw, folder)

    run()
