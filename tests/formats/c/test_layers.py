"""Every layer of the catalogue as C: the bits that nnctl's own kernels give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.formats.exports.c import c
from nnctl.layers.base import layers
from nnctl.ops.base import Graph
from nnctl.ops.hashing import Bucket, crossed, hashed
from nnctl.ops.sums import sum_axes
from tests.formats.c import compiled
from tests.formats.c.compiled import (
    agree,
    built,
    called,
    compiler,
    layer_program,
    of_graph,
    ran,
    text_of,
    written,
)
from tests.layers import harness
from tests.layers.keras_cases import CASES, MORE, Case, kind
from tests.sampling import a_day

_VOCABULARY = {"vocabulary": [12, 36, 1138, 42]}
_MASKED = {**_VOCABULARY, "num_oov_indices": 3, "mask_token": 0}
_HASHES: list[Case] = [
    ({"type": "Hashing", "num_bins": 10, "mask_value": 7}, [(6,)], {"integers": 20}),
    ({"type": "Hashing", "num_bins": 7, "salt": [3, 4]}, [(40,)], {"integers": 1 << 31}),
    ({"type": "IntegerLookup", **_MASKED, "oov_method": "farmhash", "salt": 5}, [(50,)], {"integers": 45}),
    ({"type": "IntegerLookup", **_MASKED}, [(50,)], {"integers": 45}),
    ({"type": "IntegerLookup", "vocabulary": [7, 1], "invert": True}, [(5,)], {"integers": 9}),
    ({"type": "HashedCrossing", "num_bins": 5}, [(1,), (1,)], {"integers": 50}),
]
ALL = CASES + MORE + _HASHES
DAILY = (
    "Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "MaxPooling2D", "AveragePooling1D", "LSTM", "GRU",
    "BatchNormalization", "LayerNormalization", "MultiHeadAttention", "Embedding", "ConvLSTM1D", "Resizing",
    "CategoryEncoding", "Hashing", "IntegerLookup", "HashedCrossing", "AutoContrast", "Discretization",
    "ContrastLimitedAdaptiveHistogramEqualization",
)  # fmt: skip
"""Layers of which a case is tried every day: they use most of what is written in C."""


def _sampled() -> list[Any]:
    kept = {id(case) for case in a_day(ALL, kind, 1) if kind(case) in DAILY}
    return [
        pytest.param(case, id=f"{i}-{kind(case)}", marks=() if id(case) in kept else pytest.mark.slow)
        for i, case in enumerate(ALL)
    ]


@pytest.mark.parametrize("entry", _sampled())
def test_a_layer_has_nnctls_bits(entry: Any, tmp_path: Path) -> None:
    program, inputs, wanted = layer_program(entry)
    file = written(program)
    agree(called(built(text_of(file), tmp_path, "-shared", "-fPIC", "-O1"), file, inputs), wanted, entry)


def test_every_layer_has_a_case() -> None:
    called = {cls.__name__ for cls in layers.classes() if not cls.is_input and cls.nests is None}
    assert called == {kind(case) for case in ALL} - {"Sequential", "Functional"}
    assert c.layers == {}


@pytest.mark.parametrize("rows", [1, 256, 600])
def test_sums_over_many_rows(rows: int, tmp_path: Path) -> None:
    """They are cut into blocks of 256."""
    x = np.random.default_rng(0).standard_normal((2, rows, 3)).astype(np.float32)
    graph = Graph(inference=True)
    outputs = {"y": sum_axes(graph.input("x", x.shape), (1,))}
    program, wanted = of_graph(graph, outputs, {"x": x})
    file = written(program)
    agree(called(built(text_of(file), tmp_path, "-shared", "-fPIC"), file, {"x": x}), wanted)


@pytest.mark.parametrize("cc", ["gcc", "clang"])
def test_nothing_is_contracted(cc: str, tmp_path: Path) -> None:
    """In GNU modes a product and a sum become one rounding, unless the file says no."""
    entry: Case = ({"type": "LayerNormalization"}, [(5,)], {})
    program, inputs, wanted = layer_program(entry)
    file = written(program)
    flags = ("-shared", "-fPIC", "-O2", "-march=native", "-std=gnu99")
    agree(called(built(text_of(file), tmp_path, *flags, cc=compiler(cc)), file, inputs), wanted)


ODD = np.array(
    [np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-40, -1e-42, 3e38, -1e30, 88.8, -104.2, 1e-20, 0.5, -2.5],
    np.float32,
)
ODDLY: dict[str, Case] = {
    "relu": ({"type": "Dense", "units": 9, "activation": "relu"}, [(12,)], {}),
    "softmax": ({"type": "Softmax"}, [(5,)], {}),
    "maximum": ({"type": "Maximum"}, [(40,), (40,)], {}),
    "minimum": ({"type": "Minimum"}, [(40,), (40,)], {}),
    "largest": ({"type": "MaxPooling1D"}, [(40, 3)], {}),
    "normalized": ({"type": "LayerNormalization"}, [(40, 3)], {}),
    "bins": ({"type": "Discretization", "bin_boundaries": [-1.0, 0.0, 0.5, 2.0]}, [(90,)], {}),
    **{
        name: ({"type": "Activation", "activation": name}, [(200,)], {})
        for name in ("exponential", "sigmoid", "tanh", "softplus", "gelu", "elu", "mish", "relu6")
    },
}


CHOSEN: list[Case] = [
    ({"type": "Attention", "use_causal_mask": True}, [(4, 3), (4, 3)], {"masks": [0, 1]}),
    ({"type": "MultiHeadAttention", "num_heads": 2, "key_dim": 3, "use_causal_mask": True}, [(4, 5)] * 2, {}),
    ({"type": "MultiHeadAttention", "num_heads": 2, "key_dim": 3}, [(4, 5), (6, 2)], {"masks": [0, 1]}),
    (
        {"type": "MultiHeadAttention", "num_heads": 2, "key_dim": 3, "return_attention_scores": True},
        [(4, 5), (6, 2)],
        {"masks": [0, 1]},
    ),
    (
        {"type": "Bidirectional", "layer": {"type": "LSTM", "units": 3, "return_sequences": True}},
        [(5, 3)],
        {"masks": [0]},
    ),
    (
        {"type": "GroupQueryAttention", "head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 1},
        [(4, 5), (6, 5)],
        {"masks": [0, 1]},
    ),
    ({"type": "Embedding", "input_dim": 3, "output_dim": 2}, [(9,)], {"integers": 5}),
]
"""What is in C that the layers of every day do not use."""


@pytest.mark.parametrize("entry", CHOSEN, ids=lambda entry: kind(entry))
def test_what_others_use(entry: Any, tmp_path: Path) -> None:
    program, inputs, wanted = layer_program(entry)
    file = written(program)
    agree(called(built(text_of(file), tmp_path, "-shared", "-fPIC", "-O1"), file, inputs), wanted, entry)


@pytest.mark.parametrize("name", ODDLY)
def test_odd_numbers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no number, infinite, subnormal, or a zero with a sign."""

    def oddly(*args: Any, **options: Any) -> harness.Case:
        made = harness.case(*args, **options)
        rng = np.random.default_rng(4)
        for x in made.inputs:
            x[...] = np.where(rng.random(x.shape) < 0.6, rng.choice(ODD, x.shape), x)
            x.flat[0] = np.nan
        return made

    monkeypatch.setattr(compiled, "case", oddly)
    program, inputs, wanted = layer_program(ODDLY[name])
    file = written(program)
    agree(called(built(text_of(file), tmp_path, "-shared", "-fPIC", "-O2"), file, inputs), wanted)


