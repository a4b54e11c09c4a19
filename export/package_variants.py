"""Further precisions for a package that is there already: its crops as it wants them, then ``variants``."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.engines.errors import UsageError
from unmask.engines.manifest import Manifest
from unmask.engines.package import DetectorPackage, load_package
from unmask.export.labelled import Wanted, read_labelled
from unmask.export.measure import Crops
from unmask.export.package_writer import check_target
from unmask.export.variants import Made, Material, VariantName, add_variants


@dataclass(frozen=True, slots=True)
class VariantOptions:
    """``out`` is a copy that gets the ``precisions``, by default the package itself. ``margin`` is said of crops
    without face boxes; ``seed`` is the training's, by which people were held out of an index without split val."""

    folder: Path
    data: Path
    precisions: tuple[VariantName, ...]
    out: Path | None = None
    margin: float | None = None
    most: int = 2000
    seed: int = 0
    replace: bool = False


def variants_of_package(options: VariantOptions, log: Callable[[str], None]) -> tuple[DetectorPackage, list[Made]]:
    """Make, judge and add them: see ``add_variants``. The FP32 encoder is the reference. Raises ``UnmaskError``."""
    package = load_package(options.folder)
    manifest = package.manifest
    check_target(options.out or options.folder, replace=options.replace or options.out is None)
    if options.margin is not None and options.margin != manifest.crop.margin:
        raise UsageError(
            f"{manifest.name} sees crops of margin {manifest.crop.margin:g}, not {options.margin:g}: cut them anew."
        )
    wanted = Wanted(
        margin=manifest.crop.margin,
        said=options.margin is not None,
        frames=1 if manifest.single_image else manifest.window.length,
        least=1 if manifest.single_image else manifest.window.min_frames,
        most=options.most,
        seed=options.seed,
        calibrates=True,
    )
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(prefix="unmask-variants-") as scratch:
        labelled = read_labelled(options.data, wanted, Path(scratch))
        crops = in_its_order(labelled.validation, manifest)
        log(f"{len(crops.labels)} {labelled.unit} of {len(np.unique(crops.groups))} people: {labelled.words}")
        asked = ",".join(options.precisions)
        command = f"unmask export variants {manifest.name} --data CROPS --precision {asked} --most {options.most}"
        material = Material(crops, labelled.calibration, labelled.words, command)
        return add_variants(options.folder, options.precisions, material, out=options.out, log=log)


def in_its_order(crops: Crops, manifest: Manifest) -> Crops:
    """RGB crops with their channels as the detector takes them."""
    return crops if manifest.input.colour == "rgb" else replace(crops, pixels=_Turned(crops.pixels))


class _Turned:
    """RGB pictures read as BGR, each when it is asked for."""

    def __init__(self, pixels: Any) -> None:
        self._pixels = pixels

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        return np.ascontiguousarray(np.asarray(self._pixels[row])[..., ::-1])
