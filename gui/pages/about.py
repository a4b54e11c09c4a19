"""The version and the licences."""

from __future__ import annotations

import platform
from html import escape
from importlib.metadata import PackageNotFoundError, version

from unmask.gui.i18n import tr
from unmask.gui.pages.limits import TextPage
from unmask.gui.qt import QLibraryInfo


def about_page() -> TextPage:
    """The page; plain text that can be copied into a report."""
    return TextPage(tr("About Unmask"), about_html())


def about_html() -> str:
    """What is installed here, and under which terms it may be passed on."""
    lines = [
        tr("Unmask {version}, a monitor that looks for signs of manipulation in faces.").format(
            version=_version("unmask")
        ),
        tr("PyQt6 {binding} on Qt {qt}, Python {python}, {system}").format(
            binding=_version("PyQt6"),
            qt=QLibraryInfo.version().toString(),
            python=platform.python_version(),
            system=platform.system(),
        ),
        tr("The code of Unmask is licensed under the Apache License, version 2.0."),
        tr(
            "This window uses PyQt6, which is licensed under the GNU General Public License, version 3. Unmask "
            "together with PyQt6 may be passed on under the terms of that licence only."
        ),
        tr("Qt itself is licensed under the GNU Lesser General Public License, version 3."),
        tr("PyAV, with FFmpeg, x264 and x265 in it: the GNU General Public License, version 2 or later."),
        tr("Every detector states the licence of its weights; those terms can be narrower."),
        tr("The files LICENSE and NOTICE have all of it. There is no warranty."),
    ]
    return "<h2>Unmask</h2>" + "".join(f"<p>{escape(line)}</p>" for line in lines)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return tr("(unknown version)")
