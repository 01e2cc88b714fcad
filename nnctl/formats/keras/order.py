"""The order in which Keras keeps a functional model's layers; it names the groups of a weights file.

Keras walks back from the outputs and sorts layers by their depth; a `config.json` of its own has
this order.
Source: keras.src.ops.function.map_graph.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnctl.formats.keras.scopes import Member, Scope, Tensor

CallNumber = tuple[str, int]
"""A call: the layer's name and the call's number."""


def reads(part: Member, call: int) -> tuple[Tensor, ...]:
    """Every tensor that a call is given, in the order that Keras lists them."""
    mask = part.masks.get(call)
    return part.calls[call] if mask is None else (*part.calls[call], mask)


def walk(scope: Scope) -> tuple[list[CallNumber], dict[str, int]]:
    """The calls that the outputs need, inputs first, and when each layer was first met on the way back."""
    done: list[CallNumber] = []
    met: dict[str, int] = {}
    entered: set[CallNumber] = set()
    stack: list[tuple[CallNumber, Iterator[Tensor]]] = []

    def enter(tensor: Tensor) -> None:
        node = tensor.layer, tensor.call
        if node not in entered:
            entered.add(node)
            met.setdefault(tensor.layer, len(met))
            stack.append((node, iter(reads(scope.parts[tensor.layer], tensor.call))))

    for output in scope.outputs:
        enter(output)
        while stack:
            node, remaining = stack[-1]
            following = next(remaining, None)
            if following is None:
                done.append(node)
                stack.pop()
            else:
                enter(following)
    return done, met


def ordered(scope: Scope) -> list[Member]:
    """The layers that the outputs need, and all inputs, as Keras orders them: the deepest first."""
    if scope.order:
        return [scope.parts[name] for name in scope.order]
    done, met = walk(scope)
    depths: dict[CallNumber, int] = {}
    layers: dict[str, int] = {}
    for node in reversed(done):
        name, call = node
        depth = max(depths.get(node, 0), layers.get(name, 0))
        depths[node] = layers[name] = depth
        for tensor in reads(scope.parts[name], call):
            parent = tensor.layer, tensor.call
            depths[parent] = max(depth + 1, depths.get(parent, 0))
    for part in scope.inputs:
        if part.name not in layers:
            layers[part.name], met[part.name] = 0, -1
    return [scope.parts[name] for name in sorted(layers, key=lambda n: (-layers[n], met[n]))]


def renumbered(scope: Scope) -> dict[CallNumber, int]:
    """The number of each call that the outputs need, once the calls that they do not need are left out."""
    needed = set(walk(scope)[0])
    numbers: dict[CallNumber, int] = {}
    for part in scope.parts.values():
        kept = [call for call in range(len(part.calls)) if (part.name, call) in needed or part.is_input]
        numbers |= {(part.name, call): number for number, call in enumerate(kept)}
    return numbers
