"""The manifest of a detector package: strict, versioned, and the only place its parameters live."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]

FORMAT = 1


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelFile(_Strict):
    """A file inside the package folder and its checksum."""

    path: str
    sha256: Sha256

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, value: str) -> str:
        path = PurePosixPath(value)
        if not value or path.is_absolute() or ".." in path.parts or "\\" in value or ":" in value:
            raise ValueError(f"the path {value!r} leaves the package folder")
        return value


class Files(_Strict):
    """``encoder``: uint8 crops (N, H, W, 3) -> ``embedding`` (N, D), ``logit`` (N,).
    ``head``: ``window`` float32 (N, T, D) and ``mask`` float32 (N, T), 1 where there is a frame -> ``logit`` (N,).
    ``variants``: encoders of other precisions by name (``fp16``, ``int8``)."""

    encoder: ModelFile
    head: ModelFile
    variants: dict[str, ModelFile] = {}


class Input(_Strict):
    size: Annotated[int, Field(ge=32, le=1024)]
    colour: Literal["rgb", "bgr"]


class Crop(_Strict):
    """See ``unmask.realtime.faces.crop.CropSpec``."""

    margin: Annotated[float, Field(ge=0.5, le=4.0)]
    align: Literal["none", "roll"]


class Window(_Strict):
    """``length`` embeddings, one each ``stride_ms`` of the source's timeline; a gap over ``max_gap_ms``
    resets the window; a score needs ``min_frames``."""

    length: Annotated[int, Field(ge=1, le=256)]
    stride_ms: Annotated[int, Field(ge=1, le=10_000)]
    max_gap_ms: Annotated[int, Field(ge=1, le=60_000)]
    min_frames: Annotated[int, Field(ge=1, le=256)]

    @model_validator(mode="after")
    def _consistent(self) -> Window:
        if self.min_frames > self.length:
            raise ValueError(f"min_frames {self.min_frames} exceeds the window length {self.length}")
        if self.max_gap_ms < self.stride_ms:
            raise ValueError(f"max_gap_ms {self.max_gap_ms} is shorter than stride_ms {self.stride_ms}")
        return self


class Calibration(_Strict):
    """Score = sigmoid(scale * logit + bias). ``none`` means that the score is no probability."""

    method: Literal["none", "temperature", "platt"]
    scale: Positive = 1.0
    bias: float = 0.0
    fitted_on: str = ""


class Threshold(_Strict):
    """A score over which an alarm begins, and what backs the false-alarm rate stated for it.

    ``alarms_per_hour`` is the budget it was set for; ``footage_hours`` of genuine footage were
    watched with it and ``alarms_seen`` alarms counted: with none seen, only 3 / hours is proven
    at 95 % (the rule of three).
    """

    score: Share
    alarms_per_hour: Positive
    footage_hours: Annotated[float, Field(ge=0.0)]
    alarms_seen: Annotated[int, Field(ge=0)]
    footage: str


class Rule(_Strict):
    """How evidence becomes a verdict: seconds over the threshold before an alarm, the lower score that
    ends one, seconds below it, the time constant of the smoothing, and the longest no signs are
    reported on old evidence."""

    smoothing_s: Annotated[float, Field(ge=0.0, le=60.0)] = 1.0
    dwell_s: Annotated[float, Field(ge=0.0, le=60.0)] = 1.5
    release_margin: Share = 0.1
    release_s: Annotated[float, Field(ge=0.0, le=60.0)] = 2.0


class Quality(_Strict):
    """Below these a face is not judged. Sharpness is the variance of the Laplacian of the grey crop;
    brightness the mean grey level 0..255; yaw is estimated from the landmarks."""

    min_face_px: Annotated[float, Field(ge=8.0)] = 48.0
    min_sharpness: Annotated[float, Field(ge=0.0)] = 0.0
    min_brightness: Annotated[float, Field(ge=0.0, le=255.0)] = 0.0
    max_brightness: Annotated[float, Field(ge=0.0, le=255.0)] = 255.0
    max_yaw_degrees: Annotated[float, Field(gt=0.0, le=90.0)] = 90.0
    min_inside: Share = 0.8


class Metric(_Strict):
    """A measured number with its 95 % interval, the data it was measured on and how many independent units."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    data: str
    units: int
    unit: str
    command: str = ""


class Provenance(_Strict):
    data: tuple[str, ...]
    licence: str
    trained_with: str
    metrics: tuple[Metric, ...]
    limits: tuple[str, ...]


class Manifest(_Strict):
    """``detector.json``. ``fake_class`` is the output index for fake of a classifier that was wrapped;
    0 where the graph gives one logit. ``single_image`` says whether one picture is enough for a score."""

    format: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    description: str
    files: Files
    input: Input
    crop: Crop
    embedding: Annotated[int, Field(ge=1, le=8192)]
    window: Window
    single_image: bool
    fake_class: Annotated[int, Field(ge=0)] = 0
    calibration: Calibration
    thresholds: Annotated[tuple[Threshold, ...], Field(min_length=1)]
    rule: Rule = Rule()
    quality: Quality = Quality()
    provenance: Provenance
    exported_with: dict[str, str]

    @model_validator(mode="after")
    def _ordered(self) -> Manifest:
        scores = [threshold.score for threshold in sorted(self.thresholds, key=lambda t: -t.alarms_per_hour)]
        if scores != sorted(scores):
            raise ValueError("a threshold for fewer false alarms must not be lower than one for more")
        return self
