"""The weights of a model out of a file that Keras wrote, by their full names here.

`.keras` and `.weights.h5` of Keras 3 name groups by class and count (`nnctl.formats.keras.weights`). Files
before
that list the weights of each layer by the layer's name, of a nested model all in one list.

Sources: keras.src.saving.saving_lib, keras.src.legacy.saving.legacy_h5_format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.formats.keras.model import is_chain
from nnctl.formats.keras.order import ordered
from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.keras.reading.older_weights import Saved, arrays_of, as_keras_3, pads_as_theano
from nnctl.formats.keras.reading.parts import Part
from nnctl.formats.keras.scopes import Member, Scope
from nnctl.formats.keras.weights import keras_paths
from nnctl.graph.model import LayerGraph, WeightInfo
from nnctl.storage.hdf5_reader import Hdf5Reader

_NO_WEIGHTS = (
    "optimizer",
    "seed_generator",
    "metrics",
    "loss",
    "compile_metrics",
    "_loss_tracker",
    "idf_weights",
)
"""Groups of a `.weights.h5` that hold other things than the model's weights."""
_NAMES = {
    "kernel": "kernel", "bias": "bias", "gamma": "gamma", "beta": "beta", "moving_mean": "moving_mean",
    "moving_variance": "moving_variance", "recurrent_kernel": "recurrent_kernel", "embeddings": "embeddings",
    "depthwise_kernel": "kernel", "pointwise_kernel": "pointwise_kernel", "alpha": "alpha",
}  # fmt: skip
"""Last parts of weights' names that say which weight it is, here and in Keras 2 and 3."""


def read_weights(
    reader: Hdf5Reader, scope: Scope, graph: LayerGraph, dtype: str, findings: Findings
) -> dict[str, Array]:
    """All weights from the groups of a `.weights.h5` of Keras 3."""
    there = reader.arrays()
    found = set(there)
    wanted = {_path_there(path, found): name for path, name in keras_paths(scope, graph).items()}
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
    return _whole(read, graph, findings)


def _whole(read: Mapping[str, Array], graph: LayerGraph, findings: Findings) -> dict[str, Array]:
    """The weights in the graph's order; what a config would have, had its layer seen data, is refused."""
    for name, info in graph.weights.items():
        if name not in read:
            findings.refuse(
                f"the layer '{info.owner}'",
                f"its {info.field} are found in training data, and the file does not have them",
                "a layer whose config says them, or a `.keras` of a layer that was adapted",
            )
    findings.check()
    return {name: read[name] for name in graph.weights}


def _path_there(path: str, there: set[str]) -> str:
    """A weight's path as this Keras has it: attributes were hidden once (`_query_dense`)."""
    parts = path.split("/")
    before = "/".join([*parts[:-3], f"_{parts[-3]}", *parts[-2:]]) if len(parts) > 3 else path
    return path if path in there or before not in there else before


def _check_shape(path: str, shape: tuple[int, ...], info: WeightInfo, findings: Findings) -> None:
    if shape != tuple(info.weight.shape):
        needs = list(info.weight.shape)
        findings.refuse(path, f"has the shape {list(shape)}, but '{info.name}' needs {needs}")


def _array(reader: Hdf5Reader, path: str, dtype: str, findings: Findings) -> Array:
    found, shape = reader.describe(path)
    return _cast(reader.array(path, found, shape), dtype, findings)


def _cast(array: Array, dtype: str, findings: Findings) -> Array:
    if array.dtype.kind == "f" and array.dtype.itemsize > np.dtype(dtype).itemsize:
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
        self.flipped = backend == "theano" or (backend is None and self.version == 1 and self._of_theano())
        """Whether kernels are those of convolutions, and not of correlations."""

    def _of_theano(self) -> bool:
        """Keras 1 did not write its backend, but TensorFlow's names end in `:0`, and Theano's do not."""
        names = [
            name
            for layer in self.layers
            for name in _listed(self.reader, f"{self.root}/{layer}".lstrip("/"), "weight_names")
        ]
        return bool(names) and not any(":" in name or name.startswith("param_") for name in names)

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
    if file.flipped:
        _check_padding(parts, findings)
    read: dict[str, Array] = {}
    used: set[str] = set()
    names = _names_there(file, [parts[m.path] for m in scope.parts.values() if m.path in parts])
    for member in scope.parts.values():
        part = parts.get(member.path)
        if part is None:  # an input, or an operation
            continue
        name = names.get(part.name, part.name)
        used.add(name)
        found = _of_layer(member, part, parts, file.saved(name), file, graph, findings)
        read |= _matched(part, *found, dtype, findings)
    for name in file.layers:
        if name not in used and file.saved(name):
            findings.refuse(
                f"the layer '{name}'", "the file has weights for it, but the model has no such layer"
            )
    findings.check()
    return _whole(read, graph, findings)


def _check_padding(parts: Mapping[str, Part], findings: Findings) -> None:
    for part in parts.values():
        if pads_as_theano(part):
            findings.refuse(
                part.place,
                "Theano padded `same` in another way where kernels are even, or strides or pools are used",
                "a model with layers of ZeroPadding and `valid` in its place",
            )


def _names_there(file: LegacyFile, parts: Sequence[Part]) -> dict[str, str]:
    """What the file calls chains whose config does not say a name: the layers that are left, in order."""
    nameless = [part.name for part in parts if part.inner is not None and not part.config.get("name")]
    named = {part.name for part in parts} - set(nameless)
    left = [name for name in file.layers if name not in named and file.saved(name)]
    return dict(zip(nameless, left, strict=True)) if len(left) == len(nameless) else {}


def _of_layer(
    member: Member,
    part: Part,
    parts: Mapping[str, Part],
    saved: list[Saved],
    file: LegacyFile,
    graph: LayerGraph,
    findings: Findings,
) -> tuple[list[WeightInfo], list[Saved]]:
    """The weights that a layer or a nested model needs, and what the file has for each, as Keras 3 lays it
    out; none where their numbers differ."""
    wanted = _in_keras_order(member, graph)
    counts = [arrays_of(parts.get(path, part), file.version, len(some)) for path, some in wanted]
    if sum(counts) != len(saved):  # as they are now, whoever says otherwise
        counts = [len(some) for _, some in wanted]
    if sum(counts) != len(saved):
        message = f"the file has {len(saved)} weights for it, the model {sum(counts)}"
        findings.refuse(part.place, message)
        return [], []
    infos: list[WeightInfo] = []
    made: list[Saved] = []
    for (path, some), count in zip(wanted, counts, strict=True):
        given, saved = saved[:count], saved[count:]
        infos += some
        made += as_keras_3(parts.get(path, part), given, file.version, file.flipped)
    return infos, made


def _in_keras_order(member: Member, graph: LayerGraph) -> list[tuple[str, list[WeightInfo]]]:
    """The weights of each layer as Keras lists them: what learns first, over all of a nested model."""
    learning: list[tuple[str, list[WeightInfo]]] = []
    fixed: list[tuple[str, list[WeightInfo]]] = []
    for leaf in _leaves(member):
        configured = leaf.layer.in_keras.configured if leaf.layer is not None else ()
        infos = [info for info in graph.weights_of(leaf.path) if info.field not in configured]
        learns = [info for info in infos if info.weight.trainable and leaf.trainable]
        learning.append((leaf.path, learns))
        fixed.append((leaf.path, [info for info in infos if info not in learns]))
    return [(path, infos) for path, infos in learning + fixed if infos]


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
