"""The pictures of the documents: each is made by the script, shown somewhere, and together they are small."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
LARGEST_SUM = 2_500_000


def shown(page):
    return set(re.findall(r"!\[[^\]]+\]\((?:docs/)?pictures/([\w-]+)\.png\)", page.read_text(encoding="utf-8")))


def test_every_picture_of_the_script_is_there_and_on_the_window_s_page():
    text = (ROOT / "scripts" / "screenshots" / "states.py").read_text(encoding="utf-8")
    made = set(re.findall(r'^    State\("([\w-]+)"', text, re.MULTILINE))
    assert made == {path.stem for path in PICTURES.iterdir()} == shown(ROOT / "docs" / "WINDOW.md")


def test_no_page_shows_a_picture_that_is_not_there():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        assert all((PICTURES / f"{name}.png").is_file() for name in shown(page)), page.name


def test_they_are_small():
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < LARGEST_SUM


def test_a_caption_of_an_alarm_names_the_stand_in():
    text = (ROOT / "docs" / "WINDOW.md").read_text(encoding="utf-8")
    captions = {name: words for words, name in re.findall(r"!\[([^\]]+)\]\(pictures/([\w-]+)\.png\)", text)}
    alarms = {"signs-light", "signs-dark", "snoozed", "grid", "alarm-frames", "history", "scan", "overlay", "pill"}
    assert {name for name, words in captions.items() if "stand-in" in words} == alarms
