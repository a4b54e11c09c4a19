"""The terminal view: a line per face, and how the pipeline fares. Plain lines where the output is no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from unmask.engines.plain_text import plain
from unmask.realtime.annotate import because
from unmask.realtime.metrics.clocks import AGE, Clocks, SourceClocks
from unmask.realtime.metrics.words import load_words, spread_words
from unmask.realtime.types import FaceState, SourceState, Update, Verdict

# The marks differ in shape, not only in colour.
MARKS = {
    Verdict.SIGNS: ("▲", "bold red"),
    Verdict.NO_SIGNS: ("●", "blue"),
    Verdict.CANNOT_JUDGE: ("?", "dim"),
}
_REDRAW_EVERY_S = 0.2


class ConsoleSink:
    """Shows the newest update of each source; ``header`` lines stay above. ``clocks`` is asked how they fare.

    On a terminal it redraws in place five times a second. Elsewhere it prints a line whenever the
    verdict of a picture or the state of a source changes.
    """

    every_update = False

    def __init__(
        self, console: Console, header: Sequence[str] = (), clocks: Callable[[], Clocks] | None = None
    ) -> None:
        self._console = console
        self._clocks = clocks
        self._newest: dict[str, Update] = {}
        self._said: dict[str, object] = {}
        self._drawn_at = 0.0
        for line in header:
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        self._live = Live(console=console, auto_refresh=False, transient=False) if console.is_terminal else None
        if self._live is not None:
            self._live.start()

    def take(self, update: Update) -> None:
        self._newest[update.source_id] = update
        if self._live is None:
            self._say_changes(update)
        elif time.monotonic() - self._drawn_at >= _REDRAW_EVERY_S:
            self._draw()

    def close(self) -> None:
        if self._live is not None:
            self._draw()
            self._live.stop()

    def _draw(self) -> None:
        assert self._live is not None
        self._drawn_at = time.monotonic()
        clocks = self._clocks() if self._clocks is not None else None
        self._live.update(Group(*(source_view(update, clocks) for update in self._newest.values())), refresh=True)

    def _say_changes(self, update: Update) -> None:
        told = _told(self._clocks() if self._clocks is not None else None, update)
        troubles = told.troubles if told is not None else frozenset()
        said = (update.state, update.verdict, update.causes, troubles, update.lowered)
        if self._said.get(update.source_id) == said:
            return
        self._said[update.source_id] = said
        words = picture_words(update) + "".join(
            f" [{remark}]" for remark in (*(told.remarks if told else ()), *update.lowered)
        )
        at = f"{update.frame.time_s:8.1f} s  " if update.frame is not None else " " * 12
        self._console.print(f"{at}{update.source_id}: {words}", highlight=False, markup=False, soft_wrap=True)


def picture_words(update: Update) -> str:
    """The verdict on the whole picture in one line, and the source's state when it does not run."""
    words = update.verdict.words
    if update.verdict is Verdict.CANNOT_JUDGE:
        words += because(update.causes)
    if update.state is not SourceState.RUNNING:
        words += f" [{update.state}{': ' + plain(update.message, 1000) if update.message else ''}]"
    elif update.message:
        words += f" [{plain(update.message, 1000)}]"
    return words


def _told(clocks: Clocks | None, update: Update) -> SourceClocks | None:
    """How a source fares; nothing where it does not run, since its state says more."""
    running = update.state is SourceState.RUNNING
    return clocks.sources.get(update.source_id) if clocks is not None and running else None


def source_view(update: Update, clocks: Clocks | None = None) -> Group:
    """What the terminal shows of one source."""
    told = _told(clocks, update)
    mark, style = MARKS[update.verdict]
    title = Text.assemble((f"{mark} {update.source_id}: ", "bold"), (picture_words(update), style))
    counters = update.counters
    age = f"{update.stages.age_ms:.0f} ms" if update.stages is not None else "-"
    if told is not None and (spread := spread_words(told.recent(AGE))):
        age += f" ({spread})"
    load = f" · {load_words(clocks)}" if clocks is not None and load_words(clocks) else ""
    dropped = ", ".join(f"{number} {cause}" for cause, number in counters.dropped.items()) or "none"
    health = Text(
        f"  {update.fps:.1f} fps · frame age {age} · {counters.analysed} frames analysed · dropped: {dropped}"
        f" · reconnects: {counters.reconnects} · {update.engine}{load}",
        style="dim",
    )
    lowered = [Text(f"  {', '.join(update.lowered)}", style="yellow")]
    remarks = [Text(f"  {remark}", style="yellow") for remark in (told.remarks if told is not None else ())]
    return Group(title, health, *remarks, *(lowered if update.lowered else []), _faces_table(update.faces))


def _faces_table(faces: Sequence[FaceState]) -> Table:
    table = Table(box=None, padding=(0, 2), show_header=bool(faces), header_style="dim")
    for name in ("", "face", "verdict", "score", "because", "window", "size"):
        table.add_column(name)
    for face in faces:
        mark, style = MARKS[face.verdict]
        score = "-" if face.score is None else f"{face.score:.2f}" + ("" if face.calibrated else " (uncalibrated)")
        table.add_row(
            Text(mark, style=style),
            str(face.track.track_id),
            Text(face.verdict.words, style=style),
            score,
            ", ".join(cause.words for cause in face.causes),
            f"{face.window_fill:.0%}",
            f"{face.track.face.size:.0f} px",
        )
    return table
