"""LSTM, forwards, backwards or both ways."""

from __future__ import annotations

from typing import Any

from unmask.engines.torch_operators.call import Call, Operator, Unsupported

#: ONNX keeps the gates as input, output, forget, cell; torch as input, forget, cell, output.
_GATES = (0, 2, 3, 1)
_ACTIVATIONS = ("Sigmoid", "Tanh", "Tanh")


def _reordered(call: Call, tensor: Any) -> Any:
    """The four blocks of the first axis in torch's order."""
    blocks = tensor.chunk(4, 0)
    return call.torch.cat([blocks[gate] for gate in _GATES], 0)


def _lstm(call: Call) -> Any:
    """``X`` (time, N, in) -> ``Y`` (time, directions, N, H), last hidden and last cell (directions, N, H).

    Hochreiter and Schmidhuber 1997 with forget gate, as the ONNX operator defines it; without peepholes.
    """
    call.must_be(clip=None, input_forget=0, layout=0)
    direction = call.attribute("direction", "forward")
    hidden = call.attribute("hidden_size")
    x, weights, recurrent, biases = call[0], call[1], call[2], call.get(3)
    directions, steps, count = weights.shape[0], x.shape[0], x.shape[1]
    if tuple(call.attribute("activations", _ACTIVATIONS * directions)) != _ACTIVATIONS * directions:
        raise Unsupported("its activations are not the usual ones")
    if call.get(7) is not None:
        raise Unsupported("it has peepholes")
    lengths = call.integers(4)
    if lengths is not None and any(length != steps for length in lengths):
        raise Unsupported("its sequences differ in length")
    start = [call.get(index) for index in (5, 6)]
    start = [x.new_zeros(directions, count, hidden) if state is None else state for state in start]
    parameters: list[Any] = []
    for way in range(directions):
        parameters += [_reordered(call, weights[way]), _reordered(call, recurrent[way])]
        if biases is not None:
            parameters += [_reordered(call, half) for half in biases[way].chunk(2, 0)]
    x = x.flip(0) if direction == "reverse" else x
    both = direction == "bidirectional"
    y, last, cell = call.torch.lstm(x, start, parameters, biases is not None, 1, 0.0, False, both, False)
    y = y.reshape(steps, count, directions, hidden).permute(0, 2, 1, 3)
    y = y.flip(0) if direction == "reverse" else y
    return (y, last, cell)[: call.outputs]


TABLE: dict[str, Operator] = {"LSTM": _lstm}
