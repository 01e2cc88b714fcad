"""`docs/catalogue.md`: each class that Keras has, and whether nnctl has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nnctl.core.registry import Registry
from nnctl.spec.diagnosis.keras_names import keras_classes, without
from nnctl.spec.output.schema import _FAMILIES

COMPARED = {
    "layer": "tests/layers/keras_cases.py",
    "activation": "tests/activations/test_activations.py",
    "loss": "tests/losses/cases.py",
    "metric": "tests/metrics/test_keras.py",
    "optimizer": "tests/optimizers/cases.py",
    "schedule": "tests/schedules/test_schedules.py",
    "initializer": "tests/initializers/test_keras.py",
    "regularizer": "tests/regularizers/test_keras.py",
    "constraint": "tests/constraints/test_keras.py",
    "callback": "tests/callbacks/test_against_keras.py",
}
"""Where a family's classes are compared with Keras's, by its kind, for the families that Keras has."""

INTRODUCTION = """\
# What Keras has

Each public class of Keras 3.15, and whether nnctl has it under its name. Made by `docs/generate.py` from
Keras's names and nnctl's classes; a test holds the names to be those of Keras, and each class that is offered
to have a line in the file of its family, from which arguments are drawn and compared (`make parity`). What
is different in meaning is told in [differences from Keras](keras_differences.md).
"""


def page(page_of: Any) -> Iterator[str]:
    """The page's lines; `page_of` gives the name of a kind's reference page."""
    yield INTRODUCTION
    families = [registry for registry in _FAMILIES if registry.kind in COMPARED]
    yield from ("| | Keras's classes | in nnctl | not |", "| --- | --- | --- | --- |")
    for registry in families:
        names = [name for name in keras_classes(registry.kind) if not is_alias(registry, name)]
        missing = sum(registry.get(name) is None for name in names)
        title = page_of(registry.kind)
        yield f"| [{title.replace('_', ' ')}](#{title}) | {len(names)} | {len(names) - missing} | {missing} |"
    for registry in families:
        title = page_of(registry.kind)
        yield from ("", f"## {title.replace('_', ' ').capitalize()}", "")
        yield f"Compared by the lines of `{COMPARED[registry.kind]}`."
        yield from ("", "| Keras | nnctl | arguments left out |", "| --- | --- | --- |")
        for name in keras_classes(registry.kind):
            yield f"| {name} | {' | '.join(_row(registry, name, title))} |"


def is_alias(registry: Registry[Any], name: str) -> bool:
    """Whether `name` is another name of a class that nnctl has."""
    cls = registry.get(name)
    return cls is not None and cls.__name__ != name


def _row(registry: Registry[Any], name: str, page: str) -> tuple[str, str]:
    cls = registry.get(name)
    if cls is None:
        why = without(registry.kind, name)
        return (f"no: {why}" if why else "not yet", "")
    shown = cls.__name__ if cls.__name__ != name else "yes"
    left_out = ", ".join(f"`{argument}`" for argument in getattr(cls, "keras_only", ()))
    return (f"[{shown}](reference/{page}.md#{cls.__name__.lower()})", left_out)
