"""The mistakes that ``make mutation`` makes: each is one change in one place, and nothing is changed in vain."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"


@pytest.fixture(scope="module")
def mutants() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutants", SCRIPTS / "mutants.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutants"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        ("x = a < b", ["a < b -> a <= b", "a < b -> a >= b"]),
        ("x = a == b", ["a == b -> a != b"]),
        ("x = a + b", ["a + b -> a - b"]),
        ("x = not a", ["not a -> a"]),
        ("x = a and b", ["a and b -> a or b"]),
        ("x = 3", ["3 -> 4"]),
        ("x = 0.5", ["0.5 -> 1.0"]),
        ("x = True", ["True -> False"]),
        ("x = 'word'", ["'word' -> 'word?'"]),
        ("x = min(a)", ["min(a) -> max(a)"]),
        ("x = f(a, b=c)", ["f(a, b=c) -> f(a)"]),
        ("x += a", ["x += a -> x -= a", "x += a -> pass"]),
        ("x.y = a", ["x.y = a -> pass"]),
        ("f()", ["f() -> pass"]),
        ("x = a if b else c", ["a if b else c -> a", "a if b else c -> c"]),
        ("if a:\n    x = b", ["if a: x = b -> if True: x = b", "if a: x = b -> if False: x = b"]),
        ("while a:\n    x = b", ["while a: x = b -> while False: x = b"]),
        ("x = [a for a in b if c]", ["for a in b if c -> for a in b"]),
        ("def f():\n    return a", ["return a -> return None"]),
    ],
)
def test_each_kind_of_mistake(mutants: ModuleType, source: str, changes: list[str]) -> None:
    assert [mutant.change for mutant in mutants.mutants_of(source, "x.py")] == changes


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "import a",
        "from a import b",
        "def f(a: Literal['x'] = b) -> 3: ...",
        "raise ValueError('words')",
        "__all__ = ['x']",
        "x = zip(a, strict=True)",
        "return_value = None",
        "@decorator(1)\nclass A(B): ...",
    ],
)
def test_what_is_left_as_it_is(mutants: ModuleType, source: str) -> None:
    found = [mutant.change for mutant in mutants.mutants_of(source, "x.py")]
    assert [change for change in found if not change.endswith("-> pass")] == []


def test_each_mutant_is_the_whole_module_with_its_own_mistake_only(mutants: ModuleType) -> None:
    source = "def f(a):\n    b = a * 2\n    if b > 6:\n        b -= 1\n    return b\n"
    found = mutants.mutants_of(source, "x.py")
    results = {}
    for mutant in found:
        names: dict[str, object] = {}
        exec(mutant.code, names)
        results[mutant.change] = [names["f"](a) for a in (2.0, 3.0, 3.2, 4.0)]  # type: ignore[operator]
    assert results.pop("return b -> return None") == [None] * 4
    assert results["b > 6 -> b >= 6"] == [4, 5, 5.4, 7]
    assert results["a * 2 -> a / 2"] == [1, 1.5, 1.6, 2]
    assert [4.0, 6.0, 5.4, 7.0] not in results.values(), "a mutant that changes nothing"
    assert [mutant.line for mutant in found] == sorted(mutant.line for mutant in found)
    assert all(mutant.text in source for mutant in found)
