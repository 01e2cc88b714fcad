"""From JSON that Keras wrote to charts: Keras 3's `keras_history`, and the lists of Keras 1 and 2.

Source: keras.src.models.functional.Functional.from_config, keras.src.saving.serialization_lib; Keras 2.2's
keras.engine.network.Network.from_config, tf.keras 2.15's functional.reconstruct_from_config; Keras 1.2's
keras.engine.topology.Container.from_config.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from nnctl.formats.keras.model import ENTRIES
from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.keras.reading.parts import Call, Chart, Part, public_name
from nnctl.formats.keras.scopes import Tensor
from nnctl.layers.entry import free_name

CHAINS = ("Sequential",)
GRAPHS = ("Functional", "Model", "Graph", "Network", "functional_1")
INPUTS = ("InputLayer", "Input")
_TENSOR = "__keras_tensor__"
_CONSTANT = "_CONSTANT_VALUE"
_MOST_NESTED = 16
MOST_CALLS = 2_000
"""How many layers and calls there may be: twice those of the largest networks of images."""


def read_chart(data: Any, place: str, findings: Findings, version: int = 0) -> Chart | None:
    """The model that `data` describes; None where it is none, which `findings` then says.

    Args:
        data: An object with `class_name` and `config`.
        version: That of the model around it; 0 where it is not known yet.
    """
    if not isinstance(data, dict) or not isinstance(data.get("class_name"), str) or "config" not in data:
        findings.refuse(place, "is no model of Keras", "an object with `class_name` and `config`")
        return None
    kind, config = data["class_name"], data["config"]
    chain = kind in CHAINS
    if not chain and not _is_graph(kind, config):
        findings.refuse(
            place,
            f"'{kind}' is a model of a class of its own, whose layers only its Python code knows",
            "a Sequential or functional model: keras.Model(inputs, outputs)",
        )
        return None
    if isinstance(config, list):  # Sequential until Keras 2.2
        config = {"layers": config}
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        findings.refuse(place, "has no list of layers")
        return None
    if place.count("layers[") > _MOST_NESTED:
        findings.refuse(place, f"models are nested more than {_MOST_NESTED} deep")
        return None
    if (calls := _calls(config)) > MOST_CALLS:
        findings.refuse(
            place or "the model", f"{calls:,} layers and calls are more than nnctl reads ({MOST_CALLS:,})"
        )
        return None
    version = version or _version(data, config)
    name = _text(config.get("name")) or _text(data.get("name")) or "model"
    chart = Chart(name, chain, config.get("trainable") is not False, place, version)
    for number, entry in enumerate(config["layers"]):
        part = _part(entry, f"{place}layers[{number}]", findings, version)
        if part is None:
            continue
        if part.name in chart.parts:
            findings.refuse(part.place, f"two layers are called '{part.name}'")
            continue
        part.number = number
        chart.parts[part.name] = part
    first = next(iter(chart.parts.values()), None)
    if chain and first is not None and first.kind == "Merge" and isinstance(first.config.get("layers"), list):
        _wire_branches(chart, first, findings)
    elif chain:
        _wire_chain(chart, config, findings)
    else:
        _wire_graph(chart, config, findings)
    return chart


def _calls(config: Any) -> int:
    """The layers and calls in a model's config, those in nested models too."""
    entries = [
        e
        for e in _listed(config.get("layers") if isinstance(config, dict) else config)
        if isinstance(e, dict)
    ]
    return sum(max(1, len(_listed(e.get("inbound_nodes")))) + _calls(e.get("config")) for e in entries)


def _is_graph(kind: str, config: Any) -> bool:
    if kind in GRAPHS:
        return True
    # A model of a class of the user's own that keeps a functional model's config.
    return isinstance(config, dict) and {"layers", "input_layers", "output_layers"} <= config.keys()


def _version(data: dict[str, Any], config: dict[str, Any]) -> int:
    said = data.get("keras_version") or config.get("keras_version")
    if isinstance(said, str) and said[:1] in "123":
        return int(said[0])
    if "module" in data or "registered_name" in data:
        return 3
    text = [entry for entry in config["layers"] if isinstance(entry, dict)]
    nodes = [node for entry in text for node in _listed(entry.get("inbound_nodes"))]
    if any(isinstance(node, dict) for node in nodes):
        return 3
    fields = {
        key for entry in text for key in (entry["config"] if isinstance(entry.get("config"), dict) else ())
    }
    if {"batch_shape"} & fields and not {"batch_input_shape"} & fields:
        return 3
    return (
        1
        if {"output_dim", "nb_filter", "border_mode", "init"} & fields and "kernel_initializer" not in fields
        else 2
    )


