"""Random models trained three steps beside Keras in float64: chains, graphs, shared and nested layers.

    python -m tests.workflow.random_keras --seed 0 --count 300

Each model is drawn from its number alone, so that one that differs can be tried again. The exit code is 1
if one does.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_ENABLE_X64", "1")
# A model is compiled for two steps: XLA need not make them fast.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)

import numpy as np

from nnctl.formats.keras.archive import keras_archive
from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective
from nnctl.graph.model import InputInfo
from nnctl.program.session import Session
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.language.training import TrainingSpec
from tests.parity.wide import keep_64_bits

SPARSE, MSE = "sparse_categorical_crossentropy", "mean_squared_error"
SOUND = "--xla_cpu_enable_fast_math=false"
"""XLA's own choice. Compiled without its passes, a number may be computed twice and differently: the largest
of some is then equal to none of them, and GlobalMaxPooling's gradient is a division by 0."""
TOLERANCE = 1e-8
"""Relative to the loss; ten times that to how far a weight has moved. Sums in another order differ by far
less."""


ACTIVATIONS = (
    *("linear", "tanh", "sigmoid", "softplus", "softsign", "selu", "silu", "exponential", "hard_sigmoid"),
    *("gelu", "relu", "leaky_relu", "elu"),
)


@dataclass(frozen=True)
class Case:
    """One model with its inputs, a loss for each output and its optimizer."""

    layers: list[Any]
    inputs: dict[str, tuple[int, ...]]
    dtype: str
    losses: dict[str, str]
    optimizer: dict[str, Any]


def drawn(seed: int) -> Case:
    """The model of this number."""
    draw = random.Random(seed)
    kind = draw.choice(["table", "image", "tokens", "series", "graph", "graph"])
    if kind == "graph":
        return graph(draw)
    body = {"table": _table, "image": _image, "tokens": _tokens, "series": _series}[kind]
    shape, dtype, layers = body(draw)
    loss = draw.choice([SPARSE, MSE])
    head = {"units": 3, "activation": "softmax"} if loss == SPARSE else {"units": 1}
    layers.append({"type": "Dense", "name": "out", **head})
    return Case(layers, {"x": shape}, dtype, {"out": loss}, _optimizer(draw))


