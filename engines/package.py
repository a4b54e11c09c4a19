"""Detector packages on disk: where they lie, and the checks that each one passes before it is used."""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import json
import os
import stat
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import ValidationError

from unmask.engines.errors import PackageError, UsageError
from unmask.engines.graph_check import check_graph
from unmask.engines.manifest import FORMAT, Manifest, ModelFile
from unmask.engines.options import Precision
from unmask.engines.ordinary_file import FLAGS
from unmask.engines.plain_text import plain

MANIFEST_NAME = "detector.json"
MAX_MANIFEST_BYTES = 1 << 20
MAX_MODEL_BYTES = 1 << 30
MAX_NAME = 255

_AGAIN = "install the detector again"


@dataclass(frozen=True, slots=True)
class DetectorPackage:
    """A package that passed every check when it was loaded.

    Between loading and opening a file could still change: hand the checksum in
    ``manifest.files`` to ``open_engine`` as well.
    """

    folder: Path
    manifest: Manifest
    encoder_path: Path
    head_path: Path

    def encoder_file(self, precision: Precision) -> tuple[Path, str]:
        """Path and SHA-256 of the encoder of this precision. Raises ``UsageError`` where there is none."""
        files = self.manifest.files
        if precision == "fp32":
            return self.encoder_path, files.encoder.sha256
        if precision not in files.variants:
            there = ", ".join(("fp32", *files.variants))
            raise UsageError(
                f"The detector {self.manifest.name} has no encoder of precision {precision}: choose from {there}."
            )
        variant = files.variants[precision]
        return self.folder / variant.path, variant.sha256


@dataclass(frozen=True, slots=True)
class PackageListing:
    """One row of ``unmask detectors list``. ``problem`` is a sentence where the manifest cannot be used;
    then the fields that come from it are empty. The model files are not checked here."""

    name: str
    version: str
    folder: Path
    origin: Literal["shipped", "user"]
    size_bytes: int
    licence: str
    problem: str = ""


def user_folder() -> Path:
    """Where a person puts packages of their own, one folder each. It need not exist."""
    return Path(platformdirs.user_data_dir("unmask", appauthor=False)) / "detectors"


def find_package(name_or_path: str) -> Path:
    """The folder of a package: a plain name is looked up among the shipped and the user's packages,
    anything with a path separator is a path.

    Raises ``PackageError`` where there is none, or where a name is found in both places.
    """
    if _is_path(name_or_path):
        folder = _folder_at(name_or_path)
        if not os.path.isdir(folder):
            raise PackageError(f"There is no detector package at {folder}: give its folder or a name.")
        return folder
    found = [folder for folder, _ in _installed() if folder.name == name_or_path]
    if len(found) > 1:
        places = " and ".join(map(str, found))
        raise PackageError(f"Two detectors are called {name_or_path}, {places}: give the path of one.")
    if found:
        return found[0]
    known = ", ".join(sorted({folder.name for folder, _ in _installed()})) or "none is installed"
    hint = f" For the folder here write {os.curdir}{os.sep}{name_or_path}." if os.path.isdir(name_or_path) else ""
    raise PackageError(f"There is no detector {name_or_path!r} (known: {known}).{hint}")


def list_packages() -> list[PackageListing]:
    """The shipped and the user's packages by name, the broken ones with their problem."""
    rows = [_listing(folder, origin) for folder, origin in _installed()]
    return sorted(rows, key=lambda row: (row.name, row.origin))


def load_package(folder: Path) -> DetectorPackage:
    """Check the manifest, every file's checksum and every graph in ``folder``.

    Runs no model. Raises ``PackageError``, one sentence that names the file and the remedy.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    files = manifest.files
    encoder = _checked(folder, files.encoder, "encoder", manifest)
    head = _checked(folder, files.head, "head", manifest)
    for variant in files.variants.values():
        _checked(folder, variant, "encoder", manifest)
    return DetectorPackage(folder, manifest, encoder, head)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of ``folder`` alone, strictly read; the files it names are not looked at."""
    path = folder / MANIFEST_NAME
    if not os.path.isdir(folder):
        raise PackageError(f"There is no detector package at {folder}: give its folder or a name.")
    raw = _read(folder, MANIFEST_NAME, MAX_MANIFEST_BYTES)
    try:
        text = raw.decode("utf-8")
        content = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise PackageError(f"The manifest {path} is not UTF-8 text: {_AGAIN}.") from error
    except (ValueError, RecursionError) as error:
        raise PackageError(f"The manifest {path} is not valid JSON ({plain(str(error))}): {_AGAIN}.") from error
    _check_format(content, path)
    try:
        return Manifest.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise PackageError(f"The manifest {path} is wrong: {plain(_sentence(error))}") from error


def _is_path(name_or_path: str) -> bool:
    return os.sep in name_or_path or (os.altsep or os.sep) in name_or_path or name_or_path in (".", "..")


