"""Which layout a folder has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from unmask.engines.errors import UsageError
from unmask.training.prepare.layouts.base import Layout, LayoutOptions
from unmask.training.prepare.layouts.celeb_df import CelebDfLayout
from unmask.training.prepare.layouts.dfdc import DfdcLayout
from unmask.training.prepare.layouts.faceforensics import FaceForensicsLayout
from unmask.training.prepare.layouts.plain import PlainLayout
from unmask.training.prepare.layouts.uadfv import UadfvLayout

#: In the order in which they are tried: the special ones first, since plain folders fit almost anything.
LAYOUTS: tuple[Layout, ...] = (
    FaceForensicsLayout(),
    CelebDfLayout(),
    DfdcLayout(),
    UadfvLayout(),
    PlainLayout(),
)
LAYOUT_NAMES = tuple(layout.name for layout in LAYOUTS)


@dataclass(frozen=True, slots=True)
class FoundLayout:
    """A layout and, for people, what of it was found."""

    layout: Layout
    found: str


def find_layout(root: Path, name: str | None = None, *, labelled: bool = False) -> FoundLayout:
    """The layout called ``name``, or the first that fits ``root``. ``labelled``: a person gives the label
    of all files, which needs no folder names. Raises ``UsageError`` where none fits.
    """
    if not root.is_dir():
        raise UsageError(f"{root} is no folder: give the folder that holds the data set.")
    if name is not None and name not in LAYOUT_NAMES:
        raise UsageError(f"There is no layout {name!r}; choose one of {', '.join(LAYOUT_NAMES)}.")
    if labelled:
        if name not in (None, "plain"):
            raise UsageError(f"--label is for plain folders, not for the layout {name}: leave one of them out.")
        return FoundLayout(LAYOUTS[-1], "every file has the label that you gave")
    for layout in LAYOUTS:
        if name in (None, layout.name) and (found := layout.find(root)):
            return FoundLayout(layout, found)
    if name is None:
        raise UsageError(
            f"{root} has none of the layouts {', '.join(LAYOUT_NAMES)}: give the folder above real and fake, "
            "or say --label real or --label fake for one kind of files."
        )
    expects = next(layout.expects for layout in LAYOUTS if layout.name == name)
    raise UsageError(f"{root} is not laid out as {name}: it needs {expects}.")


def check_options(layout: Layout, options: LayoutOptions) -> None:
    """Raise ``UsageError`` for an option that ``layout`` would not heed."""
    wrong = None
    if layout.name != "faceforensics":
        if options.splits is not None:
            wrong = f"--splits takes a folder only for faceforensics, not {options.splits}: say official or identity"
        elif options.compression is not None:
            wrong = "--compression is for faceforensics"
    if layout.name != "plain" and options.parent_is_person:
        wrong = "--identities parent is for plain folders"
    if wrong:
        raise UsageError(f"{wrong}; this is {layout.title}.")
