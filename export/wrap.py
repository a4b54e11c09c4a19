"""A detector package of anybody's frame classifier: what was given, probed, measured and assumed, all told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import onnx

from unmask.engines.graph_check import metadata_of
from unmask.engines.manifest import Calibration, Files, Manifest
from unmask.engines.package import DetectorPackage
from unmask.engines.verify import verify_package
from unmask.export.card import card
from unmask.export.fitting import calibrated
from unmask.export.package_writer import ENCODER, HEAD, ExportError, check_target, model_file, write_package
from unmask.export.wrap_graph import (
    Colour,
    Layout,
    Preprocess,
    Range,
    Readout,
    encoder_bytes,
    head_bytes,
    logits_of,
)
from unmask.export.wrap_manifest import MARGIN, THRESHOLD, manifest_of
from unmask.export.wrap_measure import (
    Candidate,
    Labelled,
    class_readouts,
    decided,
    measured,
    read_labelled,
)
from unmask.export.wrap_model import Foreign, read_foreign
from unmask.export.wrap_options import (
    IMAGENET,
    PLAIN,
    Choice,
    Origin,
    WrapOptions,
    check_options,
    pixels_shown,
    side_shown,
    sides_of,
)
from unmask.export.wrap_probe import (
    Session,
    activation_of,
    classes_of,
    freed,
    layout_of,
    made_up,
    output_of,
    size_of,
    tolerance,
    unconverted_agrees,
)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wrapped:
    """The package, every choice in the order in which it was made, the candidates where some were measured,
    and the largest difference between its logits and the classifier's own on made-up pictures."""

    package: DetectorPackage
    choices: tuple[Choice, ...]
    candidates: tuple[Candidate, ...]
    difference: float


def wrap(options: WrapOptions, say: Say) -> Wrapped:
    """Write the package ``options.out``, verified, or leave what was there; only an old package is replaced, and
    only where ``options.replace`` says so.

    ``say`` is given a line for each choice and each measured candidate, also where the wrap is then
    refused. Raises ``ExportError`` and ``PackageError``, one sentence with the remedy.
    """
    check_options(options)
    check_target(options.out, replace=options.replace)
    foreign = read_foreign(options.model)
    work = _Work(options, foreign, say)
    pre, readout, candidates = work.settle()
    model, embedding = work.network(pre, readout)
    calibration = work.calibration(pre, readout)
    work.tell_the_rest()
    manifest = manifest_of(options, pre, readout, 1 + (embedding[1] if embedding else 0), calibration, work.choices)
    encoder = encoder_bytes(model, foreign.input, pre, readout, embedding, metadata_of(manifest, "encoder"))
    head = head_bytes(manifest.embedding, options.window, metadata_of(manifest, "head"))
    difference = work.compare(encoder, pre, readout)
    manifest = _with_files(manifest, encoder, head)
    package = write_package(
        options.out,
        manifest,
        encoder,
        head,
        card=card(manifest),
        check=lambda written: verify_package(written.folder, "ort-cpu"),
    )
    return Wrapped(package, tuple(work.choices), tuple(candidates), difference)


