"""What a zip holds, and whether it may be opened at all.

An archive is refused as a whole when any member is out of order: names that lead outside or that two members
have, links, encryption, more members or bytes than the limits allow, or a ratio that only a zip bomb has.
"""

from __future__ import annotations

import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from unmask.engines.errors import SourceError
from unmask.engines.plain_text import plain
from unmask.realtime.sources.archive_file import ArchiveLimits, SharedArchive, opened_archive
from unmask.realtime.sources.images import is_image, natural_key

SUFFIXES = frozenset({".zip", ".cbz"})
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv"}
    | {".flv", ".ogv", ".3gp", ".gif", ".mxf", ".vob"}
)


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """A picture or video in an archive: ``kind`` is "image" or "video", ``size`` its unpacked bytes."""

    name: str
    kind: str
    size: int


def list_members(path: Path, limits: ArchiveLimits | None = None) -> list[ArchiveMember]:
    """The pictures and videos of an archive, in natural order of their names.

    Raises ``SourceError`` when the file is no zip, when any member has a name that leads outside, is
    a link or encrypted, when the limits are exceeded, or when there is nothing to look at.
    """
    limits = limits or ArchiveLimits()
    with opened_archive(path, limits) as archive:
        return members_of(path.name, archive, limits)


def share_members(path: Path) -> tuple[SharedArchive, list[ArchiveMember]]:
    """``list_members``, and the archive to hand to ``open_member`` for many of them in turn."""
    limits = ArchiveLimits()
    shared = SharedArchive(path, limits)
    with shared.opened() as archive:
        return shared, members_of(path.name, archive, limits)


def members_of(name: str, archive: zipfile.ZipFile, limits: ArchiveLimits) -> list[ArchiveMember]:
    """``list_members`` for an archive that is open already."""
    name = plain(name)
    # Not by is_dir, which looks at the last letter of a name that may have none.
    entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    _check_sizes(name, entries, limits)
    members: dict[str, ArchiveMember] = {}
    for entry in entries:
        _check_entry(name, entry)
        kind = _kind(entry.filename)
        if kind and entry.filename in members:
            raise SourceError(
                f"{name} holds {_shown(entry.filename)} twice, and only one of them would be seen: unpack it first "
                "and give the folder."
            )
        if kind:
            members[entry.filename] = ArchiveMember(entry.filename, kind, entry.file_size)
    if not members:
        raise SourceError(f"{name} holds no pictures or videos; give an archive that does.")
    return sorted(members.values(), key=lambda member: natural_key(member.name))


def _kind(name: str) -> str:
    path = PurePosixPath(name)
    if any(part.startswith(".") or part == "__MACOSX" for part in path.parts):
        return ""
    if is_image(name):
        return "image"
    return "video" if path.suffix.lower() in VIDEO_SUFFIXES else ""


def _check_sizes(archive: str, entries: list[zipfile.ZipInfo], limits: ArchiveLimits) -> None:
    if len(entries) > limits.members:
        raise SourceError(f"{archive} has {len(entries)} members; at most {limits.members} are taken.")
    total = sum(entry.file_size for entry in entries)
    if total > limits.total_bytes:
        raise SourceError(
            f"{archive} unpacks to {total / 2**30:.1f} GiB; at most {limits.total_bytes / 2**30:.1f} GiB are taken."
        )
    for entry in entries:
        if entry.file_size > limits.ratio_from and entry.file_size > limits.ratio * max(entry.compress_size, 1):
            raise SourceError(f"{_shown(entry.filename)} in {archive} is packed like a zip bomb; it is refused.")


def _check_entry(archive: str, entry: zipfile.ZipInfo) -> None:
    # orig_filename: zipfile itself cuts names at a NUL and turns backslashes round on some systems.
    name = entry.orig_filename
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or "\0" in name or ":" in parts[0]:
        raise SourceError(f"{archive} has a member that leads outside it ({_shown(name)}); it is refused.")
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise SourceError(f"{archive} has a link or device in it ({_shown(name)}); it is refused.")
    if entry.flag_bits & 0x1:
        raise SourceError(f"{archive} is encrypted; unpack it first and give the folder.")


def _shown(name: str) -> str:
    """Quoted; a name may have 65,535 letters."""
    return f"'{plain(name, 120)}'"
