"""The commands that learn and measure: frozen network with a linear logit, whole network, judging a run."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unmask.training.experiments import probe as linear
from unmask.training.experiments import report
from unmask.training.experiments.comparator import Comparator
from unmask.training.experiments.embeddings import Embedded, EmbeddingPlan, all_embeddings, validation_scores
from unmask.training.experiments.finetune import FineTuning, fine_tune
from unmask.training.experiments.workshop import Workshop
from unmask.training.loop import logits_of
from unmask.training.models.mobilenet_v2 import MobileNetV2, starting_network

Log = Callable[[str], None]
#: What the linear logit learns from: pairs alone, labelled crops alone, both.
MIXTURES: dict[str, Sequence[str]] = {
    "pairs": ("train pool",),
    "DFDC": ("train DFDC",),
    "both": ("train pool", "train DFDC"),
}


def network(shop: Workshop, options: argparse.Namespace) -> MobileNetV2:
    return starting_network(options.start, shop.material).eval()


def probe(shop: Workshop, options: argparse.Namespace, log: Log) -> None:
    """Embed once, then fit and judge every mixture at every ridge."""
    comparator = Comparator(network(shop, options), options.size, options.margin).eval()
    plan = EmbeddingPlan(options.size, options.margin, options.call, options.passes, options.labelled)
    folder = shop.work / options.name
    sets = all_embeddings(shop, plan, comparator, folder, log)
    for mixture, names in MIXTURES.items():
        parts: list[Embedded] = [sets[name] for name in names]
        for ridge in options.ridge:
            weight, bias = linear.fit(parts, ridge)
            values = linear.scores(sets, weight, bias)
            rows = report.auroc_rows(sets, values)
            alarms = report.genuine_level(sets, values)
            log(f"{options.name}, {mixture}, ridge {ridge:g}: {alarms:.1%} of genuine frames over the 2 % level")
            report.say(rows, log)
            with torch.no_grad():
                comparator.classifier.weight.copy_(torch.from_numpy(weight)[None])
                comparator.classifier.bias.fill_(bias)
            stem = f"{mixture}-{ridge:g}"
            torch.save(comparator.state_dict(), folder / f"{stem}.pt")
            facts = {
                "command": "probe",
                **vars(options),
                "mixture": mixture,
                "ridge": ridge,
                "genuine": alarms,
            }
            report.write(folder / f"{stem}.json", facts, rows)


def finetune(shop: Workshop, options: argparse.Namespace, log: Log) -> None:
    plan = FineTuning(
        start=options.start,
        size=options.size,
        margin=options.margin,
        labelled=options.labelled,
        pool=options.pool,
        call=options.call,
        frozen=options.frozen,
        jitter=options.jitter,
        align=options.align,
        steps=options.steps,
        epochs=options.epochs,
        rate=options.rate,
    )
    fine_tune(shop, plan, shop.work / options.name, log=log)


def judge(shop: Workshop, options: argparse.Namespace, log: Log) -> None:
    options.start = options.checkpoint or shop.work / options.name / "best.pt"
    plan = EmbeddingPlan(options.size, options.margin, align=options.align)
    sets, values = validation_scores(shop, plan, network(shop, options))
    rows = report.auroc_rows(sets, values)
    alarms = report.genuine_level(sets, values)
    log(f"{options.name}: {alarms:.1%} of genuine frames over the 2 % level")
    report.say(rows, log)
    facts = {"command": "judge", **vars(options), "genuine": alarms}
    report.write(shop.work / options.name / "judged.json", facts, rows)


def pairs(shop: Workshop, options: argparse.Namespace, log: Log) -> None:
    from unmask.realtime.faces.crop import CropSpec
    from unmask.realtime.faces.registry import FaceFinderSettings, make_face_finder
    from unmask.training.experiments.pairs import look

    options.start = None if options.linear else options.checkpoint
    model: nn.Module = network(shop, options)
    if options.linear:
        model = Comparator(cast(MobileNetV2, model), options.size, options.margin).eval()
        model.load_state_dict(torch.load(options.checkpoint, weights_only=True))

    def logits(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        return logits_of(model, crops).astype(np.float64)

    finder = make_face_finder(FaceFinderSettings("scrfd", shop.face_model, refresh_every=1), log)
    try:
        clips = shop.material / "data" / "clips" / "pairs"
        spec = CropSpec(options.size, options.margin)
        found = look(clips, finder, spec, logits, shop.work, options.name)
    finally:
        finder.close()
    report.say({"pairs, per clip": found[0], "pairs, per frame": found[1]}, log)
