"""The clocks in the window: asked for by its timer, shown on demand, and the painting that it measures itself."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest
from updates import face_state, update

from unmask.gui.clocks import clock_rows, head_up_numbers
from unmask.gui.window import MonitorWindow
from unmask.realtime.metrics.clocks import Flow
from unmask.realtime.metrics.collector import MetricsCollector
from unmask.realtime.metrics.health import MachineClocks


class Times:
    """Three seconds pass whenever somebody looks; each time the machine slept for a minute if it is ``sleepy``."""

    def __init__(self):
        self.now_s, self.slept_s, self.sleepy = 100.0, 0.0, False

    def monotonic(self):
        self.now_s += 3
        return self.now_s

    def machine(self):
        self.slept_s += 60 * self.sleepy
        return MachineClocks(self.now_s, 1e6 + self.now_s + self.slept_s, self.now_s + self.slept_s)


@pytest.fixture
def times():
    return Times()


@pytest.fixture
def collector(times):
    made = MetricsCollector(monotonic_s=times.monotonic, machine=times.machine)
    made.attach(lambda: Flow({("detection", "fake"): 1, ("sink", "VideoSink"): 2}))
    return made


def shown(qtbot, collector):
    window = MonitorWindow([SimpleNamespace(source_id="fake", key=1)], (), collector)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    return window


def give(window, collector, number):
    one = update(number / 10, face_state(), sequence=number)
    if collector is not None:
        collector.take(one)
    window._numbers_at = 0.0
    window.show_updates({"fake": one})
    return one


def test_the_window_reports_each_painting_and_each_new_frame_once(qtbot, collector):
    window = shown(qtbot, collector)
    picture = window.panels["fake"].picture
    give(window, collector, 1)
    picture.repaint()
    before = collector.clocks().sources["fake"].clocks
    picture.repaint()
    after = collector.clocks().sources["fake"].clocks
    assert after["paint"].total.count == before["paint"].total.count + 1
    assert after["paint_age"].total.count == before["paint_age"].total.count == 1


def test_the_head_up_line_holds_spread_and_load(qtbot, collector):
    window = shown(qtbot, collector)
    give(window, collector, 1)
    window.panels["fake"].picture.repaint()
    spread, _ = head_up_numbers(collector.clocks(), "fake")
    assert spread.startswith("p50 ")
    give(window, collector, 2)
    words = window.panels["fake"].head_up.text()
    assert "24.0 fps · frame age" in words
    assert "p50 " in words
    assert "dropped 1" in words
    assert "CPUExecutionProvider" in words
    assert head_up_numbers(None, "fake") == ("", "")


def test_the_table_is_shown_on_demand(qtbot, collector):
    window = shown(qtbot, collector)
    panel = window.panels["fake"]
    give(window, collector, 1)
    assert panel.clock_button.isVisible()
    assert not panel.clock_table.isVisible()
    assert panel.clock_table.text() == ""
    panel.clock_button.click()
    assert panel.clock_table.isVisible()
    assert "publish" in panel.clock_table.text()
    panel.clock_button.click()
    assert not panel.clock_table.isVisible()


def test_rows_name_stages_queues_and_the_process(collector):
    one = update(0.1, face_state(), sequence=1)
    collector.take(dataclasses.replace(one, stages=dataclasses.replace(one.stages, taken=one.stages.captured + 10**6)))
    clocks = collector.clocks()
    rows = clock_rows(clocks.sources["fake"], clocks)
    assert rows[0].split() == ["milliseconds", "p50", "p90", "p99"]
    assert [row.split()[0] for row in rows[1:4]] == ["wait", "publish", "age"]
    assert "waiting: detection 1, VideoSink 2" in rows
    assert "threads" in rows[-1]


def test_what_troubles_the_monitor_is_said_and_goes_away(qtbot, collector, times):
    window = shown(qtbot, collector)
    panel = window.panels["fake"]
    give(window, collector, 1)
    assert not panel.remark.isVisible()
    times.sleepy = True
    give(window, collector, 2)
    assert panel.remark.isVisible()
    assert "slept for 60 s" in panel.remark.text()
    times.sleepy, times.now_s = False, times.now_s + 60
    give(window, collector, 3)
    assert not panel.remark.isVisible()


def test_what_the_processor_budget_lowered_is_said(qtbot, collector):
    window = shown(qtbot, collector)
    panel = window.panels["fake"]
    panel.show_update(
        dataclasses.replace(update(0.1), lowered=("searching 5 times a second to stay within 0.5 cores",))
    )
    panel.refresh_numbers(None)
    assert panel.remark.text() == "Searching 5 times a second to stay within 0.5 cores."


def test_without_a_collector_nothing_changes(qtbot):
    window = shown(qtbot, None)
    give(window, None, 1)
    panel = window.panels["fake"]
    assert not panel.clock_button.isVisible()
    assert "p50" not in panel.head_up.text()
