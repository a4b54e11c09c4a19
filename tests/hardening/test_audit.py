"""The check of what the project stands on finds what is wrong, and finds nothing wrong with it today."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import audit  # noqa: E402
import pins  # noqa: E402
from packaging.requirements import Requirement  # noqa: E402


@pytest.fixture(scope="module")
def advisories():
    return audit.load()[1]


def test_nothing_is_wrong_today(capsys):
    assert audit.main() == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    assert "pip-audit -r constraints.txt` knows more" in said
    assert "days ago" in said


@pytest.mark.parametrize(
    ("name", "version", "found"),
    [
        ("pillow", "10.1.0", "CVE-2023-50447"),
        ("pillow", "12.2.0", "CVE-2026-55379"),
        ("protobuf", "6.31.0", "CVE-2026-0994"),
        ("protobuf", "4.25.8", "CVE-2026-0994"),
        ("torch", "2.9.1", "CVE-2026-24747"),
        ("yt-dlp", "0", "CVE-2026-55404"),
    ],
)
def test_a_version_with_a_flaw_is_found(advisories, name, version, found):
    (pin, *_) = [line for line in audit.findings(advisories, {name: version}, []) if found in line]
    assert pin.startswith(f"constraints.txt pins {name} ")
    assert "fixed in" in pin
    (floor, *_) = [line for line in audit.findings(advisories, {}, [(name, version, "page")]) if found in line]
    assert floor.startswith(f"setup.py [page] lets in {name} ")


@pytest.mark.parametrize(("name", "version"), [("pillow", "12.3.0"), ("protobuf", "5.29.6"), ("torch", "2.10.0")])
def test_a_version_in_which_all_is_fixed_is_not(advisories, name, version):
    assert audit.findings(advisories, {name: version}, []) == []


def test_ranges_have_ends():
    def within(version, **told):
        record = {"package": "a", "ids": ["X"], "ranges": [told], "summary": "", "source": "", "date": ""}
        return audit._advisory(record).affects(version)

    assert within("1.0", introduced="1.0", fixed="2.0")
    assert not within("2.0", introduced="1.0", fixed="2.0")
    assert not within("0.9", introduced="1.0", fixed="2.0")
    assert within("3.0", last_affected="3.0")
    assert not within("3.0.1", last_affected="3.0")
    assert within("99")


def test_every_advisory_can_be_looked_up(advisories):
    for each in advisories:
        assert each.source.startswith("https://"), each
        assert each.summary, each
        assert len(each.date) == 7, each
    ids = [one for each in advisories for one in each.ids if each.package]
    assert len(ids) - len(set(ids)) <= 1, "libwebp's flaw is in two packages, no other one is"


def test_a_wrong_record_is_refused(tmp_path):
    path = tmp_path / "advisories.json"
    record = {"package": "Pillow", "ids": ["X"], "ranges": [{}], "summary": "", "source": "", "date": ""}
    path.write_text(json.dumps({"completed": "2026-01-01", "advisories": [record]}), encoding="utf-8")
    with pytest.raises(ValueError, match="canonical"):
        audit.load(path)


def test_a_licence_that_nobody_allowed_is_found():
    wrong = {"a": pins.Licence("AGPL-3.0-only", "metadata"), "b": pins.Licence("", ""), "c": pins.Licence("MIT", "")}
    first, second = audit.licence_findings(wrong)
    assert "AGPL-3.0-only is not among" in first
    assert second.startswith("b: its licence is not known")
    assert audit.licence_findings({"pyqt6": pins.Licence("GPL-3.0-only", "metadata")}) == []
    assert audit.licence_findings({"other": pins.Licence("GPL-3.0-only", "metadata")}) != []


@pytest.mark.parametrize(
    ("expression", "right"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-2.0-only", True),
        ("MIT AND GPL-2.0-only", False),
        ("(MIT)", True),
        ("SSPL-1.0", False),
    ],
)
def test_expressions_of_licences(expression, right):
    assert audit.allowed(expression) is right


def test_everything_that_is_asked_for_is_pinned_down_to_the_last():
    """What a pinned distribution asks for here is pinned too: else two installs differ."""
    pinned, missing = pins.pins(), set()
    for name in pinned:
        try:
            asked = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        needed = [
            each for each in map(Requirement, asked) if each.marker is None or each.marker.evaluate({"extra": ""})
        ]
        missing |= {f"{name} -> {each.name}" for each in needed if pins.canonical(each.name) not in pinned}
    assert missing == set()


def test_notice_tells_of_every_licence_that_asks_for_more():
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8").lower()
    for name in ("pyqt6", "qt", "x264", "x265", "ffmpeg", "insightface", "nvidia", "dfdc", "lfw", "imagenet"):
        assert name in notice, name
