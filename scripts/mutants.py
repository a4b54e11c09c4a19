"""Mutants: copies of a module with one small mistake each, for asking whether its tests would notice.

What is changed, one place at a time: comparisons (the boundary and the direction), arithmetic, ``and``/``or``/``not``,
numbers, truth values and strings, conditions (always, never), ``min``/``max``, ``any``/``all``, ``floor``/``ceil``,
keyword arguments (left out), and statements (left out; ``return`` without its value). Left as they are: annotations,
docstrings, imports, decorators, the words of errors, and keywords that only guard (``strict``, ``frozen``, ``slots``).
"""

from __future__ import annotations

import ast
import marshal
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import cast

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_RECKONED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_PAIRS = (("min", "max"), ("any", "all"), ("floor", "ceil"), ("maximum", "minimum"))
_SWAPPED = {name: other for one, two in _PAIRS for name, other in ((one, two), (two, one))}
#: Keywords that change nothing in a program that is right.
_GUARDS = {"strict", "frozen", "slots", "kw_only"}
_SKIPPED_FIELDS = {"annotation", "returns", "decorator_list", "bases"}
_SKIPPED_NODES = (ast.Import, ast.ImportFrom, ast.JoinedStr, ast.Global, ast.Nonlocal)
_LEFT_OUT = (ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)


@dataclass(frozen=True, slots=True)
class Mutant:
    """``code`` of the whole module with one mistake: ``change`` in the source line ``text``, number ``line``."""

    line: int
    text: str
    change: str
    code: CodeType


@dataclass(slots=True)
class _Place:
    """Where a node hangs in the tree: a field of its parent, or one entry of that field."""

    parent: ast.AST
    field: str
    index: int | None

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def mutants_of(source: str, filename: str) -> list[Mutant]:
    """Every mutant of ``source`` whose bytecode differs from the original's, in the order of the places."""
    tree, lines = ast.parse(source), source.splitlines()
    original = marshal.dumps(compile(tree, filename, "exec"))
    found: list[Mutant] = []
    for node, place in list(_places(tree)):
        before = ast.unparse(node)
        for other in _alternatives(node):
            place.put(ast.copy_location(other, node))
            code = compile(ast.fix_missing_locations(tree), filename, "exec")
            place.put(node)
            if marshal.dumps(code) != original:
                line = getattr(node.target if isinstance(node, ast.comprehension) else node, "lineno", 0)
                change = f"{_short(before)} -> {_short(ast.unparse(other))}"
                found.append(Mutant(line, lines[line - 1].strip(), change, code))
    return found


def _short(text: str) -> str:
    first = " ".join(text.split())
    return first if len(first) <= 70 else first[:67] + "..."


def _places(node: ast.AST, in_error: bool = False) -> Iterator[tuple[ast.AST, _Place]]:
    """Every node below ``node`` that may be changed, and where it hangs."""
    in_error = in_error or isinstance(node, ast.Raise)
    for name, value in ast.iter_fields(node):
        if name in _SKIPPED_FIELDS:
            continue
        children = cast("list[object]", value) if isinstance(value, list) else [value]
        for index, child in enumerate(children):
            if not isinstance(child, ast.AST) or isinstance(child, _SKIPPED_NODES) or _is_guard(child):
                continue
            if _is_docstring(child) or (in_error and isinstance(child, ast.Constant)):
                continue
            yield child, _Place(node, name, index if isinstance(value, list) else None)
            yield from _places(child, in_error)


def _is_docstring(node: ast.AST) -> bool:
    """A string that stands alone: of a module, class, function or attribute."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_guard(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg in _GUARDS
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(target, ast.Name) and target.id in ("__all__", "__slots__") for target in targets)


def _alternatives(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of ``node``."""
    if isinstance(node, ast.Compare):
        yield from _compared(node)
    elif isinstance(node, ast.BinOp) and type(node.op) in _RECKONED:
        yield ast.BinOp(node.left, _RECKONED[type(node.op)](), node.right)
    elif isinstance(node, ast.AugAssign) and type(node.op) in _RECKONED:
        yield ast.AugAssign(node.target, _RECKONED[type(node.op)](), node.value)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield node.operand
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.Constant):
        yield from _constants(node)
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        yield from _conditions(node)
    elif isinstance(node, ast.comprehension):
        yield from (
            ast.comprehension(node.target, node.iter, node.ifs[:place] + node.ifs[place + 1 :], node.is_async)
            for place in range(len(node.ifs))
        )
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield ast.Return(ast.Constant(None))
    if isinstance(node, _LEFT_OUT) or _acts(node):
        yield ast.Pass()


def _compared(node: ast.Compare) -> Iterator[ast.AST]:
    for place, operator in enumerate(node.ops):
        for other in _COMPARED[type(operator)]:
            yield ast.Compare(node.left, [*node.ops[:place], other(), *node.ops[place + 1 :]], node.comparators)


def _constants(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
    elif isinstance(value, float):
        yield ast.Constant(value * 2 if value else 1.0)
    elif isinstance(value, str):
        yield ast.Constant(f"{value}?")


def _conditions(node: ast.If | ast.IfExp | ast.While) -> Iterator[ast.AST]:
    if isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.If):
        yield ast.If(ast.Constant(True), node.body, node.orelse)
        yield ast.If(ast.Constant(False), node.body, node.orelse)
    else:
        yield ast.While(ast.Constant(False), node.body, node.orelse)


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    callee = node.func
    if isinstance(callee, ast.Name) and callee.id in _SWAPPED:
        yield ast.Call(ast.Name(_SWAPPED[callee.id], ast.Load()), node.args, node.keywords)
    if isinstance(callee, ast.Attribute) and callee.attr in _SWAPPED:
        yield ast.Call(ast.Attribute(callee.value, _SWAPPED[callee.attr], ast.Load()), node.args, node.keywords)
    for place, keyword in enumerate(node.keywords):
        if keyword.arg is not None and keyword.arg not in _GUARDS:
            yield ast.Call(callee, node.args, node.keywords[:place] + node.keywords[place + 1 :])


def _acts(node: ast.AST) -> bool:
    """A statement that changes something outside its own names: a call, or what an object or container holds."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call)
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets)
    return False


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
