"""The seam between the monitor and whatever runs a model."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from unmask.engines.errors import EngineError

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, dtype and shape of one input or output; ``None`` marks a dynamic axis."""

    name: str
    dtype: np.dtype[np.generic]
    shape: tuple[int | None, ...]

    def accepts(self, array: NDArray[np.generic]) -> bool:
        """Whether ``array`` has this dtype, this rank and the same size on every fixed axis."""
        return (
            array.dtype == self.dtype
            and array.ndim == len(self.shape)
            and all(want is None or want == have for want, have in zip(self.shape, array.shape, strict=True))
        )

    def __str__(self) -> str:
        axes = ", ".join("any" if axis is None else str(axis) for axis in self.shape)
        return f"{self.name}: {self.dtype}({axes})"


class Engine(abc.ABC):
    """One model in one runtime. Use it as a context manager, from one thread at a time.

    The public methods check what goes in; the ``_impl`` hooks are what a runtime writes
    (the runner pattern of NVIDIA Polygraphy). Arrays handed in are only read during the call;
    arrays handed out belong to the caller. ``_close_impl`` must also cope with a model that was only
    half loaded: a failed opening ends in it.
    """

    #: The name on the command line, such as ``ort-cpu``.
    name: str

    def __init__(self) -> None:
        self._opened = False

    @property
    @abc.abstractmethod
    def inputs(self) -> tuple[TensorSpec, ...]: ...

    @property
    @abc.abstractmethod
    def outputs(self) -> tuple[TensorSpec, ...]: ...

    @property
    @abc.abstractmethod
    def provider(self) -> str:
        """What is *actually* running, read back from the runtime after opening."""

    @property
    def gains_by_batch(self) -> bool:
        """Whether one call on many inputs takes clearly less than a call for each: on a GPU, by a network."""
        return True

    @abc.abstractmethod
    def _open_impl(self) -> None: ...

    @abc.abstractmethod
    def _infer_impl(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]: ...

    @abc.abstractmethod
    def _close_impl(self) -> None: ...

    def open(self) -> None:
        """Load the model and run it once on zeros, so that the first real call is not slow.

        Opening twice is harmless. Raises ``EngineUnavailable`` when the runtime cannot run here and
        ``EngineError`` when it cannot run this model.
        """
        if self._opened:
            return
        try:
            self._open_impl()
            self._opened = True
            self.infer({spec.name: np.zeros([axis or 1 for axis in spec.shape], spec.dtype) for spec in self.inputs})
        except BaseException:
            self._opened = False
            self._close_impl()
            raise

    def infer(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        """Run once. Raises ``EngineError`` for a wrong name, dtype or shape, or a failed call."""
        if not self._opened:
            raise EngineError(f"The engine {self.name} is not open: open it before the first call.")
        self._check(self.inputs, arrays, "wants", "got")
        results = self._infer_impl(arrays)
        self._check(self.outputs, results, "promised", "gave")
        return results

    def _check(self, specs: tuple[TensorSpec, ...], arrays: Arrays, wanted: str, had: str) -> None:
        names = {spec.name for spec in specs}
        if set(arrays) != names:
            raise EngineError(f"The engine {self.name} {wanted} the arrays {sorted(names)}, it {had} {sorted(arrays)}.")
        for spec in specs:
            array = arrays[spec.name]
            if not isinstance(array, np.ndarray):  # pyright: ignore[reportUnnecessaryIsInstance] - from outside
                raise EngineError(f"The engine {self.name} {wanted} {spec}, it {had} a {type(array).__name__}.")
            if not spec.accepts(array):
                raise EngineError(f"The engine {self.name} {wanted} {spec}, it {had} {array.dtype}{array.shape}.")

    def close(self) -> None:
        """Free the model. Closing twice is harmless."""
        if self._opened:
            self._opened = False
            self._close_impl()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
