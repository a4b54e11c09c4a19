"""The exported files against the network they were made of, in the engine that runs everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unmask.engines.engine import Engine
from unmask.export.onnx_export import ENCODER_OUTPUTS, Network
from unmask.export.package_writer import ExportError

#: How much an exported number may differ from the network's; for a number over one, in parts of it.
TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Parity:
    """The largest absolute differences between the network and its files, over crops and over windows.
    ``activation`` is ``None`` where the encoder has no such output."""

    embedding: float
    logit: float
    activation: float | None
    head: float

    def sentence(self) -> str:
        parts = [f"embedding {self.embedding:.1e}", f"logit {self.logit:.1e}", f"head {self.head:.1e}"]
        if self.activation is not None:
            parts.append(f"activation {self.activation:.1e}")
        return f"parity with the network: {', '.join(parts)}"


def check_parity(network: Network, encoder: Engine, head: Engine, crops: NDArray[np.uint8]) -> Parity:
    """Compare on ``crops`` (N, size, size, 3) and on windows of every kind of filling.

    Raises ``ExportError`` where a number differs by more than ``TOLERANCE``: then the export is wrong, not
    merely rounded otherwise.
    """
    found = encoder_differences(network, encoder.infer({"crops": crops}), crops)
    return Parity(found["embedding"], found["logit"], found.get("activation"), head_difference(network, head))


def encoder_differences(
    network: Network, said: Mapping[str, NDArray[Any]], crops: NDArray[np.uint8]
) -> dict[str, float]:
    """The largest difference of each output of the encoder. Raises ``ExportError`` over the tolerance."""
    with torch.inference_mode():
        wanted = network.encoder(torch.from_numpy(crops))
    return {
        name: _largest(f"encoder's {name}", np.asarray(said[name]), values.numpy())
        for name, values in zip(ENCODER_OUTPUTS, wanted, strict=False)
    }


def head_difference(network: Network, head: Engine) -> float:
    """The largest difference over windows that are full, half full, of one frame, and with holes.

    An empty window must give no number. Raises ``ExportError``.
    """
    window, mask = _windows(network)
    with torch.inference_mode():
        wanted = network.head(torch.from_numpy(window), torch.from_numpy(mask)).numpy()
    said = np.asarray(head.infer({"window": window, "mask": mask})["logit"])
    empty = np.zeros((1, network.length), np.float32)
    if np.isfinite(head.infer({"window": window[:1], "mask": empty})["logit"]).any():
        raise ExportError("The exported head gives a number for a window without frames: do not use it.")
    return _largest("head's logit", said, wanted)


def _windows(network: Network) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Random windows (5, T, D) of the size of real embeddings, and masks (5, T)."""
    shape = (5, network.length, network.embedding)
    noise = torch.randint(0, 256, (2, network.size, network.size, 3), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        spread = float(network.encoder(noise.to(torch.uint8))[0].abs().mean())
    window = np.random.default_rng(0).normal(0.0, max(spread, 1e-3), shape).astype(np.float32)
    mask = np.ones(shape[:2], np.float32)
    mask[1, (network.length + 1) // 2 :] = 0
    mask[2, 1:] = 0
    mask[3, 1::2] = 0
    mask[4, : network.length // 2] = 0
    return window, mask


def _largest(what: str, said: NDArray[Any], wanted: NDArray[Any]) -> float:
    if not np.isfinite(wanted).all():
        last = what.rsplit(maxsplit=1)[-1]
        raise ExportError(f"The network's own {last} is no number: train it anew, at a lower rate.")
    difference = float(np.abs(said - wanted).max())
    allowed = TOLERANCE * max(1.0, float(np.abs(wanted).max()))
    if not difference <= allowed:  # also where it is no number
        raise ExportError(
            f"The exported {what} differs from the network's by {difference:.2g}, at most {allowed:.2g} is allowed: "
            "nothing was written; try another version of torch or onnxruntime."
        )
    return difference
