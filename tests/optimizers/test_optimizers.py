"""Updates against plain NumPy in float64, clipping, the check for non-finite gradients, wrong fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.core.arrays import Array
from nnctl.ops import optimizers as ops
from nnctl.ops.base import Value
from nnctl.optimizers.base import optimizers
from nnctl.optimizers.gradient import GradientOptimizer
from tests.ops.harness import evaluate
from tests.optimizers.cases import VARIANTS
from tests.optimizers.runs import make, run, stepping

Step = Callable[[Array, Array, dict[str, Array], int], Array]


def _sgd(w: Array, g: Array, s: dict[str, Array], t: int) -> Array:
    s["m"] = 0.9 * s.get("m", 0) - 0.05 * g
    return w + 0.9 * s["m"] - 0.05 * g


def _adam(w: Array, g: Array, s: dict[str, Array], t: int) -> Array:
    w = w - w * 0.2 * 0.01
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.99 * s.get("v", 0) + 0.01 * g**2
    rate = 0.01 * np.sqrt(1 - 0.99**t) / (1 - 0.9**t)
    return w - rate * s["m"] / (np.sqrt(s["v"]) + 1e-4)


def _rmsprop(w: Array, g: Array, s: dict[str, Array], t: int) -> Array:
    s["v"] = 0.9 * s.get("v", 0) + 0.1 * g**2
    s["a"] = 0.9 * s.get("a", 0) + 0.1 * g
    s["m"] = 0.7 * s.get("m", 0) + 0.001 * g / np.sqrt(s["v"] - s["a"] ** 2 + 1e-7)
    return w - s["m"]


def _adagrad(w: Array, g: Array, s: dict[str, Array], t: int) -> Array:
    s["n"] = s.get("n", 0.1) + g**2
    return w - 0.001 * g / np.sqrt(s["n"] + 1e-7)


def _adadelta(w: Array, g: Array, s: dict[str, Array], t: int) -> Array:
    s["a"] = 0.95 * s.get("a", 0) + 0.05 * g**2
    step = np.sqrt(s.get("d", 0) + 1e-7) / np.sqrt(s["a"] + 1e-7) * g
    s["d"] = 0.95 * s.get("d", 0) + 0.05 * step**2
    return w - 0.5 * step


def _adamax(w: Array, g: Array, s: dict[str, Array], t: int) -> Array:
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["u"] = np.maximum(0.7 * s.get("u", np.zeros_like(g)), np.abs(g))
    return w - 0.001 / (1 - 0.9**t) * s["m"] / (s["u"] + 1e-7)


def _nadam(w: Array, g: Array, s: dict[str, Array], t: int) -> Array:
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g**2
    u = [0.9 * (1 - 0.5 * 0.96**i) for i in range(1, t + 2)]
    m = u[-1] * s["m"] / (1 - np.prod(u)) + (1 - u[-2]) * g / (1 - np.prod(u[:-1]))
    return w - 0.001 * m / (np.sqrt(s["v"] / (1 - 0.999**t)) + 1e-7)


def _ftrl(w: Array, g: Array, s: dict[str, Array], t: int) -> Array:
    n = s.get("n", np.full_like(g, 0.1))
    s["n"] = n + g**2
    s["z"] = s.get("z", 0) + g - (np.sqrt(s["n"]) - np.sqrt(n)) / 0.05 * w
    held = np.sqrt(s["n"]) / 0.05 + 2 * 0.3
    return np.where(np.abs(s["z"]) <= 0.4, 0, (np.sign(s["z"]) * 0.4 - s["z"]) / held)


def _lamb(w: Array, g: Array, s: dict[str, Array], t: int) -> Array:
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g**2
    u = s["m"] / (1 - 0.9**t) / (np.sqrt(s["v"] / (1 - 0.999**t)) + 1e-7)
    return w - 0.01 * np.linalg.norm(w) / np.linalg.norm(u) * u


def _schedule_free(w: Array, g: Array, s: dict[str, Array], t: int) -> Array:
    x, z = s.get("x", w), s.get("z", w)
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g**2
    s["z"] = z - 0.01 * g / (np.sqrt(s["v"] / (1 - 0.999**t)) + 1e-8)
    s["x"] = x + (s["z"] - x) / t
    return 0.9 * s["x"] + 0.1 * s["z"]


def _adafactor(w: Array, g: Array, s: dict[str, Array], t: int) -> Array:
    stays, squares = 1 - t**-0.8, g**2 + 1e-30
    if g.ndim < 2:
        v = s["v"] = stays * s.get("v", 0) + (1 - stays) * squares
    else:
        s["r"] = stays * s.get("r", 0) + (1 - stays) * squares.mean(-1)
        s["c"] = stays * s.get("c", 0) + (1 - stays) * squares.mean(-2)
        v = (s["r"] / s["r"].mean(-1, keepdims=True))[..., None] * s["c"][..., None, :]
    u = g / np.sqrt(v)
    rms_w, rms_u = (np.sqrt((x**2).mean()) for x in (w, u))
    return w - max(1e-3, rms_w) * min(0.6, t**-0.5) * u / max(1, rms_u)


def _muon(w: Array, g: Array, s: dict[str, Array], t: int) -> Array:
    if g.ndim != 2:
        return _adam_of_muon(w, g, s, t)
    s["m"] = 0.9 * s.get("m", 0) + g
    x = g + 0.9 * s["m"]
    x = x.T if len(x) > x.shape[1] else x
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(3):
        a = x @ x.T
        x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
    x = x.T if x.shape != g.shape else x
    return w - w * 0.1 * 0.01 - 0.01 * 0.2 * np.sqrt(max(g.shape)) * x


def _adam_of_muon(w: Array, g: Array, s: dict[str, Array], t: int) -> Array:
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0) + 0.001 * g**2
    rate = 0.01 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return w - w * 0.004 * 0.01 - rate * s["m"] / (np.sqrt(s["v"]) + 1e-7)


CASES: list[tuple[str, dict[str, Any], Step]] = [
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}, _sgd),
    ("AdamW", {"learning_rate": 0.01, "beta_2": 0.99, "epsilon": 1e-4, "weight_decay": 0.2}, _adam),
    ("RMSprop", {"momentum": 0.7, "centered": True}, _rmsprop),
    ("Adagrad", {}, _adagrad),
    ("Adadelta", {"learning_rate": 0.5}, _adadelta),
    ("Adamax", {"beta_2": 0.7}, _adamax),
    ("Lamb", {"learning_rate": 0.01}, _lamb),
    ("Muon", {"learning_rate": 0.01, "momentum": 0.9, "ns_steps": 3, "weight_decay": 0.1}, _muon),
    ("Adafactor", {"learning_rate": 0.6}, _adafactor),
    ("ScheduleFreeAdamW", {"learning_rate": 0.01}, _schedule_free),
    ("Nadam", {}, _nadam),
    (
        "Ftrl",
        {"learning_rate": 0.05, "l1_regularization_strength": 0.4, "l2_regularization_strength": 0.3},
        _ftrl,
    ),
]


@pytest.mark.parametrize(("name", "fields", "step"), CASES, ids=[c[0] for c in CASES])
def test_steps(name: str, fields: dict[str, Any], step: Step) -> None:
    rng = np.random.default_rng(1)
    weights = [rng.standard_normal(s) for s in ((3, 5), (2,), (17, 1), (2, 3, 5))]
    gradients = [[rng.standard_normal(w.shape) for w in weights] for _ in range(6)]
    got, slots = run(make(name, **fields), weights, gradients, dtype="float64")
    for index, want in enumerate(weights):
        state: dict[str, Array] = {}
        for t, arrays in enumerate(gradients, start=1):
            want = step(want, arrays[index], state, t)
        np.testing.assert_allclose(got[index], want, rtol=1e-12)
    for name, slot in slots.items():
        start = 0.1 if name == "accumulator" else 0.0
        np.testing.assert_allclose(slot[15], start, err_msg="the padding stays as it was")


@pytest.mark.parametrize(
    "name", [n for n in stepping() if "epsilon" in type(make(n)).model_fields and n != "Lamb"]
)
def test_padding_that_is_no_number_reaches_no_weight(name: str) -> None:
    """Without an `epsilon`, 0 is divided by 0 between weights. Lamb, which takes norms, must have one."""
    fields = {"epsilon": 0.0, "use_ema": True, "gradient_accumulation_steps": 2, "global_clipnorm": 1.0}
    fields |= {"initial_accumulator_value": 0.0} if name == "Adagrad" else {}
    rng = np.random.default_rng(1)
    weights = [rng.standard_normal(s) for s in ((3, 5), (2,), (17, 1))]
    gradients = [[rng.standard_normal(w.shape) for w in weights] for _ in range(6)]
    got, slots = run(make(name, **fields), weights, gradients)
    assert np.isnan(slots["average"]).any()
    assert all(np.isfinite(w).all() for w in got)
    with pytest.raises(ValidationError, match="greater than 0"):
        make("Lamb", epsilon=0.0)


def test_every_field_is_tried() -> None:
    """In a line of `cases.py`, against Keras."""
    for name in optimizers.names():
        cls = type(make(name))
        own = set(cls.__annotations__) & set(cls.model_fields) - set(GradientOptimizer.model_fields)
        assert own <= {field for of, fields in VARIANTS if of == name for field in fields}, name


@pytest.mark.parametrize(
    ("name", "fields"),
    [*((n, {}) for n in stepping()), *(case for case in VARIANTS if case[0] in stepping())],
)
def test_same_bits_on_any_number_of_threads(name: str, fields: dict[str, Any]) -> None:
    rng = np.random.default_rng(1)
    weights = [rng.standard_normal((4003, 131)).astype(np.float32)]
    gradients = [[rng.standard_normal((4003, 131)).astype(np.float32)] for _ in range(2)]
    runs = [run(make(name, **{"clipnorm": 1.0} | fields), weights, gradients, threads=n) for n in (1, 2, 3)]
    for (got,), _ in runs[1:]:
        assert got.tobytes() == runs[0][0][0].tobytes()


def test_clipnorm_is_by_weight() -> None:
    weights = [np.zeros(2), np.zeros(3)]
    gradients = [[np.array([3.0, 4.0]), np.array([0.1, 0.2, 0.2])]]
    got, _ = run(make("sgd", learning_rate=1.0, clipnorm=1.0), weights, gradients, "float64")
    np.testing.assert_allclose(got[0], [-0.6, -0.8])
    np.testing.assert_allclose(got[1], [-0.1, -0.2, -0.2])


def test_global_clipnorm_is_over_all() -> None:
    weights = [np.zeros(1), np.zeros(2)]
    gradients = [[np.array([2.0]), np.array([4.0, 4.0])]]
    got, _ = run(make("sgd", learning_rate=1.0, global_clipnorm=3.0), weights, gradients, "float64")
    np.testing.assert_allclose(got[0], [-1.0])
    np.testing.assert_allclose(got[1], [-2.0, -2.0])


def test_clipvalue() -> None:
    got, _ = run(
        make("sgd", learning_rate=1.0, clipvalue=0.5), [np.zeros(3)], [[np.array([-2.0, 0.25, 3.0])]]
    )
    assert got[0].tolist() == [0.5, -0.25, -0.5]


@pytest.mark.parametrize("size", [40, 600_000])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_check_finite(size: int, bad: float) -> None:
    starts = [0, 16, 32, -(-size // 16) * 16]
    g = np.random.default_rng(0).standard_normal(starts[-1]).astype(np.float32)

    def first(g: Value) -> Value:
        return ops.check_finite(g, starts)

    for threads in (1, 2):
        assert evaluate(first, {"g": g}, threads=threads)[0].tolist() == [-1]
    for place, weight in ((-1, 2), (17, 1), (0, 0)):
        g[place] = bad
        for threads in (1, 2):
            assert evaluate(first, {"g": g}, threads=threads)[0].tolist() == [weight]


def test_bias_correction_is_exact_in_the_first_step() -> None:
    rate, alpha = make("adam").hyper(0, 0.25)
    assert rate == 0.25
    assert alpha == pytest.approx(0.25 * np.sqrt(0.001) / 0.1, rel=1e-12)


def test_defaults() -> None:
    assert make("sgd").rate(3) == 0.01
    assert make("adam").rate(0) == 0.001
    assert make("adamw").config()["weight_decay"] == 0.004
    rate = {"type": "PiecewiseConstantDecay", "boundaries": [1], "values": [0.5, 0.25]}
    assert [make("adam", learning_rate=rate).rate(step) for step in (0, 1, 2)] == [0.5, 0.5, 0.25]


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("sgd", {"clipnorm": 1.0, "clipvalue": 1.0}, "only one of 'clipnorm' and 'clipvalue'"),
        ("sgd", {"momentum": 1.5}, "momentum less_than_equal "),
        ("adam", {"learning_rate": -0.1}, "not below 0"),
        ("adam", {"learning_rate": "fast"}, "no schedule 'fast'"),
        ("adam", {"loss_scale_factor": 8.0}, "loss_scale_factor"),
        ("adam", {"gradient_accumulation_steps": 1}, "gradient_accumulation_steps greater_than_equal "),
        ("adam", {"ema_momentum": 1.5}, "ema_momentum less_than_equal "),
        ("adam", {"ema_overwrite_frequency": 0}, "ema_overwrite_frequency greater_than "),
        ("adamw", {"weight_decay": None}, "weight_decay"),
        ("muon", {"exclude_layers": ["("]}, "'(' is no pattern"),
    ],
)
def test_wrong_fields(name: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make(name, **fields)
    # Where it is and of what kind is Pydantic's promise; its words are not.
    found = caught.value.errors()[0]
    assert message in f"{'.'.join(map(str, found['loc']))} {found['type']} {found['msg']}"


def test_gradients_that_are_zero_leave_what_decay_makes_of_the_weights() -> None:
    """w - (w decay) rate, before the step.

    Ftrl and ScheduleFreeAdamW make the first weights anew; Muon has another decay for what is no matrix.
    """
    for name in set(stepping()) - {"Ftrl", "ScheduleFreeAdamW", "Muon"}:
        got, _ = run(
            make(name, learning_rate=0.25, weight_decay=0.5),
            [np.array([2.0, -8.0])],
            [[np.zeros(2)]],
            "float64",
        )
        assert got[0].tolist() == [1.75, -7.0], name


def test_where_nothing_was_seen_a_leader_is_zero() -> None:
    """Also with no accumulator to start from, which leaves nothing to divide by."""
    got, _ = run(make("ftrl", initial_accumulator_value=0.0), [np.ones(2)], [[np.array([0.0, 1.0])]])
    assert got[0][0] == 0
    assert np.isfinite(got[0]).all()


def test_nadam_far_from_the_start_is_steady() -> None:
    """Where all of beta_1 is used and its product is nothing."""
    nadam = make("nadam")
    rate, of_mean, of_gradient, known = nadam.hyper(200_000, 0.5)
    assert (rate, of_mean, known) == (0.5, 0.9, 1.0)
    assert of_gradient == pytest.approx(0.1)
    assert nadam.hyper(999, 0.5)[1] == pytest.approx(0.9, rel=1e-15)


def test_where_a_norm_is_zero_the_trust_ratio_is_one() -> None:
    """Of weights that are all 0 as of a gradient that is."""
    weights = [np.zeros(2), np.ones(2), np.array([3.0, 4.0])]
    gradients = [[np.full(2, 0.5), np.zeros(2), np.full(2, -0.5)]]
    got, _ = run(make("lamb", learning_rate=0.1, epsilon=1e-12), weights, gradients, "float64")
    np.testing.assert_allclose(got[0], [-0.1, -0.1])
    np.testing.assert_allclose(got[1:], [[1, 1], np.array([3, 4]) + 0.1 * 5 / np.sqrt(2)])


def test_where_neither_row_nor_column_saw_a_gradient_adafactor_stays() -> None:
    """The product of both means is no number any more, and neither is 0 divided by its root."""
    gradient = np.array([[0.0, 0.0], [0.0, 3.0]], np.float32)
    (got,), _ = run(make("adafactor", learning_rate=0.1), [np.ones((2, 2), np.float32)], [[gradient]] * 2)
    assert got[0].tolist() == [1, 1]
    assert got[1, 0] == 1
    assert 0 < got[1, 1] < 1


def test_singular_values_of_muons_step_are_near_one() -> None:
    """Whatever they were in the gradient, wide or tall; of nothing there is no step."""
    rng = np.random.default_rng(3)
    shapes = [(6, 9), (9, 6), (4, 4)]
    gradients = [rng.standard_normal(s) * 10 ** rng.uniform(-3, 3) for s in shapes[:2]] + [np.zeros((4, 4))]
    muon = make("muon", learning_rate=1.0, rms_rate=None, weight_decay=None)
    got, _ = run(muon, [np.zeros(s) for s in shapes], [gradients], "float64")
    for step in got[:2]:
        values = np.linalg.svd(step)[1]
        assert values.min() > 0.3
        assert values.max() < 1.3
    assert not got[2].any()
