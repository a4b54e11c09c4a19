"""``unmask export wrap MODEL.onnx --out PACKAGE``: a detector package of anybody's frame classifier."""

from __future__ import annotations

import argparse
from pathlib import Path

from unmask.cli.options import natural, number, whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL.onnx", help="a classifier of single face pictures")
    parser.add_argument("--out", type=Path, required=True, metavar="PACKAGE", help="folder of the package")
    parser.add_argument("--replace", action="store_true", help="write a package anew that is there already")
    feed = parser.add_argument_group("how it is fed (what is left out is probed, measured, or assumed and said)")
    feed.add_argument("--layout", choices=("nchw", "nhwc"), help="probed from the input's shape")
    feed.add_argument("--range", choices=("0-1", "-1-1", "0-255"), help="write --range=-1-1 with the equals sign")
    feed.add_argument("--mean", type=_numbers, metavar="A,B,C", help="taken off after --range, in its units")
    feed.add_argument("--std", type=_numbers, metavar="A,B,C", help="divided by after --mean")
    feed.add_argument("--colour", choices=("rgb", "bgr"), help="order of its channels (assumed: rgb)")
    feed.add_argument("--size", type=whole, metavar="PX", help="side of its pictures, where its input does not say")
    feed.add_argument("--margin", type=number, metavar="M", help="cut around a face in units of its box (assumed: 1.3)")
    read = parser.add_argument_group("how it is read")
    read.add_argument("--output", metavar="NAME", help="which output, where there are several")
    read.add_argument("--activation", choices=("sigmoid", "softmax", "logit"), help="what it already applied; probed")
    side = read.add_mutually_exclusive_group()
    side.add_argument("--fake-class", type=natural, action="append", metavar="I", help="index of fake; may be repeated")
    side.add_argument(
        "--real-class", type=natural, action="append", metavar="I", help="index of genuine, all others fake"
    )
    read.add_argument("--embedding", metavar="NAME", help="an inner value to hand out beside the logit")
    read.add_argument("--window", type=natural, default=16, metavar="N", help="frames averaged, 1 to 16 (default 16)")
    read.add_argument("--threshold", type=number, metavar="S", help="score of an alarm (assumed: 0.9)")
    told = parser.add_argument_group("what is known of it")
    told.add_argument("--name", help="name of the detector (default: that of the folder)")
    told.add_argument("--version", dest="package_version", default="0.1.0", metavar="X.Y.Z", help="default 0.1.0")
    told.add_argument("--licence", help="licence of the weights")
    told.add_argument("--data", action="append", default=[], metavar="TEXT", help="what it learnt from; repeatable")
    faces = parser.add_argument_group("labelled cut faces (folders of pictures, ten or more of each kind)")
    faces.add_argument("--real", type=Path, metavar="DIR", help="genuine ones, to measure the open choices")
    faces.add_argument("--fake", type=Path, metavar="DIR", help="fake ones")
    faces.add_argument("--calibrate", type=Path, metavar="DIR", help="with folders real and fake: Platt scaling")


def run(args: argparse.Namespace) -> int:
    from unmask.export.wrap import wrap
    from unmask.export.wrap_options import WrapOptions

    options = WrapOptions(
        model=args.model,
        out=args.out,
        layout=args.layout,
        range=args.range,
        mean=args.mean,
        std=args.std,
        colour=args.colour,
        size=args.size,
        margin=args.margin,
        output=args.output,
        activation=args.activation,
        fake_class=_indices(args.fake_class),
        real_class=_indices(args.real_class),
        embedding=args.embedding,
        window=args.window,
        threshold=args.threshold,
        name=args.name,
        version=args.package_version,
        licence=args.licence,
        data=tuple(args.data),
        real=args.real,
        fake=args.fake,
        calibrate=args.calibrate,
        replace=args.replace,
    )
    wrapped = wrap(options, lambda line: print(line, flush=True))
    assumed = [choice.name for choice in wrapped.choices if choice.origin == "assumed"]
    print(f"written: {wrapped.package.folder}")
    print(f"assumed, so check them: {', '.join(assumed)}" if assumed else "nothing was assumed")
    return 0


def _numbers(text: str) -> tuple[float, ...]:
    """An argparse type: numbers with commas between."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers, as in 0.5,0.5,0.5") from None


def _indices(given: list[int] | None) -> tuple[int, ...] | None:
    return None if given is None else tuple(given)
