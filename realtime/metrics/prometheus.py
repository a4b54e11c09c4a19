"""The clocks in Prometheus' text format, version 0.0.4 (prometheus.io, "Exposition formats").

Written by hand: the format is a page long, and the client library keeps its own registry of counters,
which would have to be filled a second time. A test reads the text back with a strict parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from unmask.realtime.metrics.clocks import AGE, PAINT_AGE, Clocks, SourceClocks, Standing
from unmask.realtime.metrics.health import Trouble
from unmask.realtime.metrics.histogram import Durations
from unmask.realtime.types import SourceState, Verdict

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, Labels, float]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. A sample's name adds its suffix (``_bucket``) to the family's."""

    name: str
    kind: str
    help: str
    samples: Sequence[Sample]


def exposition(clocks: Clocks, version: str) -> str:
    """The whole page. Never holds a picture, a password or the query of an address."""
    lines: list[str] = []
    for family in _families(clocks, version):
        if family.samples:
            lines.append(f"# HELP {family.name} {_escaped(family.help)}")
            lines.append(f"# TYPE {family.name} {family.kind}")
            lines += [_line(family.name + suffix, labels, value) for suffix, labels, value in family.samples]
    return "\n".join(lines) + "\n"


def public_names(source_ids: Iterable[str]) -> dict[str, str]:
    """A label for each source, each its own: addresses without user, password and query.

    Of a stream's address only the host and the path stay; whoever has a secret in the path keeps the port shut.
    """
    names: dict[str, str] = {}
    for source_id in source_ids:
        bare = name = _bare(source_id)
        number = 2
        while name in names.values():
            name, number = f"{bare} #{number}", number + 1
        names[source_id] = name
    return names


def _bare(source_id: str) -> str:
    if "://" not in source_id:
        return source_id
    # Greedy: a password may hold an @ or a slash itself, and too little is better than too much.
    bare = re.sub(r"(?<=://).*@", "", source_id, flags=re.DOTALL)
    try:
        return urlunsplit(urlsplit(bare)._replace(query="", fragment=""))
    except ValueError:
        return bare.partition("?")[0].partition("#")[0]


def _families(clocks: Clocks, version: str) -> Iterator[Family]:
    yield Family("unmask_info", "gauge", "The version that runs.", [("", (("version", version),), 1)])
    yield Family("unmask_uptime_seconds", "gauge", "Seconds since the session began.", [("", (), clocks.uptime_s)])
    names = public_names(clocks.sources)
    label = {source_id: ("source", name) for source_id, name in names.items()}
    standing = {label[key]: one.standing for key, one in clocks.sources.items() if one.standing is not None}
    yield from _totals(standing, clocks, label)
    yield from _now(standing)
    yield from _durations({label[key]: one for key, one in clocks.sources.items()})
    yield from _troubles(clocks, label)
    yield from _load(clocks, names)
    yield from _process(clocks)


def _totals(
    standing: Mapping[tuple[str, str], Standing], clocks: Clocks, label: Mapping[str, tuple[str, str]]
) -> Iterator[Family]:
    for name, what, attribute in (
        ("captured", "Frames that the source sent, dropped ones included.", "captured"),
        ("analysed", "Frames whose faces were followed.", "analysed"),
    ):
        samples = [("", (source,), getattr(one.counters, attribute)) for source, one in standing.items()]
        yield Family(f"unmask_frames_{name}_total", "counter", what, samples)
    yield Family(
        "unmask_frames_dropped_total",
        "counter",
        "Frames that were dropped, by what was busy.",
        [
            ("", (source, ("cause", cause)), number)
            for source, one in standing.items()
            for cause, number in sorted(one.counters.dropped.items())
        ],
    )
    crops = [("", (source,), one.counters.scored_crops) for source, one in standing.items()]
    yield Family("unmask_crops_scored_total", "counter", "Face crops that went through the encoder.", crops)
    opened = [("", (source,), one.counters.reconnects) for source, one in standing.items()]
    yield Family("unmask_reconnects_total", "counter", "How often the source was opened again.", opened)
    alarms = [("", (label[key],), one.alarms) for key, one in clocks.sources.items()]
    yield Family("unmask_alarms_total", "counter", "Alarms for signs of manipulation that began.", alarms)


