"""What formulas may say, that their numbers take the type of their first argument, and when they compile anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import FormulaError
from nnctl.kernels import activation, functions, optimizers
from nnctl.kernels.formula import compiled
from nnctl.kernels.formula_text import check
from nnctl.kernels.functions import exp, fma, log, sign, sqrt
from nnctl.kernels.stamp import stamp
from nnctl.ops.formula import Formula
from nnctl.optimizers import adaptive, sgd

THIRD = 1 / 3
WORDS = "one"


def run(formula: Any, x: Any, *numbers: float) -> Any:
    y = np.empty_like(x)
    activation.activation(formula)(x, tuple(x.dtype.type(n) for n in numbers), y)
    return y


def third(x: float) -> float:
    return x * THIRD + 0.1


def test_numbers_have_the_type_of_the_first_argument() -> None:
    """In float32 nothing is computed in double precision and rounded after."""
    x = np.linspace(-5, 5, 1001, dtype=np.float32)
    assert run(third, x).tobytes() == (x * np.float32(1 / 3) + np.float32(0.1)).tobytes()
    wide = x.astype(np.float64)
    assert run(third, wide).tobytes() == (wide * (1 / 3) + 0.1).tobytes()


def helper(x: float, a: float) -> float:
    """Formulas call formulas."""
    return -x if not x > 0 else a


def everything(x: float, a: float) -> float:
    """Choices, comparisons, local names, the built-in functions, ours, and another formula's result."""
    y = min(abs(x), a)
    if x < -1 or (x == 0.5 and a != 0):
        y = max(y, 1)
    return helper(x, a) + (exp(y) if y <= 0.5 else sqrt(y)) * fma(y, 2, +a) - sign(x)


def test_what_formulas_may_say() -> None:
    x = np.array([-3.0, -0.2, 0.0, 0.5, 0.7, 4.0])
    np.testing.assert_allclose(run(everything, x, 1.5), [everything(v, 1.5) for v in x], rtol=1e-14)


def power(x: float) -> float:
    return x**2


def attribute(x: float) -> float:
    return functions.exp(x)


def loop(x: float) -> float:
    for _ in range(3):
        x = x + 1
    return x


def text(x: float) -> float:
    return x + WORDS  # type: ignore[operator]


def by_keyword(x: float) -> float:
    return exp(x=x)


def unknown(x: float) -> float:
    return print(x)  # type: ignore[func-returns-value]


def recursive(x: float) -> float:
    return recursive(x - 1) if x > 1 else x


def with_default(x: float, a: float = 2.0) -> float:
    return x + a


in_a_line = lambda x: x  # noqa: E731


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        (power, "no Pow"), (attribute, "call by attribute"), (loop, "no For"), (text, "no 'WORDS'"),
        (by_keyword, "call by attribute or keyword"), (unknown, "no 'print'"), (len, "not a plain function"),
        ((lambda a: lambda x: x + a)(1), "not a plain function"), (recursive, "no call of themselves"),
        (with_default, "has defaults"),
        (in_a_line, "not written as `def`"),
    ],
)  # fmt: skip
def test_what_formulas_may_not_say(formula: Any, words: str) -> None:
    """Told by where it stands."""
    for read in (check, compiled):
        with pytest.raises(FormulaError, match=words) as caught:
            read(formula)
        if caught.value.file:
            assert caught.value.file == __file__
            first = formula.__code__.co_firstlineno
            assert caught.value.line == (first + 1 if "formulas have" in caught.value.message else first)


def outer(x: float) -> float:
    return inner(x) + THIRD


def inner(x: float) -> float:
    return x + 1


def test_a_kernel_is_another_where_what_its_formula_calls_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Formulas stand in files that a kernel's own file does not import."""

    def stamped() -> str:
        compiled.cache_clear()
        activation._value_loop.cache_clear()
        return stamp(activation.activation.__wrapped__(outer).py_func)

    before = stamped()
    assert stamped() == before
    with monkeypatch.context() as patch:
        patch.setitem(globals(), "THIRD", 0.25)
        assert stamped() != before
    with monkeypatch.context() as patch:
        patch.setitem(globals(), "inner", third)
        assert stamped() != before
    assert stamped() == before


@pytest.mark.parametrize(
    "name", ["exp", "expm1", "log", "log1p", "tanh", "sigmoid", "softplus", "erf", "sqrt", "sign", "floor"]
)
def test_functions_are_the_same_in_python_and_in_kernels(name: str) -> None:
    """At the ends of what they take, too."""
    x = np.array([-2.5, -1.0, -0.3, -0.0, 0.0, 1e-9, 0.7, 30.0, np.nan])
    function = getattr(functions, name)
    np.testing.assert_allclose(run(function, x), [function(v) for v in x], rtol=1e-14, atol=1e-300)


def test_sine_and_cosine_of_turns() -> None:
    x = np.array([-2.5, -0.3, 0.0, 0.125, 0.7, 30.2])
    for function in (functions.sin_turns, functions.cos_turns):
        np.testing.assert_allclose(run(function, x), [function(v) for v in x], atol=1e-13)


def test_logarithm_of_nothing() -> None:
    assert log(0.0) == -np.inf


def test_kernels_of_different_formulas_have_different_names() -> None:
    """Code that two processes kept is linked by name."""
    made = [optimizers.update(f).py_func for f in (sgd.plain, adaptive.plain, sgd.moving)]
    made += [optimizers.update_parallel(sgd.plain).py_func]
    made += [f(third).py_func for f in (activation.activation, activation.activation_grad)]
    assert len({f.__qualname__ for f in made}) == len(made)
    assert made[0].__name__ == "update plain"


def test_operations_are_counted() -> None:
    """For the figure of `plan`: arithmetic and calls, not choices."""
    assert Formula(everything).operations == 11
    assert Formula(inner).operations == 1
