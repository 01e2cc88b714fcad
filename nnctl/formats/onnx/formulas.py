"""A formula as ONNX's operators, read from its text: arithmetic as it stands, choices as Where.

Both sides of a choice are computed and one is taken, so that a NaN or infinity of the other does not show.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nnctl.formats.onnx.writer import Writer
from nnctl.kernels import functions
from nnctl.kernels.formula_text import typed

Term = Any
"""A number, or the name of a tensor; of a comparison a truth value, or the name of a tensor of them."""

_ARITHMETIC: Mapping[type[ast.AST], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("Add", operator.add),
    ast.Sub: ("Sub", operator.sub),
    ast.Mult: ("Mul", operator.mul),
    ast.Div: ("Div", operator.truediv),
}
_COMPARISONS: Mapping[type[ast.AST], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Lt: ("Less", operator.lt),
    ast.LtE: ("LessOrEqual", operator.le),
    ast.Gt: ("Greater", operator.gt),
    ast.GtE: ("GreaterOrEqual", operator.ge),
    ast.Eq: ("Equal", operator.eq),
}
_ONE: Mapping[Callable[..., Any], str] = {
    functions.exp: "Exp",
    functions.exp_negative: "Exp",
    functions.log: "Log",
    functions.tanh: "Tanh",
    functions.sigmoid: "Sigmoid",
    functions.softplus: "Softplus",
    functions.erf: "Erf",
    functions.sqrt: "Sqrt",
    functions.sign: "Sign",
    functions.floor: "Floor",
    abs: "Abs",
}
"""Functions of one number that an operator is."""


def evaluate(w: Writer, formula: Callable[..., Any], arguments: Sequence[Term]) -> Term:
    """What a formula gives for numbers and tensors; a tuple where it gives several."""
    if all(isinstance(argument, int | float) for argument in arguments):
        return formula(*arguments)
    module, names = typed(formula)
    (tree,) = module.body
    assert isinstance(tree, ast.FunctionDef)
    local = dict(zip((a.arg for a in tree.args.args), arguments, strict=True))
    # The first statement is the type that numbers take.
    return _Evaluation(w, names).block(tree.body[1:], local)


def as_tensor(w: Writer, term: Term) -> str:
    """The name of a term."""
    return term if isinstance(term, str) else w.number(term)


class _Evaluation:
    def __init__(self, w: Writer, names: Mapping[str, Any]) -> None:
        self.w = w
        self.names = names

    def block(self, statements: Sequence[ast.stmt], local: Mapping[str, Term]) -> Term:
        """What statements return; what follows a choice follows both of its sides."""
        first, *rest = statements
        match first:
            case ast.Return(value=value):
                assert value is not None
                return self.term(value, local)
            case ast.Assign(targets=[target], value=value):
                made = self.term(value, local)
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                values = made if isinstance(target, ast.Tuple) else (made,)
                new = {n.id: v for n, v in zip(names, values, strict=True) if isinstance(n, ast.Name)}
                return self.block(rest, {**local, **new})
            case ast.If(test=test, body=body, orelse=other):
                return self.choice(
                    self.term(test, local),
                    lambda: self.block([*body, *rest], local),
                    lambda: self.block([*other, *rest], local),
                )
        raise NotImplementedError(ast.dump(first))

    def choice(self, test: Term, yes: Callable[[], Term], no: Callable[[], Term]) -> Term:
        """One of two terms, or tuples of them."""
        if not isinstance(test, str):
            return yes() if test else no()
        taken, other = yes(), no()
        if isinstance(taken, tuple):
            return tuple(self.where(test, a, b) for a, b in zip(taken, other, strict=True))
        return self.where(test, taken, other)

    def where(self, test: str, a: Term, b: Term) -> Term:
        return a if a is b else self.w.node("Where", test, as_tensor(self.w, a), as_tensor(self.w, b))

    def term(self, node: ast.expr, local: Mapping[str, Term]) -> Term:
        """An expression's value."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return local[name] if name in local else self.names[name]
            case ast.Tuple(elts=parts):
                return tuple(self.term(part, local) for part in parts)
            case ast.BinOp(left=left, op=op, right=right):
                name, python = _ARITHMETIC[type(op)]
                return self.two(name, python, self.term(left, local), self.term(right, local))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                value = self.term(operand, local)
                return self.w.node("Neg", value) if isinstance(value, str) else -value
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.term(operand, local)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self.negated(self.term(operand, local))
            case ast.BoolOp(op=op, values=values):
                return self.joined(isinstance(op, ast.And), [self.term(value, local) for value in values])
            case ast.Compare(left=left, ops=ops, comparators=others):
                terms = [self.term(part, local) for part in (left, *others)]
                pairs = zip(ops, terms, terms[1:], strict=False)
                return self.joined(True, [self.compared(op, a, b) for op, a, b in pairs])
            case ast.IfExp(test=test, body=body, orelse=other):
                return self.choice(
                    self.term(test, local), lambda: self.term(body, local), lambda: self.term(other, local)
                )
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self.call(name, [self.term(argument, local) for argument in arguments])
        raise NotImplementedError(ast.dump(node))

    def two(self, name: str, python: Callable[[Any, Any], Any], a: Term, b: Term) -> Term:
        """An operator of two terms."""
        if not isinstance(a, str) and not isinstance(b, str):
            return python(a, b)
        return self.w.node(name, as_tensor(self.w, a), as_tensor(self.w, b))

    def compared(self, op: ast.cmpop, a: Term, b: Term) -> Term:
        if isinstance(op, ast.NotEq):
            return self.negated(self.compared(ast.Eq(), a, b))
        return self.two(*_COMPARISONS[type(op)], a, b)

    def negated(self, value: Term) -> Term:
        return self.w.node("Not", value) if isinstance(value, str) else not value

    def joined(self, every: bool, values: Sequence[Term]) -> Term:
        """Whether every one of some truth values holds, or any."""
        if any(not isinstance(value, str) and bool(value) is not every for value in values):
            return not every
        open_ones = [value for value in values if isinstance(value, str)]
        if not open_ones:
            return every
        made = open_ones[0]
        for value in open_ones[1:]:
            made = self.w.node("And" if every else "Or", made, value)
        return made

    def call(self, name: str, arguments: list[Term]) -> Term:
        """A function's value: of one that numbers are wrapped in, of a built-in one, of another formula."""
        if name == "_real":
            return float(arguments[0])
        called = self.names.get(name, {"abs": abs, "min": min, "max": max}.get(name))
        assert callable(called), name
        if not any(isinstance(argument, str) for argument in arguments):
            return called(*arguments)
        if called in _ONE:
            return self.w.node(_ONE[called], arguments[0])
        if called is min or called is max:
            return self.w.node(called.__name__.capitalize(), *(as_tensor(self.w, a) for a in arguments))
        if called in _COMPOSED:
            return _COMPOSED[called](self.w, *(as_tensor(self.w, a) for a in arguments))
        return evaluate(self.w, called, arguments)