def _now(standing: Mapping[tuple[str, str], Standing]) -> Iterator[Family]:
    for name, what, attribute in (
        ("alarms_active", "Alarms that are on now.", "alarming"),
        ("faces", "Faces that are followed now.", "faces"),
        ("fps", "Analysed frames per second over the last two seconds.", "fps"),
    ):
        samples = [("", (source,), getattr(one, attribute)) for source, one in standing.items()]
        yield Family(f"unmask_{name}", "gauge", what, samples)
    lowered = [("", (source,), len(one.lowered)) for source, one in standing.items()]
    yield Family("unmask_lowered", "gauge", "Things done less often now, for the processor budget.", lowered)
    states = [
        ("", (source, ("state", state)), one.state is state)
        for source, one in standing.items()
        for state in SourceState
    ]
    yield Family("unmask_source_state", "gauge", "1 for the state that the source is in.", states)
    verdicts = [
        ("", (source, ("verdict", verdict)), one.verdict is verdict)
        for source, one in standing.items()
        for verdict in Verdict
    ]
    yield Family("unmask_verdict", "gauge", "1 for what is said of the picture now.", verdicts)
    engines = [("", (source, ("provider", one.engine)), 1) for source, one in standing.items()]
    yield Family("unmask_engine", "gauge", "The execution provider that runs the detector.", engines)


def _durations(sources: Mapping[tuple[str, str], SourceClocks]) -> Iterator[Family]:
    stages = [
        sample
        for source, one in sources.items()
        for stage, clock in one.clocks.items()
        if stage not in (AGE, PAINT_AGE)
        for sample in _buckets((source, ("stage", stage)), clock.total)
    ]
    yield Family("unmask_stage_seconds", "histogram", "Time that a frame spent in a stage.", stages)
    for name, stage, what in (
        ("frame", AGE, "Age of a frame, from its grab, when its verdict was out."),
        ("paint", PAINT_AGE, "Age of a frame, from its grab, when the window painted it."),
    ):
        samples = [
            sample
            for source, one in sources.items()
            if stage in one.clocks
            for sample in _buckets((source,), one.clocks[stage].total)
        ]
        yield Family(f"unmask_{name}_age_seconds", "histogram", what, samples)


def _buckets(labels: Labels, durations: Durations) -> Iterator[Sample]:
    count = durations.count
    for bound, below in durations.cumulative():
        yield "_bucket", (*labels, ("le", repr(bound))), below
    yield "_bucket", (*labels, ("le", "+Inf")), count
    yield "_sum", labels, durations.total_s
    yield "_count", labels, count


def _troubles(clocks: Clocks, label: Mapping[str, tuple[str, str]]) -> Iterator[Family]:
    on = [
        ("", (label[key], ("kind", trouble)), trouble in one.troubles)
        for key, one in clocks.sources.items()
        for trouble in Trouble
    ]
    yield Family("unmask_trouble", "gauge", "1 while the monitor has this trouble with the source.", on)
    began = [
        ("", (label.get(key, ("source", "")), ("kind", trouble)), number)
        for (key, trouble), number in sorted(clocks.trouble_counts.items())
    ]
    what = "How often a trouble began; those of the machine have no source."
    yield Family("unmask_troubles_total", "counter", what, began)


def _load(clocks: Clocks, names: Mapping[str, str]) -> Iterator[Family]:
    depths = [
        ("", (("queue", queue), ("of", names.get(whose, _bare(whose)))), depth)
        for (queue, whose), depth in sorted(clocks.flow.depths.items())
    ]
    yield Family("unmask_queue_depth", "gauge", "What lies before a stage of a source, or before a sink.", depths)
    dropped = [("", (("sink", sink),), number) for sink, number in sorted(clocks.flow.sink_dropped.items())]
    yield Family("unmask_sink_dropped_total", "counter", "Updates that a sink was too slow for.", dropped)


def _process(clocks: Clocks) -> Iterator[Family]:
    process = clocks.process
    for name, kind, what, value in (
        ("process_cpu_seconds_total", "counter", "Processor time of all threads.", process.cpu_s),
        ("process_resident_memory_bytes", "gauge", "Memory that the process holds.", process.rss_bytes),
        ("process_threads", "gauge", "Threads, those of the runtimes included.", process.threads),
        ("process_open_fds", "gauge", "Open files, sockets and devices.", process.handles),
        ("unmask_cores", "gauge", "Processor cores in use over the last ten seconds.", process.cores),
    ):
        yield Family(name, kind, what, [] if value is None else [("", (), value)])


def _line(name: str, labels: Labels, value: float) -> str:
    inner = ",".join(f'{key}="{_escaped(text, quote=True)}"' for key, text in labels)
    number = repr(float(value)) if isinstance(value, float) else str(int(value))
    return f"{name}{{{inner}}} {number}" if inner else f"{name} {number}"


def _escaped(text: str, *, quote: bool = False) -> str:
    """A name need not be Unicode: its stray bytes become question marks, since the page is UTF-8."""
    text = str(text).encode("utf-8", "replace").decode("utf-8")
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text
