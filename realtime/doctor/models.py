"""Face models and detector packages: whether they are there, and whether they are what they say they are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from unmask.engines.errors import FaceModelError, PackageError
from unmask.engines.package import list_packages, load_package
from unmask.realtime.doctor.finding import Finding, parted, shown
from unmask.realtime.faces import models as face_models
from unmask.realtime.faces.model_kind import face_model_kind
from unmask.realtime.faces.registry import MODEL_VARIABLE

DEFAULT_PACK = "buffalo_s"


def models(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """The face model that would be used, and every detector package that is installed."""
    named = environment.get(MODEL_VARIABLE, "").strip()
    yield _named_face_model(Path(named).expanduser()) if named else _pack_face_model()
    yield from _damaged_downloads()
    yield from _detectors()


def _named_face_model(path: Path) -> Finding:
    name = f"face model of {MODEL_VARIABLE}"
    try:
        kind = face_model_kind(path)
    except FaceModelError as error:
        text, remedy = parted(str(error), f"Set {MODEL_VARIABLE} to a SCRFD or YuNet model, or unset it.")
        return Finding("models", name, "problem", text, remedy)
    return Finding("models", name, "ok", f"{shown(path)}, a model of the kind {kind}.")


def _pack_face_model() -> Finding:
    wanted = face_models.pack_named(DEFAULT_PACK)
    found = face_models.find_model(DEFAULT_PACK)
    if found:
        return Finding("models", "face model", "ok", f"{shown(found)}, its checksum fits.")
    text = f"{wanted.file} is not here: it is fetched on first use; without a network faces are found less well."
    remedy = f"Run 'unmask demo' once with a network, or give a file with --face-model PATH or {MODEL_VARIABLE}."
    return Finding("models", "face model", "note", text, remedy)


def _damaged_downloads() -> Iterator[Finding]:
    """Files in our own folder that are not what was fetched into it."""
    folder = face_models.cache_folder()
    for pack in {pack.file: name for name, pack in face_models.PACKS.items()}.values():
        file = folder / face_models.pack_named(pack).file
        if file.is_file() and face_models.find_model(pack, insightface_home=folder / "nowhere") is None:
            text = f"{shown(file)} differs from its checksum, so it is passed over."
            yield Finding("models", file.name, "problem", text, f"Delete it; it is fetched again: rm {shown(file)}")


def _detectors() -> Iterator[Finding]:
    rows = list_packages()
    if not rows:
        text = "No detector is installed: nothing can be judged."
        yield Finding("models", "detectors", "problem", text, "Run: pip install --force-reinstall --no-deps unmask")
    for row in rows:
        name = f"detector {row.name}"
        try:
            package = load_package(row.folder)
        except PackageError as error:
            text, remedy = parted(str(error), "Install the detector again.")
            yield Finding("models", name, "problem", text, remedy)
            continue
        if row.problem:
            yield Finding("models", name, "problem", *parted(row.problem, "Rename its folder."))
            continue
        variants = ", ".join(("fp32", *package.manifest.files.variants))
        text = f"{row.name} {row.version} ({row.origin}, {variants}): checksums and graphs fit."
        yield Finding("models", name, "ok", text)
