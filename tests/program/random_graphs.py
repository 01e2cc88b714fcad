"""Random models of layers, and programs in which nothing is fused and no two values share memory."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective
from nnctl.graph.model import InputInfo, LayerGraph
from nnctl.ops.base import Graph, Value
from nnctl.program.bind import Bound, Compiled, bind, new_arena
from nnctl.program.plan import ALIGNMENT, MemoryPlan
from nnctl.program.programs import Program
from nnctl.program.session import Session
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.language.training import TrainingSpec

INPUTS = {"a": (6,), "b": (2, 3), "c": (4,)}
IMAGES = {"a": (6, 7, 2)}
SMOOTH = ("linear", "tanh", "sigmoid", "softplus", "gelu", "softmax")
ACTIVATIONS = (*SMOOTH, "relu", "relu", "leaky_relu", "elu")


class _Draw:
    """Entries of a `layers` list, drawn one by one; shapes are kept beside the names."""

    def __init__(self, seed: int, activations: Sequence[str], inputs: Mapping[str, tuple[int, ...]]) -> None:
        self.random = random.Random(seed)
        self.activations = activations
        self.shapes: dict[str, tuple[int, ...]] = dict(inputs)
        self.made: list[tuple[str, tuple[int, ...], dict[str, Any]]] = []
        """(name, input shape, entry) of what may be used again."""
        self.entries: list[dict[str, Any]] = []

    def add(self, entry: dict[str, Any], inputs: Sequence[str], shape: tuple[int, ...]) -> None:
        name = f"n{len(self.entries)}"
        self.entries.append({**entry, "name": name, "inputs": list(inputs)})
        if len(inputs) == 1 and "use" not in entry:
            self.made.append((name, self.shapes[inputs[0]], entry))
        self.shapes[name] = shape

    def pick(self) -> str:
        """A tensor, a late one rather than an early one."""
        names = list(self.shapes)
        return self.random.choice(names[-4:] if self.random.random() < 0.7 else names)

    def like(self, shape: tuple[int, ...]) -> list[str]:
        return [name for name, s in self.shapes.items() if s == shape]

    def step(self) -> None:
        draw, x = self.random, self.pick()
        shape = self.shapes[x]
        kinds = ["dense"] * 4 + ["merge"] * 3 + ["concatenate", "activation", "activation"]
        kind = draw.choice([*kinds, "dropout", "normalize", "normalize", "reshape", "flatten", "use", "use"])
        chosen = draw.choice(self.activations)
        if kind == "dense":
            units = draw.choice([2, 3, 6])
            entry = {"type": "Dense", "units": units, "activation": chosen, "use_bias": draw.random() < 0.8}
            self.add(entry, [x], (*shape[:-1], units))
        elif kind == "merge":
            others = draw.choices(self.like(shape), k=draw.choice([1, 1, 2]))
            self.add({"type": draw.choice(["Add", "Multiply"])}, [x, *others], shape)
        elif kind == "concatenate":
            fitting = [n for n, s in self.shapes.items() if s[:-1] == shape[:-1] and s[-1] <= 6]
            if shape[-1] <= 6:
                names = [x, *draw.choices(fitting, k=draw.choice([1, 2]))]
                width = sum(self.shapes[n][-1] for n in names)
                self.add({"type": "Concatenate"}, names, (*shape[:-1], width))
        elif kind == "activation":
            self.add({"type": "Activation", "activation": chosen}, [x], shape)
        elif kind == "dropout":
            self.add({"type": "Dropout", "rate": 0.4}, [x], shape)
        elif kind == "normalize":
            entry = {"type": "BatchNormalization", "trainable": draw.random() < 0.7}
            self.add({**entry, "scale": draw.random() < 0.7}, [x], shape)
        elif kind == "reshape":
            to = shape[::-1] if len(shape) == 2 else (shape[0] // 2, 2) if shape[0] % 2 == 0 else (1, *shape)
            self.add({"type": "Reshape", "target_shape": list(to)}, [x], to)
        elif kind == "flatten":
            self.add({"type": "Flatten"}, [x], (int(np.prod(shape)),))
        else:
            self._again()

    def _again(self) -> None:
        """Another call of a layer that some tensor fits."""
        if not self.made:
            return
        name, shape, entry = self.random.choice(self.made)
        units = entry.get("units")
        out = (*shape[:-1], units) if units else self.shapes[name]
        self.add({"use": name}, [self.random.choice(self.like(shape))], out)


class _DrawImages(_Draw):
    """Convolutions, pools and relus that read each other's images: what kernels fuse."""

    def step(self) -> None:
        draw, x = self.random, self.pick()
        height, width, channels = self.shapes[x]
        kind = draw.choice(["conv", "conv", "pool", "pool", "relu", "relu", "merge", "normalize", "use"])
        if kind == "conv":
            filters, chosen = draw.choice([2, 3]), draw.choice(["relu", "relu", "linear", "tanh"])
            entry = {"type": "Conv2D", "filters": filters, "kernel_size": 3, "padding": "same"}
            entry |= {"activation": chosen, "use_bias": draw.random() < 0.7}
            self.add(entry, [x], (height, width, filters))
        elif kind == "pool":
            # Windows that overlap, or tile the image and halve it.
            strides = draw.choice([1, 2])
            entry = {"type": draw.choice(["MaxPooling2D", "MaxPooling2D", "AveragePooling2D"])}
            entry |= {"pool_size": 2, "strides": strides, "padding": "same"}
            self.add(entry, [x], (-(-height // strides), -(-width // strides), channels))
        elif kind == "relu":
            self.add({"type": "ReLU"}, [x], self.shapes[x])
        elif kind == "merge":
            others = draw.choices(self.like(self.shapes[x]), k=1)
            self.add({"type": draw.choice(["Add", "Multiply"])}, [x, *others], self.shapes[x])
        elif kind == "normalize":
            self.add({"type": "BatchNormalization"}, [x], self.shapes[x])
        else:
            self._again()

    def _again(self) -> None:
        made = [m for m in self.made if m[2]["type"] != "BatchNormalization"]
        if made:
            name, shape, _ = self.random.choice(made)
            self.add({"use": name}, [self.random.choice(self.like(shape))], self.shapes[name])


def random_images(seed: int) -> LayerGraph:
    """A DAG of layers on images (6, 7, 2)."""
    return _finish(_DrawImages(seed, (), IMAGES), 12)


def random_model(seed: int, activations: Sequence[str] = ACTIVATIONS, layers: int = 14) -> LayerGraph:
    """A DAG of about `layers` calls on vectors and tables."""
    return _finish(_Draw(seed, activations, INPUTS), layers)


def _finish(draw: _Draw, layers: int) -> LayerGraph:
    """The graph of `layers` more calls, with up to four outputs, some of which other layers read."""
    inputs = dict(draw.shapes)
    while len(draw.entries) < layers:
        draw.step()
    names = [str(entry["name"]) for entry in draw.entries]
    outputs = {names[-1], *draw.random.sample(names, draw.random.choice([0, 1, 3]))}
    spec = {
        "inputs": {name: {"shape": list(shape)} for name, shape in inputs.items()},
        "layers": draw.entries,
        "outputs": sorted(outputs),
    }
    return build(ModelSpec.model_validate(spec), {n: InputInfo(s, "float32") for n, s in inputs.items()})


def session_of(model: LayerGraph, dtype: str = "float32", loss: str = "mse") -> Session:
    """A session whose every output has a loss; weights drawn anew so that none is zero or one."""
    training = TrainingSpec.model_validate({"loss": loss, "optimizer": "sgd"})
    objective = compile_objective(training, model)
    session = Session(
        model, dtype=dtype, seed=5, threads=1, objective=objective, optimizer=training.optimizer
    )
    rng = np.random.default_rng(1)
    for name, array in session.weights.arrays.items():
        array[...] = rng.uniform(0.2, 1.2, array.shape) * (1 if "variance" in name else rng.choice([-1, 1]))
    return session


def plan_apart(graph: Graph, pinned: Mapping[Value, str], threads: int) -> MemoryPlan:
    """A plan that gives every value, and every node's scratch, memory of its own."""
    plan = MemoryPlan(0, {}, {leaf: leaf for leaf in (*graph.variables.values(), *graph.constants)})

    def take(nbytes: int) -> int:
        start = plan.size
        plan.size += -(-nbytes // ALIGNMENT) * ALIGNMENT
        return start

    for value in graph.inputs.values():
        plan.offsets[value] = take(value.type.nbytes)
    for node in graph.nodes:
        for out in node.outputs:
            base = node.inputs[0] if node.op.view else None
            if base in plan.external or out in pinned:
                plan.external[out] = plan.external[base] if base is not None else out
            else:
                plan.offsets[out] = plan.offsets[base] if base is not None else take(out.type.nbytes)
        need = node.op.scratch([v.type for v in node.inputs], [v.type for v in node.outputs], threads)
        plan.scratch[node] = (take(need), need)
    return plan


def plain_program(session: Session, program: Program) -> Bound:
    """The session's program as it was before any pass, every value apart."""
    built = program.build(session)
    plan = plan_apart(built.graph, built.pinned, session.threads)
    compiled = Compiled(built.graph, plan, built.outputs, built.pinned, session.threads)
    return bind(compiled, poisoned(plan.size), session._memory())


def compiled_program(session: Session, program: Program) -> Bound:
    """The session's program as it would run."""
    compiled = session.compiled(program)
    return bind(compiled, poisoned(compiled.plan.size), session._memory())


def poisoned(nbytes: int) -> Array:
    """An arena full of NaN, which whatever reads before it writes will show."""
    arena = new_arena(nbytes)
    arena[...] = 0xFF
    return arena


def fill_inputs(program: Bound, seed: int) -> None:
    """The same numbers for every program that has the same inputs."""
    for name, array in sorted(program.inputs.items()):
        rng = np.random.default_rng([seed, *name.encode()])
        array[...] = 3 if name == "step" else rng.standard_normal(array.shape)
