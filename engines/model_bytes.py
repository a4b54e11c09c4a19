"""Reading a model file once: the bytes that are checked are the bytes that a runtime is given."""

from __future__ import annotations

import hashlib
from pathlib import Path

from unmask.engines.errors import EngineError, PackageError
from unmask.engines.ordinary_file import read_ordinary

#: The most that a file of protobuf may hold.
LARGEST = 2 << 30


def read_model_bytes(model: Path, sha256: str | None) -> bytes:
    """The bytes of ``model``. Raises ``EngineError`` where it cannot be read and ``PackageError`` where
    its SHA-256 is not ``sha256``; ``None`` checks nothing."""
    try:
        raw = read_ordinary(Path(model), LARGEST)
    except OSError as error:
        raise EngineError(f"The model {model} cannot be read: {error.strerror or error}.") from error
    if sha256 is not None and hashlib.sha256(raw).hexdigest() != sha256:
        raise PackageError(
            f"The model {model} is not the file that its package names (its checksum differs): "
            "install the detector again."
        )
    return raw


def one_line(error: BaseException, limit: int = 300) -> str:
    """What a runtime complained of, as part of a sentence: no line breaks, no full stop, at most ``limit``."""
    return " ".join(str(error).split()).rstrip(".")[:limit]
