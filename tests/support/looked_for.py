"""Looks for what must not stand in a text or a file: pictures, and words that were deleted or are secret."""

from __future__ import annotations

import re
from pathlib import Path

#: A text with one of these holds a picture, or a part of one. No line of ours has so many numbers in a row.
_SIGNS = {
    "base64": re.compile(r"[A-Za-z0-9+/]{160,}={0,2}"),
    "data address": re.compile(r"data:image/"),
    "array": re.compile(r"\b(?:nd)?array\(|\bdtype="),
    "bytes": re.compile(r"(?:\\(?:x[0-9a-f]{2}|u00[0-9a-f]{2}|[rnt0])){6,}"),
    "numbers": re.compile(r"(?:-?\d+(?:\.\d+)?(?:e-?\d+)?[\s,;\]\[]+){40,}"),
}
_BINARY = (b"\x89PNG\r\n", b"\xff\xd8\xff")


def pictures_in(text: str, *, long_lists: bool = False) -> list[str]:
    """What in ``text`` looks like a picture, each with its beginning. ``long_lists``: numbers in a row are its own."""
    signs = [kind for kind in _SIGNS if not (long_lists and kind == "numbers")]
    found = [f"{kind}: {match[0][:60]!r}" for kind in signs for match in _SIGNS[kind].finditer(text)]
    return found + [f"{mark!r}" for mark in _BINARY if mark in text.encode("utf-8", "surrogateescape")]


def holding(folder: Path, *words: str | bytes) -> list[str]:
    """The files below ``folder`` in which one of ``words`` stands, in any of the usual codings."""
    sought = [form for word in words for form in _forms(word)]
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path.name for path in files if any(form in path.read_bytes() for form in sought)]


def _forms(word: str | bytes) -> list[bytes]:
    return [word] if isinstance(word, bytes) else [word.encode(), word.encode("utf-16-le"), word.encode("utf-16-be")]
