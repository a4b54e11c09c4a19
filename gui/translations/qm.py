"""Writing Qt's compiled translations (.qm), which PyQt6 has no tool for. No Qt in here.

The format is that of Qt's ``qtranslator.cpp``: a magic number, then blocks of a tag, a length and data. Hashes are
sorted pairs of a message's hash and its offset in the block of messages. A message without a context tag is found
whatever context is asked for.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

_MAGIC = bytes.fromhex("3cb86418caef9c95cd211cbf60a1bddd")
_HASHES, _MESSAGES, _LANGUAGE = 0x42, 0x69, 0xA7
_END, _TRANSLATION, _SOURCE_TEXT = 1, 3, 6


def elf_hash(text: str) -> int:
    """The hash of the System V binary format over UTF-8, as Qt reckons it: never 0."""
    value = 0
    for byte in text.encode():
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high
    return value or 1


def write_qm(messages: Mapping[str, str], language: str) -> bytes:
    """The file for ``messages``, from English to ``language``; those without a translation are left out."""
    body = bytearray()
    places: list[tuple[int, int]] = []
    for source, translation in messages.items():
        if not translation:
            continue
        places.append((elf_hash(source), len(body)))
        body += _field(_TRANSLATION, translation.encode("utf-16-be"))
        body += _field(_SOURCE_TEXT, source.encode())
        body += bytes([_END])
    hashes = b"".join(struct.pack(">II", *place) for place in sorted(places))
    parts = ((_LANGUAGE, language.encode()), (_HASHES, hashes), (_MESSAGES, bytes(body)))
    return _MAGIC + b"".join(_field(tag, data) for tag, data in parts)


def _field(tag: int, data: bytes) -> bytes:
    return struct.pack(">BI", tag, len(data)) + data
