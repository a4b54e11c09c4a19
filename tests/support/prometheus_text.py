"""A strict reader of Prometheus' text format 0.0.4: stricter than Prometheus, so that a test can fail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
_KINDS = {"counter", "gauge", "histogram"}
_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}

Labels = Mapping[str, str]


@dataclass
class Family:
    kind: str
    help: str
    samples: list[tuple[str, dict[str, str], float]] = field(default_factory=list)

    def value(self, suffix: str = "", **labels: str) -> float:
        found = [value for end, has, value in self.samples if end == suffix and has == labels]
        assert len(found) == 1, (suffix, labels, found)
        return found[0]


def parse(text: str) -> dict[str, Family]:
    """The families by name. ``AssertionError`` for whatever is not as the format has it."""
    assert text.endswith("\n")
    families: dict[str, Family] = {}
    current, helped = "", ("", "")
    for line in text.removesuffix("\n").split("\n"):
        if match := re.fullmatch(rf"# HELP ({_NAME}) (.+)", line):
            helped = (match[1], match[2])
        elif match := re.fullmatch(rf"# TYPE ({_NAME}) (\w+)", line):
            current = match[1]
            assert helped[0] == current, f"no HELP before {line}"
            assert current not in families, f"{current} twice"
            assert match[2] in _KINDS
            families[current] = Family(match[2], helped[1])
        else:
            match = _SAMPLE.fullmatch(line)
            assert match, line
            suffix = match[1].removeprefix(current)
            assert current
            assert match[1].startswith(current), f"{line} stands outside its family"
            assert suffix in _SUFFIXES[families[current].kind], line
            families[current].samples.append((suffix, _labels(match[2]), float(match[3].replace("Inf", "inf"))))
    for name, family in families.items():
        _check(name, family)
    return families


def _labels(text: str | None) -> dict[str, str]:
    labels: dict[str, str] = {}
    place, text = 0, text or ""
    while place < len(text):
        match = _LABEL.match(text, place)
        assert match, text[place:]
        assert match[1] not in labels
        labels[match[1]] = re.sub(r"\\(.)", lambda part: "\n" if part[1] == "n" else part[1], match[2])
        place = match.end()
    return labels


def _check(name: str, family: Family) -> None:
    assert family.samples, f"{name} has no samples"
    every = [(suffix, tuple(sorted(labels.items()))) for suffix, labels, _ in family.samples]
    assert len(set(every)) == len(every), f"{name} has a series twice"
    if family.kind == "counter":
        assert name.endswith("_total")
        assert all(value >= 0 for _, _, value in family.samples)
    if family.kind == "histogram":
        _check_histogram(family)


def _check_histogram(family: Family) -> None:
    def key(labels: Labels) -> tuple[tuple[str, str], ...]:
        return tuple(sorted((name, value) for name, value in labels.items() if name != "le"))

    series = {key(labels) for _, labels, _ in family.samples}
    for one in series:
        mine = [(suffix, labels, value) for suffix, labels, value in family.samples if key(labels) == one]
        buckets = [
            (float(labels["le"].replace("Inf", "inf")), value) for suffix, labels, value in mine if "le" in labels
        ]
        assert buckets == sorted(buckets), "bounds rise, and counts never fall"
        assert [value for _, value in buckets] == sorted(value for _, value in buckets)
        assert buckets[-1][0] == float("inf")
        assert [value for suffix, _, value in mine if suffix == "_count"] == [buckets[-1][1]]
        assert sum(suffix == "_sum" for suffix, _, _ in mine) == 1
