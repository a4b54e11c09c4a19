"""The page that Prometheus scrapes: read back strictly, and free of what is nobody's business."""

from __future__ import annotations

import pytest
from prometheus_text import parse
from updates import face_state, update

from unmask.realtime.metrics.clocks import Flow
from unmask.realtime.metrics.collector import MetricsCollector
from unmask.realtime.metrics.prometheus import exposition, public_names
from unmask.realtime.types import Cause, Event, SourceState, Verdict

NASTY = 'window:Ann\'s "call"\\new\nline é \udcff'


def page(*source_ids):
    collector = MetricsCollector()
    collector.attach(lambda: Flow({("detection", source_ids[0]): 1, ("sink", "VideoSink"): 2}, {"VideoSink": 7}))
    for source_id in source_ids:
        alarm = Event(1, 0.5, None, 0.9)
        for number in range(1, 4):
            face = face_state(Verdict.SIGNS, score=0.9, event=alarm)
            said = update(number / 10, face, sequence=number, source_id=source_id, events=(alarm,))
            collector.take(said)
        collector.painted(source_id, 2_000_000, 30_000_000)
    return exposition(collector.clocks(), "1.2.3")


def test_the_page_holds_what_was_counted():
    families = parse(page("camera:0"))
    source = {"source": "camera:0"}
    assert families["unmask_info"].value(version="1.2.3") == 1
    assert families["unmask_frames_captured_total"].value(**source) == 10
    assert families["unmask_frames_dropped_total"].value(**source, cause="detection busy") == 1
    assert families["unmask_alarms_total"].value(**source) == 1
    assert families["unmask_alarms_active"].value(**source) == 1
    assert families["unmask_fps"].value(**source) == 24.0
    assert families["unmask_source_state"].value(**source, state=SourceState.RUNNING) == 1
    assert sum(value for _, _, value in families["unmask_source_state"].samples) == 1
    assert families["unmask_verdict"].value(**source, verdict=Verdict.SIGNS) == 1
    assert families["unmask_engine"].value(**source, provider="CPUExecutionProvider") == 1
    age = families["unmask_frame_age_seconds"]
    assert age.value("_count", **source) == 3
    assert age.value("_sum", **source) == pytest.approx(0.036)
    assert families["unmask_stage_seconds"].value("_count", **source, stage="paint") == 1
    assert families["unmask_paint_age_seconds"].value("_count", **source) == 1
    assert families["unmask_queue_depth"].value(queue="detection", of="camera:0") == 1
    assert families["unmask_sink_dropped_total"].value(sink="VideoSink") == 7
    assert families["process_cpu_seconds_total"].value() > 0


def test_names_are_escaped_and_read_back():
    families = parse(page(NASTY))
    labels = families["unmask_fps"].samples[0][1]
    assert labels == {"source": NASTY.replace("\udcff", "?")}


def test_the_official_parser_agrees():
    parser = pytest.importorskip("prometheus_client.parser", reason="prometheus_client is not installed")
    theirs = {family.name: family for family in parser.text_string_to_metric_families(page(NASTY, "camera:0"))}
    ours = parse(page(NASTY, "camera:0"))
    assert {name.removesuffix("_total") for name in ours} == set(theirs)
    assert len(theirs["unmask_stage_seconds"].samples) == len(ours["unmask_stage_seconds"].samples)


def test_no_password_and_no_query_leaves():
    addresses = [
        "rtsp://ann:s3cret@cam.local:554/live",
        "rtsp://ann:***@cam.local/live?token=s3cret",
        "rtsp://ann:p@s3cret/x@cam.local/live#s3cret",
        "http://[bad:s3cret@cam.local/live?key=s3cret",
        "page",
    ]
    text = page(*addresses)
    assert "s3cret" not in text
    assert "//ann" not in text
    parse(text)
    names = public_names(addresses)
    assert names[addresses[0]] == "rtsp://cam.local:554/live"
    assert len(set(names.values())) == len(addresses), "each keeps a series of its own"


def test_a_source_that_never_spoke_is_no_error():
    families = parse(exposition(MetricsCollector().clocks(), "1"))
    assert "unmask_fps" not in families


def test_troubles_of_a_source_are_counted():
    collector = MetricsCollector()
    for number in range(3):
        black = update(number / 10, sequence=number + 1, causes=(Cause.PICTURE_BLACK,))
        collector.take(black)
    families = parse(exposition(collector.clocks(), "1"))
    assert families["unmask_trouble"].value(source="fake", kind="black") == 1
    assert families["unmask_troubles_total"].value(source="fake", kind="black") == 1


@pytest.mark.parametrize(
    "text",
    [
        "a 1",
        "# TYPE a gauge\na 1\n",
        "# HELP a x\n# TYPE a gauge\n",
        '# HELP a x\n# TYPE a gauge\na{b="c\\d"} 1\n',
        '# HELP a x\n# TYPE a gauge\na{b="c"} 1\na{b="c"} 2\n',
        "# HELP a x\n# TYPE a counter\na 1\n",
        '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
    ],
)
def test_the_strict_parser_refuses(text):
    with pytest.raises(AssertionError):
        parse(text)
