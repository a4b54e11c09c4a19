"""Dark and light, and contrasts as WCAG reckons them."""

from __future__ import annotations

import pytest

from unmask.gui.qt import QApplication, QColor, QPalette
from unmask.gui.shapes import COLOURS
from unmask.gui.theme import (
    LEAST_GRAPHIC,
    LEAST_TEXT,
    Theme,
    contrast,
    palette_for,
    readable,
    scheme_of,
    verdict_colour,
)
from unmask.realtime.types import Verdict

Role = QPalette.ColorRole
SCHEMES = ("dark", "light")


@pytest.fixture
def theme(qapp):
    made = Theme(qapp)
    yield made
    made.set("system")


def test_the_contrast_is_that_of_wcag():
    assert contrast(QColor("black"), QColor("white")) == pytest.approx(21.0)
    assert contrast(QColor("white"), QColor("white")) == pytest.approx(1.0)
    assert contrast(QColor("#767676"), QColor("white")) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_verdict_can_be_told_from_the_window(qapp, scheme, verdict):
    ground = palette_for(scheme).color(Role.Window)
    assert contrast(verdict_colour(verdict, palette_for(scheme)), ground) >= LEAST_GRAPHIC


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_verdicts_stay_apart_from_each_other(qapp, scheme):
    told = [verdict_colour(verdict, palette_for(scheme)) for verdict in Verdict]
    hues = [colour.hslHue() if colour.hslSaturationF() > 0.2 else -1 for colour in told]
    assert len({hue // 60 if hue >= 0 else -1 for hue in hues}) == 3


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("words", "ground"),
    [
        (Role.WindowText, Role.Window),
        (Role.Text, Role.Base),
        (Role.Text, Role.AlternateBase),
        (Role.ButtonText, Role.Button),
        (Role.PlaceholderText, Role.Base),
        (Role.ToolTipText, Role.ToolTipBase),
        (Role.HighlightedText, Role.Highlight),
        (Role.Link, Role.Window),
    ],
)
def test_words_can_be_read(qapp, scheme, words, ground):
    palette = palette_for(scheme)
    assert contrast(palette.color(words), palette.color(ground)) >= LEAST_TEXT


def test_a_colour_is_changed_only_where_it_must_be(qapp):
    white = QColor("white")
    assert readable(QColor("#000080"), white) == QColor("#000080")
    assert contrast(readable(QColor("#ffff00"), white), white) >= LEAST_GRAPHIC
    for ground in ("#000000", "#777777", "#ffffff"):
        assert contrast(readable(QColor(ground), QColor(ground)), QColor(ground)) >= LEAST_GRAPHIC
    assert QColor(213, 94, 0) == COLOURS[Verdict.SIGNS]


def test_choosing_changes_the_application_and_says_so(theme):
    said = []
    theme.set("light")
    theme.changed.connect(lambda: said.append(theme.scheme))
    theme.set("dark")
    assert scheme_of(QApplication.palette()) == "dark"
    theme.set("dark")
    theme.set("light")
    assert scheme_of(QApplication.palette()) == "light"
    assert said == ["dark", "light"]


def test_the_system_is_followed_when_it_changes_and_not_against_a_choice(theme, monkeypatch):
    desktop = ["dark"]
    monkeypatch.setattr(Theme, "_system_scheme", lambda _: desktop[0])
    theme.set("system")
    assert theme.scheme == "dark"
    desktop[0] = "light"
    theme._system_changed()
    assert theme.scheme == "light"
    theme.set("light")
    desktop[0] = "dark"
    theme._system_changed()
    assert theme.scheme == "light"
    theme.set("system")
    assert theme.scheme == "dark"
