"""``python -m unmask.training.twins --material DATA --work WORK --crops CACHE NAME``: learn from twins.

``WORK`` and ``CACHE`` are those of ``unmask.training.experiments``: its pools and its decoded crops. The run goes
to ``WORK/NAME``; one that is found there is continued.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import torch

from unmask.engines.errors import ends_with_a_sentence
from unmask.training.twins.folders import add_folders, workshop
from unmask.training.twins.learn import TwinPlan, learn
from unmask.training.twins.teachers import TeacherPlan
from unmask.training.twins.views import ViewPlan


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m unmask.training.twins", description=__doc__)
    parser.add_argument("name", help="of the run")
    add_folders(parser)
    parser.add_argument("--start", type=Path, help="checkpoint to start from (default: the ImageNet weights)")
    parser.add_argument("--size", type=int, default=160, help="side of the crops in pixels")
    parser.add_argument("--margin", type=float, default=1.0, help="side of the crops in DFDC crops")
    parser.add_argument("--pooled", type=float, default=0.25, help="share of self-made couples")
    parser.add_argument("--pool", default="all", help="pool of self-made couples")
    parser.add_argument("--tight", type=float, default=0.0, help="share of self-made couples cut as close as DFDC's")
    parser.add_argument("--line", type=float, default=0.25, help="share of couples that go over a line")
    parser.add_argument("--zoomed", type=float, default=0.5, help="share of couples of which a part is shown")
    parser.add_argument("--mixed", type=float, default=0.4, help="share of aligned couples that are mixed")
    parser.add_argument("--settled", action="store_true", help="leave the batch norms at their first statistics")
    parser.add_argument(
        "--teacher", type=TeacherPlan.parse, action="append", default=[], metavar="PATH,SIZE,MARGIN,WEIGHT",
        help="a network to learn from as well, how it sees a face and how much it counts; may be given again",
    )  # fmt: skip
    parser.add_argument("--taught", type=float, default=0.7, help="share of the target that teachers decide")
    parser.add_argument("--average", type=float, default=0.998, help="decay of the averaged weights")
    parser.add_argument("--rate", type=float, default=5e-4, help="highest learning rate")
    parser.add_argument("--steps", type=int, default=200, help="batches of an epoch")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=1, help="of everything that is drawn")
    return parser


def run(options: argparse.Namespace) -> None:
    # Two workers of one thread each wait for each other less often than torch's own threads do.
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    cv2.setNumThreads(1)
    view = ViewPlan(options.size, options.margin, line=options.line, zoomed=options.zoomed, mixed=options.mixed)
    plan = TwinPlan(
        view,
        options.start,
        pooled=options.pooled,
        pool=options.pool,
        tight=options.tight,
        steps=options.steps,
        epochs=options.epochs,
        rate=options.rate,
        average=options.average,
        settled=options.settled,
        teachers=tuple(options.teacher),
        taught=options.taught,
        seed=options.seed,
    )
    shop = workshop(options)
    learn(shop, plan, options.work / options.name, log=lambda text: print(text, flush=True))


@ends_with_a_sentence
def main(argv: Sequence[str] | None = None) -> None:
    run(arguments().parse_args(argv))


if __name__ == "__main__":
    raise SystemExit(main())
