"""The clocks of a source in the window: a line that is always there, and a table that is shown on demand."""

from __future__ import annotations

from unmask.gui.qt import QLabel, QSizePolicy, Qt
from unmask.realtime.metrics.clocks import AGE, EVERY_CLOCK, PAINT_AGE, Clocks, SourceClocks
from unmask.realtime.metrics.words import load_words, milliseconds, spread_words

_NAMES = {AGE: "age at verdict", PAINT_AGE: "age on screen"}


def head_up_numbers(clocks: Clocks | None, source_id: str) -> tuple[str, str]:
    """How frame ages spread, on the screen where that was measured, and what load there is; empty if unknown."""
    told = clocks.sources.get(source_id) if clocks is not None else None
    if clocks is None or told is None:
        return "", ""
    return spread_words(told.recent(PAINT_AGE)) or spread_words(told.recent(AGE)), load_words(clocks)


def clock_rows(source: SourceClocks, clocks: Clocks) -> list[str]:
    """The table, in columns of a fixed width: milliseconds of the last ten seconds, then queues and the process."""
    rows = [f"{'milliseconds':<15}{'p50':>7}{'p90':>7}{'p99':>7}"]
    for name in EVERY_CLOCK:
        recent = source.recent(name)
        if recent.count:
            figures = "".join(f"{milliseconds(recent.quantile_ms(share)):>7}" for share in (0.5, 0.9, 0.99))
            rows.append(f"{_NAMES.get(name, name):<15}{figures}")
    depths = clocks.flow.depths.items()
    queues = [f"{queue} {depth}" for (queue, whose), depth in depths if whose == source.source_id]
    sinks = [f"{whose} {depth}" for (queue, whose), depth in depths if queue == "sink" and depth]
    if queues or sinks:
        rows.append(f"waiting: {', '.join(queues + sinks)}")
    process = clocks.process
    memory = f", {process.rss_bytes / 2**20:.0f} MiB" if process.rss_bytes is not None else ""
    load = load_words(clocks)
    rows.append(f"{load + ', ' if load else ''}{process.threads} threads{memory}")
    return rows


class ClockTable(QLabel):
    """``clock_rows`` in letters of one width. Hidden until somebody asks for it; then it is kept up to date."""

    def __init__(self, source_id: str) -> None:
        super().__init__()
        self._source_id = source_id
        font = self.font()
        font.setFamilies(["monospace", "Menlo", "Consolas"])
        font.setStyleHint(font.StyleHint.Monospace)
        self.setFont(font)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Clocks of {source}").format(source=source_id))
        self.hide()

    def show_clocks(self, clocks: Clocks | None) -> None:
        told = clocks.sources.get(self._source_id) if clocks is not None else None
        if clocks is None or told is None or self.isHidden():
            return
        text = "\n".join(clock_rows(told, clocks))
        if text != self.text():
            self.setText(text)
