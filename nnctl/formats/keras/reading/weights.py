"""The weights of a model out of a file that Keras wrote, by their full names here.

`.keras` and `.weights.h5` of Keras 3 name groups by class and count (`nnctl.formats.keras.weights`). Files
before
that list the weights of each layer by the layer's name, of a nested model all in one list.

Sources: keras.src.saving.saving_lib, keras.src.legacy.saving.legacy_h5_format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.formats.keras.model import is_chain
from nnctl.formats.keras.order import ordered
from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.keras.reading.older_weights import Saved, as_keras_3
from nnctl.formats.keras.reading.parts import Part
from nnctl.formats.keras.scopes import Member, Scope
from nnctl.formats.keras.weights import keras_paths
from nnctl.graph.model import LayerGraph, WeightInfo
from nnctl.storage.hdf5_reader import Hdf5Reader

_NO_WEIGHTS = ("optimizer", "seed_generator", "metrics", "loss", "compile_metrics", "_loss_tracker")
"""Groups of a `.weights.h5` that hold other things than the model's weights."""
_NAMES = {
    "kernel": "kernel", "bias": "bias", "gamma": "gamma", "beta": "beta", "moving_mean": "moving_mean",
    "moving_variance": "moving_variance", "recurrent_kernel": "recurrent_kernel", "embeddings": "embeddings",
    "depthwise_kernel": "depthwise_kernel", "pointwise_kernel": "pointwise_kernel", "alpha": "alpha",
}  # fmt: skip
"""Last parts of weights' names that say which weight it is, here and in Keras 2 and 3."""


def read_weights(
    reader: Hdf5Reader, scope: Scope, graph: LayerGraph, dtype: str, findings: Findings
) -> dict[str, Array]:
    """All weights from the groups of a `.weights.h5` of Keras 3."""
    wanted = keras_paths(scope, graph)
    there = reader.arrays()
    found = set(there)
    missing = [path for path in wanted if path not in found]
    for path in missing[:5]:
        findings.refuse(path, f"the file does not have the weight that '{wanted[path]}' needs")
    left = [path for path in there if path not in wanted and not set(path.split("/")) & set(_NO_WEIGHTS)]
    for path in left[:5]:
        findings.refuse(path, "the file has a weight for which the model has no layer")
    if any(path.startswith("optimizer/") for path in there):
        findings.note("optimizer", "its state is left in the file: training begins with a new one")
    findings.check()
    for path, name in wanted.items():
        _check_shape(path, reader.describe(path)[1], graph.weights[name], findings)
    # Nothing is allocated for a model that the file does not hold.
    findings.check()
    read = {name: _array(reader, path, dtype, findings) for path, name in wanted.items()}
    return {name: read[name] for name in graph.weights}


def _check_shape(path: str, shape: tuple[int, ...], info: WeightInfo, findings: Findings) -> None:
    if shape != tuple(info.weight.shape):
        needs = list(info.weight.shape)
        findings.refuse(path, f"has the shape {list(shape)}, but '{info.name}' needs {needs}")


def _array(reader: Hdf5Reader, path: str, dtype: str, findings: Findings) -> Array:
    found, shape = reader.describe(path)
    return _cast(reader.array(path, found, shape), dtype, findings)


def _cast(array: Array, dtype: str, findings: Findings) -> Array:
    if array.dtype.itemsize > np.dtype(dtype).itemsize:
        findings.note("weights", f"{array.dtype} becomes {dtype}")
    return array.astype(dtype, copy=False)


class LegacyFile:
    """The weights of each layer in a file of the layout before `.weights.h5`.

    Args:
        root: The group that lists the layers: "model_weights", or "" where the file has weights alone.
    """

    def __init__(self, reader: Hdf5Reader, root: str, findings: Findings) -> None:
        self.reader, self.root, self.findings = reader, root, findings
        self.layers = _listed(reader, root, "layer_names")
        version = reader.attribute(root, "keras_version") or reader.attribute("", "keras_version")
        self.version = int(version[0]) if isinstance(version, str) and version[:1] in "123" else 1
        backend = reader.attribute(root, "backend") or reader.attribute("", "backend")
        self.flipped = backend == "theano"
        """Whether kernels are those of convolutions, and not of correlations."""

    def saved(self, layer: str) -> list[Saved]:
        """The weights of a layer, in the order in which they are listed; none of one that is not there."""
        if layer not in self.layers:
            return []
        group = f"{self.root}/{layer}".lstrip("/")
        found = []
        for name in _listed(self.reader, group, "weight_names"):
            path = f"{group}/{name}"
            dtype, shape = self.reader.describe(path)
            found.append(Saved(name, shape, partial(self.reader.array, path, dtype, shape)))
        return found


