"""Words of strangers (file names, manifests, messages of decoders) as one line that a terminal only shows."""

from __future__ import annotations

import unicodedata


def plain(text: str, longest: int = 300) -> str:
    """``text`` on one line, at most ``longest`` letters: what would steer a terminal, break the line or turn the
    direction of writing is written as an escape (``\\x1b``, ``\\n``, ``\\u202e``)."""
    # Cut before it is escaped as well: a hostile text may have millions of letters.
    line = "".join(letter if _shows(letter) else repr(letter)[1:-1] for letter in text[: longest + 1])
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def _shows(letter: str) -> bool:
    # A wide space is no ASCII, so Python does not call it printable; in file names it is common.
    return letter.isprintable() or unicodedata.category(letter) == "Zs"
