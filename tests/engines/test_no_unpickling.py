"""Nothing in the code base reads a file that may run code while it is read (pickles, and what holds them)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("realtime", "engines", "export", "training", "gui", "benchmarks", "cli", "scripts")
#: Names that read pickles when called; naming their exceptions is allowed.
READERS = ("load", "loads", "Unpickler", "open")
PICKLES = ("pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve")
#: Keywords that say whether a reader may unpickle.
TOLD = ("weights_only", "allow_pickle")


def dotted(callee: ast.expr) -> str:
    """``a.b.c`` of a call to that; "" for a call of anything else. Much quicker than ``ast.unparse``."""
    if isinstance(callee, ast.Attribute):
        return f"{dotted(callee.value)}.{callee.attr}"
    return callee.id if isinstance(callee, ast.Name) else ""


def problems(source: str) -> list[str]:
    """Each call that may unpickle, with its line."""
    found = []
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in PICKLES:
            names = [alias.name for alias in node.names if alias.name in READERS]
            found += [f"{node.lineno}: imports {node.module}.{name}" for name in names]
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        named = {each.arg: ast.unparse(each.value) for each in node.keywords if each.arg in TOLD}
        top, _, last = name.rpartition(".")
        if name == "torch.load" and named.get("weights_only") != "True":
            found.append(f"{node.lineno}: torch.load without weights_only=True")
        if named.get("allow_pickle", "False") != "False":
            found.append(f"{node.lineno}: {name} with allow_pickle")
        if name in ("np.load", "numpy.load") and len(node.args) > 2:
            found.append(f"{node.lineno}: {name} with allow_pickle by position")
        if top in PICKLES and last in READERS:
            found.append(f"{node.lineno}: {name}")
        if name in ("yaml.load", "yaml.unsafe_load", "yaml.full_load", "pd.read_pickle", "pandas.read_pickle"):
            found.append(f"{node.lineno}: {name}")
    for node in ast.walk(tree):
        # Renamed on import, the calls above would go unseen.
        if isinstance(node, ast.ImportFrom) and node.module == "torch" and any(a.name == "load" for a in node.names):
            found.append(f"{node.lineno}: imports torch.load by name")
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_no_file_is_unpickled(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files or room == "scripts"
    wrong = [f"{path}: {line}" for path in files for line in problems(path.read_text(encoding="utf-8"))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "source",
    [
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=flag)",
        "from torch import load",
        "np.load(path, allow_pickle=True)",
        "np.load(path, 'r', True)",
        "numpy.load(path, allow_pickle=maybe)",
        "pickle.load(stream)",
        "pickle.Unpickler(stream).load()",
        "from pickle import loads",
        "joblib.load(path)",
        "yaml.load(text)",
    ],
)
def test_the_check_sees_it(source: str) -> None:
    assert len(problems(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "torch.load(path, weights_only=True)",
        "np.load(path)",
        "np.load(path, allow_pickle=False)",
        "import pickle\ntry:\n    f()\nexcept pickle.UnpicklingError:\n    pass",
        "json.load(stream)",
        "yaml.safe_load(text)",
    ],
)
def test_what_is_safe_passes(source: str) -> None:
    assert problems(source) == []
