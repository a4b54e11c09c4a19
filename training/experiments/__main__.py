"""The experiments of ``training/EXPERIMENTS.md``: ``python -m unmask.training.experiments COMMAND``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import torch

from unmask.engines.errors import ends_with_a_sentence
from unmask.training.experiments.workshop import POOLS, Workshop


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m unmask.training.experiments", description=__doc__)
    parser.add_argument("--material", type=Path, required=True, help="folder with data/dfdc, data/lfw and models")
    parser.add_argument("--work", type=Path, required=True, help="folder for everything that is made")
    parser.add_argument("--crops", type=Path, help="folder of decoded DFDC crops (default: WORK/crops)")
    parser.add_argument("--face-model", type=Path, help="SCRFD file (default: the installed pack)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("faces", help="find the faces of LFW and of the genuine clips")
    renderer = commands.add_parser("autoencoder", help="train an autoencoder of the reconstructions")
    renderer.add_argument("name", choices=("autoencoder", "other-autoencoder"))
    pools = commands.add_parser("pools", help="generate pairs of real and fake")
    pools.add_argument("names", nargs="*", default=list(POOLS), help=", ".join(POOLS))
    eyes = commands.add_parser("eyes", help="find the landmarks that aligned crops need")
    eyes.add_argument("names", nargs="+", help="pools by name, dfdc-train, dfdc-val")
    probe = commands.add_parser("probe", help="a linear detector on a frozen network's embeddings")
    probe.add_argument("name", help="the embeddings are kept in WORK/NAME")
    probe.add_argument("--start", type=Path, help="checkpoint of the network (default: the ImageNet weights)")
    _view_options(probe)
    probe.add_argument("--passes", type=int, default=1, help="times every pair is embedded")
    probe.add_argument("--labelled", type=int, default=4000, help="DFDC crops embedded for training")
    probe.add_argument("--ridge", type=float, nargs="+", default=[0.003, 0.03, 0.3])
    tune = commands.add_parser("finetune", help="train the whole network")
    tune.add_argument("name", help="the run goes to WORK/NAME; a run found there is continued")
    tune.add_argument("--start", type=Path, help="checkpoint to start from (default: the ImageNet weights)")
    _view_options(tune)
    tune.add_argument("--labelled", type=float, default=0.5, help="share of DFDC crops in a batch")
    tune.add_argument("--pool", choices=("train", "all", "blends"), default="train")
    tune.add_argument("--frozen", type=int, default=4, help="first blocks that do not learn")
    _align_option(tune)
    tune.add_argument("--jitter", action="store_true", help="move and scale the labelled crops too")
    tune.add_argument("--steps", type=int, default=100, help="batches of 32 per epoch")
    tune.add_argument("--epochs", type=int, default=5)
    tune.add_argument("--rate", type=float, default=1e-4)
    judge = commands.add_parser("judge", help="measure a run of finetune on the validation sets")
    judge.add_argument("name")
    judge.add_argument("--checkpoint", type=Path, help="default: WORK/NAME/best.pt")
    _view_options(judge)
    _align_option(judge)
    look = commands.add_parser("pairs", help="look at the live swaps, once all choices are made")
    look.add_argument("name")
    look.add_argument("--checkpoint", type=Path, required=True, help="of finetune, or of probe with --linear")
    look.add_argument("--linear", action="store_true", help="the checkpoint is one of probe")
    _view_options(look)
    return parser


def _align_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--align", action="store_true", help="turn every crop until its eyes are level")


def _view_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--margin", type=float, default=1.3)
    parser.add_argument("--call", choices=("none", "soft", "hard", "line"), default="soft", help="augmentation")


def run(options: argparse.Namespace) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    crops = options.crops or options.work / "crops"
    shop = Workshop(options.material, options.work, crops, options.face_model)

    def log(line: str) -> None:
        print(line, flush=True)

    if options.command == "faces":
        shop.find_faces(log)
    elif options.command == "autoencoder":
        shop.autoencoder(options.name, log)
    elif options.command == "pools":
        shop.make_pools(list(options.names), log)
    elif options.command == "eyes":
        shop.find_eyes(list(options.names), log)
    else:
        # These need networks or SciPy; the others do not.
        from unmask.training.experiments import commands

        getattr(commands, options.command)(shop, options, log)


@ends_with_a_sentence
def main(argv: Sequence[str] | None = None) -> None:
    run(arguments().parse_args(argv))


if __name__ == "__main__":
    raise SystemExit(main())
