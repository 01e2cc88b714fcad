"""Formulas (`kernels/formula_text.py`) as C functions: the same text, the same order."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from nnctl.formats.c.helpers import Helpers
from nnctl.formats.c.text import identifier, number
from nnctl.kernels import functions
from nnctl.kernels.formula_text import _REAL, typed

_MACROS = {"sqrt": "SQRT", "floor": "FLOOR", "fma": "FMA", "abs": "ABS"}
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.USub: "-", ast.UAdd: "+", ast.Not: "!",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.And: "&&",
    ast.Or: "||",
}  # fmt: skip


def formula(helpers: Helpers, function: Callable[..., Any]) -> str:
    """What a formula is called in C; the file has it then."""
    if function.__module__ == functions.__name__:
        name = _MACROS.get(function.__name__) or f"{function.__name__}_r"
        if name not in _MACROS.values():
            helpers.need(name)
        return name
    name = f"f_{identifier(function.__module__.rpartition('.')[2])}_{identifier(function.__qualname__)}"
    if name not in helpers.texts:
        module, names = typed(function)
        (tree,) = module.body
        assert isinstance(tree, ast.FunctionDef)
        text = _Function(helpers, names).text(name, tree)
        helpers.add(name, text)
    return name


class _Function:
    """Writes one formula.

    Args:
        names: What the formula's names mean.
    """

    def __init__(self, helpers: Helpers, names: dict[str, Any]) -> None:
        self.helpers, self.names = helpers, names

    def text(self, name: str, tree: ast.FunctionDef) -> str:
        """The function's text; the tree begins with the type of its numbers."""
        arguments = [a.arg for a in tree.args.args]
        stored = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        own = [n for n in dict.fromkeys(stored) if n not in (*arguments, _REAL)]
        lines = [f"static real {name}({', '.join(f'real {a}' for a in arguments)}) {{"]
        if own:
            lines.append(f"    real {', '.join(own)};")
        for statement in tree.body[1:]:
            lines += self._statement(statement, "    ")
        return "\n".join([*lines, "}"])

    def _statement(self, s: ast.stmt, indent: str) -> Iterator[str]:
        if isinstance(s, ast.Return):
            assert s.value is not None
            yield f"{indent}return {self._value(s.value)};"
        elif isinstance(s, ast.If):
            yield f"{indent}if ({self._value(s.test)}) {{"
            for inner in s.body:
                yield from self._statement(inner, f"{indent}    ")
            if s.orelse:
                yield f"{indent}}} else {{"
                for inner in s.orelse:
                    yield from self._statement(inner, f"{indent}    ")
            yield f"{indent}}}"
        else:
            assert isinstance(s, ast.Assign)
            yield from self._assign(s, indent)

    def _assign(self, s: ast.Assign, indent: str) -> Iterator[str]:
        (target,) = s.targets
        if isinstance(target, ast.Tuple):
            assert isinstance(s.value, ast.Tuple)
            names = [t.id for t in target.elts if isinstance(t, ast.Name)]
            values = ", ".join(
                f"new_{n} = {self._value(v)}" for n, v in zip(names, s.value.elts, strict=True)
            )
            moved = " ".join(f"{n} = new_{n};" for n in names)
            yield f"{indent}{{ const real {values}; {moved} }}"
        else:
            assert isinstance(target, ast.Name)
            yield f"{indent}{target.id} = {self._value(s.value)};"

    def _value(self, v: ast.expr) -> str:
        match v:
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._call(name, args)
            case ast.Name(id=name):
                return name
            case ast.IfExp(test=test, body=body, orelse=other):
                return f"({self._value(test)} ? {self._value(body)} : {self._value(other)})"
            case ast.BinOp(left=left, op=op, right=right):
                return f"({self._value(left)} {_OPERATORS[type(op)]} {self._value(right)})"
            case ast.UnaryOp(op=op, operand=operand):
                return f"({_OPERATORS[type(op)]}{self._value(operand)})"
            case ast.BoolOp(op=op, values=values):
                return f"({f' {_OPERATORS[type(op)]} '.join(map(self._value, values))})"
            case ast.Compare(left=left, ops=ops, comparators=others):
                operands = [self._value(x) for x in (left, *others)]
                pairs = zip(operands, ops, operands[1:], strict=False)
                return f"({' && '.join(f'{a} {_OPERATORS[type(op)]} {b}' for a, op, b in pairs)})"
        raise NotImplementedError(ast.dump(v))

    def _call(self, name: str, args: list[ast.expr]) -> str:
        if name == _REAL:
            return self._number(args[0])
        values = [self._value(a) for a in args]
        if name in ("min", "max"):
            made = values[0]
            for other in values[1:]:
                made = f"({other} {'<' if name == 'min' else '>'} {made} ? {other} : {made})"
            return made
        called = _MACROS[name] if name == "abs" else formula(self.helpers, self.names[name])
        return f"{called}({', '.join(values)})"

    def _number(self, v: ast.expr) -> str:
        value = (
            v.value if isinstance(v, ast.Constant) else self.names[v.id] if isinstance(v, ast.Name) else None
        )
        assert isinstance(value, int | float)
        return number(value, self.helpers.dtype)
