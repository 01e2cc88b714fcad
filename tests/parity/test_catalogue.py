"""Nothing of Keras is passed over: each public class is offered and compared, or a reason stands for it."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("jax")
keras = pytest.importorskip("keras")

from nnctl.core.registry import Registry  # noqa: E402
from nnctl.layers.base import Layer  # noqa: E402
from nnctl.spec.diagnosis.keras_names import keras_classes, keras_has_argument, without  # noqa: E402
from nnctl.spec.output.schema import _FAMILIES  # noqa: E402
from tests.layers.keras_cases import BY_TENSORFLOW  # noqa: E402
from tests.packaging.lock import is_locked  # noqa: E402
from tests.parity.families import FAMILIES  # noqa: E402

pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(not is_locked("keras", "dev.txt"), reason="the names are those of the lock's Keras"),
]

MODULES: dict[str, ModuleType] = {
    "layer": keras.layers,
    "activation": keras.activations,
    "loss": keras.losses,
    "metric": keras.metrics,
    "optimizer": keras.optimizers,
    "schedule": keras.optimizers.schedules,
    "initializer": keras.initializers,
    "regularizer": keras.regularizers,
    "constraint": keras.constraints,
    "callback": keras.callbacks,
}
REGISTRIES: dict[str, Registry[Any]] = {registry.kind: registry for registry in _FAMILIES}
# Classes that are there to be derived from or to be looked at, and functions that are no activation.
BASES = {"Layer", "InputSpec", "Loss", "Metric", "Optimizer", "OptimizerMap", "LearningRateSchedule"}
BASES |= {"Initializer", "Regularizer", "Constraint", "Callback", "get", "serialize", "deserialize"}
# Ours that are not in the family's module in Keras.
ELSEWHERE = {"Sequential", "Functional", "Model"}
NOT_YET: dict[str, set[str]] = {}
"""What is still to come."""

# Accuracy stands for one of the other accuracies, as in `metrics=["accuracy"]` of Keras; Mean and Sum, which
# see no target, have a test of their own; so have sparsemax and RandomCrop, where Keras does something else.
ALONE = {"Accuracy", "Mean", "Sum", "sparsemax", "RandomCrop"} | BY_TENSORFLOW


def public(kind: str) -> set[str]:
    """The names of a family's classes (or functions, for activations) in Keras."""
    functions = kind == "activation"
    wanted = inspect.isfunction if functions else inspect.isclass
    names = {name for name, value in vars(MODULES[kind]).items() if wanted(value)}
    # `constant` is `Constant` in another spelling, which every class here has, too.
    return {name for name in names if functions or name[0].isupper()} - BASES


@pytest.mark.parametrize("kind", MODULES)
def test_the_names_are_those_of_keras(kind: str) -> None:
    assert set(keras_classes(kind)) - ELSEWHERE == public(kind)


@pytest.mark.parametrize("kind", MODULES)
def test_each_is_offered_or_a_reason_stands_for_it(kind: str) -> None:
    offered = {name for name in keras_classes(kind) if REGISTRIES[kind].get(name) is not None}
    told = {name for name in keras_classes(kind) if without(kind, name)}
    assert not offered & told
    assert set(keras_classes(kind)) - offered - told == NOT_YET.get(kind, set())


@pytest.mark.parametrize("kind", MODULES)
def test_other_names_are_other_names_here_too(kind: str) -> None:
    module, registry = MODULES[kind], REGISTRIES[kind]
    for name in public(kind):
        same = {other for other in public(kind) if vars(module)[other] is vars(module)[name]}
        assert len({registry.get(other) for other in same}) == 1, same


@pytest.mark.parametrize("kind", ["loss", "optimizer", "schedule"])
def test_arguments_and_defaults_are_those_of_keras(kind: str) -> None:
    """Those of layers and of metrics are held in the tests of these families."""
    for name in public(kind) - {"MultiOptimizer"}:  # docs/keras_differences.md
        ours = REGISTRIES[kind].get(name)
        if ours is None:
            continue
        parameters = inspect.signature(getattr(MODULES[kind], name)).parameters.values()
        theirs = {p.name: p.default for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}
        left = {key for key in theirs if keras_has_argument([kind], key)} | set(ours.keras_only)
        empty = inspect.Parameter.empty
        fields = {k: empty if f.is_required() else f.get_default() for k, f in ours.model_fields.items()}
        assert fields == {key: value for key, value in theirs.items() if key not in left}, name


OTHER_DEFAULTS: dict[str, dict[str, Any]] = {"ModelCheckpoint": {"filepath": None}}
"""Of callbacks' arguments, where they are not Keras's."""


@pytest.mark.parametrize("name", sorted(public("callback")))
def test_callbacks_have_the_arguments_of_keras(name: str) -> None:
    """With the same defaults; a class says which it does not have, and has none besides."""
    ours = REGISTRIES["callback"].get(name)
    if ours is None:
        return
    parameters = inspect.signature(getattr(keras.callbacks, name).__init__).parameters.values()
    theirs = {p.name: p.default for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "self"}
    fields = {key: ... if f.is_required() else f.get_default() for key, f in ours.model_fields.items()}
    expected = {key: ... if value is inspect.Parameter.empty else value for key, value in theirs.items()}
    expected |= OTHER_DEFAULTS.get(name, {})
    assert fields == {key: value for key, value in expected.items() if key not in ours.keras_only}
    assert set(ours.keras_only) <= set(theirs)


@pytest.mark.parametrize("kind", FAMILIES)
def test_what_is_offered_is_compared(kind: str) -> None:
    offered = [cls for name in keras_classes(kind) if (cls := REGISTRIES[kind].get(name)) is not None]
    called = {cls.__name__ for cls in offered if not (issubclass(cls, Layer) and is_container(cls))}
    assert called - set(FAMILIES[kind].names()) - ALONE == set()


def is_container(cls: type[Layer]) -> bool:
    """Whether it is an input or a nested model."""
    return cls.is_input or cls.nests is not None
