"""Every layer of the catalogue as C: the bits that nnctl's own kernels give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.formats.c.compiled import agree, built, called, compiler, layer_program, ran, text_of, written
from tests.layers.keras_cases import CASES, MORE, kind
from tests.sampling import a_day

ALL = [case for case in CASES + MORE if kind(case) not in ("Sequential", "Functional")]
DAILY = (
    "Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "MaxPooling2D", "AveragePooling1D", "LSTM", "GRU",
    "BatchNormalization", "LayerNormalization", "MultiHeadAttention", "Embedding", "ConvLSTM1D", "Resizing",
    "CategoryEncoding", "AutoContrast", "Discretization", "ContrastLimitedAdaptiveHistogramEqualization",
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
