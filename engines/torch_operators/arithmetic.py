"""Operators that work element by element, comparisons, and matrix products."""

from __future__ import annotations

from functools import reduce
from typing import Any

from unmask.engines.torch_operators.call import Call, Operator, Unsupported


def _unary(name: str) -> Operator:
    return lambda call: getattr(call.torch, name)(call[0])


def _binary(name: str) -> Operator:
    return lambda call: getattr(call.torch, name)(call[0], call[1])


def _folded(name: str) -> Operator:
    return lambda call: reduce(getattr(call.torch, name), call.all)


def _div(call: Call) -> Any:
    whole = not call[0].dtype.is_floating_point
    return call.torch.div(call[0], call[1], rounding_mode="trunc" if whole else None)


def _pow(call: Call) -> Any:
    # The result has the type of the base, whatever type the exponent has.
    return call.torch.pow(call[0], call[1]).to(call[0].dtype)


def _mod(call: Call) -> Any:
    name = "fmod" if call.attribute("fmod", 0) else "remainder"
    return getattr(call.torch, name)(call[0], call[1])


def _clip(call: Call) -> Any:
    x, torch = call[0], call.torch
    low, high = call.get(1), call.get(2)
    x = x if low is None else torch.maximum(x, low)
    return x if high is None else torch.minimum(x, high)


def _hard_sigmoid(call: Call) -> Any:
    alpha, beta = call.attribute("alpha", 0.2), call.attribute("beta", 0.5)
    return (call[0] * alpha + beta).clamp(0.0, 1.0)


def _hard_swish(call: Call) -> Any:
    return call[0] * (call[0] / 6.0 + 0.5).clamp(0.0, 1.0)


def _gelu(call: Call) -> Any:
    return call.torch.nn.functional.gelu(call[0], approximate=call.attribute("approximate", "none"))


def _leaky_relu(call: Call) -> Any:
    return call.torch.nn.functional.leaky_relu(call[0], call.attribute("alpha", 0.01))


def _elu(call: Call) -> Any:
    return call.torch.nn.functional.elu(call[0], call.attribute("alpha", 1.0))


def _prelu(call: Call) -> Any:
    return call.torch.where(call[0] >= 0, call[0], call[0] * call[1])


def _softmax(name: str) -> Operator:
    def run(call: Call) -> Any:
        x, function = call[0], getattr(call.torch, name)
        if call.opset >= 13:
            return function(x, call.attribute("axis", -1))
        # Up to operator set 12, everything from the axis on is one distribution.
        axis = call.attribute("axis", 1) % x.dim()
        return function(x.flatten(axis), axis).reshape(x.shape)

    return run


def _gemm(call: Call) -> Any:
    a = call[0].T if call.attribute("transA", 0) else call[0]
    b = call[1].T if call.attribute("transB", 0) else call[1]
    alpha, beta, added = call.attribute("alpha", 1.0), call.attribute("beta", 1.0), call.get(2)
    product = call.torch.matmul(a, b)
    product = product if alpha == 1.0 else product * alpha
    return product if added is None else product + (added if beta == 1.0 else added * beta)


def _einsum(call: Call) -> Any:
    equation = call.attribute("equation")
    if not isinstance(equation, str):
        raise Unsupported("it has no equation")
    return call.torch.einsum(equation, *call.all)


TABLE: dict[str, Operator] = {
    "Abs": _unary("abs"),
    "Add": _binary("add"),
    "And": _binary("logical_and"),
    "Ceil": _unary("ceil"),
    "Clip": _clip,
    "Cos": _unary("cos"),
    "Div": _div,
    "Einsum": _einsum,
    "Elu": _elu,
    "Equal": _binary("eq"),
    "Erf": _unary("erf"),
    "Exp": _unary("exp"),
    "Floor": _unary("floor"),
    "Gelu": _gelu,
    "Gemm": _gemm,
    "Greater": _binary("gt"),
    "GreaterOrEqual": _binary("ge"),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "IsNaN": _unary("isnan"),
    "LeakyRelu": _leaky_relu,
    "Less": _binary("lt"),
    "LessOrEqual": _binary("le"),
    "Log": _unary("log"),
    "LogSoftmax": _softmax("log_softmax"),
    "MatMul": _binary("matmul"),
    "Max": _folded("maximum"),
    "Min": _folded("minimum"),
    "Mod": _mod,
    "Mul": _binary("mul"),
    "Neg": _unary("neg"),
    "Not": _unary("logical_not"),
    "Or": _binary("logical_or"),
    "PRelu": _prelu,
    "Pow": _pow,
    "Reciprocal": _unary("reciprocal"),
    "Relu": _unary("relu"),
    "Round": _unary("round"),
    "Sigmoid": _unary("sigmoid"),
    "Sign": _unary("sign"),
    "Sin": _unary("sin"),
    "Softmax": _softmax("softmax"),
    "Softplus": lambda call: call.torch.nn.functional.softplus(call[0]),
    "Sqrt": _unary("sqrt"),
    "Sub": _binary("sub"),
    "Sum": _folded("add"),
    "Tanh": _unary("tanh"),
    "Xor": _binary("logical_xor"),
}
