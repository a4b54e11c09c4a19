"""What a recipe file may say. Needs no torch: recipes are listed and checked on any machine."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from unmask.engines.errors import UnmaskError

Count = Annotated[int, Field(ge=1, le=100_000)]
Positive = Annotated[float, Field(gt=0.0)]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Amount = Annotated[float, Field(ge=0.0, le=4.0)]


class RecipeError(UnmaskError):
    """A recipe is unknown, unreadable or contradicts itself."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Input(_Strict):
    """``height`` x ``width`` is what the network sees, ``frames`` how many crops make one window.

    Crops are square as everywhere in the project, ``side`` pixels: a narrower picture is their middle.
    ``margin`` is the side of a crop in units of the face box (see ``CropSpec``), where the data has boxes.
    ``arrays`` takes windows from the npz files of ``unmask train prepare --npz``, as they were cut.
    """

    height: Annotated[int, Field(ge=32, le=1024)]
    width: Annotated[int, Field(ge=32, le=1024)]
    frames: Annotated[int, Field(ge=1, le=256)] = 1
    margin: Annotated[float, Field(ge=0.5, le=4.0)] = 1.3
    arrays: bool = False

    @property
    def side(self) -> int:
        return max(self.height, self.width)


class FeedForward(_Strict):
    kind: Literal["feed-forward"]
    hidden: Count = 128


class Cnn(_Strict):
    """One convolution per entry of ``channels``; ``pool`` halves by maxima, else by strides."""

    kind: Literal["cnn"]
    channels: Annotated[tuple[Count, ...], Field(min_length=1, max_length=8)]
    kernel: Literal[3, 5, 7] = 3
    batch_norm: bool = False
    pool: bool = False


class C5(_Strict):
    """Five convolutions, self-attention behind the last ``attention`` of them."""

    kind: Literal["c5"]
    channels: Annotated[tuple[Count, ...], Field(min_length=5, max_length=5)] = (32, 64, 128, 256, 256)
    attention: Annotated[int, Field(ge=0, le=2)] = 1


class MobileNet(_Strict):
    kind: Literal["mobilenet-v2"]


class Timm(_Strict):
    """``backbone`` is a name that ``timm.list_models()`` knows."""

    kind: Literal["timm"]
    backbone: Annotated[str, Field(pattern=r"^[a-z0-9_.]+$")]


Network = Annotated[FeedForward | Cnn | C5 | MobileNet | Timm, Field(discriminator="kind")]


class Head(_Strict):
    """``dense`` layers (with ReLU) follow the pooled features and end in the embedding; ``dropout`` comes
    behind each of them and before the classifier. ``time`` says how a window becomes one judgement;
    with ``changes`` an LSTM also reads how far every number moved since the frame before, with ``residual`` it
    corrects the mean of the frames' outputs instead of judging from nothing."""

    dense: tuple[Count, ...] = ()
    dropout: Share = 0.0
    time: Literal["mean", "lstm", "bilstm"] = "mean"
    hidden: Count = 256
    changes: bool = False
    residual: bool = False


class Augmentation(_Strict):
    """``views``: ``call`` is the project's mirrored, moved, call-like view. ``jpeg`` compresses a
    ``jpeg_share`` of the pictures with a quality from that range; a ``harsh_share`` goes through VP9, a beauty
    filter, a filmed screen or little light (``training.data.harsh``)."""

    views: Literal["none", "mirror", "call"] = "call"
    jpeg: tuple[Annotated[int, Field(ge=1, le=100)], Annotated[int, Field(ge=1, le=100)]] | None = None
    jpeg_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    harsh_share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0


class Clips(_Strict):
    """How one still becomes a window, where the data has no videos: see ``unmask.training.pseudo_clips``.

    ``motion`` (camera and head), ``turn`` (the inner face slides smoothly against the outline, as in a head
    that turns), ``tremor`` (hand-held, frame by frame) and ``flicker`` (light) scale what is described there;
    0 leaves them out. ``noise``: the range of a camera's noise in grey levels. ``codec_share`` of the clips go
    through ``codec`` at an x264 ``crf`` from that range (VP9: as good), at most scaled down to ``smallest`` of
    their side. Frames are ``step_ms`` apart; of ``pictures`` coded ones each last is kept.
    ``face_jitter``, ``face_lag_ms`` and ``face_flicker`` are for fakes, while training only: what live
    swappers do to the inner face. In validation they would give the label away.
    """

    motion: Amount = 1.0
    turn: Amount = 1.0
    tremor: Amount = 1.0
    flicker: Amount = 1.0
    noise: tuple[Annotated[float, Field(ge=0.0, le=64.0)], Annotated[float, Field(ge=0.0, le=64.0)]] = (0.0, 4.0)
    codec: Literal["none", "h264", "vp9", "any"] = "any"
    codec_share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.8
    crf: tuple[Annotated[int, Field(ge=0, le=51)], Annotated[int, Field(ge=0, le=51)]] = (22, 36)
    smallest: Annotated[float, Field(ge=0.2, le=1.0)] = 0.55
    step_ms: Annotated[int, Field(ge=1, le=2000)] = 125
    pictures: Annotated[int, Field(ge=1, le=8)] = 1
    face_jitter: Amount = 0.0
    face_lag_ms: Annotated[int, Field(ge=0, le=500)] = 0
    face_flicker: Amount = 0.0

    @model_validator(mode="after")
    def _ranges_rise(self) -> Clips:
        for name, (low, high) in (("noise", self.noise), ("crf", self.crf)):
            if low > high:
                raise ValueError(f"{name} goes from the lower to the higher value")
        return self

    @property
    def plain(self) -> Clips:
        """The same without what marks fakes."""
        return self.model_copy(update={"face_jitter": 0.0, "face_lag_ms": 0, "face_flicker": 0.0})


