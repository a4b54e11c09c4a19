"""What every command about twins is told: where the material, the experiments' work and the decoded crops are."""

from __future__ import annotations

import argparse
from pathlib import Path

from unmask.training.experiments.workshop import Workshop


def add_folders(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--material", type=Path, required=True, help="folder with data/dfdc, data/lfw and models")
    parser.add_argument("--work", type=Path, required=True, help="folder of the experiments' pools and runs")
    parser.add_argument("--crops", type=Path, required=True, help="folder of decoded DFDC crops")


def workshop(options: argparse.Namespace) -> Workshop:
    return Workshop(options.material, options.work, options.crops)