def _part(entry: Any, place: str, findings: Findings, version: int) -> Part | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
        findings.refuse(place, "is no layer", "an object with `class_name` and `config`")
        return None
    kind, config = public_name(entry["class_name"]), entry.get("config")
    nests = kind in CHAINS or kind in GRAPHS
    if not isinstance(config, dict) and not (nests and isinstance(config, list)):
        findings.refuse(place, f"the {kind} has no config")
        return None
    known = config if isinstance(config, dict) else {}
    name = (
        _text(entry.get("name"))
        or _text(known.get("name"))
        or f"{kind.lower()}_{place.rpartition('[')[2][:-1]}"
    )
    shown = f"{place} '{name[:60]}' ({kind[:60]})"
    part = Part(
        kind,
        name,
        dict(known),
        shown,
        module=_text(entry.get("module")) or "",
        registered=_text(entry.get("registered_name")),
    )
    if nests:
        part.inner = read_chart(entry, f"{place}.", findings, version)
        if part.inner is None:
            return None
    part.calls = [_call(node, shown, findings) for node in _listed(entry.get("inbound_nodes"))]
    part.entries = _entries(entry.get(ENTRIES), len(part.calls))
    return part


def _entries(value: Any, calls: int) -> list[tuple[str, int]]:
    """What nnctl wrote of a layer's calls; none where it is anything else."""
    found = [tuple(part) for part in _listed(value) if isinstance(part, list) and len(part) == 2]
    fits = len(found) == calls and all(type(name) is str and type(place) is int for name, place in found)
    return found if fits else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _call(node: Any, place: str, findings: Findings) -> Call:
    call = Call()
    if isinstance(node, dict):  # Keras 3
        args, kwargs = node.get("args"), node.get("kwargs")
        for value in _listed(args):
            _read_new(value, call, top=True)
        for name, value in (kwargs if isinstance(kwargs, dict) else {}).items():
            tensors = list(_tensors(value))
            if tensors:
                call.tensors[name] = tensors
            else:
                call.values[name] = value
        return call
    if not isinstance(node, list):
        findings.refuse(place, "a call of it is neither a list nor an object")
        return call
    entries = [node] if node and isinstance(node[0], str) else node
    call.nested = len(entries) > 1
    for entry in entries:
        _read_old(entry, call, place, findings)
    return call


def _read_new(value: Any, call: Call, top: bool) -> None:
    """Keras 3's arguments: tensors as objects, lists of them, and constants."""
    tensor = _tensor(value)
    if tensor is not None:
        call.reads.append(tensor)
    elif isinstance(value, list) and any(True for _ in _tensors(value)):
        call.nested = True
        for part in value:
            _read_new(part, call, top=False)
    else:
        call.constants[len(call.reads) + len(call.constants)] = value


def _tensor(value: Any) -> Tensor | None:
    """What Keras 3 writes for a tensor."""
    if not isinstance(value, dict) or value.get("class_name") != _TENSOR:
        return None
    config = value.get("config")
    return _history(config.get("keras_history")) if isinstance(config, dict) else None


def _history(value: Any) -> Tensor | None:
    """`[layer, call, output]`."""
    if not isinstance(value, list) or len(value) < 3 or not isinstance(value[0], str):
        return None
    numbers = value[1:3]
    if any(type(n) is not int or not 0 <= n < 1 << 20 for n in numbers):
        return None
    return Tensor(value[0], *numbers)


def _tensors(value: Any) -> Iterator[Tensor]:
    tensor = _tensor(value)
    if tensor is not None:
        yield tensor
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, list):
        for part in value:
            yield from _tensors(part)


def _read_old(entry: Any, call: Call, place: str, findings: Findings) -> None:
    """Keras 1 and 2: `[layer, call, output]`, and a fourth with arguments by name."""
    if isinstance(entry, list) and entry[:1] == [_CONSTANT] and len(entry) > 2:
        call.constants[len(call.reads) + len(call.constants)] = entry[2]
    elif (tensor := _history(entry)) is not None:
        call.reads.append(tensor)
    else:
        findings.refuse(place, "a call of it does not say what it reads", "[layer, call, output]")
        return
    kwargs = entry[3] if len(entry) > 3 and isinstance(entry[3], dict) else {}
    for name, value in kwargs.items():
        given = _old_tensors(value)
        if given:
            call.tensors[name] = given
        else:
            call.values[name] = value


def _old_tensors(value: Any) -> list[Tensor]:
    """The tensors that an argument by name is: one, or a list of them."""
    single = _history(value) if isinstance(value, list) and len(value) in (3, 4) else None
    if single is not None:
        return [single] if single.layer != _CONSTANT else []
    found = [_history(part) for part in value] if isinstance(value, list) else []
    return [tensor for tensor in found if tensor is not None] if found and all(found) else []


