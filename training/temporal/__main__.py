"""The experiment of ``training/TEMPORAL.md``: ``python -m unmask.training.temporal COMMAND``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import torch

from unmask.engines.errors import ends_with_a_sentence
from unmask.training.experiments.workshop import Workshop
from unmask.training.temporal.sets import SETS


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m unmask.training.temporal", description=__doc__)
    parser.add_argument("--material", type=Path, required=True, help="folder with data/dfdc")
    parser.add_argument("--work", type=Path, required=True, help="folder for everything that is made")
    parser.add_argument("--pools", type=Path, required=True, help="WORK folder of unmask.training.experiments")
    parser.add_argument("--crops", type=Path, help="folder of decoded DFDC crops (default: WORK/crops)")
    parser.add_argument("--start", type=Path, required=True, help="best.pt of the frozen encoder, a MobileNetV2")
    commands = parser.add_subparsers(dest="command", required=True)
    embed = commands.add_parser("embed", help="make the windows and embed them; goes on where it was cut off")
    embed.add_argument("names", nargs="*", default=list(SETS), help=", ".join(SETS))
    train = commands.add_parser("train", help="train a head on the embedded windows")
    train.add_argument("name", help="the run goes to WORK/NAME; a run found there is continued")
    train.add_argument("--recipe", default="mobilenet-v2-lstm-16", help="recipe with a head over time")
    train.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="change one setting of the recipe")
    train.add_argument("--learn", nargs="+", default=["train DFDC", "train pairs"], help="sets to learn from")
    judge = commands.add_parser("judge", help="measure a run's window against its single frames")
    judge.add_argument("name")
    judge.add_argument("--rounds", type=int, default=300, help="draws of people behind each interval")
    return parser


def run(options: argparse.Namespace) -> None:
    # These need torch; listing the options does not.
    from unmask.training.temporal import commands

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    shop = Workshop(options.material, options.pools, options.crops or options.work / "crops")
    getattr(commands, options.command)(shop, options, lambda line: print(line, flush=True))


@ends_with_a_sentence
def main(argv: Sequence[str] | None = None) -> None:
    run(arguments().parse_args(argv))


if __name__ == "__main__":
    raise SystemExit(main())
