"""What a formula may say, and how its text is read. Importable without numba, so that `check` can look.

A formula is a Python function whose first argument is a number. It may use numbers, names of numbers,
arithmetic, comparisons, `and`, `or`, `not`, choices (`a if b else c`), local names, abs, min and max, the
functions of `functions.py`, and other formulas. Every number in it takes the type of the first argument, so
that one text serves float32 and float64: `1 / (1 + exp(-x))` is computed in float32 for a float32. Nothing is
reordered.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from types import FunctionType
from typing import Any

from nnctl.core.errors import FormulaError
from nnctl.kernels import functions

_BUILT_IN = ("abs", "min", "max")
_REAL = "_real"

_TAKEN = (
    ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.If, ast.Tuple, ast.Name, ast.Load,
    ast.Store, ast.Constant, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.UnaryOp, ast.USub, ast.UAdd,
    ast.Not, ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.BoolOp, ast.And, ast.Or,
    ast.IfExp, ast.Call,
)  # fmt: skip


def typed(formula: Callable[..., Any]) -> tuple[ast.Module, dict[str, Any]]:
    """The formula with its numbers in the type of its first argument, and what the names in it mean.

    Raises:
        FormulaError: it is no formula.
    """
    if not isinstance(formula, FunctionType) or formula.__closure__:
        raise FormulaError(f"{formula!r} is not a plain function")
    code = formula.__code__
    where = (code.co_filename, code.co_firstlineno)
    try:
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(formula))).body
    except (OSError, SyntaxError, ValueError):
        raise FormulaError(f"the source of {formula.__qualname__} cannot be read", *where) from None
    if not isinstance(tree, ast.FunctionDef) or tree.args.defaults:
        raise FormulaError(f"{formula.__qualname__} is not written as `def`, or has defaults", *where)
    tree.decorator_list, tree.returns = [], None
    for argument in tree.args.args:
        argument.annotation = None
    if ast.get_docstring(tree) is not None:
        del tree.body[0]
    names: dict[str, Any] = {}
    tree = _Numbers(formula, names).visit(tree)
    start = ast.parse(f"{_REAL} = type({tree.args.args[0].arg})").body
    tree.body = [*start, *tree.body]
    module = ast.fix_missing_locations(ast.Module([tree], []))
    ast.increment_lineno(module, code.co_firstlineno - 1)
    return module, names


def check(formula: Callable[..., Any]) -> None:
    """Hold that a function is a formula, and what it calls, too.

    Raises:
        FormulaError: it is none.
    """
    if formula.__module__ != functions.__name__:
        for meaning in typed(formula)[1].values():
            if callable(meaning):
                check(meaning)


class _Numbers(ast.NodeTransformer):
    """Wraps every number; notes in `names` what the formula's names mean."""

    def __init__(self, formula: FunctionType, names: dict[str, Any]) -> None:
        self.formula = formula
        self.names = names
        self.line = 1
        self.local = set(formula.__code__.co_varnames)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        self.line = getattr(node, "lineno", self.line)
        if not isinstance(node, _TAKEN):
            self._refuse(node, type(node).__name__)
        return super().generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) not in (int, float):
            self._refuse(node, repr(node.value))
        return self._number(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.local or node.id in _BUILT_IN:
            return node
        value = self.formula.__globals__.get(node.id)
        if value is self.formula:
            self._refuse(node, "call of themselves")
        number = type(value) in (int, float)
        if not number and not isinstance(value, FunctionType):
            self._refuse(node, f"'{node.id}'")
        self.names[node.id] = value
        return self._number(node) if number else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if not isinstance(node.func, ast.Name) or node.keywords:
            self._refuse(node, "call by attribute or keyword")
        return self.generic_visit(node)

    def _number(self, node: ast.expr) -> ast.AST:
        return ast.copy_location(ast.Call(ast.Name(_REAL, ast.Load()), [node], []), node)

    def _refuse(self, node: ast.AST, what: str) -> None:
        code = self.formula.__code__
        line = code.co_firstlineno + getattr(node, "lineno", self.line) - 1
        message = f"{self.formula.__qualname__} is a formula, and formulas have no {what}"
        raise FormulaError(message, code.co_filename, line)