def _expm1(w: Writer, x: str) -> str:
    return w.node("Sub", w.node("Exp", x), w.number(1.0))


def _log1p(w: Writer, x: str) -> str:
    return w.node("Log", w.node("Add", x, w.number(1.0)))


def _fma(w: Writer, a: str, b: str, c: str) -> str:
    return w.node("Add", w.node("Mul", a, b), c)


def _turned(name: str) -> Callable[[Writer, str], str]:
    """A circular function of turns; whole ones are left out."""

    def made(w: Writer, x: str) -> str:
        part = w.node("Sub", x, w.node("Floor", x))
        return w.node(name, w.node("Mul", part, w.number(2 * math.pi)))

    return made


def arctan2(w: Writer, y: str, x: str) -> str:
    """The angle of the points (x, y): arctan of the lesser by the larger, and which is which, say it."""
    tall = w.node("Greater", w.node("Abs", y), w.node("Abs", x))
    least = w.node("Where", tall, x, y)
    most = w.node("Where", tall, y, x)
    zero = w.number(0.0)
    one_at_origin = w.node("Where", w.node("Equal", most, zero), w.number(1.0), most)
    steep = w.node("Atan", w.node("Div", least, one_at_origin))
    up = w.node("Where", w.node("Less", y, zero), w.number(-math.pi / 2), w.number(math.pi / 2))
    back = w.node("Where", w.node("Less", y, zero), w.number(-math.pi), w.number(math.pi))
    flat = w.node("Where", w.node("Less", x, zero), w.node("Add", steep, back), steep)
    return w.node("Where", tall, w.node("Sub", up, steep), flat)


_COMPOSED: Mapping[Callable[..., Any], Callable[..., str]] = {
    functions.expm1: _expm1,
    functions.log1p: _log1p,
    functions.fma: _fma,
    functions.power: lambda w, x, y: w.node("Pow", x, y),
    functions.arctan2: arctan2,
    functions.sin_turns: _turned("Sin"),
    functions.cos_turns: _turned("Cos"),
}
"""Functions that some operators are together."""
