"""One checked connection: a server that is there, a model that is the right one, and calls to it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.engines.engine import Arrays, TensorSpec
from unmask.engines.errors import EngineError, EngineLost, EngineUnavailable
from unmask.engines.remote.client import CallFailed, Client, Failure, clean
from unmask.engines.remote.contract import Contract, agreed
from unmask.engines.remote.probe import Probe

# A server that is there says so at once; a model's first run may take its time.
_ASK_S = 3.0
_PROBE_S = 20.0
# A Triton numbers its folders 1, 2, 3; only three numbers can be the version of a detector.
_DETECTOR_VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the encoder here is, for a server to be compared with.

    ``model`` is its name there, ``version`` that in its ONNX metadata (empty where it has none),
    ``batch`` the most crops of one call.
    """

    model: str
    version: str
    crops: TensorSpec
    outputs: tuple[TensorSpec, ...]
    probe: Probe
    batch: int


@dataclass(frozen=True, slots=True)
class Link:
    """A server whose model passed every check. ``description`` says which, as the server told it."""

    client: Client
    model: str
    contract: Contract
    served_version: str
    description: str
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def infer(self, crops: NDArray[np.generic], timeout_s: float, until_s: float | None = None) -> Arrays:
        """One call, as ``Client.call`` times it. Raises ``EngineLost`` where no answer came, ``EngineError`` where
        it is an error, no answer to this, or from another version of the model than the one that was checked."""
        request_id = str(next(self._ids))
        reply = _infer(self.client, self.contract, self.model, request_id, crops, timeout_s, until_s)
        if reply.model_version != self.served_version:
            where = f"The server {self.client.address}"
            raise EngineError(f"{where} changed the model {self.model}: it is checked before it is used again.")
        return self.contract.read(reply, self.model, request_id, len(crops))


def connect(client: Client, wanted: Wanted) -> Link:
    """Check all that can be checked and return the link. Raises ``EngineLost`` where the server does not
    answer and ``EngineUnavailable`` where it does not serve this model.

    Checked: the server is live, the model ready; inputs, outputs, shapes and dtypes in its metadata; the
    version, where it tells one; the answers to ``wanted.probe`` in a batch of full size.
    """
    where = f"The server {client.address}"
    try:
        if not client.call("ServerLive", _ASK_S, again=False).live:
            raise EngineUnavailable(f"{where} says that it is not live: look at its log.")
        server = client.call("ServerMetadata", _ASK_S)
        if not _model_is_ready(client, wanted.model):
            raise EngineUnavailable(f"{where} has no model {wanted.model} ready: load it, or give --remote-model.")
        metadata = client.call("ModelMetadata", _ASK_S, name=wanted.model)
    except CallFailed as failed:
        kind = EngineLost if failed.kind is Failure.LOST else EngineUnavailable
        raise kind(f"{where} {failed}.") from failed
    contract, why_not = agreed(wanted.crops, wanted.outputs, metadata)
    if contract is None:
        raise EngineUnavailable(f"{where} serves another {wanted.model}: it {why_not}.")
    served, told = _probe(client, contract, wanted, metadata.versions)
    return Link(client, wanted.model, contract, served, _described(client, server, wanted.model, told))


def _probe(client: Client, contract: Contract, wanted: Wanted, versions: Sequence[str]) -> tuple[str, str]:
    """Compare answers; the version that comes with them, and that of the detector where the server tells it."""
    serves = f"The server {client.address} serves"
    crops = wanted.probe.batch(wanted.batch)
    try:
        reply = _infer(client, contract, wanted.model, "probe", crops, _PROBE_S)
        got = contract.read(reply, wanted.model, "probe", len(crops))
    except EngineLost:
        raise
    except EngineError as error:
        raise EngineUnavailable(f"{serves} {wanted.model} in a way that cannot be used. {error}") from error
    told = next((version for version in (reply.model_version, *versions) if _DETECTOR_VERSION.fullmatch(version)), "")
    if told and wanted.version and told != wanted.version:
        raise EngineUnavailable(f"{serves} {wanted.model} {told}, the detector here is of version {wanted.version}.")
    if difference := wanted.probe.difference(got):
        raise EngineUnavailable(f"{serves} another model as {wanted.model}: {difference}.")
    return reply.model_version, told


def _model_is_ready(client: Client, model: str) -> bool:
    try:
        return client.call("ModelReady", _ASK_S, name=model).ready
    except CallFailed as failed:
        if failed.kind is not Failure.REFUSED:
            raise
        return False  # most servers say no to a name that they do not know, some fail on it


def _infer(
    client: Client,
    contract: Contract,
    model: str,
    request_id: str,
    crops: NDArray[np.generic],
    timeout_s: float,
    until_s: float | None = None,
) -> Any:
    try:
        return client.call("ModelInfer", timeout_s, contract.request(model, request_id, crops), until_s=until_s)
    except CallFailed as failed:
        kind = EngineLost if failed.kind is Failure.LOST else EngineError
        raise kind(f"The server {client.address} {failed}.") from failed


def _described(client: Client, server: Any, model: str, version: str) -> str:
    who = " ".join(filter(None, (clean(server.name, 30), clean(server.version, 20)))) or "server"
    clear = ", unencrypted" if client.address.exposed else ""
    return f"remote {who} at {client.address}{clear} (model {model}{f' {version}' if version else ''})"
