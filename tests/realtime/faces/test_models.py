from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from unmask.engines.errors import FaceModelError, UsageError
from unmask.realtime.faces import models

MODEL = np.random.default_rng(7).bytes(300_000)
SHA = hashlib.sha256(MODEL).hexdigest()


def archive_of(**members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


class Answers(ThreadingHTTPServer):
    """Sends ``body``; ``stated`` is the length it promises, ``status`` the code; counts the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.stated, self.status, self.asked = b"", None, 200, []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Answers

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(self.server.status)
        if self.server.stated != "none":
            self.send_header("Content-Length", str(self.server.stated or len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Answers]:
    answers = Answers()
    thread = threading.Thread(target=answers.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield answers
    answers.shutdown()
    thread.join()
    answers.server_close()


@pytest.fixture(autouse=True)
def small_pack(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    small = models.Pack("det_500m.onnx", SHA, "buffalo_sc.zip", 400_000)
    monkeypatch.setattr(models, "PACKS", {"buffalo_s": small, "buffalo_sc": small})
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    models.forget_failures()
    yield
    models.forget_failures()


@pytest.fixture
def fetch(server: Answers, tmp_path: Path) -> Callable[..., Path]:
    def fetch_it(**more: object) -> Path:
        return models.fetch_model("buffalo_s", folder=tmp_path / "cache", base_url=server.address, **more)

    return fetch_it


def leftovers(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "cache").rglob("*")]


@pytest.mark.parametrize("member", ["det_500m.onnx", "buffalo_sc/det_500m.onnx"])
def test_the_model_arrives_with_progress_and_alone(
    server: Answers, fetch: Callable[..., Path], tmp_path: Path, member: str
) -> None:
    server.body = archive_of(**{member: MODEL, "w600k.onnx": b"recognition"})
    steps: list[tuple[int, int | None]] = []
    path = fetch(progress=lambda arrived, total: steps.append((arrived, total)))
    assert path.read_bytes() == MODEL
    assert leftovers(tmp_path) == ["det_500m.onnx"]
    assert server.asked == ["/buffalo_sc.zip"]
    assert len(steps) > 2
    assert [arrived for arrived, _ in steps] == sorted(arrived for arrived, _ in steps)
    assert steps[-1] == (len(server.body), len(server.body))


def test_a_server_that_states_no_length_will_do(server: Answers, fetch: Callable[..., Path]) -> None:
    server.body, server.stated = archive_of(**{"det_500m.onnx": MODEL}), "none"
    totals: list[int | None] = []
    assert fetch(progress=lambda _, total: totals.append(total)).read_bytes() == MODEL
    assert set(totals) == {None}


def test_another_content_is_refused_by_its_checksum(
    server: Answers, fetch: Callable[..., Path], tmp_path: Path
) -> None:
    server.body = archive_of(**{"det_500m.onnx": MODEL[:-1] + b"x"})
    with pytest.raises(FaceModelError, match="checksum") as caught:
        fetch()
    assert not isinstance(caught.value, models.FaceModelUnreachable)
    assert leftovers(tmp_path) == []


def test_a_truncated_download_leaves_nothing(server: Answers, fetch: Callable[..., Path], tmp_path: Path) -> None:
    whole = archive_of(**{"det_500m.onnx": MODEL})
    server.body, server.stated = whole[:100_000], len(whole)
    with pytest.raises(models.FaceModelUnreachable, match=f"100000 of {len(whole)} bytes"):
        fetch()
    assert leftovers(tmp_path) == []


def test_an_interrupted_download_leaves_nothing(server: Answers, fetch: Callable[..., Path], tmp_path: Path) -> None:
    server.body = archive_of(**{"det_500m.onnx": MODEL})

    def press_ctrl_c(arrived: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(progress=press_ctrl_c)
    assert leftovers(tmp_path) == []
    assert fetch().read_bytes() == MODEL


@pytest.mark.parametrize(
    "body",
    [
        b"<html>please sign in</html>",
        archive_of(**{"../../det_500m.onnx": MODEL}),
        archive_of(**{"/det_500m.onnx": MODEL}),
        archive_of(**{"other/det_500m.onnx": MODEL}),
        archive_of(**{"det_500m.onnx": MODEL, "buffalo_sc/det_500m.onnx": MODEL}),
        archive_of(**{"det_500m.onnx": bytes(5_000_000)}),
        archive_of(**{"det_500m.onnx": MODEL}).replace(MODEL[1000:1010], b"0123456789"),
    ],
    ids=["no zip", "climbs", "absolute", "elsewhere", "twice", "bomb", "damaged"],
)
def test_a_hostile_archive_is_refused_and_writes_nowhere(
    server: Answers, fetch: Callable[..., Path], tmp_path: Path, body: bytes
) -> None:
    server.body = body
    with pytest.raises(FaceModelError, match="not the expected face model"):
        fetch()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_endless_answer_is_cut_off(
    server: Answers, fetch: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(models, "_LARGEST_ARCHIVE", 100_000)
    server.body = archive_of(**{"det_500m.onnx": MODEL})
    with pytest.raises(FaceModelError, match="more than any face model pack"):
        fetch()
    assert leftovers(tmp_path) == []


def test_without_a_server_one_sentence_names_the_address_and_the_way_out(
    server: Answers, fetch: Callable[..., Path]
) -> None:
    server.status = 404
    with pytest.raises(models.FaceModelUnreachable) as caught:
        fetch()
    message = str(caught.value)
    for part in (f"{server.address}/buffalo_sc.zip", "--face-model PATH", "UNMASK_FACE_MODEL", "404"):
        assert part in message
    assert "\n" not in message


def test_a_failed_address_is_not_asked_again_in_this_process(server: Answers, fetch: Callable[..., Path]) -> None:
    server.status = 503
    for _ in range(3):
        with pytest.raises(models.FaceModelUnreachable, match="503"):
            fetch()
    assert len(server.asked) == 1
    server.status, server.body = 200, archive_of(**{"det_500m.onnx": MODEL})
    models.forget_failures()
    assert fetch().read_bytes() == MODEL


def test_a_port_where_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(models.FaceModelUnreachable, match="cannot be fetched"):
        models.fetch_model("buffalo_s", folder=tmp_path, base_url="http://127.0.0.1:9")


def test_a_folder_that_cannot_be_made_is_named(server: Answers, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FaceModelError, match="cannot be kept in"):
        models.fetch_model("buffalo_s", folder=tmp_path / "file" / "cache", base_url=server.address)


def test_the_model_on_this_machine_is_used_when_its_checksum_matches(tmp_path: Path) -> None:
    home = tmp_path / "insightface"
    kept = home / "models" / "buffalo_sc" / "det_500m.onnx"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(MODEL[:1000])
    assert models.find_model("buffalo_s", folder=tmp_path / "none", insightface_home=home) is None
    kept.write_bytes(MODEL)
    assert models.find_model("buffalo_s", folder=tmp_path / "none", insightface_home=home) == kept


def test_an_unknown_pack_is_refused_with_the_names() -> None:
    with pytest.raises(UsageError, match="buffalo_s, buffalo_sc"):
        models.fetch_model("antelope")


def test_the_cache_is_the_users_own(own_user_folders: Path) -> None:
    assert models.cache_folder().name == "face-models"
    assert own_user_folders in models.cache_folder().parents
