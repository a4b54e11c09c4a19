"""The engine ``remote``: a server runs the encoder, and may go and come back while the monitor watches."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.engines import ort_cpu
from unmask.engines.engine import Arrays, Engine, TensorSpec
from unmask.engines.errors import EngineError, EngineLost, EngineUnavailable, UsageError
from unmask.engines.options import EngineOptions
from unmask.engines.remote import why_unavailable
from unmask.engines.remote.address import parse_address
from unmask.engines.remote.client import Client
from unmask.engines.remote.contract import Contract
from unmask.engines.remote.link import Link, Wanted, connect
from unmask.engines.remote.probe import Probe

# Servers that keep gRPC's default take 4 MiB at once.
_MOST_REQUEST_BYTES = 3_500_000
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 2.0
_LONGEST_NAME = 128


class RemoteEngine(Engine):
    """``model`` is the encoder's file on this machine: it is never sent, it says what the server must serve.

    Opening compares the server with it (see ``link.connect``) and raises ``EngineUnavailable`` where the
    server is not there or serves something else. While it runs, a call that brings no answer within
    ``options.deadline_s`` raises ``EngineLost``, and one that brings an error or something else than an answer
    ``EngineError``; from then on every call raises the same at once, and a thread of this
    engine asks for the server again after 0.25 s, 0.5 s, ... at most 2 s, with all checks of the opening. So
    the caller is never held up longer than one deadline, and a server that comes back with another model is
    not believed: then calls raise a plain ``EngineError`` that says so, until it is the right one again.
    """

    name = "remote"

    def __init__(self, model: Path, options: EngineOptions) -> None:
        super().__init__()
        _refuse_what_a_server_decides(options)
        if options.server is None:
            raise UsageError("The engine remote needs a server: give --server HOST:PORT.")
        if not 0 < options.deadline_s <= 60:
            raise UsageError(f"A deadline of {options.deadline_s:g} s does not work: give more than 0, at most 60.")
        self._address = parse_address(options.server)
        self._model = Path(model)
        self._options = options
        self._wanted: Wanted | None = None
        self._lock = threading.Lock()
        self._link: Link | None = None
        self._client: Client | None = None
        self._trouble: EngineError = EngineLost(f"The server {self._address} was not asked yet.")
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Those of the encoder here, once the engine is open; empty before."""
        return (self._wanted.crops,) if self._wanted else ()

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Those of the encoder here, once the engine is open; empty before."""
        return self._wanted.outputs if self._wanted else ()

    @property
    def provider(self) -> str:
        """The server as it named itself, its address and the model; "away" while it is not there."""
        if self._wanted is None:
            raise EngineError(f"The engine {self.name} is not open: nothing is running.")
        with self._lock:
            link = self._link
        return link.description if link else f"remote server at {self._address}, away (model {self._wanted.model})"

    def _open_impl(self) -> None:
        problem = why_unavailable()
        if problem:
            raise EngineUnavailable(f"The engine {self.name} cannot run here: {problem}.")
        self._stop.clear()
        self._wanted = wanted = self._described_here()
        try:
            self._link = connect(self._new_client(wanted), wanted)
        except EngineLost as lost:
            raise EngineUnavailable(
                f"{str(lost).rstrip('.')}; start it, or correct --server, which is HOST:PORT of its gRPC port."
            ) from lost

    def _described_here(self) -> Wanted:
        """What the encoder's own file says, run once on this machine's processor."""
        name, version = _identity(self._model)
        name = self._options.remote_model or name
        if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
            raise UsageError(f"A model on a server needs a name: give --remote-model for {self._model}.")
        with ort_cpu.create(self._model, EngineOptions(sha256=self._options.sha256)) as encoder:
            inputs, outputs = encoder.inputs, encoder.outputs
            if not _is_encoder(inputs, outputs):
                raise EngineError(f"The engine {self.name} runs encoders of detector packages; {self._model} is none.")
            crops = inputs[0]
            batch = max(1, min(self._options.max_batch, _MOST_REQUEST_BYTES // Contract(crops, outputs).crop_bytes))
            return Wanted(name, version, crops, outputs, Probe.through(encoder), batch)

    def _new_client(self, wanted: Wanted) -> Client:
        client = Client(self._address, Contract(wanted.crops, wanted.outputs).answer_bytes(wanted.batch))
        with self._lock:
            self._client, old = client, self._client
        if old is not None:
            old.close()
        if self._stop.is_set():  # closed meanwhile, perhaps before it could see this client
            client.close()
        return client

    def _infer_impl(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        with self._lock:
            link, trouble, wanted = self._link, self._trouble, self._wanted
        assert wanted is not None  # set by opening
        if link is None:
            raise type(trouble)(str(trouble))
        crops = arrays[wanted.crops.name]
        deadline_s = self._options.deadline_s
        until_s = time.monotonic() + deadline_s  # for all parts together
        try:
            parts = [
                link.infer(crops[first : first + wanted.batch], deadline_s, until_s)
                for first in range(0, max(1, len(crops)), wanted.batch)
            ]
        except EngineError as error:
            self._lose(error, wanted)
            raise
        return {spec.name: np.concatenate([part[spec.name] for part in parts]) for spec in wanted.outputs}

    def _lose(self, trouble: EngineError, wanted: Wanted) -> None:
        with self._lock:
            self._link, self._trouble = None, trouble
        if not self._stop.is_set():  # a caller that was left behind in its call, when the engine was closed
            self._thread = threading.Thread(target=self._find_again, args=(wanted,), name="unmask-remote", daemon=True)
            self._thread.start()

    def _find_again(self, wanted: Wanted) -> None:
        """The thread of a lost server: until it is back as it was, or the engine is closed."""
        pause_s = _FIRST_PAUSE_S
        while not self._stop.wait(pause_s):
            try:
                link = connect(self._new_client(wanted), wanted)
            except (EngineLost, EngineUnavailable) as error:
                with self._lock:
                    self._trouble = error if isinstance(error, EngineLost) else EngineError(str(error))
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            with self._lock:
                self._link = link
            return

    def _close_impl(self) -> None:
        self._stop.set()
        with self._lock:
            client, self._client, self._link = self._client, None, None
        if client is not None:
            client.close()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._wanted = None


def _refuse_what_a_server_decides(options: EngineOptions) -> None:
    if options.device is not None:
        raise UsageError(f"The engine remote cannot choose the device {options.device}: the server decides that.")
    if options.threads != 1:
        raise UsageError("The engine remote cannot set the threads of a call: the server decides that.")
    if options.max_batch < 1:
        raise UsageError(f"A batch holds at least one crop, not {options.max_batch}.")


def _is_encoder(inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> bool:
    """One array of uint8 pictures in; float32 out, an embedding and a logit among it; the batch dynamic."""
    pictures = len(inputs) == 1 and inputs[0].dtype == np.uint8 and len(inputs[0].shape) == 4
    numbers = all(spec.dtype == np.float32 for spec in outputs)
    named = {spec.name for spec in outputs} >= {"embedding", "logit"}
    dynamic = all(spec.shape and spec.shape[0] is None for spec in (*inputs, *outputs))
    fixed = all(axis is not None for spec in (*inputs, *outputs) for axis in spec.shape[1:])
    return pictures and numbers and named and dynamic and fixed


def _identity(model: Path) -> tuple[str, str]:
    """Name and version of the detector that the graph belongs to, from its metadata; empty where it has none."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        properties = onnx.ModelProto.FromString(model.read_bytes()).metadata_props
    except OSError as error:
        raise EngineError(f"The model {model} cannot be read: {error.strerror or error}.") from error
    except DecodeError as error:
        raise EngineError(f"The model {model} is no readable ONNX graph: install the detector again.") from error
    found = {entry.key: entry.value for entry in properties}
    return found.get("unmask.name", ""), found.get("unmask.version", "")
