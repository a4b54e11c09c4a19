"""The cache of built engines: nothing is used that does not fit, and what does not fit is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from unmask.engines import built_cache
from unmask.engines.built_cache import BuiltCache, BuiltKey, differences
from unmask.engines.errors import EngineError
from unmask.engines.file_lock import locked

KEY = BuiltKey("models/a.onnx", (("model", "aa"), ("TensorRT", "10.16.1"), ("GPU", "H100"), ("driver", "CUDA 13.0")))


def changed(key: BuiltKey = KEY, label: str | None = None, **fields: str) -> BuiltKey:
    pairs = tuple((name, fields.get(name, value)) for name, value in key.fields)
    return replace(key, fields=pairs, label=label or key.label)


@pytest.fixture
def cache(tmp_path: Path) -> BuiltCache:
    return BuiltCache("plans", tmp_path)


def test_what_was_stored_is_found_with_its_notes(cache: BuiltCache) -> None:
    cache.store(KEY, b"plan", {"layers": "fp16"})
    found = cache.find(KEY)
    assert (found.payload, found.notes, found.reason) == (b"plan", {"layers": "fp16"}, "")


def test_nothing_there_is_said_so(cache: BuiltCache) -> None:
    assert cache.find(KEY).payload is None
    assert cache.find(KEY).reason == "none has been built here yet"


def test_every_field_counts_and_a_difference_is_named(cache: BuiltCache) -> None:
    cache.store(KEY, b"plan")
    for name, value in KEY.fields:
        found = cache.find(changed(**{name: "other"}))
        assert found.payload is None
        assert found.reason == f"{name} {value} is now other"
    both = cache.find(changed(TensorRT="11.4.0", driver="CUDA 13.1")).reason
    assert both == "TensorRT 10.16.1 is now 11.4.0; driver CUDA 13.0 is now CUDA 13.1"


def test_the_nearest_entry_is_the_one_compared(cache: BuiltCache) -> None:
    cache.store(KEY, b"plan")
    cache.store(changed(TensorRT="9", GPU="T4", driver="CUDA 11.8"), b"plan")
    assert cache.find(changed(driver="CUDA 14.0")).reason == "driver CUDA 13.0 is now CUDA 14.0"


def test_another_model_is_no_stale_plan(cache: BuiltCache) -> None:
    cache.store(KEY, b"plan")
    assert cache.find(changed(label="models/b.onnx", model="bb")).reason == "none has been built here yet"


def test_fields_that_came_or_went_are_named() -> None:
    assert differences({"a": "1"}, {"b": "2"}) == ["b not recorded is now 2", "a 1 is now not recorded"]


@pytest.mark.parametrize("damage", [b"", b"plaN", b"plan and more"])
def test_a_damaged_payload_is_named_and_not_used(cache: BuiltCache, damage: bytes) -> None:
    path = cache.store(KEY, b"plan")
    path.write_bytes(damage)
    found = cache.find(KEY)
    assert found.payload is None
    assert found.reason == f"{path} is damaged (its checksum differs)"
    cache.store(KEY, b"anew")
    assert cache.find(KEY).payload == b"anew"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 99}', "\xff"])
def test_broken_notes_are_no_entry(cache: BuiltCache, text: str) -> None:
    path = cache.store(KEY, b"plan")
    path.with_suffix(".json").write_text(text, encoding="latin-1")
    assert cache.find(KEY).payload is None
    cache.store(KEY, b"anew")
    assert cache.find(KEY).payload == b"anew"


def test_notes_of_another_key_under_this_name_are_named(cache: BuiltCache) -> None:
    notes = cache.store(KEY, b"plan").with_suffix(".json")
    record = json.loads(notes.read_text())
    record["fields"]["GPU"] = "T4"
    notes.write_text(json.dumps(record))
    assert cache.find(KEY).reason == "GPU T4 is now H100"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has other file rights")
def test_a_plan_that_others_could_have_written_is_not_used(cache: BuiltCache) -> None:
    path = cache.store(KEY, b"plan")
    path.chmod(0o666)
    found = cache.find(KEY)
    assert found.payload is None
    assert "somebody else" in found.reason


def test_a_broken_off_write_leaves_the_old_entry(cache: BuiltCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.store(KEY, b"old")

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(built_cache.os, "replace", full)
        with pytest.raises(EngineError, match=r"No space left on device.*free some space there"):
            cache.store(KEY, b"new")
    assert cache.find(KEY).payload == b"old"
    assert not list(cache.folder.glob("*.part"))


def test_the_size_is_bounded_and_the_longest_unused_goes(tmp_path: Path) -> None:
    cache = BuiltCache("plans", tmp_path, max_bytes=250)
    keys = [changed(label=f"{name}.onnx", model=name) for name in ("a", "b", "c")]
    for age, key in zip((300, 200), keys, strict=False):
        path = cache.store(key, bytes(100))
        os.utime(path, (time.time() - age,) * 2)
    assert cache.find(keys[0]).payload is not None  # used: now the newer of the two
    cache.store(keys[2], bytes(100))
    assert [cache.find(key).payload is not None for key in keys] == [True, False, True]
    assert not cache.folder.joinpath(f"{keys[1].digest}.json").exists()


def test_one_entry_larger_than_the_bound_is_kept(tmp_path: Path) -> None:
    cache = BuiltCache("plans", tmp_path, max_bytes=10)
    cache.store(KEY, bytes(100))
    assert cache.find(KEY).payload is not None


def test_a_changed_model_takes_its_old_plans_away_but_not_another_version_of_the_runtime(cache: BuiltCache) -> None:
    cache.store(KEY, b"old")
    other_runtime = changed(TensorRT="11.4.0")
    cache.store(other_runtime, b"eleven")
    assert cache.find(KEY).payload == b"old"
    cache.store(changed(model="bb"), b"new")
    assert cache.find(KEY).payload is None
    assert cache.find(other_runtime).payload is None
    assert cache.find(changed(model="bb")).payload == b"new"


def test_what_a_crash_left_behind_goes_after_a_day(cache: BuiltCache) -> None:
    cache.store(KEY, b"plan")
    old, young = cache.folder / "x.part", cache.folder / "y.part"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 48 * 3600,) * 2)
    cache.prune()
    assert (old.exists(), young.exists()) == (False, True)
    assert cache.find(KEY).payload == b"plan"


@pytest.mark.parametrize(("hours", "stays"), [(23, True), (25, False)])
@pytest.mark.parametrize("name", ["x.part", "x.bin", "x.json"])
def test_a_day_is_the_limit_for_each_kind_of_leftover(cache: BuiltCache, name: str, hours: float, stays: bool) -> None:
    cache.store(KEY, b"plan")
    left = cache.folder / name
    left.write_bytes(b"{")
    os.utime(left, (time.time() - hours * 3600,) * 2)
    cache.prune()
    assert left.exists() == stays
    assert cache.find(KEY).payload == b"plan"


def test_entries_that_fill_the_bound_exactly_stay(tmp_path: Path) -> None:
    cache = BuiltCache("plans", tmp_path, max_bytes=200)
    keys = [changed(label=f"{name}.onnx", model=name) for name in ("a", "b")]
    for key in keys:
        cache.store(key, bytes(100))
    assert [cache.find(key).payload is not None for key in keys] == [True, True]
    cache.prune()
    assert [cache.find(key).payload is not None for key in keys] == [True, True]


def test_it_lies_in_the_users_cache_and_only_they_get_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name != "posix":
        pytest.skip("Windows and its rights are otherwise")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "new" / "cache"))
    cache = BuiltCache("plans")
    path = cache.store(KEY, b"plan")
    assert path.parent == cache.folder == tmp_path / "new" / "cache" / "unmask" / "engines" / "plans"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o077 == 0


def test_what_is_being_written_has_a_name_that_is_cleared_away(
    cache: BuiltCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    move = os.replace
    monkeypatch.setattr(built_cache.os, "replace", lambda old, new: (names.append(str(old)), move(old, new)))
    cache.store(KEY, b"plan")
    assert [Path(name).suffix for name in names] == [".part", ".part"]
    assert {Path(name).parent for name in names} == {cache.folder}


@pytest.mark.parametrize(
    "change", [{"format": 2}, {"fields": {"model": "aa", "GPU": 7}}, {"notes": []}, {"sha256": None}]
)
def test_notes_of_another_shape_are_no_entry(cache: BuiltCache, change: dict[str, object]) -> None:
    notes = cache.store(KEY, b"plan").with_suffix(".json")
    notes.write_text(json.dumps(json.loads(notes.read_text()) | change))
    assert cache.find(KEY).reason == "none has been built here yet"


def test_notes_may_be_as_long_as_a_mebibyte(cache: BuiltCache) -> None:
    notes = cache.store(KEY, b"plan").with_suffix(".json")
    raw = notes.read_bytes()
    notes.write_bytes(raw + b" " * ((1 << 20) - len(raw)))
    assert cache.find(KEY).payload == b"plan"
    notes.write_bytes(raw + b" " * ((1 << 20) + 1 - len(raw)))
    assert cache.find(KEY).payload is None


def test_pruning_tells_what_went(tmp_path: Path) -> None:
    roomy = BuiltCache("plans", tmp_path)
    paths = [roomy.store(changed(label=name, model=name), bytes(100)) for name in ("a", "b")]
    assert roomy.prune() == []
    assert sorted(BuiltCache("plans", tmp_path, max_bytes=10).prune()) == sorted(paths)
    assert list(roomy.folder.glob("*.*")) == []


def test_its_lock_tells_who_waits(cache: BuiltCache) -> None:
    def enough() -> None:
        raise KeyboardInterrupt

    with cache.locked(KEY), pytest.raises(KeyboardInterrupt), cache.locked(KEY, waiting=enough):
        pytest.fail("two hold one lock")


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = BuiltCache("plans", tmp_path / "file")
    assert cache.find(KEY).payload is None
    with pytest.raises(EngineError, match="make its folder yours"):
        cache.store(KEY, b"plan")
    with pytest.raises(EngineError, match=r"lock .* cannot be made"), cache.locked(KEY):
        pass


def test_threads_hold_the_lock_one_after_another(cache: BuiltCache) -> None:
    inside, most = 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        with cache.locked(KEY):
            with guard:
                inside += 1
                most = max(most, inside)
            time.sleep(0.02)
            with guard:
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == 1
    assert not any(thread.is_alive() for thread in threads)


HOLDER = """
import sys, time
from pathlib import Path
from unmask.engines.file_lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_another_process_is_waited_for_and_its_death_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    waits: list[int] = []

    def waiting() -> None:
        waits.append(1)
        if len(waits) == 2:
            holder.kill()

    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with locked(path, waiting=waiting):
            assert len(waits) >= 2
    finally:
        holder.kill()
        holder.communicate()


def test_waiting_can_be_given_up(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"

    def enough() -> None:
        raise KeyboardInterrupt

    with locked(path), pytest.raises(KeyboardInterrupt), locked(path, waiting=enough):
        pytest.fail("two hold one lock")
    with locked(path):
        pass
