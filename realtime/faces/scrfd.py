"""Faces with InsightFace's SCRFD (Guo et al., 2021, "Sample and Computation Redistribution for
Efficient Face Detection"), run by ONNX Runtime on the CPU."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unmask.engines.errors import FaceModelError
from unmask.realtime.faces.boxes import fitted_size, room_for_a_face, sorted_faces
from unmask.realtime.faces.scales import CLOSE, WIDE, TwoScales
from unmask.realtime.types import FaceBox, Image

if TYPE_CHECKING:
    from unmask.realtime.faces.scrfd_network import ScrfdNetwork

InputSize = int | Literal["auto"]


class ScrfdFinder:
    """SCRFD from a file. ``input_size`` is the longer side of the network's input in pixels, a multiple
    of 32, or "auto" (see ``TwoScales``, which keeps a state: one finder per source). A file that was
    exported for one size takes only "auto", which then means that size, and its own.

    Raises ``FaceModelError`` where the file cannot be loaded or takes another input size. The first one
    in a process imports insightface, which takes about a second.
    """

    def __init__(
        self,
        model: Path,
        *,
        input_size: InputSize = "auto",
        min_confidence: float = 0.5,
        min_face_px: float = 0.0,
        refresh_every: int = 5,
    ) -> None:
        self._model = model
        self._min_confidence = min_confidence
        self._min_face_px = min_face_px
        network = _open_network(model)
        self._network: ScrfdNetwork | None = network
        # insightface would look with the file's own size whatever it is asked for.
        fixed: Any = network.static_input_size
        self._fixed: tuple[int, int] | None = fixed
        self._input_size = _own_size(model, self._fixed, input_size) if self._fixed else input_size
        self._scales = TwoScales(self._look, min_confidence=min_confidence, refresh_every=refresh_every)

    @property
    def name(self) -> str:
        return "scrfd"

    @property
    def description(self) -> str:
        size = f"{CLOSE} or {WIDE} px as needed" if self._input_size == "auto" else f"{self._input_size} px"
        return f"InsightFace SCRFD, {self._model.name}, input {size}, CPU"

    @property
    def looks(self) -> dict[int, int]:
        """How often "auto" ran each input size; zeros for a fixed size."""
        return dict(self._scales.looks)

    def find(self, image: Image) -> list[FaceBox]:
        """Faces in BGR uint8 (H, W, 3), most confident first, with landmarks. Only reads ``image``."""
        if isinstance(self._input_size, int):
            return self._look(image, self._input_size)
        return self._scales.find(image)

    @property
    def check_due(self) -> bool:
        """Whether "auto" put off looking with both sizes; never with a fixed one."""
        return self._scales.check_due

    def find_hurried(self, image: Image) -> list[FaceBox]:
        """As ``find``, but "auto" looks with both sizes only where one is not enough, or did so long ago."""
        if isinstance(self._input_size, int):
            return self._look(image, self._input_size)
        return self._scales.find(image, hurried=True)

    def new_scene(self) -> None:
        """The next picture is looked at with both sizes, where that is left to "auto"."""
        self._scales.new_scene()

    def sibling(self, input_size: InputSize, min_confidence: float) -> ScrfdFinder:
        """Another finder on the same loaded network, to be used from the same thread.

        A network of one fixed size looks with that one again.
        """
        other = copy.copy(self)
        other._input_size = max(self._fixed) if self._fixed else input_size
        other._min_confidence, other._min_face_px = min_confidence, 0.0
        other._scales = TwoScales(other._look, min_confidence=min_confidence)
        return other

    def close(self) -> None:
        """Let go of the network. A sibling keeps its own hold on it."""
        self._network = None

    def _look(self, image: Image, longest: int) -> list[FaceBox]:
        if self._network is None:
            raise FaceModelError(f"The face finder for {self._model.name} is closed; make a new one.")
        height, width = image.shape[:2]
        if not room_for_a_face(width, height, longest):
            return []
        size = self._fixed or fitted_size(width, height, longest)
        found, landmarks = self._network.detect(image, input_size=size, det_thresh=self._min_confidence)
        return sorted_faces(found[:, :4], found[:, 4], landmarks, min_face_px=self._min_face_px)


def _own_size(model: Path, fixed: tuple[int, int], wanted: InputSize) -> int:
    own = max(fixed)
    if wanted not in ("auto", own):
        raise FaceModelError(
            f"The face model {model.name} takes an input of {own} px only: give --face-size {own} or auto, "
            "or a model of dynamic size."
        )
    return own


def _open_network(model: Path) -> ScrfdNetwork:
    if not model.is_file():
        raise FaceModelError(f"There is no face model at {model}; give --face-model another path.")
    from unmask.realtime.faces.scrfd_network import ScrfdNetwork

    return ScrfdNetwork(model, _open_session(model))


def _open_session(model: Path) -> Any:
    """One thread, no spinning: face detection shares the processor with a browser that runs a call."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # The packs declare output shapes for 640 x 640; at other sizes every run would warn about them.
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises a dozen types of its own
        reason = str(error).splitlines()[0][:200]
        raise FaceModelError(f"ONNX Runtime cannot load the face model {model}: {reason}") from error
    if session.get_providers() != ["CPUExecutionProvider"]:
        raise FaceModelError(f"The face model {model} runs on {session.get_providers()} instead of the CPU.")
    return session
