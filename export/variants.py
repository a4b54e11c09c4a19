"""Encoders of other precisions for a package, each let in by the parity gate or left out with its reasons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from unmask.engines.graph_check import check_graph
from unmask.engines.manifest import Files, Gate, Manifest, Variant
from unmask.engines.package import DetectorPackage, load_package
from unmask.export.card import card
from unmask.export.fp16 import to_fp16
from unmask.export.fp16_islands import islands_of
from unmask.export.gate import Judge, Reference, gate_line, judged, reference_of_onnx, run_gate
from unmask.export.int8 import to_int8
from unmask.export.measure import Crops
from unmask.export.package_writer import ExportError, model_file, variant_bytes, write_package

Log = Callable[[str], None]
VariantName = Literal["fp16", "int8"]

FILES: dict[VariantName, str] = {"fp16": "encoder_fp16.onnx", "int8": "encoder_int8.onnx"}


@dataclass(frozen=True, slots=True)
class Material:
    """What variants are made and judged with. ``crops`` are the gate's, of people that the network never learnt
    from; ``calibration`` are rows of the same pixels that the gate does not show, best of people that
    training saw. ``data`` names the gate's crops in the manifest, ``command`` what measures them again."""

    crops: Crops
    calibration: Sequence[int]
    data: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """One variant that was tried. It failed the gate where there are ``reasons``; ``sentence`` says all of it.
    ``gate`` is ``None`` where the variant could not even be made."""

    precision: VariantName
    content: bytes
    gate: Gate | None
    reasons: tuple[str, ...]
    sentence: str

    @property
    def passed(self) -> bool:
        return self.gate is not None and not self.reasons


def make_variants(
    encoder: bytes,
    head: bytes,
    manifest: Manifest,
    precisions: Sequence[VariantName],
    material: Material,
    *,
    reference: Reference | None = None,
    log: Log = lambda line: None,
) -> list[Made]:
    """Make and judge each of ``precisions`` from the FP32 ``encoder``; nothing is written.

    ``reference`` are the torch network's logits of ``material.crops``; without them the FP32 encoder is the
    reference. Raises ``ExportError`` where calibration and gate share crops: then the gate would prove nothing.
    """
    shared = set(material.calibration) & set(material.crops.rows)
    if shared:
        raise ExportError(
            f"{len(shared)} calibration crops are among those of the parity gate: calibrate with others, of people "
            "that the gate does not show."
        )
    judge = Judge(head, manifest.input.size, manifest.calibration, min(t.score for t in manifest.thresholds))
    reference = reference or reference_of_onnx(encoder, judge, material.crops)
    return [_made(encoder, manifest, judge, precision, material, reference, log) for precision in precisions]


def _made(
    encoder: bytes,
    manifest: Manifest,
    judge: Judge,
    precision: VariantName,
    material: Material,
    reference: Reference,
    log: Log,
) -> Made:
    log(f"{precision}: making it")
    try:
        content = _content(encoder, manifest, precision, material, log)
        check_graph(content, "encoder", manifest, f"The {precision} encoder")
        gate = run_gate(
            encoder,
            content,
            material.crops,
            judge,
            reference=reference,
            data=material.data,
            command=material.command,
        )
    except ExportError as error:
        return Made(precision, b"", None, (str(error),), f"{precision} is left out: {error}")
    reasons = tuple(judged(gate, precision))
    numbers = gate_line(gate, precision)
    verdict = f"is left out, because {' and '.join(reasons)}" if reasons else "passed the parity gate"
    log(numbers)
    return Made(precision, content, gate, reasons, f"{precision} {verdict} ({numbers}).")


def _content(encoder: bytes, manifest: Manifest, precision: VariantName, material: Material, log: Log) -> bytes:
    rows, size = list(material.calibration), manifest.input.size
    crops = material.crops.views(rows, size) if rows else np.zeros((0, size, size, 3), np.uint8)
    if precision == "fp16":
        if not crops.size:
            raise ExportError("FP16 needs calibration crops, to find what it cannot hold: give some.")
        islands = islands_of(encoder, crops, manifest.calibration, log=log)
        log(f"fp16: in FP32 stay {', '.join(islands) or 'only normalisation, pooling and logit'}")
        return to_fp16(encoder, islands=islands, calibration=[crops[i : i + 8] for i in range(0, len(crops), 8)])
    quantised = to_int8(encoder, crops, manifest.calibration, log=log)
    log(f"int8: {quantised.settings}, mean score error {quantised.error:.4f} on calibration crops")
    return quantised.model


def with_variants(manifest: Manifest, made: Sequence[Made]) -> tuple[Manifest, dict[str, bytes]]:
    """``manifest`` that names those of ``made`` that passed, in place of older ones, and their files.

    A precision that was tried and failed loses its older file too: it was of other weights or other rules.
    """
    tried = {one.precision for one in made}
    kept: dict[VariantName, Variant] = {
        name: file for name, file in manifest.files.variants.items() if name not in tried
    }
    fresh: dict[VariantName, Variant] = {
        one.precision: Variant(**model_file(FILES[one.precision], one.content).model_dump(), gate=one.gate)
        for one in made
        if one.gate is not None and one.passed
    }
    files = Files(encoder=manifest.files.encoder, head=manifest.files.head, variants={**kept, **fresh})
    contents = {FILES[one.precision]: one.content for one in made if one.passed}
    return manifest.model_copy(update={"files": files}), contents


def add_variants(
    folder: Path,
    precisions: Sequence[VariantName],
    material: Material,
    *,
    out: Path | None = None,
    reference: Reference | None = None,
    log: Log = lambda line: None,
) -> tuple[DetectorPackage, list[Made]]:
    """Add ``precisions`` to the package in ``folder``, or to a copy of it at ``out``: whole, or not at all.

    Those that fail the gate are not written; their ``Made.sentence`` says why. Raises ``UnmaskError``.
    """
    package = load_package(folder)
    encoder, head = package.encoder_path.read_bytes(), package.head_path.read_bytes()
    made = make_variants(encoder, head, package.manifest, precisions, material, reference=reference, log=log)
    manifest, contents = with_variants(package.manifest, made)
    named = {variant.path for variant in manifest.files.variants.values()}
    older = {path: content for path, content in variant_bytes(package).items() if path in named}
    if out is None and not contents and manifest == package.manifest:
        return package, made
    written = write_package(out or folder, manifest, encoder, head, variants={**older, **contents}, card=card(manifest))
    return written, made
