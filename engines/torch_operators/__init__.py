"""ONNX operators in torch: the explicit table behind ``unmask.engines.torch_graph``.

Every operator is a function of a ``Call``. torch is reached through it, since importing this package must
not load torch: the live path asks every engine whether it could run.
"""

from __future__ import annotations

from unmask.engines.torch_operators import arithmetic, layers, quantised, recurrent, reductions, shapes
from unmask.engines.torch_operators.call import Call, Operator, Unsupported

__all__ = ["OPERATORS", "Call", "Operator", "Unsupported"]

#: ONNX operator -> what computes it. Each returns one tensor, or a tuple of them.
OPERATORS: dict[str, Operator] = {
    **arithmetic.TABLE,
    **reductions.TABLE,
    **shapes.TABLE,
    **layers.TABLE,
    **recurrent.TABLE,
    **quantised.TABLE,
}
