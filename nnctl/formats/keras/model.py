"""A whole model, and the models nested in it, as Keras's `config.json` has them.

Source: keras.src.models.functional.Functional.get_config, keras.src.models.sequential.Sequential.get_config.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from nnctl.formats.keras.objects import KerasObject, input_object, keras_object, layer_object, policy
from nnctl.formats.keras.order import ordered, renumbered
from nnctl.formats.keras.scopes import Member, Scope, Tensor, by_place

ENTRIES = "nnctl_entries"
"""The key of names and places of the entries that a layer's calls are, which Keras passes over."""
_MASK = "_mask"
"""What is appended to a call's name for the operation that makes its mask."""


def model_object(scope: Scope, name: str, trainable: bool, dtype: str, chain: bool = True) -> KerasObject:
    """A model as Keras serializes it: a Sequential where `chain` allows it and it is one, else functional.

    Raises:
        ConfigError: something in it is not Keras's.
    """
    if chain and is_chain(scope):
        return _sequential(scope, name, trainable, dtype)
    return _functional(scope, name, trainable, dtype)


def is_chain(scope: Scope) -> bool:
    """Whether each layer is called once, on what the one before it gives, and gives one tensor."""
    parts = list(scope.parts.values())
    if len(parts) < 2 or len(scope.inputs) != 1 or not parts[0].is_input:
        return False
    single = all(tensor.output == 0 and tensor.call == 0 for tensor in scope.shapes)
    linked = all(part.calls == [(Tensor(before.name),)] for before, part in pairwise(parts))
    plain = not any(part.arguments for part in parts)
    return single and linked and plain and scope.outputs == [Tensor(parts[-1].name)]


def becomes_chain(part: Member) -> bool:
    """Whether a nested model becomes a Sequential of Keras."""
    nests = part.layer is not None and part.layer.nests
    return part.inner is not None and nests == "chain" and is_chain(part.inner)


def _sequential(scope: Scope, name: str, trainable: bool, dtype: str) -> KerasObject:
    first, *others = scope.parts.values()
    layers = [input_object(first.name, list(first.shape), first.dtype)]
    config: KerasObject = {
        "name": name,
        "trainable": trainable,
        "dtype": policy(dtype),
        "layers": layers + [_part(part, dtype) for part in others],
        "build_input_shape": [None, *first.shape],
    }
    return keras_object("keras", "Sequential", config)


def _functional(scope: Scope, name: str, trainable: bool, dtype: str) -> KerasObject:
    numbers = renumbered(scope)
    layers: list[KerasObject] = []
    needed = {part.name for part in ordered(scope)}
    # In the config's order, which Keras does not need and does not keep.
    for part in (part for part in scope.parts.values() if part.name in needed):
        entry = input_object(part.name, list(part.shape), part.dtype) if part.is_input else _part(part, dtype)
        entry |= {"name": part.name, "inbound_nodes": []}
        if not part.is_input:
            entry[ENTRIES] = [part.entries[c] for c in range(len(part.calls)) if (part.name, c) in numbers]
        for call, tensors in enumerate(part.calls):
            if not part.is_input and (part.name, call) in numbers:
                layers += _mask_operation(scope, part, call, numbers)
                entry["inbound_nodes"].append(_call(scope, part, call, tensors, numbers))
        layers.append(entry)
    config: KerasObject = {"name": name, "trainable": trainable, "layers": layers}
    config["input_layers"] = _single([[part.name, 0, 0] for part in scope.inputs])
    config["output_layers"] = _single([_end(scope, tensor, numbers) for tensor in scope.outputs])
    return keras_object("keras.src.models.functional", "Functional", config, "Functional")


def _part(part: Member, dtype: str) -> KerasObject:
    assert part.layer is not None
    if part.inner is None:
        held = {place: _part(member, dtype) for place, member in part.held.items()}
        return layer_object(part.layer, part.name, part.trainable, dtype, held)
    return model_object(part.inner, part.name, part.trainable, dtype, becomes_chain(part))


def _single(values: list[Any]) -> Any:
    """One input or output alone is no list, so that the model takes and gives an array."""
    return values[0] if len(values) == 1 else values


def _end(scope: Scope, tensor: Tensor, numbers: dict[tuple[str, int], int]) -> list[Any]:
    """An output; Keras counts a functional model's calls from 1 here, and only here."""
    part = scope.parts[tensor.layer]
    shift = int(part.inner is not None and not becomes_chain(part))
    return [tensor.layer, numbers[tensor.layer, tensor.call] + shift, tensor.output]


def _call(
    scope: Scope, part: Member, call: int, tensors: tuple[Tensor, ...], numbers: dict[tuple[str, int], int]
) -> KerasObject:
    """The arguments of a call, as the layer says that Keras takes them."""
    assert part.layer is not None
    form = part.layer.in_keras
    given = [_tensor(scope, tensor, numbers) for tensor in tensors]
    kwargs: KerasObject = dict(part.arguments.get(call, {}))
    if call in part.named:
        names = part.named[call]
        count = sum(name == place for name, place in zip(names, by_place(part.layer), strict=False))
        return {
            "args": given[:count],
            "kwargs": dict(zip(names[count:], given[count:], strict=True)) | kwargs,
        }
    if not form.arguments:
        return {"args": given if len(given) == 1 else [given], "kwargs": kwargs}
    count = len(form.arguments)
    if form.rest and given[count:]:
        kwargs[form.rest] = part.layer.rest_in_keras(given[count:])
    if form.mask and call in part.masks:
        kwargs[form.mask] = _keras_tensor(
            _mask_name(part, call), 0, 0, scope.shapes[part.masks[call]], "bool"
        )
    return {"args": given[:count], "kwargs": kwargs}


def _tensor(scope: Scope, tensor: Tensor, numbers: dict[tuple[str, int], int]) -> KerasObject:
    part = scope.parts[tensor.layer]
    number = numbers[tensor.layer, tensor.call]
    return _keras_tensor(part.name, number, tensor.output, scope.shapes[tensor], part.dtype or "float32")


def _keras_tensor(name: str, call: int, index: int, shape: Any, dtype: str) -> KerasObject:
    config = {"shape": [None, *shape], "dtype": dtype, "keras_history": [name, call, index]}
    return {"class_name": "__keras_tensor__", "config": config}


def _mask_name(part: Member, call: int) -> str:
    return f"{part.name}{_MASK}_{call}" if call else part.name + _MASK


def _mask_operation(
    scope: Scope, part: Member, call: int, numbers: dict[tuple[str, int], int]
) -> list[KerasObject]:
    """The operation `indices != 0` that makes a call's mask, where Keras must be told it."""
    if call not in part.masks:
        return []
    name = _mask_name(part, call)
    indices = _tensor(scope, part.masks[call], numbers)
    operation = keras_object("keras.src.ops.numpy", "NotEqual", {"name": name}, "NotEqual")
    return [operation | {"name": name, "inbound_nodes": [{"args": [indices, 0], "kwargs": {}}]}]
