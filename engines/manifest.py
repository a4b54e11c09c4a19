"""The manifest of a detector package: strict, versioned, and the only place its parameters live."""

from __future__ import annotations

import itertools
import math
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator


def _printable(value: str) -> str:
    # These strings end up in terminals and reports: no escape sequences, no bells.
    if any(not (letter.isprintable() or letter == "\n") for letter in value):
        raise ValueError("the text holds control characters")
    return value


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Text = Annotated[str, AfterValidator(_printable)]

FORMAT = 1


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelFile(_Strict):
    """A file inside the package folder and its checksum."""

    path: Text
    sha256: Sha256

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, value: str) -> str:
        path = PurePosixPath(value)
        if not path.parts or path.is_absolute() or ".." in path.parts or "\\" in value or ":" in value:
            raise ValueError(f"the path {value!r} leaves the package folder")
        return value


class Gate(_Strict):
    """How a variant of the encoder compared with the FP32 network before it was let into the package.

    ``crops`` faces of ``data``, never learnt from; ``largest_score_difference`` of calibrated scores, 0..1;
    ``verdict_flips``: crops on the other side of the loosest threshold; ``auroc_difference``: variant less
    FP32, 1 = 100 points; ``speed_ratio``: FP32 time / variant time of one crop on one thread of ``machine``.
    """

    against: Text
    data: Text
    crops: Annotated[int, Field(ge=1)]
    largest_score_difference: Share
    verdict_flips: Annotated[int, Field(ge=0)]
    auroc_difference: Annotated[float, Field(ge=-1.0, le=1.0)]
    speed_ratio: Positive
    machine: Text
    command: Text = ""


class Variant(ModelFile):
    """An encoder of another precision and what the parity gate measured."""

    gate: Gate


class Activation(_Strict):
    """The encoder's third output, ``activation`` float32 (N, rows, columns): what each cell of the last
    feature map adds to the logit. It says where the model looked, it is no evidence."""

    rows: Annotated[int, Field(ge=1, le=256)]
    columns: Annotated[int, Field(ge=1, le=256)]


class Files(_Strict):
    """``encoder``: uint8 crops (N, H, W, 3) -> ``embedding`` (N, D), ``logit`` (N,).
    ``head``: ``window`` float32 (N, T, D) and ``mask`` float32 (N, T), 1 where there is a frame
    -> ``logit`` (N,).
    ``variants``: encoders of other precisions with the same inputs and outputs."""

    encoder: ModelFile
    head: ModelFile
    variants: dict[Literal["fp16", "int8"], Variant] = {}


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
    fitted_on: Text = ""

    @model_validator(mode="after")
    def _does_what_it_says(self) -> Calibration:
        if self.method == "none" and (self.scale != 1.0 or self.bias != 0.0):
            raise ValueError('method "none" goes with scale 1 and bias 0')
        if self.method == "temperature" and self.bias != 0.0:
            raise ValueError('method "temperature" has no bias; a scale with a bias is "platt"')
        return self


class Threshold(_Strict):
    """A score over which an alarm begins, and what backs the false-alarm rate stated for it.

    ``alarms_per_hour`` is the budget it was set for; ``footage_hours`` of genuine footage were
    watched with it and ``alarms_seen`` alarms counted: see ``proven_per_hour``.
    """

    score: Share
    alarms_per_hour: Positive
    footage_hours: Annotated[float, Field(ge=0.0)]
    alarms_seen: Annotated[int, Field(ge=0, le=10_000)]
    footage: Text

    @model_validator(mode="after")
    def _counted_somewhere(self) -> Threshold:
        if self.alarms_seen and not self.footage_hours:
            raise ValueError(f"{self.alarms_seen} alarms cannot have been seen in 0 hours of footage")
        return self

    @property
    def proven_per_hour(self) -> float | None:
        """The false alarms per hour that the footage bounds from above with 95 % confidence.

        Exact upper limit of a Poisson rate (Garwood 1936); without an alarm it is the rule of three,
        3 / hours. ``None`` when no footage was watched: then nothing is proven.
        """
        return poisson_upper(self.alarms_seen) / self.footage_hours if self.footage_hours else None


class Rule(_Strict):
    """How evidence becomes a verdict: the time constant of the smoothing, the seconds over the threshold
    before an alarm, how far below the threshold the score must fall to end one, and for how many seconds."""

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

    @model_validator(mode="after")
    def _some_light_passes(self) -> Quality:
        if self.min_brightness >= self.max_brightness:
            raise ValueError(f"min_brightness {self.min_brightness} leaves nothing below max_brightness")
        return self


class Metric(_Strict):
    """A measured number with its 95 % interval, the data it was measured on, and how many separate units."""

    name: Text
    value: float
    low: float | None = None
    high: float | None = None
    data: Text
    units: Annotated[int, Field(ge=1)]
    unit: Text
    command: Text = ""

    @model_validator(mode="after")
    def _value_lies_in_its_interval(self) -> Metric:
        if (self.low is None) != (self.high is None):
            raise ValueError(f"the interval of {self.name} has one end only")
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ValueError(f"{self.name} {self.value} lies outside its interval {self.low}..{self.high}")
        return self


class Provenance(_Strict):
    data: tuple[Text, ...]
    licence: Text
    trained_with: Text
    metrics: tuple[Metric, ...]
    limits: tuple[Text, ...]


class Manifest(_Strict):
    """``detector.json``. ``fake_class`` is the output index for fake of a classifier that was wrapped;
    0 where the graph gives one logit. ``single_image`` says whether one picture is enough for a score."""

    format: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")]
    description: Text
    files: Files
    input: Input
    crop: Crop
    embedding: Annotated[int, Field(ge=1, le=8192)]
    window: Window
    single_image: bool
    fake_class: Annotated[int, Field(ge=0)] = 0
    activation: Activation | None = None
    calibration: Calibration
    thresholds: Annotated[tuple[Threshold, ...], Field(min_length=1)]
    rule: Rule = Rule()
    quality: Quality = Quality()
    provenance: Provenance
    exported_with: dict[Text, Text]

    @model_validator(mode="after")
    def _thresholds_make_sense(self) -> Manifest:
        ordered = sorted(self.thresholds, key=lambda threshold: -threshold.alarms_per_hour)
        for lax, strict in itertools.pairwise(ordered):
            if lax.alarms_per_hour == strict.alarms_per_hour:
                raise ValueError(f"two thresholds are for {lax.alarms_per_hour:g} alarms per hour")
            if lax.score > strict.score:
                raise ValueError("a threshold for fewer false alarms must not be lower than one for more")
        if ordered[0].score <= self.rule.release_margin:
            raise ValueError(
                f"threshold {ordered[0].score:g} is not above release_margin {self.rule.release_margin:g}: "
                "its alarms would never end"
            )
        return self


def poisson_upper(events: int, confidence: float = 0.95) -> float:
    """The largest expected count under which ``events`` or fewer still happen with 1 - ``confidence``."""

    def at_most(mean: float) -> float:
        # Summed in logarithms: exp(-mean) alone underflows for a few hundred events.
        return sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(events + 1))

    low, high = 0.0, events + 10.0 * math.sqrt(events + 1.0)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if at_most(middle) > 1 - confidence else (low, middle)
    return high
