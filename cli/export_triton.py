"""``unmask export triton DETECTOR DIR``: a model repository for Triton (or MLServer) of an installed detector."""

from __future__ import annotations

import argparse
from pathlib import Path

from unmask.cli.options import PRECISIONS, natural, whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("detector", metavar="DETECTOR", help="a detector package by name or folder")
    parser.add_argument("folder", metavar="DIR", type=Path, help="the repository; it may hold other models")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32", help="which encoder (default fp32)")
    parser.add_argument(
        "--plan", metavar="FILE", type=Path, help="a TensorRT plan of that encoder, for the server's GPU"
    )
    parser.add_argument("--max-batch", metavar="N", type=whole, default=64, help="crops in one call (default 64)")
    parser.add_argument("--instances", metavar="N", type=whole, default=1, help="on each GPU (default 1)")
    parser.add_argument(
        "--queue-delay-us",
        metavar="US",
        type=natural,
        default=2000,
        help="how long a batch may wait to fill (default 2000)",
    )


def run(args: argparse.Namespace) -> int:
    from unmask.engines.errors import UsageError
    from unmask.engines.package import find_package, load_package
    from unmask.export.triton import write_triton_repository

    if args.folder.is_file():
        raise UsageError(f"{args.folder} is a file: give a folder for the repository.")
    written = write_triton_repository(
        load_package(find_package(args.detector)),
        args.folder,
        precision=args.precision,
        backend="onnxruntime" if args.plan is None else "tensorrt",
        plan=args.plan,
        max_batch=args.max_batch,
        queue_delay_us=args.queue_delay_us,
        instances=args.instances,
    )
    print(f"wrote {written}, a model repository: its README.md says how to serve it")
    return 0