class _Work:
    """One wrap: it collects the choices and tells each as it is made."""

    def __init__(self, options: WrapOptions, foreign: Foreign, say: Say) -> None:
        self.options, self.foreign, self.say = options, foreign, say
        self.choices: list[Choice] = []
        digest = hashlib.sha256(options.model.read_bytes()).hexdigest()
        self.chose("model", f"{options.model.name}, SHA-256 {digest}", "given")
        for note in foreign.notes:
            self.chose("graph", note, "probed")
        # All that looking tells, and refuses, comes ahead of the first run.
        self.feed = self._first_feed()
        self.session = Session(foreign.model, foreign.input, foreign.batch)

    def chose(self, name: str, value: str, origin: Origin, why: str = "") -> None:
        choice = Choice(name, value, origin, why)
        self.choices.append(choice)
        self.say(str(choice))

    def settle(self) -> tuple[Preprocess, Readout, list[Candidate]]:
        """How to feed and to read the classifier."""
        pre = self.feed
        readout = self._first_readout(pre)
        options = self.options
        if options.real is None or options.fake is None:
            return (*self._assumed(pre, readout), [])
        labelled = read_labelled(options.real, options.fake, pre.size)
        feeds, readouts = _feeds(pre, options), _readouts(readout, options)
        candidates = measured(self.session, labelled, feeds, readouts)
        for candidate in candidates:
            self.say(f"  AUROC {candidate.auroc:.3f} on {labelled.counts}: {_shown(candidate)}")
        best = decided(candidates, labelled)
        self._tell_measured(best, labelled, len(candidates))
        return best.pre, best.readout, candidates

    def network(self, pre: Preprocess, readout: Readout) -> tuple[onnx.ModelProto, tuple[str, int] | None]:
        """The classifier for any batch, and the inner value to hand out with its length."""
        _, pictures = made_up(pre)
        model = freed(self.foreign, self.session, pictures, readout.output)
        fixed = self.foreign.batch
        how = "its input says so, and answers did not change" if fixed is None else f"its batch of {fixed} was opened"
        self.chose("batch", "any", "probed", f"{how}, compared on {len(pictures)} made-up pictures")
        name = self.options.embedding
        if name is None:
            self.chose("embedding", "the logit alone", "assumed")
            return model, None
        tapped = onnx.ModelProto()
        tapped.CopyFrom(model)
        if name not in {value for node in model.graph.node for value in node.output}:
            raise ExportError(f"The model has no inner value {name!r}: choose another for --embedding.")
        if name not in self.session.outputs:
            tapped.graph.output.append(onnx.ValueInfoProto(name=name))
        length = int(np.prod(Session(tapped, self.foreign.input, None).run(pictures, name).shape[1:]))
        if not 1 <= length < 8192:
            raise ExportError(f"The inner value {name!r} has {length} numbers per picture: at most 8191 can be kept.")
        self.chose("embedding", f"the logit and {length} numbers of {name}", "given")
        return model, (name, length)

    def calibration(self, pre: Preprocess, readout: Readout) -> Calibration:
        folder = self.options.calibrate
        if folder is None:
            self.chose("calibration", "none: a score is no probability", "assumed")
            return Calibration(method="none")
        labelled = read_labelled(folder / "real", folder / "fake", pre.size)
        (candidate,) = measured(self.session, labelled, [pre], [readout])
        said = f"{labelled.counts}, not known to be of other people than the model was taught with"
        if self.options.real is not None and (folder / "real").resolve() == self.options.real.resolve():
            said += "; the same pictures chose how it is read"
        platt, entry = calibrated(labelled.fake, candidate.logits, said)
        self.chose("calibration", f"platt, scale {platt.scale:.4g}, bias {platt.bias:.4g}", "measured", f"on {said}")
        return entry

    def tell_the_rest(self) -> None:
        """What no look at a model can tell."""
        given = self.options
        for name, value, default, why in (
            ("margin", given.margin, MARGIN, "the square cut around a face, in units of its box"),
            ("threshold", given.threshold, THRESHOLD, "no footage was watched"),
            ("licence", given.licence, "not stated", "ask whoever made the model"),
        ):
            self._tell(name, str(default if value is None else value), "assumed" if value is None else "given", why)

    def compare(self, encoder: bytes, pre: Preprocess, readout: Readout) -> float:
        """The largest difference of a logit between the package and the classifier itself fed by NumPy."""
        crops, pictures = made_up(pre)
        wanted = logits_of(self.session.run(pictures, readout.output), readout)
        given = Session(onnx.ModelProto.FromString(encoder), "crops", None).run(crops, "logit").astype(np.float32)
        limit = tolerance(self.foreign)
        if not np.allclose(given, wanted, rtol=limit, atol=10 * limit):
            raise ExportError(
                f"The wrapped model differs from the model itself by {np.abs(given - wanted).max():.2g} in the logit: "
                "it computes something that cannot be wrapped."
            )
        difference = float(np.abs(given - wanted).max())
        self.say(f"largest difference from the model itself on {len(crops)} made-up pictures: {difference:.2g}")
        return difference

    def _first_feed(self) -> Preprocess:
        """What is known ahead of any measurement, and the stated defaults for the rest."""
        options, foreign = self.options, self.foreign
        layout: Layout
        if options.layout:
            layout = options.layout
            self.chose("layout", layout, "given")
        else:
            found = layout_of(foreign)
            layout = "nchw" if found.value == "nchw" else "nhwc"
            self.chose("layout", layout, "probed", found.why)
        size = size_of(foreign, layout, options.size)
        self.chose("size", size.value, "given" if options.size else "probed", "" if options.size else size.why)
        if foreign.dtype == "uint8" and (options.range not in (None, "0-255") or options.mean):
            raise ExportError("The model takes bytes: leave out --range, --mean and --std.")
        scale, (mean, std) = options.range or "0-1", PLAIN
        if foreign.dtype == "uint8":
            scale = "0-255"
        elif options.mean and options.std:
            mean, std = options.mean, options.std
        elif options.range is None:
            mean, std = IMAGENET
        return Preprocess(int(size.value), layout, scale, mean, std, options.colour or "rgb", foreign.dtype)

    def _first_readout(self, pre: Preprocess) -> Readout:
        options = self.options
        output = output_of(self.session, options.output)
        self.chose("output", output, "given" if options.output else "probed", "" if options.output else "its only one")
        _, pictures = made_up(pre)
        answers = self.session.run(pictures, output)
        if not unconverted_agrees(self.foreign, self.session, pictures, output):
            raise ExportError("The model computes something else once its operator set is converted: export it anew.")
        count = classes_of(answers, output)
        self.chose("classes", str(count), "probed", "numbers per picture")
        if np.ptp(answers.astype(np.float64), axis=0).max() == 0.0:
            self.say("warning: its answers are the same for every made-up picture")
        activation, why, certain = activation_of(self.foreign.model, output, answers, count)
        if options.activation:
            activation = options.activation
            if count == 1 and activation == "softmax":
                raise ExportError("Softmax over one number is always 1: give another --activation.")
            self.chose("activation", activation, "given")
        else:
            self.chose("activation", activation, "probed" if certain else "assumed", why)
        return Readout(output, count, activation, *sides_of(options, count))

    def _assumed(self, pre: Preprocess, readout: Readout) -> tuple[Preprocess, Readout]:
        """Tell where each open choice came from; refuse where no default makes sense."""
        options = self.options
        pixels = "the most common way to train, and only a guess"
        if options.mean:
            pixels = "mean and std were given; that they are of 0-1 is the custom, and only a guess"
        self._tell("pixels", pixels_shown(pre), self._range_origin(pre), pixels)
        self._tell("colour", pre.colour, "given" if options.colour else "assumed", "the usual order of RGB")
        given = options.fake_class is not None or options.real_class is not None
        if not given and readout.count > 2:
            raise ExportError(
                f"The model has {readout.count} classes: say with --fake-class (or --real-class) which, or give "
                "labelled pictures with --real and --fake."
            )
        self._tell("fake", side_shown(readout), "given" if given else "assumed", "by custom, and as often wrong")
        return pre, readout

    def _tell_measured(self, best: Candidate, labelled: Labelled, tried: int) -> None:
        options, why = self.options, f"best of {tried} on {labelled.counts}, AUROC {best.auroc:.3f}"
        pixels = self._range_origin(best.pre)
        if options.mean and pixels == "assumed":  # one range alone was tried with them
            self._tell("pixels", pixels_shown(best.pre), pixels, "that mean and std are of 0-1 is only a guess")
        else:
            self._tell("pixels", pixels_shown(best.pre), "measured" if pixels == "assumed" else pixels, why)
        self._tell("colour", best.pre.colour, "given" if options.colour else "measured", why)
        given = options.fake_class is not None or options.real_class is not None
        self._tell("fake", side_shown(best.readout), "given" if given else "measured", why)

    def _range_origin(self, pre: Preprocess) -> Origin:
        if pre.dtype == "uint8":
            return "probed"
        return "given" if self.options.range else "assumed"

    def _tell(self, name: str, value: str, origin: Origin, why: str) -> None:
        self.chose(name, value, origin, "" if origin in ("given", "probed") else why)


