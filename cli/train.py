"""``unmask train``: the steps from a data set to a detector, one file each."""

from __future__ import annotations

import argparse
import importlib

#: Step -> (module with ``add_arguments(parser)`` and ``run(args) -> int``, one line of help).
STEPS = {
    "prepare": ("unmask.cli.train_prepare", "cut face crops with an index out of a data set"),
    "run": ("unmask.cli.train_run", "train a network of the zoo, or continue a run"),
    "tune": ("unmask.cli.train_tune", "search better settings for a network of the zoo"),
    "evaluate": ("unmask.cli.train_evaluate", "measure a detector package on labelled data"),
    "explain": ("unmask.cli.train_explain", "show where a trained network looked"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    for name, (module, summary) in STEPS.items():
        step = steps.add_parser(name, help=summary, description=summary.capitalize() + ".")
        loaded = importlib.import_module(module)
        loaded.add_arguments(step)
        step.set_defaults(run_step=loaded.run)


def run(args: argparse.Namespace) -> int:
    return args.run_step(args)
