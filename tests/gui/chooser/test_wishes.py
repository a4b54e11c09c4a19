"""From the chooser to the session: what was chosen is watched, with what was wished for it."""

from __future__ import annotations

import argparse

import pytest
from fakes import ScriptedFinder
from gui_services import FakePreferences, FakeServices

from unmask.cli.window import WindowServices
from unmask.gui.chooser import dialog
from unmask.gui.chooser.chosen import ChosenSource
from unmask.gui.controller import Controller
from unmask.gui.services import DetectorChoice
from unmask.gui.window import MonitorWindow
from unmask.realtime.sources.registry import SourceOptions


@pytest.fixture
def window(nothing_left, open_toy, qtbot):
    services = FakeServices(open_toy)
    controller = Controller(services, DetectorChoice("toy"))
    made = MonitorWindow(controller=controller, preferences=FakePreferences())
    qtbot.addWidget(made)
    yield made
    made.close()
    controller.close()


def test_what_is_chosen_from_the_start_page_is_watched_as_it_was_wished(window, monkeypatch, qtbot):
    asked = []

    def choose(*arguments):
        asked.append(arguments)
        return ChosenSource("red", SourceOptions(width=640), pace=False)

    monkeypatch.setattr(dialog, "choose_source", choose)
    window.start_page.buttons["camera"].click()
    qtbot.waitUntil(lambda: window.controller.watched == ["red"])
    assert asked == [(window, window.preferences, "camera")]
    assert window.controller.services.wishes == {"red": (SourceOptions(width=640), False)}


def test_nothing_happens_when_nothing_is_chosen(window, monkeypatch, qtbot):
    monkeypatch.setattr(dialog, "choose_source", lambda *_: None)
    window.commands["add_source"].trigger()
    qtbot.wait(50)
    assert (window.controller.watched, window.controller.services.wishes) == ([], {})


def test_a_wish_is_beside_what_the_command_line_asks_for(monkeypatch):
    services = WindowServices(argparse.Namespace(), SourceOptions(width=320, timeout_s=3.0))
    monkeypatch.setattr(services, "face_finder", lambda: ScriptedFinder([]))
    made = []
    monkeypatch.setattr(
        "unmask.realtime.sources.registry.make_source",
        lambda spec, options: made.append((spec, options)) or argparse.Namespace(source_id=spec),
    )
    assert services.plan("camera:0").pace is None
    services.wish("camera:0", SourceOptions(width=1280, fps=15.0), pace=True)
    assert services.plan("camera:0").pace is True
    assert made == [
        ("camera:0", SourceOptions(width=320, timeout_s=3.0)),
        ("camera:0", SourceOptions(width=1280, fps=15.0, timeout_s=3.0)),
    ]
