"""Embeddings of every data set of an experiment, reckoned once and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Image
from unmask.training.evaluate import Floats
from unmask.training.experiments.comparator import Comparator, Embedder
from unmask.training.experiments.eyes import known
from unmask.training.experiments.pool import Pool
from unmask.training.experiments.views import hard_call, line_call, mirrored_view, soft_call, tight, wide_view
from unmask.training.experiments.workshop import Workshop
from unmask.training.models.mobilenet_v2 import MobileNetV2

Call = Literal["none", "soft", "hard", "line"]
_CALLS = {"soft": soft_call, "hard": hard_call, "line": line_call}
#: One view to embed: crop, label, who it shows, what made it.
Row = tuple[Image, bool, str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """``vectors`` float32 (N, D), ``fake`` bool (N,), ``groups`` and ``sources`` (N,) names."""

    vectors: NDArray[np.float32]
    fake: NDArray[np.bool_]
    groups: NDArray[np.str_]
    sources: NDArray[np.str_]


def called(image: Image, call: Call, rng: np.random.Generator) -> Image:
    return image if call == "none" else _CALLS[call](image, rng)


def pool_views(
    pool: Pool,
    size: int,
    margin: float,
    call: Call,
    seed: int,
    *,
    passes: int = 1,
    tight_share: float = 0.0,
    landmarks: NDArray[np.float32] | None = None,
) -> Iterator[Row]:
    """Every pair, ``passes`` times; both halves of a pair are cut and coded alike. ``tight_share`` of them
    are cut tight first and mirrored, as the labelled crops are. ``landmarks`` (N, 5, 2) align the crops."""
    for turn in range(passes):
        for row in range(len(pool.groups)):
            eyes = known(landmarks, row)
            closer = np.random.default_rng((seed, turn, row)).random() < tight_share
            for fake in (False, True):
                rng = np.random.default_rng((seed, turn, row, 1))
                image = called((pool.fake if fake else pool.real)[row], call, rng)
                moved = None if call == "none" else rng
                if closer:
                    view = mirrored_view(tight(image, pool.face(row)), size, margin, eyes=eyes)
                else:
                    view = wide_view(image, pool.face(row), size, margin, moved, eyes)
                yield view, fake, pool.groups[row], pool.generators[row] if fake else "genuine"


def labelled_views(
    shop: Workshop,
    split: str,
    size: int,
    margin: float,
    call: Call,
    seed: int,
    count: int | None,
    *,
    align: bool = False,
) -> Iterator[Row]:
    """DFDC crops with mirrored surroundings, ``count`` of them drawn by ``seed`` or all."""
    landmarks = shop.eyes(f"dfdc-{split}") if align else None
    cache, pairs = shop.labelled(split)
    rng = np.random.default_rng(seed)
    if count is not None:
        pairs = [pairs[int(i)] for i in sorted(rng.permutation(len(pairs))[:count])]
    for position, record in pairs:
        image = called(np.asarray(cache.pixels[position]), call, np.random.default_rng((seed, position)))
        view = mirrored_view(image, size, margin, eyes=known(landmarks, position))
        if call != "none" and rng.random() < 0.5:
            view = np.ascontiguousarray(view[:, ::-1])
        yield view, record.fake, record.group, "DFDC"


def embed(views: Iterator[Row], embedder: Embedder, batch: int = 32) -> Embedded:
    vectors: list[NDArray[np.float32]] = []
    facts: list[tuple[bool, str, str]] = []
    waiting: list[Image] = []
    for view, fake, group, source in views:
        waiting.append(view)
        facts.append((fake, group, source))
        if len(waiting) == batch:
            vectors.append(embedder(np.stack(waiting)))
            waiting = []
    if waiting:
        vectors.append(embedder(np.stack(waiting)))
    fakes, groups, sources = zip(*facts, strict=True)
    return Embedded(np.concatenate(vectors), np.asarray(fakes), np.asarray(groups), np.asarray(sources))


@dataclass(frozen=True, slots=True)
class EmbeddingPlan:
    """Which views an experiment embeds: crop ``size`` and ``margin``, augmentation, how many labelled crops."""

    size: int = 160
    margin: float = 1.3
    call: Call = "soft"
    passes: int = 1
    labelled: int = 4000
    tight_share: float = 0.3
    align: bool = False


def views_of(shop: Workshop, plan: EmbeddingPlan) -> dict[str, Callable[[], Iterator[Row]]]:
    """How to make the views of every set, by its name. Validation sets come clean, and through hard calls
    (``... call``); what is learnt from begins with ``train``."""
    size, margin = plan.size, plan.margin

    def pool(name: str, call: Call, passes: int = 1, tight_share: float = 0.0) -> Callable[[], Iterator[Row]]:
        def views() -> Iterator[Row]:
            eyes = shop.eyes(name) if plan.align else None
            return pool_views(
                shop.pool(name), size, margin, call, 11, passes=passes, tight_share=tight_share, landmarks=eyes
            )

        return views

    return {
        "train pool": pool("train", plan.call, plan.passes, plan.tight_share),
        "train DFDC": lambda: labelled_views(shop, "train", size, margin, plan.call, 12, plan.labelled),
        "DFDC val": lambda: labelled_views(shop, "val", size, margin, "none", 13, None, align=plan.align),
        "DFDC val call": lambda: labelled_views(shop, "val", size, margin, "hard", 13, None, align=plan.align),
        "known": pool("known", "none"),
        "people": pool("people", "none"),
        "people call": pool("people", "hard"),
        "clips": pool("clips", "none"),
        "clips call": pool("clips", "hard"),
        "clips rendered": pool("rendered", "none"),
        "clips other": pool("other", "none"),
        "clips other call": pool("other", "hard"),
        "clips rendered call": pool("rendered", "hard"),
    }


def all_embeddings(
    shop: Workshop, plan: EmbeddingPlan, model: Comparator, folder: Path, log: Callable[[str], None] = print
) -> dict[str, Embedded]:
    """Every set embedded; what lies in ``folder`` already is read from there."""
    folder.mkdir(parents=True, exist_ok=True)
    embedder: Embedder | None = None
    results: dict[str, Embedded] = {}
    for name, views in views_of(shop, plan).items():
        path = folder / f"{name.replace(' ', '-')}.npz"
        if not path.is_file():
            embedder = embedder or Embedder(model.embed, plan.size)
            made = embed(views(), embedder)
            np.savez(path, vectors=made.vectors, fake=made.fake, groups=made.groups, sources=made.sources)
            log(f"{name}: {len(made.fake)} views")
        with np.load(path) as arrays:
            results[name] = Embedded(*(arrays[key] for key in ("vectors", "fake", "groups", "sources")))
    return results


def validation_scores(
    shop: Workshop, plan: EmbeddingPlan, model: MobileNetV2
) -> tuple[dict[str, Embedded], dict[str, Floats]]:
    """The validation sets (their vectors are the logits, (N, 1)) and the logits of a whole network."""
    embedder = Embedder(lambda crops: model(crops)[1][:, None], plan.size)
    sets = {name: embed(views(), embedder) for name, views in views_of(shop, plan).items() if "train" not in name}
    return sets, {name: part.vectors[:, 0].astype(np.float64) for name, part in sets.items()}