def _wire_chain(chart: Chart, config: dict[str, Any], findings: Findings) -> None:
    """Each part reads the one before it; what comes in is said by an InputLayer, or by the first layer."""
    parts = list(chart.parts.values())
    if not parts:
        findings.refuse(chart.place or "the model", "it has no layers")
        return
    first = parts[0]
    if first.kind not in INPUTS:
        shape = batch_shape(first.config) or _shape_of_inner(first)
        shape = shape or config.get("build_input_shape") or config.get("batch_input_shape")
        if isinstance(shape, list) and shape:
            name = free_name("input", chart.parts)
            dtype = _first_dtype(first)
            part = Part("InputLayer", name, {"batch_shape": shape, "dtype": dtype}, first.place)
            chart.parts = {name: part, **chart.parts}
            parts.insert(0, part)
    for before, part in itertools.pairwise(parts):
        part.calls = [Call([Tensor(before.name)])]
    if parts[0].kind in INPUTS:
        chart.inputs = [Tensor(parts[0].name)]
    chart.outputs = [Tensor(parts[-1].name)]


def _first(chain: Part) -> Part | None:
    """The input of a model that is the first layer of a chain."""
    inner = chain.inner
    return inner.parts.get(inner.inputs[0].layer) if inner is not None and inner.inputs else None


def _shape_of_inner(part: Part) -> Any:
    first = _first(part)
    return batch_shape(first.config) if first is not None else None


def _first_dtype(part: Part) -> Any:
    if part.kind == "Embedding":
        return part.config.get("input_dtype") or "int32"
    given = (_first(part) or part).config.get("dtype")
    return given if isinstance(given, str) else "float32"


def _wire_branches(chart: Chart, merge: Part, findings: Findings) -> None:
    """A Sequential of Keras 1 that begins by merging models: their layers stand in one graph with its own.

    Keras 1 saved the weights of such a model like that, too: by the names of all its layers.
    """
    own, chart.parts, chart.chain = list(chart.parts.values()), {}, False
    ends: list[Tensor] = []
    for number, entry in enumerate(merge.config["layers"]):
        branch = read_chart(entry, f"{merge.place}.layers[{number}].", findings, chart.version)
        if branch is None:
            continue
        if branch.chain:
            _name_input(branch)
        for part in branch.parts.values():
            if part.name in chart.parts or any(part.name == other.name for other in own):
                findings.refuse(part.place, f"two layers are called '{part.name}'")
            chart.parts[part.name] = part
        chart.inputs += branch.inputs
        ends += branch.outputs
    chart.parts |= {part.name: part for part in own}
    merge.calls = [Call(ends, nested=True)]
    for before, part in itertools.pairwise(own):
        part.calls = [Call([Tensor(before.name)])]
    chart.outputs = [Tensor(own[-1].name)]


def _name_input(chain: Chart) -> None:
    """Call a chain's input after the layer that reads it, as Keras did: every branch has one."""
    parts = list(chain.parts.values())
    if len(parts) > 1 and parts[0].kind in INPUTS:
        parts[0].name = f"{parts[1].name}_input"
        chain.parts = {part.name: part for part in parts}
        chain.inputs = [Tensor(parts[0].name)]
        parts[1].calls = [Call([Tensor(parts[0].name)])]


def batch_shape(config: dict[str, Any]) -> Any:
    """The shape of a layer's input, its batch axis first, as versions of Keras say it in the layer's
    config."""
    for name in ("batch_shape", "batch_input_shape"):
        if isinstance(config.get(name), list):
            return config[name]
    if isinstance(config.get("input_shape"), list):
        return [None, *config["input_shape"]]
    if isinstance(config.get("input_dim"), int) and "output_dim" in config and "input_length" not in config:
        return [None, config["input_dim"]]
    return None


def _wire_graph(chart: Chart, config: dict[str, Any], findings: Findings) -> None:
    for key, into in (("input_layers", chart.inputs), ("output_layers", chart.outputs)):
        tensors = list(_ends(config.get(key)))
        if not tensors:
            findings.refuse(chart.place or "the model", f"'{key}' names no layer")
        into += tensors
    _count_from_0(chart)


def _count_from_0(chart: Chart) -> None:
    """Calls of a nested model that are counted from 1, the first being that of its own inputs.

    Keras 1 and 2 count so everywhere, Keras 3 only where the call is an output.
    """
    nested = {name: part for name, part in chart.parts.items() if part.inner is not None}
    if chart.version == 3:
        later = {name for name, part in nested.items() if part.inner and not part.inner.chain}
        calls = []
    else:
        calls = [call for part in chart.parts.values() for call in part.calls]
        read = chart.outputs + [tensor for call in calls for tensor in call.all()]
        later = {t.layer for t in read if t.layer in nested and t.call == len(nested[t.layer].calls)}

    def counted(tensor: Tensor) -> Tensor:
        return tensor._replace(call=tensor.call - 1) if tensor.layer in later and tensor.call else tensor

    for call in calls:
        call.reads = [counted(tensor) for tensor in call.reads]
        call.tensors = {name: [counted(tensor) for tensor in some] for name, some in call.tensors.items()}
    chart.outputs = [counted(tensor) for tensor in chart.outputs]


def _ends(value: Any) -> Iterator[Tensor]:
    tensor = _history(value)
    if tensor is not None:
        yield tensor
    elif isinstance(value, list):
        for part in value:
            yield from _ends(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _ends(part)
