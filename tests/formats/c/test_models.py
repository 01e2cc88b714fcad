"""Whole models as C: their bits, what is refused, what a compiler is told."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from nnctl.core.errors import ConfigError
from nnctl.formats.c.program import one_example
from tests.formats.c.compiled import STRICT, agree, built, called, compiler, ran, rows_of, text_of, written
from tests.formats.keras_models import MODELS
from tests.formats.models import Model, model
from tests.sampling import everyday

CONVOLVED: dict[str, Any] = {
    "3x3": ([13, 9, 16], {"type": "Conv2D", "filters": 70, "kernel_size": 3, "padding": "same"}),
    "5x5": ([11, 12, 32], {"type": "Conv2D", "filters": 33, "kernel_size": 5, "activation": "relu"}),
    "1x3": ([21, 32], {"type": "Conv1D", "filters": 40, "kernel_size": 3, "activation": "relu6"}),
    "1x5": ([30, 48], {"type": "Conv1D", "filters": 32, "kernel_size": 5, "padding": "causal"}),
    "turned": ([9, 10, 48], {"type": "Conv2DTranspose", "filters": 32, "kernel_size": 3, "padding": "same"}),
    "normalized": (
        [10, 11, 32],
        {"type": "Sequential", "layers": [
            {"type": "Conv2D", "filters": 32, "kernel_size": 3, "use_bias": False},
            "BatchNormalization",
            "ReLU",
        ]},
    ),
}  # fmt: skip
"""Inputs and layers whose sums go through Winograd's transforms."""


def program(made: Model, direct: bool = False) -> Any:
    return one_example(made.graph, made.weights, made.dtype, direct)


def check(made: Model, folder: Path, *flags: str, cc: str | None = None, count: int = 3) -> str:
    """Hold that each of some rows has the bits that it has among the others; the file's text."""
    file = written(program(made))
    library = built(text_of(file), folder, "-shared", "-fPIC", *(flags or ("-O1",)), cc=cc)
    for inputs, wanted in zip(*rows_of(made, count), strict=True):
        agree(called(library, file, inputs), wanted)
    return text_of(file)


def convolved(shape: list[int], layer: dict[str, Any]) -> Model:
    return model({"inputs": {"x": shape}, "layers": [layer]})


@pytest.mark.parametrize("name", everyday([n for n in MODELS if n != "lengths"], ("chain", "nested", "held")))
def test_a_model_has_nnctls_bits(name: str, tmp_path: Path) -> None:
    check(model(MODELS[name]), tmp_path)


@pytest.mark.parametrize("name", everyday(CONVOLVED, ("3x3", "1x5", "turned", "normalized")))
def test_winograds_transforms_have_them(name: str, tmp_path: Path) -> None:
    assert "winograd" in check(convolved(*CONVOLVED[name]), tmp_path)


def test_direct_sums_are_written_where_a_config_says_so(tmp_path: Path) -> None:
    made = convolved(*CONVOLVED["3x3"])
    assert "winograd" not in text_of(written(program(made, direct=True)))


def test_long_sums_are_cut_into_blocks(tmp_path: Path) -> None:
    """Of more than 512 products."""
    layers = [
        {"type": "Dense", "units": 3},
        {"type": "SimpleRNN", "units": 515},
        {"type": "Dense", "units": 2},
    ]
    check(model({"inputs": {"x": [2, 1100]}, "layers": layers}), tmp_path, count=2)


def test_long_sums_of_a_transposed_matrix(tmp_path: Path) -> None:
    layers = [{"type": "Dot", "axes": 2, "inputs": ["x", "y"], "name": "d"}]
    check(model({"inputs": {"x": [3, 1030], "y": [2, 1030]}, "layers": layers, "outputs": ["d"]}), tmp_path)


