"""Reading and writing .ts files, the form in which translators work. No Qt in here."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

from unmask.engines.errors import UsageError

_CONTEXT = "unmask"


def read_ts(path: Path) -> dict[str, str]:
    """From the English sentence to its translation, "" where there is none yet or it is marked as unfinished.

    Raises ``UsageError`` for a file that is none.
    """
    try:
        root = ET.parse(path).getroot()  # noqa: S314 - a translator's own file, read while building
    except (OSError, ET.ParseError) as error:
        raise UsageError(f"{path} cannot be read as a translation ({error}): make it with extract.") from error
    found: dict[str, str] = {}
    for message in root.iter("message"):
        told = message.find("translation")
        done = told is not None and told.get("type") not in ("unfinished", "obsolete", "vanished")
        found[message.findtext("source", "")] = (told.text or "") if told is not None and done else ""
    return found


def write_ts(path: Path, messages: Mapping[str, str], language: str) -> None:
    """Write ``messages`` in the order of their English; what has no translation is marked as unfinished."""
    root = ET.Element("TS", version="2.1", language=language, sourcelanguage="en")
    context = ET.SubElement(root, "context")
    ET.SubElement(context, "name").text = _CONTEXT
    for source in sorted(messages):
        message = ET.SubElement(context, "message")
        ET.SubElement(message, "source").text = source
        told = ET.SubElement(message, "translation")
        told.text = messages[source]
        if not messages[source]:
            told.set("type", "unfinished")
    ET.indent(root, " ")
    words = ET.tostring(root, encoding="unicode")
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{words}\n', encoding="utf-8")