MERGES = ("Add", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")


def graph(draw: random.Random) -> Case:
    """Branches of one or two inputs that are merged, shared and nested; one or two outputs."""
    made = _Branches(draw)
    for _ in range(draw.randint(2, 6)):
        made.grow()
    last, layers = made.end(), made.layers
    losses = {"class": SPARSE, "number": MSE} if draw.random() < 0.5 else {"number": MSE}
    for name in losses:
        head = {"units": 3, "activation": "softmax"} if name == "class" else {"units": 1}
        layers.append({"type": "Dense", "name": name, "inputs": last, **head})
    return Case(layers, made.inputs, "float32", losses, _optimizer(draw))


class _Branches:
    """A graph while it grows.

    Attributes:
        units: What most layers put out, so that they can be merged.
        width: What each name that can be read puts out.
    """

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.inputs = {name: (draw.choice([3, 4]),) for name in ("x", "z")[: draw.randint(1, 2)]}
        self.width = {name: shape[0] for name, shape in self.inputs.items()}
        self.layers: list[dict[str, Any]] = []
        self.units = draw.choice([2, 5])
        for name in self.inputs:
            first = {"type": "Dense", "units": self.units, "activation": activation(draw), "inputs": name}
            self._add(first, self.units)

    def grow(self) -> None:
        """One layer more, if what is drawn can be."""
        alike = [name for name, size in self.width.items() if size == self.units]
        what = self.draw.choice(["layer", "merge", "merge", "shared", "nested", "dot"])
        read = self.draw.choice(alike)
        if what == "layer":
            entry = self.draw.choice([_dense, _normalization])(self.draw)
            self._add(
                {**entry, "inputs": read} | ({"units": self.units} if "units" in entry else {}), self.units
            )
        elif what == "nested":
            inner = [{**_dense(self.draw), "units": self.units} for _ in range(self.draw.randint(1, 2))]
            self._add({"type": "Sequential", "layers": inner, "inputs": read}, self.units)
        elif what == "shared":
            self._share()
        elif len(alike) > 1:
            self._merge(what, alike)

    def _share(self) -> None:
        """A layer of weights once more, on what has the width that it is built for."""
        weighted = ("Dense", "Sequential", "LayerNormalization")
        known = self.draw.choice([e for e in self.layers if e.get("type") in weighted])
        given = self.width[known["inputs"]]
        read = self.draw.choice([name for name, size in self.width.items() if size == given])
        self._add({"use": known["name"], "inputs": read}, self.units)

    def _merge(self, what: str, alike: list[str]) -> None:
        if what == "dot":
            pair = self.draw.sample(alike, 2)
            normalize = self.draw.random() < 0.5
            self._add({"type": "Dot", "axes": 1, "normalize": normalize, "inputs": pair}, 1)
        else:
            kind, count = self.draw.choice(MERGES), self.draw.randint(2, min(3, len(alike)))
            merged = self.draw.sample(alike, count)
            self._add({"type": kind, "inputs": merged}, self.units * (count if kind == "Concatenate" else 1))

    def end(self) -> str:
        """All that nobody reads, brought together, so that no layer is without a gradient."""
        ends = [e["name"] for e in self.layers if not any(_reads(other, e["name"]) for other in self.layers)]
        return ends[0] if len(ends) == 1 else self._add({"type": "Concatenate", "inputs": ends}, 0)

    def _add(self, entry: dict[str, Any], units: int) -> str:
        name = f"n{len(self.layers)}"
        self.layers.append({**entry, "name": name})
        self.width[name] = units
        return name


def _reads(entry: dict[str, Any], name: str) -> bool:
    given = entry.get("inputs", [])
    return name in ([given] if isinstance(given, str) else given)


def activation(draw: random.Random) -> Any:
    """An activation with drawn arguments, slopes below zero included."""
    name = draw.choice(ACTIVATIONS)
    if name == "gelu":
        return {"type": name, "approximate": draw.random() < 0.5}
    if name == "leaky_relu":
        return {"type": name, "negative_slope": round(draw.uniform(-0.6, 0.6), 3)}
    if name == "elu":
        return {"type": name, "alpha": round(draw.uniform(-0.6, 1.5), 3)}
    if name == "relu" and draw.random() < 0.7:
        return {
            "type": name,
            "negative_slope": round(draw.uniform(-0.5, 0.5), 3),
            "max_value": draw.choice([None, round(draw.uniform(0.3, 2), 3)]),
            "threshold": draw.choice([0.0, round(draw.uniform(0, 0.3), 3)]),
        }
    return name


def _weights(draw: random.Random, kernel: str = "kernel") -> dict[str, Any]:
    """Initializers, penalties and constraints of a layer with a kernel."""
    fields: dict[str, Any] = {}
    if draw.random() < 0.4:
        fields[f"{kernel}_initializer"] = draw.choice(["he_normal", "lecun_uniform", "orthogonal", "normal"])
    if draw.random() < 0.3:
        fields[f"{kernel}_regularizer"] = {"type": "L1L2", "l1": 0.001, "l2": round(draw.uniform(0, 0.05), 4)}
    if draw.random() < 0.3:
        fields[f"{kernel}_constraint"] = draw.choice(
            [{"type": "MaxNorm", "max_value": 0.8}, "NonNeg", "UnitNorm", {"type": "MinMaxNorm", "rate": 0.7}]
        )
    return fields


def _dense(draw: random.Random) -> dict[str, Any]:
    entry = {"type": "Dense", "units": draw.choice([2, 4, 7]), "activation": activation(draw)}
    return {**entry, "use_bias": draw.random() < 0.8, **_weights(draw)}


def _normalization(draw: random.Random) -> dict[str, Any]:
    fields = {"center": draw.random() < 0.7, "scale": draw.random() < 0.7}
    if draw.random() < 0.5:
        return {"type": "LayerNormalization", "epsilon": draw.choice([1e-3, 1e-5]), **fields}
    momentum, trainable = round(draw.uniform(0.5, 0.99), 3), draw.random() < 0.8
    return {"type": "BatchNormalization", "momentum": momentum, "trainable": trainable, **fields}


def _table(draw: random.Random) -> tuple[tuple[int, ...], str, list[Any]]:
    layers = [draw.choice([_dense, _dense, _normalization])(draw) for _ in range(draw.randint(1, 4))]
    return (draw.choice([3, 6]),), "float32", layers


def _image(draw: random.Random) -> tuple[tuple[int, ...], str, list[Any]]:
    layers: list[Any] = []
    for at in range(draw.randint(1, 2)):
        strides = draw.choice([1, 1, 2])
        layers.append(
            {
                "type": "Conv2D",
                "filters": draw.choice([2, 5]),
                "kernel_size": draw.choice([1, 2, 3, [2, 3]]),
                "strides": strides,
                "dilation_rate": draw.choice([1, 2]) if strides == 1 else 1,
                "padding": draw.choice(["same", "same", "valid"]),
                "activation": activation(draw),
                "use_bias": draw.random() < 0.8,
            }
        )
        if at and layers[-1]["dilation_rate"] == 2:
            # Its window may be larger than what the first one leaves.
            layers[-1]["padding"] = "same"
        layers += [_normalization(draw)] if draw.random() < 0.4 else []
    pool = draw.choice(["MaxPooling2D", "AveragePooling2D", None])
    if pool:
        layers.append({"type": pool, "pool_size": 2, "padding": "same", "strides": draw.choice([1, 2])})
    layers.append(draw.choice(["Flatten", "GlobalAveragePooling2D", "GlobalMaxPooling2D"]))
    return (9, 8, draw.choice([1, 3])), "float32", layers


def _recurrent(draw: random.Random, *, sequences: bool) -> dict[str, Any]:
    kind = draw.choice(["LSTM", "GRU", "SimpleRNN"])
    entry: dict[str, Any] = {
        "type": kind,
        "units": draw.choice([2, 5]),
        "activation": draw.choice(["tanh", "sigmoid", "relu"]),
        "use_bias": draw.random() < 0.8,
        "go_backwards": draw.random() < 0.3,
        "return_sequences": sequences,
    }
    if kind == "LSTM":
        entry["unit_forget_bias"] = draw.random() < 0.7
    if kind == "GRU":
        entry["reset_after"] = draw.random() < 0.7
    return entry


def _recurrences(draw: random.Random) -> list[Any]:
    count = draw.randint(1, 2)
    return [_recurrent(draw, sequences=index + 1 < count) for index in range(count)]


def _tokens(draw: random.Random) -> tuple[tuple[int, ...], str, list[Any]]:
    embedding = {"type": "Embedding", "input_dim": 11, "output_dim": 4, "mask_zero": draw.random() < 0.6}
    return (7,), "int32", [embedding, *_recurrences(draw)]


def _series(draw: random.Random) -> tuple[tuple[int, ...], str, list[Any]]:
    layers: list[Any] = []
    if draw.random() < 0.5:
        padding = draw.choice(["valid", "same", "causal"])
        entry = {"type": "Conv1D", "filters": 3, "kernel_size": draw.choice([1, 2, 3]), "padding": padding}
        layers.append({**entry, "activation": activation(draw), **_weights(draw)})
    if draw.random() < 0.4:
        inner = [draw.choice([_dense, _normalization])(draw) for _ in range(draw.randint(1, 3))]
        chain = {"type": "Sequential", "name": "each", "layers": inner}
        layers.append({"type": "TimeDistributed", "name": "each", "layer": chain})
    return (7, 3), "float32", [*layers, *_recurrences(draw)]


def _optimizer(draw: random.Random) -> dict[str, Any]:
    rate = {"learning_rate": draw.choice([0.01, 0.03])}
    clip = draw.choice([{}, {}, {"clipnorm": 0.5}, {"clipvalue": 0.1}, {"global_clipnorm": 0.6}])
    kind = draw.choice(["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
    if kind == "SGD":
        rate |= {"momentum": draw.choice([0.0, 0.9]), "nesterov": draw.random() < 0.5}
    # What divides by a root of squares is compared where these are not next to nothing.
    return {"type": kind, **rate, **clip} | ({"epsilon": 1e-3} if kind != "SGD" else {})


def batches(case: Case, seed: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Three batches, the last one short: inputs and targets by name."""
    rng = np.random.default_rng(seed)
    made = []
    for size in (9, 9, 5):
        xs: dict[str, Any] = {n: rng.standard_normal((size, *shape)) for n, shape in case.inputs.items()}
        if case.dtype == "int32":
            xs = {n: rng.integers(1, 11, x.shape).astype(np.int32) for n, x in xs.items()}
            for x in xs.values():
                x[::2, -3:] = 0
        ys = {
            name: rng.integers(0, 3, size) if loss == SPARSE else rng.standard_normal((size, 1))
            for name, loss in case.losses.items()
        }
        made.append((xs, ys))
    return made


def difference(seed: int) -> str | None:
    """In what nnctl differs from Keras on the model of this number; None if in nothing."""
    import keras

    # Learning rates and slots have this type, whatever the model's is.
    keras.config.set_floatx("float64")
    keep_64_bits()
    _as_on_tensorflow()
    case = drawn(seed)
    dtype = "int32" if case.dtype == "int32" else "float64"
    inputs = {name: {"shape": list(shape), "dtype": dtype} for name, shape in case.inputs.items()}
    outputs = list(case.losses)
    spec = ModelSpec.model_validate({"inputs": inputs, "layers": case.layers, "outputs": outputs})
    graph = build(spec, {name: InputInfo(shape, dtype) for name, shape in case.inputs.items()})
    training = TrainingSpec.model_validate({"loss": case.losses, "optimizer": case.optimizer})
    objective = compile_objective(training, graph)
    session = Session(
        graph, dtype="float64", seed=seed, threads=1, objective=objective, optimizer=training.optimizer
    )
    session.initialize()
    before = session.weights.snapshot()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.keras"
        path.write_bytes(keras_archive(spec, graph, session.weights.arrays, name="model", dtype="float64"))
        theirs = keras.saving.load_model(path)
    fields = {key: value for key, value in case.optimizer.items() if key != "type"}
    optimizer = getattr(keras.optimizers, case.optimizer["type"])(**fields)
    theirs.compile(optimizer=optimizer, loss=list(case.losses.values()))
    for step, (xs, ys) in enumerate(batches(case, seed)):
        ours = _step(session, step, xs, ys)
        given = [list(arrays.values()) for arrays in (xs, ys)]
        found = theirs.train_on_batch(*(a if len(a) > 1 else a[0] for a in given))
        found = float(np.ravel(found)[0])
        if ours == found == np.inf:
            return None  # a run ends here, and weights are NaN in both
        if not np.isclose(ours, found, rtol=TOLERANCE):
            return f"loss of step {step}: {ours} for {found}"
    weights = {w.path: np.asarray(w) for w in theirs.weights}
    for key, array in session.weights.arrays.items():
        (match,) = [w for path_, w in weights.items() if _same(path_, key)]
        moved = max(float(np.abs(array - before[key]).max()), 1e-3)
        apart = float(np.abs(array - match).max())
        if not apart <= TOLERANCE * moved * 10:
            return f"'{key}': {apart:.3g} apart, moved {moved:.3g}"
    return None


def _as_on_tensorflow() -> None:
    """Do what JAX alone does otherwise (`docs/keras_differences.md`) as TensorFlow does it.

    |x| has slope 1 at 0, where NonNeg puts weights, as leaky_relu has, which reads zeros behind a relu; and
    the cross-entropy of a softmax is clipped.
    """
    import jax
    from keras.src import backend

    absolute = jax.custom_jvp(jax.numpy.abs)
    absolute.defjvps(lambda tangent, _, x: jax.numpy.sign(x) * tangent)
    backend.numpy.absolute = lambda x: absolute(backend.convert_to_tensor(x))
    backend.nn.leaky_relu = lambda x, negative_slope=0.2: jax.numpy.where(x > 0, x, negative_slope * x)
    if not hasattr(backend.nn.sparse_categorical_crossentropy, "clipped"):
        clipped = backend.nn.sparse_categorical_crossentropy

        def unclipped(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
            return clipped(target, output if from_logits else jax.numpy.log(output), True, axis)

        unclipped.clipped = clipped
        backend.nn.sparse_categorical_crossentropy = unclipped


def _step(session: Session, step: int, xs: Any, ys: Any) -> float:
    program = session.training({name: x.shape for name, x in xs.items()})
    for name, x in xs.items():
        program.inputs[f"input:{name}"][...] = x
    for name, y in ys.items():
        target = program.inputs[f"target:{name}"]
        target[...] = y.reshape(target.shape)
    if "step" in program.inputs:  # where a layer draws numbers
        program.inputs["step"][0] = step
    program.run()
    session.take_hyper(step, None)
    session.update().run()
    return float(program.outputs["loss"][0])


def _same(path: str, key: str) -> bool:
    """Keras puts the model's name before a path, and a cell's between a layer's and its weight's.

    A nested model that a layer holds begins its paths, and is named as the layer here.
    """
    layer, weight = key.replace("/layer/", "/").rsplit("/", 1)
    path = path.removeprefix("model/")
    return path.startswith(layer + "/") and path.endswith("/" + weight)


def main() -> int:
    """Compare `--count` models from `--seed` on; how many differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=300)
    arguments = parser.parse_args()
    differing = 0
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        found = difference(seed)
        if found is not None and os.environ["XLA_FLAGS"] != SOUND:
            again = [sys.executable, "-m", "tests.workflow.random_keras", "--seed", str(seed), "--count", "1"]
            if not subprocess.run(again, env=os.environ | {"XLA_FLAGS": SOUND}, check=False).returncode:
                print(
                    f"model {seed}: {found} without the passes of XLA, the same with them",
                    flush=True,
                )
                found = None
        if found is not None:
            differing += 1
            print(f"model {seed} differs: {found}\n  {drawn(seed)}", flush=True)
    print(f"{arguments.count} models, {differing} differ")
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