def _listed(reader: Hdf5Reader, group: str, name: str) -> list[str]:
    """A list that Keras cuts into `name0`, `name1` and so on where it is too long for one attribute."""
    whole = reader.attribute(group, name)
    if whole is not None:
        return [whole] if isinstance(whole, str) else whole
    parts: list[str] = []
    number = 0
    while (part := reader.attribute(group, f"{name}{number}")) is not None:
        parts += [part] if isinstance(part, str) else part
        number += 1
    return parts


def read_legacy(
    file: LegacyFile,
    parts: Mapping[str, Part],
    scope: Scope,
    graph: LayerGraph,
    dtype: str,
    findings: Findings,
) -> dict[str, Array]:
    """All weights by the lists of a legacy file.

    Args:
        parts: What each layer is in the file, by its path.
    """
    read: dict[str, Array] = {}
    used: set[str] = set()
    for member in scope.parts.values():
        part = parts.get(member.path)
        if part is None:  # an input, or an operation
            continue
        used.add(part.name)
        wanted, saved = _in_keras_order(member, graph), file.saved(part.name)
        if member.inner is None:
            saved = as_keras_3(part, saved, file.version, file.flipped)
        if len(saved) != len(wanted):
            findings.refuse(part.place, f"the file has {len(saved)} weights for it, the model {len(wanted)}")
            continue
        if member.inner is not None:
            wanted, saved = _converted(parts, wanted, saved, file)
        read |= _matched(part, wanted, saved, dtype, findings)
    for name in file.layers:
        if name not in used and file.saved(name):
            findings.refuse(
                f"the layer '{name}'", "the file has weights for it, but the model has no such layer"
            )
    findings.check()
    return {name: read[name] for name in graph.weights}


def _converted(
    parts: Mapping[str, Part], wanted: list[WeightInfo], saved: list[Saved], file: LegacyFile
) -> tuple[list[WeightInfo], list[Saved]]:
    """A nested model's weights, those of each layer together and in the layout of Keras 3."""
    infos: dict[str, list[WeightInfo]] = {}
    given: dict[str, list[Saved]] = {}
    for info, one in zip(wanted, saved, strict=True):
        infos.setdefault(info.owner, []).append(info)
        given.setdefault(info.owner, []).append(one)
    made = [
        one
        for owner, some in given.items()
        for one in (as_keras_3(parts[owner], some, file.version, file.flipped) if owner in parts else some)
    ]
    return [info for some in infos.values() for info in some], made


def _in_keras_order(member: Member, graph: LayerGraph) -> list[WeightInfo]:
    """A layer's weights as Keras lists them: what learns first, over all of a nested model."""
    learning: list[WeightInfo] = []
    fixed: list[WeightInfo] = []
    for leaf in _leaves(member):
        configured = leaf.layer.in_keras.configured if leaf.layer is not None else ()
        for info in graph.weights_of(leaf.path):
            if info.field not in configured:
                (learning if info.weight.trainable and leaf.trainable else fixed).append(info)
    return learning + fixed


def _leaves(member: Member) -> Iterator[Member]:
    if member.inner is None:
        yield member
        return
    scope = member.inner
    for part in scope.parts.values() if is_chain(scope) else ordered(scope):
        if not part.is_input:
            yield from _leaves(part)


def _matched(
    part: Part, wanted: list[WeightInfo], saved: list[Saved], dtype: str, findings: Findings
) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for info, one in zip(wanted, saved, strict=True):
        needs = tuple(info.weight.shape)
        if tuple(one.shape) != needs:
            message = f"'{one.name}' has the shape {list(one.shape)}, but '{info.name}' needs {list(needs)}"
            findings.refuse(part.place, message)
        elif (said := _kind(one.name)) is not None and (own := _kind(info.name)) is not None and said != own:
            findings.refuse(part.place, f"'{one.name}' stands where '{info.name}' is expected")
        else:
            found[info.name] = _cast(one.read(), dtype, findings)
    return found


def _kind(name: str) -> str | None:
    last: Any = name.rpartition("/")[2].partition(":")[0]
    return _NAMES.get(last)


def all_arrays(reader: Hdf5Reader) -> Mapping[str, tuple[str, tuple[int, ...]]]:
    """Type and shape of each array in a file, none of them read."""
    return {
        path: (described[0].name, described[1])
        for path in reader.arrays()
        for described in [reader.describe(path)]
    }