class Loss(_Strict):
    """``balance`` weighs classes by their rarity. ``frames`` is the weight of the single frames' own loss
    beside that of the window, for networks with a temporal head: their frames must mean something too."""

    kind: Literal["bce", "focal", "cross-entropy"] = "bce"
    smoothing: Share = 0.0
    alpha: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.25
    gamma: Annotated[float, Field(ge=0.0, le=10.0)] = 2.0
    balance: bool = False
    frames: Annotated[float, Field(ge=0.0)] = 0.3


class Optimiser(_Strict):
    """``clip`` is the largest norm of the gradient; None leaves it alone."""

    kind: Literal["adamw", "adam", "sgd", "adagrad"] = "adamw"
    rate: Positive = 1e-3
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    momentum: Share = 0.9
    clip: Positive | None = 1.0


class Schedule(_Strict):
    """``warm_up`` steps rise to the full rate. ``step`` multiplies by ``factor`` every ``every`` epochs,
    ``plateau`` after ``patience`` epochs without a better validation loss."""

    kind: Literal["constant", "cosine", "step", "plateau"] = "cosine"
    warm_up: Annotated[int, Field(ge=0)] = 0
    every: Count = 10
    patience: Count = 2
    factor: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1


class Stage(_Strict):
    """From ``epoch`` (0 is the first) on, the ``train_last`` layers of the backbone learn at ``rate``."""

    epoch: Annotated[int, Field(ge=0)]
    train_last: Annotated[int, Field(ge=0)]
    rate: Positive


class Freeze(_Strict):
    """``train_last`` layers of the backbone learn from the start (None: all of them); see ``freezing``."""

    train_last: Annotated[int, Field(ge=0)] | None = None
    stages: tuple[Stage, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Freeze:
        epochs = [stage.epoch for stage in self.stages]
        if epochs != sorted(set(epochs)):
            raise ValueError("the stages must begin at different epochs, the earliest first")
        return self


class Training(_Strict):
    """``early_stop`` epochs without a better validation AUROC end the run; ``average`` is the decay of
    the averaged weights (None: none are kept); ``amp`` is half precision, on CUDA only."""

    epochs: Count = 10
    batch: Count = 32
    early_stop: Count | None = None
    average: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    amp: bool = False
    seed: Annotated[int, Field(ge=0)] = 1


class Recipe(_Strict):
    """A network, what it sees, and how it learns. ``classes``: real and fake, or real and each generator."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    summary: str
    classes: Literal["binary", "manipulation"] = "binary"
    input: Input
    network: Network
    head: Head = Head()
    augmentation: Augmentation = Augmentation()
    clips: Clips = Clips()
    loss: Loss = Loss()
    optimiser: Optimiser = Optimiser()
    schedule: Schedule = Schedule()
    freeze: Freeze = Freeze()
    training: Training = Training()

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        if self.classes == "manipulation" and self.loss.kind == "bce":
            raise ValueError("several classes need the loss cross-entropy or focal")
        if self.classes == "binary" and self.loss.kind == "cross-entropy":
            raise ValueError("two classes are one logit here: the loss is bce or focal")
        if self.head.time != "mean" and self.input.frames < 2:
            raise ValueError(f"a head of kind {self.head.time} needs at least 2 frames")
        if (self.head.changes or self.head.residual) and self.head.time == "mean":
            raise ValueError("head.changes and head.residual are for an LSTM: give head.time lstm or bilstm")
        if self.input.frames == 1 and (self.input.arrays or self.clips != Clips()):
            raise ValueError("clips and arrays are for windows: give input.frames of 2 or more")
        if self.augmentation.jpeg is not None and self.augmentation.jpeg[0] > self.augmentation.jpeg[1]:
            raise ValueError("the JPEG quality goes from the lower to the higher value")
        return self


def parse_recipe(content: Mapping[str, Any], origin: str) -> Recipe:
    """Check what was read. Raises ``RecipeError`` that names ``origin`` and the first thing wrong."""
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the recipe"
        reason = first["msg"].removeprefix("Value error, ")
        raise RecipeError(f"{origin} is no recipe: {where}: {reason}.") from error


def read_recipe(path: Path, depth: int = 0) -> Recipe:
    """Read a TOML file; ``extends = "NAME"`` starts from NAME.toml beside it. Raises ``RecipeError``."""
    return parse_recipe(_content(path, depth), str(path))


def _content(path: Path, depth: int) -> dict[str, Any]:
    if depth > 4:
        raise RecipeError(f"{path} extends too many others; a recipe may build on at most four.")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecipeError(f"There is no recipe file {path}.") from error
    except (OSError, ValueError, RecursionError) as error:  # also a number with too many digits
        raise RecipeError(f"{path} is no readable TOML: {error}.") from error
    base = content.pop("extends", None)
    if base is None:
        return content
    return merged(_content(path.parent / f"{base}.toml", depth + 1), content)


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes`` in place of what it says; tables are merged, everything else replaced."""
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = merged(old, value)
        result[key] = value
    return result


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """``recipe`` with dotted keys replaced, for a search or ``--set``: ``{"optimiser.rate": 1e-4}``."""
    content = recipe.model_dump()
    for key, value in changes.items():
        nested: Any = value
        for part in reversed(key.split(".")):
            nested = {part: nested}
        content = merged(content, nested)
    return parse_recipe(content, f"{recipe.name} with {', '.join(changes)}")
