"""Which containers are opened: none that points at other files, and nothing that no camera ever wrote.

FFmpeg tells a container by its content, whatever the name says. Playlists name files and addresses to be opened in
their turn, scripts are run: such a container is refused before anything in it is followed.
"""

from __future__ import annotations

import codecs
from functools import cache

#: What is not opened, by FFmpeg's name for it, and what to call it.
NOT_VIDEO_FORMATS = {
    "avisynth": "a script",
    "concat": "a playlist",
    "dash": "a playlist",
    "hls": "a playlist",
    "image2": "a single picture",
    "imf": "a playlist",
    "sdp": "a session description",
    "tty": "plain text",
    "vapoursynth": "a script",
    "vobsub": "subtitles",
    "webm_dash_manifest": "a playlist",
}

#: Playlists whose parts FFmpeg takes over the protocols of the address alone: how most live streams are sent.
_NETWORK_PLAYLISTS = frozenset({"dash", "hls"})

_PLAYLIST_BEGINS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD")
_HEAD = 512
_IN_TEXT = "\t\r\n\x1b"  # an escape begins the colours of a terminal picture


@cache
def opened_formats(*, network: bool) -> str:
    """For FFmpeg's ``format_whitelist``: every container it knows but those that are not opened."""
    import av

    known = {part for name in av.formats_available for part in name.split(",")}
    refused = NOT_VIDEO_FORMATS.keys() - (_NETWORK_PLAYLISTS if network else frozenset())
    return ",".join(sorted(known - refused))


def kind_of(format_name: str) -> str:
    """What a container is that was opened and holds no video; empty for one that may."""
    for part in format_name.split(","):
        if part in NOT_VIDEO_FORMATS:
            return NOT_VIDEO_FORMATS[part]
        if part.endswith("_pipe"):
            return "a single picture"
    return ""


def kind_by_its_beginning(head: bytes) -> str:
    """What a file is that FFmpeg would not open, by its first bytes; empty where they do not tell."""
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(_PLAYLIST_BEGINS):
        return "a playlist"
    if head.startswith(b"v=0"):
        return "a session description"
    try:
        # A letter that the end of the head cuts in two is no fault.
        text = codecs.getincrementaldecoder("utf-8")().decode(head[:_HEAD])
    except UnicodeDecodeError:
        return ""
    return "plain text" if text and all(letter.isprintable() or letter in _IN_TEXT for letter in text) else ""
