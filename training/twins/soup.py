"""One network of the weights of several epochs: the soups of Wortsman et al. (ICML 2022), uniform or greedy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

State = dict[str, Tensor]

#: Greedy has to beat the mean of all by so much: it is chosen on the crops that it is judged on, the mean is not.
_CLEARLY = 0.002


def mean_of(states: Sequence[Mapping[str, Tensor]]) -> State:
    """The mean of every weight and every statistic; what counts (batches seen) is that of the first."""
    first = states[0]
    return {
        name: torch.stack([state[name].double() for state in states]).mean(dim=0).to(value.dtype)
        if value.is_floating_point()
        else value.clone()
        for name, value in first.items()
    }


def greedy_soup(
    paths: Sequence[Path], judge: Callable[[State], float], log: Callable[[str], None] = print
) -> tuple[State, float, list[Path]]:
    """Take the epoch that ``judge`` likes best, then each next best one that makes the mean no worse (algorithm 1).

    Returns the mean, what ``judge`` says of it (more is better), and the epochs that are in it.
    """
    states = {path: _read(path) for path in paths}
    single = {path: judge(state) for path, state in states.items()}
    ranked = sorted(paths, key=lambda path: single[path], reverse=True)
    members, best = [ranked[0]], single[ranked[0]]
    log(f"best single epoch: {ranked[0].stem}, {best:.4f}")
    for path in ranked[1:]:
        tried = judge(mean_of([states[member] for member in (*members, path)]))
        if tried >= best:
            members.append(path)
            best = tried
            log(f"with {path.stem}: {best:.4f}")
    return mean_of([states[member] for member in members]), best, members


def best_soup(
    paths: Sequence[Path], judge: Callable[[State], float], log: Callable[[str], None] = print
) -> tuple[State, float, list[Path]]:
    """The mean of all, or the greedy soup where ``judge`` clearly likes that better; as ``greedy_soup`` returns it.

    Judging one epoch is too noisy to tell which of them belong together, so the mean of all is often the better one.
    """
    everything = mean_of([_read(path) for path in paths])
    score = judge(everything)
    log(f"mean of all {len(paths)}: {score:.4f}")
    greedy = greedy_soup(paths, judge, log)
    return greedy if greedy[1] > score + _CLEARLY else (everything, score, list(paths))


def _read(path: Path) -> State:
    return torch.load(path, weights_only=True)
