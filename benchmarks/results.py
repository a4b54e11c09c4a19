"""``RESULTS.md``: the latest reference run as a page, made from the reports in a folder."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from unmask.benchmarks.goals import goals, goals_table
from unmask.benchmarks.host import host_line
from unmask.benchmarks.plots import HOW, draw_plots, plots_missing
from unmask.benchmarks.report import Report, load_report, write_atomically
from unmask.engines.errors import UsageError

#: The order of the sections, and the file name of each report without its ``.json``.
KINDS = ("pipeline", "window", "latency", "throughput", "streams", "cadence", "engines", "startup", "soak")


def load_reports(folder: Path) -> dict[str, Report]:
    """The reports in ``folder`` by their file's name, KIND or KIND-WORD. Raises ``UsageError`` where there is
    none, or one cannot be read."""
    found: dict[str, Report] = {}
    for kind in KINDS:
        path = folder / f"{kind}.json"
        if path.is_file():
            found[kind] = load_report(path)
        # Further reports of a kind, such as engines-torch.json: sections of their own, with their own machine.
        found |= {path.stem: load_report(path) for path in sorted(folder.glob(f"{kind}-*.json")) if path.is_file()}
    if not found:
        raise UsageError(f"There is no report in {folder}: run `unmask bench all --results {folder}` first.")
    return found


def write_results(folder: Path, page: Path) -> Path:
    """Render every report in ``folder`` to ``page``, with plots beside the reports where they can be drawn."""
    reports = load_reports(folder)
    plots = not plots_missing()
    sections = []
    for name, report in reports.items():
        files = draw_plots(report, folder, name) if plots else []
        # Forward slashes, because it is a page and not a path of this system.
        images = [Path(os.path.relpath(file, page.parent)).as_posix() for file in files]
        if name != report.kind:
            report = replace(report, title=f"{report.title} ({name})")
        sections.append(report.as_markdown(images=images))
    note = "" if plots else f"The plots are left out: {HOW}.\n\n"
    write_atomically(page, f"{_head(reports)}{note}" + "\n".join(sections))
    return page


def _head(reports: dict[str, Report]) -> str:
    machines = dict.fromkeys(_machine(report) for report in reports.values())
    lines = [
        "# Benchmark results",
        "",
        "Made by `unmask bench`; [docs/BENCHMARKS.md](../docs/BENCHMARKS.md) says what each number means and how to "
        "measure again. Every section names its command, its machine and the detector's checksum.",
        "",
        f"Measured on: {'; '.join(machines)}.",
        "",
    ]
    if len(machines) > 1:
        lines += ["**The sections were measured on different machines: compare numbers within a section only.**", ""]
    quick = [kind for kind, report in reports.items() if report.settings.get("effort", {}).get("quick")]
    if quick:
        lines += [f"**Quick runs, which prove nothing but that the tool works: {', '.join(quick)}.**", ""]
    return "\n".join([*lines, "## Goals", "", goals_table(goals(reports)), "", ""])


def _machine(report: Report) -> str:
    return host_line({**report.host, "load_before": None, "others_cores": None})