def _feeds(pre: Preprocess, options: WrapOptions) -> list[Preprocess]:
    """Every way to feed the classifier that the options leave open."""
    feeds = [pre]
    if pre.dtype != "uint8" and options.range is None and options.mean is None:
        ways: tuple[tuple[Range, tuple[tuple[float, ...], tuple[float, ...]]], ...] = (
            ("0-1", IMAGENET),
            ("0-1", PLAIN),
            ("-1-1", PLAIN),
            ("0-255", PLAIN),
        )
        feeds = [replace(pre, range=scale, mean=mean, std=std) for scale, (mean, std) in ways]
    colours: tuple[Colour, ...] = (options.colour,) if options.colour else ("rgb", "bgr")
    return [replace(feed, colour=colour) for feed in feeds for colour in colours]


def _readouts(readout: Readout, options: WrapOptions) -> list[Readout]:
    given = options.fake_class is not None or options.real_class is not None
    return [readout] if given else class_readouts(readout)


def _shown(candidate: Candidate) -> str:
    pre = candidate.pre
    return f"pixels {pixels_shown(pre)}; {pre.colour}; fake is {side_shown(candidate.readout)}"


def _with_files(manifest: Manifest, encoder: bytes, head: bytes) -> Manifest:
    files = Files(encoder=model_file(ENCODER, encoder), head=model_file(HEAD, head))
    return manifest.model_copy(update={"files": files})
