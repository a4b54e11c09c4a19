"""What the tests of hostile things ask for by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_videos import left_open


@pytest.fixture
def nothing_open(tmp_path: Path) -> Iterator[None]:
    """No file of the test is open any more at its end."""
    yield
    assert left_open(tmp_path) == []