def _folder_at(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # "~somebody/...", and there is no such user
        return Path(path)


def _installed() -> list[tuple[Path, Literal["shipped", "user"]]]:
    """Every folder with a manifest, the shipped ones first."""
    found: list[tuple[Path, Literal["shipped", "user"]]] = []
    seen: set[Path] = set()
    for root in _shipped_roots():
        for folder in _subfolders(root):
            # An editable install shows the files as links into the source tree: take that folder itself.
            real = (folder / MANIFEST_NAME).resolve().parent
            if real not in seen:
                seen.add(real)
                found.append((real, "shipped"))
    found.extend((folder, "user") for folder in _subfolders(user_folder()))
    return found


def _shipped_roots() -> list[Path]:
    # A namespace: it has no file of its own, and in development it may lie in two places.
    spec = importlib.util.find_spec("unmask.detectors")
    locations = spec.submodule_search_locations if spec else None
    return [Path(location) for location in locations or ()]


def _subfolders(root: Path) -> list[Path]:
    try:
        return sorted(folder for folder in root.iterdir() if _holds_a_manifest(folder))
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return []
        raise PackageError(f"The folder {root} cannot be read: {error.strerror}.") from error


def _holds_a_manifest(folder: Path) -> bool:
    try:
        return (folder / MANIFEST_NAME).is_file()
    except OSError:  # nobody may look into it: it is listed with its problem, and spoils none of the others
        return os.path.isdir(folder)


def _listing(folder: Path, origin: Literal["shipped", "user"]) -> PackageListing:
    size = 0
    try:
        size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
        manifest = read_manifest(folder)
    except OSError as error:
        problem = f"The folder {folder} cannot be read: {error.strerror}."
        return PackageListing(folder.name, "", folder, origin, size, "", problem)
    except PackageError as error:
        return PackageListing(folder.name, "", folder, origin, size, "", str(error))
    problem = ""
    if manifest.name != folder.name:
        problem = f"The folder {folder} holds the detector {manifest.name}: name the folder so."
    return PackageListing(folder.name, manifest.version, folder, origin, size, manifest.provenance.licence, problem)


def _checked(folder: Path, file: ModelFile, role: str, manifest: Manifest) -> Path:
    raw = _read(folder, file.path, MAX_MODEL_BYTES)
    path = folder / file.path
    if hashlib.sha256(raw).hexdigest() != file.sha256:
        raise PackageError(f"The file {path} differs from its checksum in the manifest: {_AGAIN}.")
    check_graph(raw, role, manifest, f"The graph {path}")
    return path


def _read(folder: Path, relative: str, limit: int) -> bytes:
    """The bytes of one ordinary file that truly lies in ``folder``, at most ``limit`` of them."""
    if len(relative) > MAX_NAME:
        raise PackageError(f"The manifest of {folder} names a file with {len(relative)} letters: {_AGAIN}.")
    path = folder / relative
    try:
        if not path.resolve(strict=True).is_relative_to(folder.resolve(strict=True)):
            raise PackageError(f"The file {path} is a link out of its package: put the file itself there.")
        # Looked at before it is opened, because opening a device may already do something; and once more
        # after, because it may have been exchanged. Without blocking: a pipe would wait for its other end.
        _check_ordinary(path.stat(), path, limit)
        with open(os.open(path, FLAGS), "rb") as stream:
            _check_ordinary(os.fstat(stream.fileno()), path, limit)
            raw = stream.read(limit + 1)
    except FileNotFoundError as error:
        raise PackageError(f"The detector package {folder} lacks {relative}: {_AGAIN}.") from error
    except (OSError, RuntimeError) as error:  # Python 3.11 and 3.12 report a loop of links as RuntimeError
        raise PackageError(f"The file {path} cannot be read ({error}): {_AGAIN}.") from error
    if len(raw) > limit:
        raise PackageError(_too_large(path, limit))
    return raw


def _check_ordinary(facts: os.stat_result, path: Path, limit: int) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise PackageError(f"{path} is not an ordinary file: {_AGAIN}.")
    if facts.st_size > limit:
        raise PackageError(_too_large(path, limit))


def _too_large(path: Path, limit: int) -> str:
    return f"The file {path} is larger than {limit >> 20} MiB: no detector needs that."


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = Counter(names).most_common(1)[0][0]
        raise ValueError(f"the field {twice!r} appears twice")
    return result


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is not a number in JSON")


def _check_format(content: Any, path: Path) -> None:
    # Ahead of the full check: a newer format would drown in complaints about its other fields.
    version = content.get("format") if isinstance(content, dict) else None
    if isinstance(version, int) and version != FORMAT:
        raise PackageError(
            f"The manifest {path} is of format {plain(repr(version), 20)}, "
            f"this version of Unmask reads format {FORMAT}: "
            "update Unmask or export the detector again."
        )


def _sentence(error: ValidationError) -> str:
    """The first complaint in words, with the remedy, and how many others there are."""
    problems = error.errors(include_url=False, include_context=False)
    first = problems[0]
    field = ".".join(str(part) for part in first["loc"]) or "the whole"
    match first["type"]:
        case "missing":
            text = f"the field {field} is missing; add it"
        case "extra_forbidden":
            text = f"the field {field} is not known; remove it or update Unmask"
        case _:
            what = first["msg"].removeprefix("Value error, ")
            shown = repr(first["input"])
            value = f" (it is {shown})" if len(shown) <= 60 else ""
            text = f"{field}: {what[:1].lower()}{what[1:]}{value}; correct it or export the detector again"
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{text}{more}."
