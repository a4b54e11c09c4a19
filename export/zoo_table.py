"""Every family of the zoo in every runtime: ``python -m unmask.export.zoo_table --crops NPZ --out FILE.md``.

Weights are random: the table is about parity and speed, not about detection. So that scores mean something all the
same, batch norm takes its statistics from crops, and the classifier is scaled until the logits of crops spread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unmask.engines.errors import UnmaskError
from unmask.engines.manifest import Calibration
from unmask.engines.registry import open_engine
from unmask.export import zoo_report
from unmask.export.checkpoint import Trained, zoo_network
from unmask.export.fp16 import to_fp16
from unmask.export.int8 import to_int8
from unmask.export.package_writer import ExportError
from unmask.export.sessions import sigmoid_scores
from unmask.export.speed import interleaved
from unmask.export.zoo_report import Row
from unmask.training.data.batches import plain_view
from unmask.training.prepare.ledger import write_whole
from unmask.training.zoo.registry import build_model, find_recipe, require

if TYPE_CHECKING:
    from unmask.export.onnx_export import Network

#: One recipe of each network: other recipes of the same network differ in how it learns, or in its head.
FAMILIES = (
    "feed-forward-adamw", "cnn", "c5-attention-1", "mobilenet-v2", "resnet18", "resnet50-dense", "resnext50-lstm-10",
    "efficientnet-b0", "efficientnet-b3-gradual", "xception-last18", "swin-mean-10", "attribution-vit",
)  # fmt: skip
COLUMNS = ("torch", "ORT fp32", "ORT fp16", "ORT int8", "OpenVINO")
_SPREAD = 2.0
_NONE = Calibration(method="none")


def row_of(name: str, crops: NDArray[np.uint8], *, most_s: float) -> Row:
    """Build, export, convert, compare and time one family. ``crops`` uint8 (N, S, S, 3) RGB: half of them set
    statistics and ranges, half compare. Raises ``UnmaskError`` where the family cannot be exported at all."""
    recipe = find_recipe(name)
    network, weights = _network(name, crops[::2])
    views = np.stack([plain_view(crop, network.size) for crop in crops])
    files, missing, settings = _files(network, views[::2])
    with tempfile.TemporaryDirectory(prefix="unmask-zoo-") as scratch, ExitStack() as stack:
        calls = {"torch": _torch_call(network)}
        for column, (engine, content) in files.items():
            path = Path(scratch) / f"{column}.onnx"
            path.write_bytes(content)
            try:
                opened = stack.enter_context(open_engine(engine, path))
            except UnmaskError as error:
                missing[column] = str(error)
                continue
            calls[column] = lambda batch, opened=opened: opened.infer({"crops": batch})["logit"]
        scores = {column: _scores(call, views[1::2]) for column, call in calls.items()}
        one = views[:1]
        times = interleaved(
            {column: lambda call=call: call(one) for column, call in calls.items()},
            most_s=most_s,
            processor_clock=time.process_time,
        )
    differences = {column: float(np.abs(found - scores["torch"]).max()) for column, found in scores.items()}
    kind = getattr(recipe.network, "backbone", recipe.network.kind)
    return Row(name, kind, network.size, weights / 1e6, times, differences, missing, settings)


def _network(name: str, crops: NDArray[np.uint8]) -> tuple[Network, int]:
    """A network with random weights whose logits spread over ``crops``, and how many weights it has."""
    import torch
    from torch import nn

    from unmask.training.zoo.models.base import Encoder

    torch.manual_seed(0)
    recipe = find_recipe(name)
    model = build_model(recipe).eval()
    views = torch.from_numpy(np.stack([plain_view(crop, model.side) for crop in crops]))
    norms = [part for part in model.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    with torch.no_grad():
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over the batches
            norm.train()
        for start in range(0, len(views) if norms else 0, 16):
            model.embed(views[start : start + 16].permute(0, 3, 1, 2))
        model.eval()
        encoder = Encoder(model)
        logits = torch.cat([encoder(views[i : i + 16])[1] for i in range(0, len(views), 16)])
        scale = _SPREAD / logits.std().clamp(min=1e-6)
        model.classifier.weight *= scale
        model.classifier.bias.copy_((model.classifier.bias - logits.mean()) * scale)
    network = zoo_network(Trained(model, recipe, Path(name), ""))
    return network, sum(weight.numel() for weight in model.parameters())


def _files(network: Network, views: NDArray[np.uint8]) -> tuple[dict[str, tuple[str, bytes]], dict[str, str], str]:
    """Column -> (engine, encoder); column -> why there is none; how INT8 was made."""
    from unmask.export.onnx_export import export_graphs

    encoder = export_graphs(network, "zoo", "0.0.0").encoder
    files = {"ORT fp32": ("ort-cpu", encoder), "OpenVINO": ("openvino", encoder)}
    missing: dict[str, str] = {}
    settings = ""
    batches = [views[i : i + 8] for i in range(0, len(views), 8)]
    try:
        files["ORT fp16"] = ("ort-cpu", to_fp16(encoder, calibration=batches))
    except ExportError as error:
        missing["ORT fp16"] = str(error)
    try:
        # The quickest settings: a package's own export tries more of them.
        quantised = to_int8(encoder, views, _NONE, methods=("minmax",), spared=(0,))
        files["ORT int8"], settings = ("ort-cpu", quantised.model), quantised.settings
    except ExportError as error:
        missing["ORT int8"] = str(error)
    return {column: files[column] for column in COLUMNS if column in files}, missing, settings


def _torch_call(network: Network) -> Callable[[NDArray[np.uint8]], NDArray[Any]]:
    import torch

    def call(batch: NDArray[np.uint8]) -> NDArray[Any]:
        with torch.inference_mode():
            return network.encoder(torch.from_numpy(batch))[1].numpy()

    return call


def _scores(call: Callable[[NDArray[np.uint8]], NDArray[Any]], views: NDArray[np.uint8]) -> NDArray[np.float64]:
    return sigmoid_scores(np.concatenate([call(views[i : i + 8]) for i in range(0, len(views), 8)]), _NONE)


def table(families: Iterable[str], crops: NDArray[np.uint8], *, most_s: float, out: Path, words: str) -> None:
    """Measure ``families`` and write the report to ``out``, anew after each."""
    rows: list[Row] = []
    failed: dict[str, str] = {}
    for name in families:
        started = time.monotonic()
        try:
            rows.append(row_of(name, crops, most_s=most_s))
        except UnmaskError as error:
            failed[name] = str(error)
        print(f"{name}: {failed.get(name, 'measured')} ({time.monotonic() - started:.0f} s)", flush=True)
        write_whole(out, zoo_report.markdown(tuple(rows), failed, COLUMNS, words).encode())


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crops", type=Path, required=True, help="npz with crops, uint8 (N, S, S, 3) RGB faces")
    parser.add_argument("--crops-are", default="face crops", help="what they are, for the report")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/EXPORTS.md"))
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), metavar="RECIPE")
    parser.add_argument("--seconds", type=float, default=15.0, help="most time per family for the timing")
    options = parser.parse_args(argv)
    try:
        require("torch", "timm", "onnxscript")
        with np.load(options.crops, allow_pickle=False) as file:
            crops = file["crops"]
        import torch

        torch.set_num_threads(1)
        words = f"{len(crops)} {options.crops_are}, every other one for statistics and ranges, the rest for parity"
        table(options.families, crops, most_s=options.seconds, out=options.out, words=words)
    except (UnmaskError, OSError, KeyError) as error:
        parser.exit(2, f"{error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
