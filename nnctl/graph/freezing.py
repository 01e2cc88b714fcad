"""Which layers `model.freeze` keeps as they are, and which of its patterns name none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nnctl.core.errors import Problem, nearest
from nnctl.core.layer_patterns import listed, matches
from nnctl.layers.base import Layer
from nnctl.layers.entry import entry_names
from nnctl.layers.nested import Nested
from nnctl.layers.wrapper import Holding


def is_frozen(layer: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern names the layer, or a nested model that it is in."""
    return any(matches(layer, pattern) for pattern in patterns)


def with_frozen(layer: Layer, name: str, patterns: Sequence[str]) -> Layer:
    """A layer where those in the nested models that it holds are not trainable if a pattern names them."""
    if not patterns or not isinstance(layer, Holding):
        return layer
    for child, inner in layer.children().items():
        if getattr(layer, child, None) is inner and any(held.nests for held in inner.family()):
            layer = layer.model_copy(update={child: _frozen(inner, f"{name}/{child}", patterns)})
    return layer


def _frozen(layer: Layer, name: str, patterns: Sequence[str]) -> Layer:
    if not isinstance(layer, Nested):
        return with_frozen(layer, name, patterns)
    entries = []
    for word, entry in zip(entry_names(layer.entries()), layer.entries(), strict=True):
        if entry.layer is not None:
            full = f"{name}/{word}"
            inner = _frozen(entry.layer, full, patterns)
            inner = inner.model_copy(update={"trainable": False}) if is_frozen(full, patterns) else inner
            entry = entry.model_copy(update={"layer": inner})
        entries.append(entry)
    return layer.model_copy(update={"layers": tuple(entries)})


class Freezing:
    """The patterns of a model, held against its layers while these are built.

    Args:
        patterns: As the config gives them.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = patterns
        self._has_weights: dict[str, bool] = {}
        """By layer; of one that was not built yet it is not known, and it may have some."""

    def begun(self, layer: str) -> None:
        """A layer or nested model that is about to be built."""
        self._has_weights.setdefault(layer, True)

    def built(self, layer: str, has_weights: bool) -> None:
        """What came of it; a nested model has no weights of its own."""
        self._has_weights[layer] = has_weights

    def problems(self, all_known: bool) -> Iterator[Problem]:
        """Patterns that name no layer with weights.

        Args:
            all_known: Whether every nested model was built to its end; else its layers may be missing here.
        """
        known = [name for name, has_weights in self._has_weights.items() if has_weights]
        for index, pattern in enumerate(self.patterns):
            if any(matches(name, pattern) for name in known) or ("/" in pattern and not all_known):
                continue
            yield Problem(
                f"the model has no layer '{pattern}' with weights to freeze",
                ("model", "freeze", index),
                expected=f"one of {listed(known)}, or a pattern",
                suggestion=nearest(pattern, known),
            )
