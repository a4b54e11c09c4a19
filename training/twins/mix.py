"""``python -m unmask.training.twins.mix NAME RUN RUN ... --material DATA --work WORK --crops CACHE``: mix runs.

The mean of the weights of runs that come from one another: ``WORK/RUN/plain.pt`` of each, mixed into
``WORK/NAME/plain.pt``, and its AUROC on DFDC val.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from unmask.engines.errors import ends_with_a_sentence
from unmask.training.data.dfdc import DataError
from unmask.training.evaluate import auroc
from unmask.training.loop import logits_of, to_network
from unmask.training.models.mobilenet_v2 import MobileNetV2, starting_network
from unmask.training.twins.folders import add_folders, workshop
from unmask.training.twins.learn import TwinPlan, coded_sample, labelled_crops
from unmask.training.twins.network import LocatingNetwork, recalibrate
from unmask.training.twins.pairs import find_twins
from unmask.training.twins.soup import mean_of
from unmask.training.twins.views import ViewPlan


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m unmask.training.twins.mix", description=__doc__)
    parser.add_argument("name", help="of the mixture")
    parser.add_argument("runs", nargs="+", help="names of the runs that are mixed, each with a plain.pt")
    add_folders(parser)
    parser.add_argument("--size", type=int, default=192, help="side of the crops in pixels")
    parser.add_argument("--margin", type=float, default=1.0, help="side of the crops in DFDC crops")
    parser.add_argument("--pooled", type=float, default=0.4, help="share of self-made couples in the sample")
    parser.add_argument("--line", type=float, default=0.4, help="share of the sample that goes over a line")
    return parser


def mixed(networks: Sequence[MobileNetV2], sample: Tensor) -> MobileNetV2:
    """The mean of plain networks, whose batch norms then fit ``sample``, uint8 crops (N, 3, S, S).

    Each gets its batch norms back with the statistics of that same sample: statistics of other crops, put in before
    and replaced afterwards, change what the network computes (they cost a point of AUROC).
    """
    models = [LocatingNetwork(copy.deepcopy(network), sample) for network in networks]
    model = models[0]
    model.load_state_dict(mean_of([one.state_dict() for one in models]))
    recalibrate(model.to(memory_format=torch.channels_last), sample)  # type: ignore[call-overload]
    return model.folded()


@ends_with_a_sentence
def main(argv: Sequence[str] | None = None) -> None:
    options = arguments().parse_args(argv)
    paths = [options.work / run / "plain.pt" for run in options.runs]
    networks = [starting_network(path, options.material) for path in paths]
    if len(networks) < 2:
        raise DataError("A mixture needs two runs at least: name another one.")
    shop = workshop(options)
    cache, records = shop.labelled("train")
    plan = TwinPlan(ViewPlan(options.size, options.margin, line=options.line), None, pooled=options.pooled)
    sample = to_network(coded_sample(cache, find_twins(cache, records), shop.pool(plan.pool), plan))
    network = mixed(networks, sample)
    crops, labels = labelled_crops(shop, "val", options.size, options.margin)
    print(f"DFDC val: {auroc(labels, logits_of(network, crops)):.4f}")
    folder = options.work / options.name
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), folder / "plain.pt")


if __name__ == "__main__":
    raise SystemExit(main())
