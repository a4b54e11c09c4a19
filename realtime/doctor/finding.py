"""One thing that was looked at, and the words for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "note", "problem"]
"""``note``: something that is missing and may never be needed. ``problem``: something that is broken."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``group`` and ``name`` say what was looked at, ``text`` what was found, in words. ``remedy`` says what
    to do about it, and is never empty where the state is not ``ok``."""

    group: str
    name: str
    state: State
    text: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.state != "ok" and not self.remedy:
            raise ValueError(f"the finding {self.group}/{self.name} needs a remedy")


#: Names that keep their small letter at the beginning of a sentence.
_LOWER_CASE = ("torch", "grpcio", "openvino", "tensorrt", "onnxruntime", "cuda-python", "camera")

Check = Callable[[], Iterable[Finding]]
"""A group of checks. What it has yielded before it fails is kept."""


def isolated(group: str, check: Check) -> Iterator[Finding]:
    """What ``check`` finds; a check that fails becomes a finding itself."""
    try:
        yield from check()
    except Exception as error:  # noqa: BLE001 - a doctor that dies of a finding finds nothing
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        yield Finding(
            group,
            "the check itself",
            "problem",
            f"The check of {group} failed ({reason}).",
            "Please report this line; the other checks are not affected.",
        )


def parted(message: str, remedy: str) -> tuple[str, str]:
    """An error's sentence as (what is wrong, what to do); ``remedy`` where the sentence names none.

    The project's errors read "what is wrong: what to do" or "what is wrong; what to do".
    """
    message = " ".join(message.split())
    for mark in ("; ", ": "):
        text, found, rest = message.rpartition(mark)
        if found:
            what = _sentence(rest)
            # A full stop behind a command ends up in the command when it is copied.
            return _sentence(text), what.rstrip(".") if what.startswith("Run: ") else what
    return _sentence(message), remedy


def _sentence(text: str) -> str:
    text = text.strip()
    if text.partition(" ")[0] not in _LOWER_CASE:
        text = text[:1].upper() + text[1:]
    return text + ("" if text.endswith((".", "!", "?")) else ".")


def shown(path: Path | str) -> str:
    """A path with the person's home as ``~``: a report may be sent to somebody else."""
    path = Path(path)
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path != home and path.is_relative_to(home) else str(path)