@pytest.mark.parametrize(
    "layer",
    [
        {"type": "Conv1D", "filters": 3, "kernel_size": 3, "dilation_rate": 2, "padding": "same"},
        {"type": "Conv1D", "filters": 3, "kernel_size": 4, "strides": 3},
        {"type": "Conv1DTranspose", "filters": 3, "kernel_size": 4, "strides": 3},
        {"type": "Conv1D", "filters": 4, "kernel_size": 3, "groups": 2, "activation": "relu6"},
    ],
    ids=["dilated", "strided", "turned", "grouped"],
)
def test_taps_that_read_no_neighbours(layer: dict[str, Any], tmp_path: Path) -> None:
    check(convolved([11, 2], layer), tmp_path)


def test_float64(tmp_path: Path) -> None:
    layers = [{"type": "Dense", "units": 6, "activation": "gelu"}, {"type": "Dense", "units": 3}]
    check(model({"inputs": {"x": [5]}, "layers": layers}, "float64"), tmp_path)


def test_a_length_that_varies_is_refused() -> None:
    with pytest.raises(ConfigError, match="'any' has one that varies"):
        program(model(MODELS["lengths"]))


def test_names_of_inputs_become_cs(tmp_path: Path) -> None:
    """They may be words of C, the same but for what C does not take, and end comments."""
    names = {"for": [2], "a b": [2], "a-b": [2], "3": [2], "*/ é": [2]}
    layers = [{"type": "Add", "name": "double", "inputs": list(names)}]
    text = check(model({"inputs": names, "layers": layers, "outputs": ["double"]}), tmp_path)
    assert "in_a_b, " not in text
    assert "in_a_b_2" in text


@pytest.mark.parametrize("flag", ["-ffast-math", "-ffinite-math-only"])
def test_what_would_change_the_bits_is_refused_by_the_file(flag: str, tmp_path: Path) -> None:
    text = text_of(written(program(model(MODELS["chain"]))))
    (tmp_path / "m.c").write_text(text)
    command = [compiler("cc", "gcc", "clang"), *STRICT, flag, "-c", "m.c", "-o", "m.o"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "-ffast-math" in run.stderr


SANITIZED = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
ARM = ("aarch64-linux-gnu-gcc", "qemu-aarch64")


def check_program(made: Model, folder: Path, *flags: str, cc: str, under: tuple[str, ...] = ()) -> None:
    """Hold the same of a program."""
    file = written(program(made))
    rows, wanted = rows_of(made, 2)
    for found, one in zip(ran(file, rows, folder, *flags, cc=cc, under=under), wanted, strict=True):
        agree(found, one)


def test_a_sanitizer_finds_nothing(tmp_path: Path) -> None:
    check_program(model(MODELS["chain"]), tmp_path, *SANITIZED, cc=compiler("gcc", "clang"))


ALL = [name for name in (*MODELS, *CONVOLVED) if name != "lengths"]


def named(name: str) -> Model:
    return model(MODELS[name]) if name in MODELS else convolved(*CONVOLVED[name])


@pytest.mark.slow
@pytest.mark.parametrize("cc", ["gcc", "clang"])
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("flags", ["-O0", "-O2", "-O3 -march=native", "-O3 -march=native -std=gnu99"])
def test_any_compiler_gives_them(name: str, cc: str, flags: str, tmp_path: Path) -> None:
    """GNU modes contract products and sums unless they are told not to."""
    check(named(name), tmp_path, *flags.split(), cc=compiler(cc))


@pytest.mark.slow
@pytest.mark.parametrize("cc", ["gcc", "clang"])
@pytest.mark.parametrize("name", ALL)
def test_no_sanitizer_finds_anything(name: str, cc: str, tmp_path: Path) -> None:
    check_program(named(name), tmp_path, *SANITIZED, cc=compiler(cc))


@pytest.mark.slow
@pytest.mark.parametrize("flags", ["-O0", "-O3", "-O3 -std=gnu99"])
@pytest.mark.parametrize("name", ALL)
def test_arm_gives_them(name: str, flags: str, tmp_path: Path) -> None:
    cc, runner = map(compiler, ARM)
    check_program(named(name), tmp_path, "-static", *flags.split(), cc=cc, under=(runner,))
