"""LSTM over a window of which some frames may be missing, wherever they are missing."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class _Direction(nn.Module):
    """Hochreiter and Schmidhuber 1997 with forget gates (Gers et al. 2000), step by step in the open.

    ``nn.LSTM`` cannot skip a frame in the middle, and packed sequences cannot be exported.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.inner = nn.Linear(inputs, 4 * hidden)
        self.recurrent = nn.Linear(hidden, 4 * hidden, bias=False)
        bound = hidden**-0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)
        with torch.no_grad():
            self.inner.bias[hidden : 2 * hidden] = 1.0  # remember, until it is learnt what to forget

    def forward(self, window: Tensor, mask: Tensor, order: range) -> Tensor:
        """The state (N, hidden) after the frames of ``order`` that ``mask`` has; others change nothing."""
        inner = self.inner(window)
        state = torch.zeros_like(inner[:, 0, : self.hidden])
        memory = state
        for time in order:
            gates = inner[:, time] + self.recurrent(state)
            enter, forget, new, out = gates.chunk(4, dim=1)
            next_memory = torch.sigmoid(forget) * memory + torch.sigmoid(enter) * torch.tanh(new)
            next_state = torch.sigmoid(out) * torch.tanh(next_memory)
            present = mask[:, time : time + 1] > 0
            memory = torch.where(present, next_memory, memory)
            state = torch.where(present, next_state, state)
        return state


#: Changes from frame to frame are a few times smaller than embeddings; so they start on a par.
_CHANGE_SCALE = 4.0


def changes(window: Tensor, mask: Tensor) -> Tensor:
    """How far every number of the embeddings (N, T, D) moved since the last frame that ``mask`` (N, T) has:
    (N, T, D), 0 for the first. What stands in frames that are missing is never looked at."""
    last = torch.zeros_like(window[:, 0])
    seen = torch.zeros_like(mask[:, :1]) > 0
    moved: list[Tensor] = []
    for time in range(window.shape[1]):
        present = mask[:, time : time + 1] > 0
        apart = (window[:, time] - last).abs()
        moved.append(torch.where(seen & present, apart, torch.zeros_like(apart)))
        last = torch.where(present, window[:, time], last)
        seen = seen | present
    return torch.stack(moved, dim=1)


class MaskedLstm(nn.Module):
    """``window`` (N, T, D) and ``mask`` (N, T) -> the last state (N, ``outputs``); with ``both_ways``
    that of a second one, which reads backwards, beside it. ``with_changes`` reads, beside every frame, what
    changed since the one before. An empty mask gives NaN, never a state."""

    def __init__(self, inputs: int, hidden: int, *, both_ways: bool, with_changes: bool = False) -> None:
        super().__init__()
        self.with_changes = with_changes
        seen = inputs * (2 if with_changes else 1)
        self.onwards = _Direction(seen, hidden)
        self.backwards = _Direction(seen, hidden) if both_ways else None
        self.outputs = hidden * (2 if both_ways else 1)

    def forward(self, window: Tensor, mask: Tensor) -> Tensor:
        length = window.shape[1]
        if self.with_changes:
            window = torch.cat([window, _CHANGE_SCALE * changes(window, mask)], dim=2)
        state = self.onwards(window, mask, range(length))
        if self.backwards is not None:
            state = torch.cat([state, self.backwards(window, mask, range(length - 1, -1, -1))], dim=1)
        frames = mask.sum(dim=1, keepdim=True)
        return state * (frames / frames)
