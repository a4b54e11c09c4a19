"""The files of the experiments and how each is made: real faces, autoencoder, pools of pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.training.data.cache import SIDE, CropCache, build_cache, has_cache, open_cache
from unmask.training.data.dfdc import CropRecord, hold_out_groups, read_index, read_pictures
from unmask.training.experiments.autoencoder import train_autoencoder
from unmask.training.experiments.eyes import find_eyes, load_eyes, save_eyes
from unmask.training.experiments.faces import FaceSet, clip_faces, lfw_faces, load_faces, save_faces
from unmask.training.experiments.generators import hold_out_people, make_forge
from unmask.training.experiments.pool import Pool, load_pool, make_pool, save_pool
from unmask.training.first import HELD_OUT
from unmask.training.synthesis.reconstruct import AutoencoderSettings

SEED = 5
PEOPLE_HELD_OUT = 0.15
FRAMES_PER_CLIP = 16
AUTOENCODER_STEPS = 400
#: The renderer learnt from, and one of another kind that is left to validation.
RENDERERS = {
    "autoencoder": AutoencoderSettings(side=96),
    "other-autoencoder": AutoencoderSettings(side=128, code=48, width=16, depth=4, upsampling="bilinear"),
}


@dataclass(frozen=True, slots=True)
class PoolKind:
    """From which faces (LFW people ``kept`` for learning or ``held`` out, or frames of genuine ``clips``), by
    which generators, with which renderer."""

    faces: str
    shares: Mapping[str, float]
    renderer: str | None
    seed: int


_LEARNT = {"self-blend": 0.55, "reconstruction": 0.45}
_SWAPS = {"person-swap": 1.0}
_RENDERED = {"reconstruction": 1.0}
#: ``train`` leaves swaps between people to validation; ``all`` leaves it only the other renderer.
POOLS = {
    "train": PoolKind("kept", _LEARNT, "autoencoder", 0),
    "all": PoolKind(
        "kept",
        {"self-blend": 0.3, "reconstruction": 0.25, "person-swap": 0.15, "rendered swap": 0.3},
        "autoencoder",
        4,
    ),
    "blends": PoolKind("kept", {"self-blend": 1.0}, None, 6),
    "known": PoolKind("held", _LEARNT, "autoencoder", 1),
    "people": PoolKind("held", _SWAPS, None, 2),
    "clips": PoolKind("clips", _SWAPS, None, 3),
    "rendered": PoolKind("clips", _RENDERED, "autoencoder", 3),
    "other": PoolKind("clips", _RENDERED, "other-autoencoder", 3),
}


@dataclass(frozen=True, slots=True)
class Workshop:
    """``material`` holds ``data`` and ``models``; everything made goes to ``work``; ``crops`` is the folder of
    decoded DFDC crops that ``unmask.training.first`` writes."""

    material: Path
    work: Path
    crops: Path
    face_model: Path | None = None

    def find_faces(self, log: Callable[[str], None] = print) -> None:
        """LFW and the genuine clips, uncut, with boxes and landmarks."""
        from unmask.realtime.faces.registry import FaceFinderSettings, make_face_finder

        data = self.material / "data"
        clips = sorted((data / "clips" / "talking").glob("*.mp4")) + sorted((data / "clips" / "live").glob("*.mp4"))
        close = make_face_finder(FaceFinderSettings("scrfd", self.face_model, input_size=320, refresh_every=1), log)
        count = save_faces(self.work / "lfw.npz", lfw_faces(data / "lfw", close))
        close.close()
        video = make_face_finder(FaceFinderSettings("scrfd", self.face_model, refresh_every=1), log)
        frames = save_faces(self.work / "clips.npz", clip_faces(clips, video, FRAMES_PER_CLIP))
        video.close()
        log(f"{count} faces of LFW, {frames} of {len(clips)} clips")

    def lfw(self) -> tuple[FaceSet, FaceSet]:
        """The LFW people learnt from, and those held out."""
        faces = load_faces(self.work / "lfw.npz")
        kept, held = hold_out_people(faces, PEOPLE_HELD_OUT, SEED)
        return faces.rows(kept), faces.rows(held)

    def autoencoder(self, name: str, log: Callable[[str], None] = print) -> None:
        weights = self.material / "models" / "mobilenet_v2_imagenet.npz"
        settings, steps = RENDERERS[name], AUTOENCODER_STEPS
        train_autoencoder(self.lfw()[0], weights, self.work / f"{name}.pt", settings, steps=steps, log=log)

    def make_pools(self, names: list[str], log: Callable[[str], None] = print) -> None:
        """Generate those of ``POOLS`` that are named."""
        kept, held = self.lfw()
        for name in names:
            kind = POOLS[name]
            faces = {"kept": kept, "held": held}.get(kind.faces) or load_faces(self.work / "clips.npz")
            renderer = None if kind.renderer is None else self.work / f"{kind.renderer}.pt"
            forge = make_forge(faces, renderer, kind.shares)
            # Frames of clips were resampled when they were cut.
            pool = make_pool(forge, len(faces), SEED + kind.seed, resample=kind.faces != "clips", log=log)
            save_pool(self.work / f"pool-{name}.npz", pool)
            log(f"{name}: {len(pool.groups)} pairs")

    def pool(self, name: str) -> Pool:
        return load_pool(self.work / f"pool-{name}.npz")

    def find_eyes(self, names: list[str], log: Callable[[str], None] = print) -> None:
        """Landmarks for the pools or the sets of labelled crops (``dfdc-train``, ``dfdc-val``) that are named."""
        from unmask.realtime.faces.registry import FaceFinderSettings, make_face_finder

        finder = make_face_finder(FaceFinderSettings("scrfd", self.face_model, input_size=320, refresh_every=1), log)
        for name in names:
            found = find_eyes(self._pictures(name), finder)
            save_eyes(self.work / f"eyes-{name}.npy", found)
            log(f"{name}: {int(np.isfinite(found[:, 0, 0]).sum())} of {len(found)} faces found")
        finder.close()

    def eyes(self, name: str) -> NDArray[np.float32]:
        return load_eyes(self.work / f"eyes-{name}.npy", len(self._pictures(name)))

    def _pictures(self, name: str) -> NDArray[np.uint8]:
        split = name.removeprefix("dfdc-")
        return self.labelled(split)[0].pixels if split != name else self.pool(name).real

    def labelled(self, split: str) -> tuple[CropCache, list[tuple[int, CropRecord]]]:
        """DFDC crops of ``train`` (without the calibration groups of the first detector) or ``val``."""
        folder = self.material / "data" / "dfdc"
        records = [record for record in read_index(folder) if record.split == split]
        path = self.crops / f"dfdc-{split}"
        if not has_cache(path):
            build_cache(path, read_pictures(folder, [record.key for record in records]), colour="bgr")
        held = hold_out_groups(records, HELD_OUT, 1) if split == "train" else frozenset()
        known = {record.key: record for record in records if record.group not in held}
        cache = open_cache(path)
        assert cache.pixels.shape[1] == SIDE
        return cache, [(row, known[name]) for row, name in enumerate(cache.names) if name in known]
