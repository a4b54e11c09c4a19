"""The files that ``unmask watch`` writes, and what can be known to be wrong before a model is loaded."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.cli.options import refuse_writing_over
from unmask.engines.errors import UsageError

if TYPE_CHECKING:
    from unmask.realtime.detector import Detector
    from unmask.realtime.metrics.collector import MetricsCollector
    from unmask.realtime.session import SessionSettings, SourcePlan
    from unmask.realtime.sinks.base import Sink
    from unmask.realtime.sources.registry import SourceOptions


def check_arguments(args: argparse.Namespace, specs: Sequence[str], options: SourceOptions) -> None:
    """Raise ``UnmaskError`` where a source means nothing, or a file cannot be written. Opens nothing."""
    from unmask.realtime.sources.registry import make_source, refuse_unused

    sources = [make_source(spec, options) for spec in specs]
    names = [source.source_id for source in sources]
    if len(set(names)) < len(names):
        raise UsageError("A source is named twice: name each once.")
    refuse_unused(sources, options)
    check_outputs(args, names)


def check_outputs(args: argparse.Namespace, names: Sequence[str]) -> None:
    """Raise ``UsageError`` where what ``--record`` or ``--jsonl`` names cannot be written, or is what is watched."""
    from unmask.realtime.sinks.video import VideoSink

    for path, name in _recordings(args, names):
        refuse_writing_over(path, names)
        VideoSink(path, name)  # it writes nothing before its first frame
    if args.jsonl is not None:
        refuse_writing_over(args.jsonl, names)
        if args.jsonl.is_dir() or not args.jsonl.parent.is_dir():
            raise UsageError(f"Cannot write {args.jsonl}: give --jsonl a file in a folder that exists.")


def file_sinks(
    args: argparse.Namespace,
    plans: Sequence[SourcePlan],
    detector: Detector,
    settings: SessionSettings,
    collector: MetricsCollector,
) -> list[Sink]:
    """What was asked for with ``--record`` and ``--jsonl``."""
    from unmask.realtime.sinks.jsonl import JsonLinesSink
    from unmask.realtime.sinks.video import VideoSink

    names = [plan.source_id for plan in plans]
    sinks: list[Sink] = [VideoSink(path, name) for path, name in _recordings(args, names)]
    if args.jsonl is not None:
        header = {
            "detector": {"name": detector.manifest.name, "version": detector.manifest.version},
            "engine": detector.provider,
            "faces": plans[0].finder.description,
            "sources": names,
            "alarms_per_hour": settings.alarms_per_hour,
        }
        sinks.append(JsonLinesSink(args.jsonl, header, collector.clocks))
    return sinks


def _recordings(args: argparse.Namespace, names: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """File and source of each recording: OUT-1.mp4, OUT-2.mp4 where there are several sources."""
    if args.record is None:
        return
    path: Path = args.record
    for number, name in enumerate(names, 1):
        yield (path if len(names) == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")), name
