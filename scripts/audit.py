"""Checks what the project stands on, without a network: known advisories and licences. ``make audit``.

The pins of constraints.txt, and the oldest versions that setup.py lets in, are held against scripts/advisories.json;
the licences of the pins against a list of those that are allowed. The exit code is 1 where something is found.

What it does not know: advisories that nobody wrote into that file, and the C libraries within the wheels (FFmpeg in
PyAV and OpenCV, Qt, libwebp and others in Pillow). With a network ``pip-audit -r constraints.txt`` knows more of the
first; for the second there is nothing better than new versions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from packaging.version import Version
from pins import Licence, canonical, floors, licence_of, pins

ADVISORIES = Path(__file__).with_name("advisories.json")

#: Licences that ask for no more than their text, or (MPL) for the source of their own files.
ALLOWED = {
    *("MIT", "MIT-CMU", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Apache-2.0", "PSF-2.0", "Zlib", "CC0-1.0"),
    *("Unlicense", "ISC", "MPL-2.0"),
}
#: Those that ask for more, by the one distribution that may have them. NOTICE tells of each.
ALLOWED_FOR = {
    "pyqt6": "GPL-3.0-only",
    "pyqt6-qt6": "LGPL-3.0-only",
    **dict.fromkeys(
        (
            *("nvidia-cublas", "nvidia-cuda-nvrtc", "nvidia-cuda-runtime", "nvidia-cudnn-cu13", "nvidia-cufft"),
            *("nvidia-curand", "nvidia-nvjitlink"),
        ),
        "LicenseRef-NVIDIA-Proprietary",
    ),
}


@dataclass(frozen=True, slots=True)
class Advisory:
    """``ranges`` are (introduced, fixed, last affected) with empty words for what is not known. ``not_reached`` says
    why Unmask is not affected though the version is."""

    package: str
    ids: tuple[str, ...]
    ranges: tuple[tuple[str, str, str], ...]
    summary: str
    source: str
    date: str
    not_reached: str = ""

    def affects(self, version: str) -> bool:
        return any(_within(Version(version), *each) for each in self.ranges)

    @property
    def remedy(self) -> str:
        fixed = [fixed for _, fixed, _ in self.ranges if fixed]
        return f"fixed in {' and '.join(fixed)}" if fixed else "no fixed version is known"


def _within(version: Version, introduced: str, fixed: str, last: str) -> bool:
    if introduced and version < Version(introduced):
        return False
    if fixed:
        return version < Version(fixed)
    return not last or version <= Version(last)


def load(path: Path = ADVISORIES) -> tuple[date, list[Advisory]]:
    """The day on which the file was last completed, and what it knows. Raises ``ValueError`` for a wrong record."""
    told = json.loads(path.read_text(encoding="utf-8"))
    return date.fromisoformat(told["completed"]), [_advisory(record) for record in told["advisories"]]


def _advisory(record: Mapping[str, Any]) -> Advisory:
    known = {"package", "ids", "ranges", "summary", "source", "date", "not_reached"}
    if unknown := set(record) - known:
        raise ValueError(f"{record.get('ids')}: unknown fields {sorted(unknown)}")
    ranges = tuple(
        (each.get("introduced", ""), each.get("fixed", ""), each.get("last_affected", "")) for each in record["ranges"]
    )
    if record["package"] != canonical(record["package"]) or not record["ids"] or not ranges:
        raise ValueError(f"{record.get('ids')}: a package by its canonical name, an id and a range are needed")
    return Advisory(
        record["package"],
        tuple(record["ids"]),
        ranges,
        record["summary"],
        record["source"],
        record["date"],
        record.get("not_reached", ""),
    )


def findings(
    advisories: Iterable[Advisory], pinned: Mapping[str, str], oldest: Iterable[tuple[str, str, str]]
) -> list[str]:
    """A sentence for every advisory that reaches a pin, or an oldest version that is let in."""
    found = []
    asked = [(name, version, "constraints.txt pins") for name, version in pinned.items()]
    asked += [(name, version, f"setup.py{f' [{extra}]' if extra else ''} lets in") for name, version, extra in oldest]
    for name, version, where in asked:
        for each in advisories:
            if each.package == name and not each.not_reached and each.affects(version):
                shown = "any version" if version == "0" else version
                found.append(
                    f"{where} {name} {shown}: {', '.join(each.ids)} ({each.summary}; {each.remedy}; {each.source})"
                )
    return found


def licence_findings(licences: Mapping[str, Licence]) -> list[str]:
    """A sentence for every distribution whose licence is unknown or not allowed."""
    found = []
    for name, licence in licences.items():
        if not licence.spdx:
            found.append(f"{name}: its licence is not known; look it up and state it in scripts/pins.py")
        elif not allowed(licence.spdx) and ALLOWED_FOR.get(name) != licence.spdx:
            found.append(f"{name}: {licence.spdx} is not among the licences that are allowed (scripts/audit.py)")
    return found


def allowed(expression: str) -> bool:
    """Whether an SPDX expression without brackets can be met by licences that are allowed."""
    ways = expression.replace("(", "").replace(")", "").split(" OR ")
    return any(all(part.split(" WITH ")[0] in ALLOWED for part in way.split(" AND ")) for way in ways)


def main() -> int:
    completed, advisories = load()
    pinned, oldest = pins(), list(floors())
    licences = {name: licence_of(name) for name in pinned}
    wrong = findings(advisories, pinned, oldest) + licence_findings(licences)
    age = (datetime.now(UTC).date() - completed).days
    ids = sum(len(each.ids) for each in advisories)
    print(f"{len(pinned)} pins and {len(oldest)} oldest versions against {ids} advisories; the file was last completed")
    print(f"on {completed} ({age} days ago). With a network, `pip-audit -r constraints.txt` knows more.")
    for each in advisories:
        if each.not_reached:
            print(f"Not reached: {each.package} {', '.join(each.ids)}: {each.not_reached}")
    stated = [f"{name} {each.spdx} ({each.how})" for name, each in licences.items() if each.how != "metadata"]
    print(f"{len(licences)} licences, {len(licences) - len(stated)} read from the metadata here; stated:")
    print(*(f"  {line}" for line in stated), sep="\n")
    print("Copyleft or proprietary, see NOTICE:", ", ".join(f"{name} {ALLOWED_FOR[name]}" for name in ALLOWED_FOR))
    for line in wrong:
        print(f"unmask: {line}", file=sys.stderr)
    print(f"{len(wrong)} findings")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
