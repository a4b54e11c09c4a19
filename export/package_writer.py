"""Writes a detector package so that it is either whole and valid or not there."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from unmask.engines.errors import UnmaskError
from unmask.engines.manifest import Manifest, ModelFile
from unmask.engines.package import MANIFEST_NAME, DetectorPackage, load_package

ENCODER, HEAD = "encoder.onnx", "head.onnx"


class ExportError(UnmaskError):
    """A model that cannot be exported, or whose export computes something else."""


def model_file(name: str, content: bytes) -> ModelFile:
    """The manifest's entry for a file of the package."""
    return ModelFile(path=name, sha256=hashlib.sha256(content).hexdigest())


def write_package(
    folder: Path,
    manifest: Manifest,
    encoder: bytes,
    head: bytes,
    *,
    variants: Mapping[str, bytes] | None = None,
    card: str | None = None,
    check: Callable[[DetectorPackage], object] | None = None,
) -> DetectorPackage:
    """Write ``folder`` anew: beside it, loaded as a user would, judged by ``check``, then renamed into place.

    ``variants`` are the further encoders that the manifest names, by path. ``card`` is the README.md; without
    one, a README.md that the old package had is kept. Raises ``PackageError`` for a package that does not load,
    ``ExportError`` where something lies there that is no package, and what ``check`` raises; what was there then
    stays as it was.
    """
    folder = Path(os.path.abspath(folder))  # "." has no name
    check_target(folder, replace=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        fresh = Path(scratch) / folder.name
        fresh.mkdir()
        (fresh / ENCODER).write_bytes(encoder)
        (fresh / HEAD).write_bytes(head)
        for name, content in (variants or {}).items():
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            (fresh / name).write_bytes(content)
        (fresh / MANIFEST_NAME).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        if card is not None:
            (fresh / "README.md").write_text(card, encoding="utf-8")
        elif (folder / "README.md").is_file():
            shutil.copyfile(folder / "README.md", fresh / "README.md")
        package = load_package(fresh)
        if check is not None:
            check(package)
        _swap(fresh, folder, Path(scratch) / "old")
    return load_package(folder)


def variant_bytes(package: DetectorPackage) -> dict[str, bytes]:
    """The further encoders of a package by path, for whoever writes it anew with another manifest."""
    return {file.path: (package.folder / file.path).read_bytes() for file in package.manifest.files.variants.values()}


def check_target(folder: Path, *, replace: bool) -> None:
    """Raise ``ExportError`` where a package must not be written: something lies there, and it may not be
    replaced or is no package; or its place cannot be written to. Called before the work, since that takes minutes."""
    place = next(path for path in Path(os.path.abspath(folder)).parents if path.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise ExportError(f"{folder} cannot be written, since {place} is no folder to write in: give another place.")
    if not folder.exists() and not folder.is_symlink():
        return
    if not replace:
        raise ExportError(f"{folder} is there already: give another folder, or --replace to write it anew.")
    if folder.is_symlink() or not (folder / MANIFEST_NAME).is_file():
        raise ExportError(f"{folder} is no detector package, so it is not replaced: give another folder.")


def _swap(fresh: Path, folder: Path, old: Path) -> None:
    """Put ``fresh`` where ``folder`` is; on failure ``folder`` is back as it was."""
    if folder.exists():
        os.replace(folder, old)
    try:
        os.replace(fresh, folder)
    except OSError:
        if old.exists():
            os.replace(old, folder)
        raise
