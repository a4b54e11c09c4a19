from __future__ import annotations

from unmask.realtime.scan.items import expand
from unmask.realtime.sources.registry import SourceOptions


def test_a_password_in_an_address_reaches_no_report():
    (item,) = expand(["https://me:secret@host.invalid/clip.mp4"], SourceOptions())
    assert item.kind == "address"
    assert "secret" not in item.path
    assert "host.invalid" in item.path


def test_a_bad_path_is_an_item_with_its_error():
    (item,) = expand(["nowhere/clip.mp4"], SourceOptions())
    assert item.make is None
    assert "does not exist" in item.error
