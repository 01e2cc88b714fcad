"""Formulas: functions of single numbers, written plainly, that kernels are made of.

A formula is a Python function whose first argument is a number. It may use numbers, names of numbers,
arithmetic, comparisons, `and`, `or`, `not`, choices (`a if b else c`), local names, abs, min and max, the
functions of `functions.py`, and other formulas. Every number in it takes the type of the first argument, so
that one text serves float32 and float64: `1 / (1 + exp(-x))` is computed in float32 for a float32. Nothing is
reordered.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable
from types import FunctionType
from typing import Any

from nnctl.kernels import functions, mathfn, special
from nnctl.kernels.jit import inline

_COMPILED = (functions.__name__, mathfn.__name__, special.__name__)
"""Where functions are that are compiled as they are."""
_BUILT_IN = ("abs", "min", "max")
_REAL = "_real"

_TAKEN = (
    ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.If, ast.Tuple, ast.Name, ast.Load,
    ast.Store, ast.Constant, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.UnaryOp, ast.USub, ast.UAdd,
    ast.Not, ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.BoolOp, ast.And, ast.Or,
    ast.IfExp, ast.Call,
)  # fmt: skip


class FormulaError(TypeError):
    """A function that is to be a formula uses what formulas have not."""


@functools.cache
def compiled(formula: Callable[..., Any]) -> Any:
    """`formula` as kernels call it.

    Raises:
        FormulaError: it is no formula.
    """
    if formula.__module__ in _COMPILED:
        return formula
    if not isinstance(formula, FunctionType) or formula.__closure__:
        raise FormulaError(f"{formula!r} is not a plain function")
    return inline(_typed(formula))


def _typed(formula: FunctionType) -> FunctionType:
    """The same function, its numbers turned into the type of its first argument."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(formula))).body
    assert isinstance(tree, ast.FunctionDef)
    tree.decorator_list, tree.returns = [], None
    for argument in tree.args.args:
        argument.annotation = None
    if ast.get_docstring(tree) is not None:
        del tree.body[0]
    known: dict[str, Any] = {"__name__": formula.__module__}
    tree = _Numbers(formula, known).visit(tree)
    start = ast.parse(f"{_REAL} = type({tree.args.args[0].arg})").body
    tree.body = [*start, *tree.body]
    module = ast.fix_missing_locations(ast.Module([tree], []))
    ast.increment_lineno(module, formula.__code__.co_firstlineno - 1)
    exec(compile(module, formula.__code__.co_filename, "exec"), known)
    made = known.pop(formula.__name__)
    assert isinstance(made, FunctionType)
    made.__qualname__ = formula.__qualname__
    return made


class _Numbers(ast.NodeTransformer):
    """Wraps every number; notes in `known` what the formula's names mean."""

    def __init__(self, formula: FunctionType, known: dict[str, Any]) -> None:
        self.formula = formula
        self.known = known
        self.line = 1
        self.local = set(formula.__code__.co_varnames)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        self.line = getattr(node, "lineno", self.line)
        if not isinstance(node, _TAKEN):
            self._refuse(node, type(node).__name__)
        return super().generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return (
            self._number(node) if type(node.value) in (int, float) else self._refuse(node, repr(node.value))
        )

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.local or node.id in _BUILT_IN:
            return node
        value = self.formula.__globals__.get(node.id)
        if type(value) in (int, float):
            self.known[node.id] = value
            return self._number(node)
        if not callable(value):
            self._refuse(node, f"'{node.id}'")
        self.known[node.id] = compiled(value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if not isinstance(node.func, ast.Name) or node.keywords:
            self._refuse(node, "a call by attribute or keyword")
        return self.generic_visit(node)

    def _number(self, node: ast.expr) -> ast.AST:
        return ast.copy_location(ast.Call(ast.Name(_REAL, ast.Load()), [node], []), node)

    def _refuse(self, node: ast.AST, what: str) -> Any:
        line = self.formula.__code__.co_firstlineno + getattr(node, "lineno", self.line) - 1
        place = f"{self.formula.__code__.co_filename}:{line}"
        raise FormulaError(f"{place}: {self.formula.__qualname__} is a formula, and formulas have no {what}")