@pytest.mark.parametrize("salt", [None, (3, 1 << 60)])
def test_fingerprints_of_all_lengths(salt: tuple[int, int] | None, tmp_path: Path) -> None:
    """FarmHash goes another way by the number of decimal digits; crosses take any number."""
    numbers = np.array([n for i in range(19) for n in (10**i, -(10**i) // 7)] + [-(2**63), 0], np.int64)
    graph = Graph(inference=True)
    x = graph.input("x", numbers.shape, "int64")
    outputs = {
        "bins": hashed(x, Bucket(9973, "hash", salt)),
        "crosses": crossed((x, x, x), 1 << 40),
        "remainders": hashed(x, Bucket(7, "remainder", first=2)),
    }
    program, wanted = of_graph(graph, outputs, {"x": numbers})
    file = written(program)
    agree(called(built(text_of(file), tmp_path, "-shared", "-fPIC"), file, {"x": numbers}), wanted)


LEVELS = ("-O0", "-O2", "-O3 -march=native")
SANITIZED = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
EACH = [pytest.param(case, id=kind(case)) for case in a_day(ALL, kind, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cc", ["gcc", "clang"])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("entry", EACH)
def test_it_has_them_with_any_compiler(entry: Any, level: str, cc: str, dtype: str, tmp_path: Path) -> None:
    program, inputs, wanted = layer_program(entry, dtype)
    file = written(program)
    library = built(text_of(file), tmp_path, "-shared", "-fPIC", *level.split(), cc=compiler(cc))
    agree(called(library, file, inputs), wanted, entry)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("entry", EACH)
def test_sanitizers_find_nothing(entry: Any, dtype: str, tmp_path: Path) -> None:
    program, inputs, wanted = layer_program(entry, dtype)
    (found,) = ran(written(program), [inputs], tmp_path, *SANITIZED, cc=compiler("clang", "gcc"))
    agree(found, wanted, entry)


@pytest.mark.slow
@pytest.mark.parametrize("entry", EACH)
def test_arm_gives_them(entry: Any, tmp_path: Path) -> None:
    cc, runner = compiler("aarch64-linux-gnu-gcc"), compiler("qemu-aarch64")
    program, inputs, wanted = layer_program(entry)
    (found,) = ran(written(program), [inputs], tmp_path, "-O2", "-static", cc=cc, under=[runner])
    agree(found, wanted, entry)
