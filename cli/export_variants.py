"""``unmask export variants DETECTOR --data CROPS --precision fp16,int8``: further precisions for a package."""

from __future__ import annotations

import argparse
from pathlib import Path

from unmask.cli.options import natural, positive, require_there, whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("detector", metavar="DETECTOR", help="a detector package by name or folder")
    parser.add_argument(
        "--data",
        metavar="CROPS",
        type=Path,
        required=True,
        help="a folder with index.csv and tars of crops, or an npz with crops, labels and groups",
    )
    parser.add_argument("--precision", metavar="LIST", type=_variants, required=True, help="fp16, int8, or fp16,int8")
    parser.add_argument("--out", metavar="PACKAGE", type=Path, help="write a copy (default: into the package itself)")
    parser.add_argument("--replace", action="store_true", help="write over a package that is at --out already")
    parser.add_argument(
        "--margin", type=positive, help="how far the crops reach, where they do not say it: must be the detector's"
    )
    parser.add_argument("--most", metavar="N", type=whole, default=2000, help="use about N pictures (default 2000)")
    parser.add_argument(
        "--seed",
        metavar="N",
        type=natural,
        default=0,
        help="of the training, where the index has no split val (default 0)",
    )


def run(args: argparse.Namespace) -> int:
    from unmask.engines.errors import UnmaskError
    from unmask.engines.package import find_package
    from unmask.export.package_variants import VariantOptions, variants_of_package

    require_there(args.data, "give the folder with the crops and their index, or an npz of crops")
    options = VariantOptions(
        folder=find_package(args.detector),
        data=args.data,
        precisions=args.precision,
        out=args.out,
        margin=args.margin,
        most=args.most,
        seed=args.seed,
        replace=args.replace,
    )
    package, made = variants_of_package(options, lambda line: print(line, flush=True))
    for one in made:
        if one.passed:
            print(one.sentence)
    print(f"{package.folder} has {', '.join(('fp32', *package.manifest.files.variants))}")
    refused = [one.sentence for one in made if not one.passed]
    if refused:
        raise UnmaskError(" ".join(refused))
    return 0


def _variants(text: str) -> tuple[str, ...]:
    """An argparse type: ``fp16,int8`` and so on."""
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    unknown = next((word for word in words if word not in ("fp16", "int8")), None)
    if unknown is not None:
        raise argparse.ArgumentTypeError(f"{unknown!r} is no further precision, choose from fp16, int8")
    return words
