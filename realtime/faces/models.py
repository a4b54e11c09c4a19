"""InsightFace's detector files: where they lie on this machine, and fetching one when it is asked for."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import ssl
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from unmask.engines.errors import FaceModelError, UsageError

RELEASE = "https://github.com/deepinsight/insightface/releases/download/v0.7"
LICENCE = "InsightFace's weights are for non-commercial research"

Progress = Callable[[int, int | None], None]
"""Called with the bytes that have arrived and the total, ``None`` where the server does not say."""

_TIMEOUT_S = 5.0
_CHUNK = 1 << 16
_LARGEST_ARCHIVE = 400 << 20

_failed: dict[str, str] = {}


class FaceModelUnreachable(FaceModelError):
    """The model is not on this machine and the network does not give it."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack's detector: the file and its SHA-256, and the smallest archive that holds this very file."""

    file: str
    sha256: str
    archive: str
    largest_bytes: int


# buffalo_s and buffalo_sc share their detector; the archive of the second is an eighth of the first.
_DET_500M = Pack(
    "det_500m.onnx",
    "5e4447f50245bbd7966bd6c0fa52938c61474a04ec7def48753668a9d8b4ea3a",
    "buffalo_sc.zip",
    8 << 20,
)
PACKS = {
    "buffalo_s": _DET_500M,
    "buffalo_sc": _DET_500M,
    "buffalo_m": Pack(
        "det_2.5g.onnx",
        "041f73f47371333d1d17a6fee6c8ab4e6aecabefe398ff32cca4e2d5eaee0af9",
        "buffalo_m.zip",
        8 << 20,
    ),
    "buffalo_l": Pack(
        "det_10g.onnx",
        "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91",
        "buffalo_l.zip",
        32 << 20,
    ),
}


def pack_named(name: str) -> Pack:
    """Raises ``UsageError`` for a name that is not in ``PACKS``."""
    if name not in PACKS:
        raise UsageError(f"There is no face model pack {name!r}; choose one of {', '.join(PACKS)}.")
    return PACKS[name]


def cache_folder() -> Path:
    """Where fetched models are kept: ``face-models`` in the user's cache folder of unmask."""
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("unmask", appauthor=False)) / "face-models"


def find_model(name: str, *, folder: Path | None = None, insightface_home: Path | None = None) -> Path | None:
    """The pack's detector on this machine, from our cache or from where InsightFace keeps its packs.

    ``None`` where there is none. A file with another checksum is passed over: it may be half a
    download of another program, and scores must not depend on that.
    """
    pack = pack_named(name)
    home = insightface_home or Path.home() / ".insightface"
    shared = [other for other, offered in PACKS.items() if offered is pack]
    candidates = [(folder or cache_folder()) / pack.file]
    candidates += [home / "models" / other / pack.file for other in shared]
    return next((path for path in candidates if path.is_file() and _sha256(path) == pack.sha256), None)


def fetch_model(
    name: str, *, folder: Path | None = None, base_url: str = RELEASE, progress: Progress | None = None
) -> Path:
    """Download the pack's archive, take its detector out, check it, and put it into ``folder``.

    The archive and everything unfinished lie in a temporary folder beside the target and vanish with
    it, on Ctrl-C too; the model appears whole or not at all. ``FaceModelUnreachable`` where the server
    does not answer (the same address is not tried twice in a process) or stops in the middle;
    ``FaceModelError`` where what came is not the model.
    """
    pack = pack_named(name)
    url = f"{base_url}/{pack.archive}"
    if url in _failed:
        raise FaceModelUnreachable(_failed[url])
    target = (folder or cache_folder()) / pack.file
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as work:
            archive = Path(work) / f"{pack.archive}.part"
            _download(url, archive, progress)
            member = Path(work) / f"{pack.file}.part"
            _extract(archive, pack, member, url)
            os.replace(member, target)
    except FaceModelUnreachable as error:
        _failed[url] = str(error)
        raise
    except OSError as error:
        raise FaceModelError(
            f"The face model cannot be kept in {target.parent} ({error}); give a file with --face-model PATH."
        ) from error
    return target


def forget_failures() -> None:
    """Try addresses again that did not answer before: for a person who has just plugged the cable in."""
    _failed.clear()


def unreachable(url: str, reason: object) -> FaceModelUnreachable:
    return FaceModelUnreachable(
        f"The face model cannot be fetched from {url} ({reason}): "
        "give the file with --face-model PATH or UNMASK_FACE_MODEL, or try again with a network."
    )


def _download(url: str, target: Path, progress: Progress | None) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "unmask"})
    with target.open("wb") as file:
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                _copy_answer(answer, file, url, progress)
        except urllib.error.HTTPError as error:
            raise unreachable(url, f"the server answers {error.code} {error.reason}") from error
        except urllib.error.URLError as error:
            raise unreachable(url, error.reason) from error
        except (TimeoutError, ConnectionError, ssl.SSLError, http.client.HTTPException) as error:
            raise unreachable(url, str(error) or type(error).__name__) from error


def _copy_answer(answer: http.client.HTTPResponse, file: BinaryIO, url: str, progress: Progress | None) -> None:
    stated = answer.headers.get("Content-Length", "")
    total = int(stated) if stated.isdecimal() else None
    arrived = 0
    while chunk := answer.read(_CHUNK):
        arrived += len(chunk)
        if arrived > _LARGEST_ARCHIVE:
            raise FaceModelError(f"{url} sends over {_LARGEST_ARCHIVE >> 20} MiB, more than any face model pack.")
        file.write(chunk)
        if progress:
            progress(arrived, total)
    if total is not None and arrived != total:
        raise unreachable(url, f"the connection ended after {arrived} of {total} bytes")


def _extract(archive: Path, pack: Pack, target: Path, url: str) -> None:
    """The one member that is wanted, to a path of ours: names inside the archive decide nothing else."""
    damaged = f"What {url} sent is not the expected face model"
    try:
        with zipfile.ZipFile(archive) as opened:
            folder = pack.archive.removesuffix(".zip")
            names = {pack.file, f"{folder}/{pack.file}"}
            members = [member for member in opened.infolist() if member.filename in names]
            if len(members) != 1:
                raise FaceModelError(f"{damaged}: it holds {len(members)} files named {pack.file}, not one.")
            if members[0].file_size > pack.largest_bytes:
                raise FaceModelError(f"{damaged}: {pack.file} would be {members[0].file_size} bytes large.")
            # zipfile stops at the stated size, so a lying header ends in a wrong checksum.
            with opened.open(members[0]) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, _CHUNK)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise FaceModelError(f"{damaged}: {error}.") from error
    if _sha256(target) != pack.sha256:
        raise FaceModelError(f"{damaged}: the checksum of {pack.file} differs, so it was thrown away.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
