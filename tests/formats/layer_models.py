"""Models of the layers' test cases: each case on inputs of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnctl.layers.calling import at_parameters
from tests.layers import keras_cases
from tests.layers.harness import make


def side_by_side(cases: Sequence[keras_cases.Case]) -> dict[str, Any]:
    """One model of all cases, each on inputs of its own.

    An input that is masked but for its last axis goes through an Embedding, the only layer that makes masks.
    """
    inputs: dict[str, Any] = {}
    layers: list[dict[str, Any]] = []
    outputs: list[str] = []
    for number, (config, shapes, options) in enumerate(cases):
        names = options.get("names", [])
        reads = []
        masks = options.get("masks", ())
        axes = masks if isinstance(masks, Mapping) else dict.fromkeys(masks, 2)
        for at, shape in enumerate(shapes):
            name = f"in_{number}_{at}"
            masked = axes.get(at) == len(shape)
            whole = options.get("integers") or masked or "attention_mask" in names[at : at + 1]
            inputs[name] = {"shape": shape[:-1] if masked else shape} | ({"dtype": "int32"} if whole else {})
            if masked:
                table = {"type": "Embedding", "input_dim": 5, "output_dim": shape[-1], "mask_zero": True}
                layers.append({**table, "name": f"table_{number}_{at}", "inputs": name})
                name = f"table_{number}_{at}"
            reads.append(name)
        inner = dict(zip(names, reads, strict=True)) if names else reads
        layers.append({**config, "name": f"case_{number}", "inputs": inner})
        layer = make(config)
        made = layer.activated_shape(*at_parameters(layer, names, shapes))
        outputs += [f"case_{number}:{i}" for i in range(len(made) if isinstance(made, list) else 1)]
    return {"inputs": inputs, "layers": layers, "outputs": outputs}
