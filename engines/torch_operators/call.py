"""What an operator is given: its inputs, its attributes, and torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any


class Unsupported(Exception):
    """A variant of an operator that the table does not cover; the message names the variant."""


class Call:
    """One node at work. ``torch`` is the module; tensors are torch's, on one device.

    ``known`` holds the values of small integer inputs that are constants, so that asking for a shape or an
    axis does not wait for a GPU. Attributes that an operator never asked for are in ``ignored``: computing on
    without them would be silently wrong.
    """

    __slots__ = ("_asked", "_attributes", "_inputs", "_known", "opset", "outputs", "torch")

    def __init__(
        self,
        torch: Any,
        inputs: Sequence[Any],
        attributes: Mapping[str, Any],
        *,
        known: Mapping[int, list[int]],
        opset: int,
        outputs: int,
    ) -> None:
        self.torch = torch
        self.opset = opset
        self.outputs = outputs
        self._inputs = inputs
        self._attributes = attributes
        self._known = known
        self._asked: set[str] = set()

    def __getitem__(self, index: int) -> Any:
        """The input ``index``, which the operator requires."""
        tensor = self.get(index)
        if tensor is None:
            raise Unsupported(f"its input {index} is missing")
        return tensor

    def get(self, index: int) -> Any:
        """The optional input ``index``, or ``None``."""
        return self._inputs[index] if index < len(self._inputs) else None

    @property
    def all(self) -> list[Any]:
        """Every input, for operators that take any number."""
        return list(self._inputs)

    def attribute(self, name: str, default: Any = None) -> Any:
        """The value of an attribute: a number, a text, a list or an ONNX tensor."""
        self._asked.add(name)
        return self._attributes.get(name, default)

    def must_be(self, **defaults: Any) -> None:
        """Raise ``Unsupported`` for an attribute that is there and is not the value that is covered."""
        for name, wanted in defaults.items():
            if (value := self.attribute(name, wanted)) != wanted:
                raise Unsupported(f"its attribute {name} is {value!r}")

    def integers(self, index: int) -> list[int] | None:
        """The optional input ``index`` as plain numbers: axes, shapes, paddings."""
        if index in self._known:
            return self._known[index]
        tensor = self.get(index)
        return None if tensor is None else [int(value) for value in tensor.reshape(-1).tolist()]

    def list_of(self, name: str, index: int) -> list[int] | None:
        """What older operator sets gave as the attribute ``name`` and newer ones give as the input ``index``."""
        value = self.attribute(name)
        return self.integers(index) if value is None else list(value)

    @property
    def ignored(self) -> set[str]:
        return set(self._attributes) - self._asked


Operator = Callable[[Call], Any]
