"""What is measured: a detector package in an engine, a way to find faces, and the clips it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unmask.benchmarks.host import file_sha256
from unmask.engines.options import EngineOptions, Precision
from unmask.engines.package import DetectorPackage
from unmask.realtime.detector import Detector
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.faces.registry import FaceFinderSettings, make_face_finder
from unmask.realtime.session import SessionSettings, SourcePlan
from unmask.realtime.sources.base import FrameSource

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Clip:
    """A video file. ``faces`` is how many it shows, ``None`` for a file whose content nobody stated."""

    name: str
    path: Path
    faces: int | None = None

    def facts(self) -> dict[str, Any]:
        return {"name": self.name, "faces": self.faces, "sha256": file_sha256(self.path)}


@dataclass(frozen=True, slots=True)
class Subject:
    """``engine`` is never ``auto``: it was resolved. ``say`` hears what takes long or was left out."""

    package: DetectorPackage
    engine: str
    precision: Precision
    options: EngineOptions
    faces: FaceFinderSettings
    say: Say

    def open_detector(self) -> Detector:
        """A freshly opened detector. The caller closes it."""
        return Detector.open(self.package, self.engine, precision=self.precision, options=self.options)

    def make_finder(self, settings: FaceFinderSettings | None = None) -> FaceFinder:
        """A finder of its own for every source, since finders keep a state. Whoever gets it closes it."""
        return make_face_finder(settings or self.faces, self.say)

    def plan(
        self, source_id: str, make: Callable[[], FrameSource], settings: FaceFinderSettings | None = None
    ) -> SourcePlan:
        return SourcePlan(source_id, make, self.make_finder(settings))

    @property
    def session_settings(self) -> SessionSettings:
        """The loosest threshold that the package has: the verdict costs the same at each."""
        return SessionSettings(alarms_per_hour=max(one.alarms_per_hour for one in self.package.manifest.thresholds))

    def facts(self, detector: Detector, *, faces_used: bool = True) -> dict[str, Any]:
        """For the report: which bytes ran where."""
        manifest = self.package.manifest
        faces = "not looked for"
        if faces_used:  # loading a face finder may fetch its model: not for nothing
            finder = self.make_finder()
            faces = finder.description
            finder.close()
        return {
            "detector": manifest.name,
            "version": manifest.version,
            "precision": self.precision,
            "encoder_sha256": self.package.encoder_file(self.precision)[1],
            "head_sha256": manifest.files.head.sha256,
            "input_size": manifest.input.size,
            "engine": self.engine,
            "engine_threads": self.options.threads,
            "provider": detector.provider,
            "faces": faces,
            "variants": {name: one.gate.model_dump() for name, one in manifest.files.variants.items()},
        }
