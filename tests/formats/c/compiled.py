"""C files compiled and called here; where a compiler is not there, the test is skipped."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.formats.c.model import ModelFile
from nnctl.formats.c.program import OneExample, without_settled
from nnctl.formats.c.text import C_TYPES
from nnctl.ops.base import Graph, Value
from nnctl.program.bind import bind, compile_graph, new_arena
from tests.formats.models import Model
from tests.layers.harness import case
from tests.layers.keras_cases import Case

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")


def compiler(*names: str) -> str:
    """The first of these programs that is there; the test is skipped where none is."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"there is no {' or '.join(names)}")
    return found


def built(text: str, folder: Path, *flags: str, cc: str | None = None, name: str = "model.so") -> Path:
    """What the compiler makes of a file, without a warning."""
    source, made = folder / "model.c", folder / name
    source.write_text(text, encoding="utf-8")
    command = [cc or compiler("cc", "gcc", "clang"), *STRICT, *flags, str(source), "-o", str(made), "-lm"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{command}\n{run.stderr}"
    return made


def written(program: OneExample, name: str = "model") -> ModelFile:
    """The C of a program."""
    return ModelFile(program, name, ["A test's."])


def text_of(file: ModelFile) -> str:
    return "\n".join([*file.lines(), ""])


def called(library: Path, file: ModelFile, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs of one example, (1, ...) each."""
    function = getattr(ctypes.CDLL(str(library)), f"{file.name}_predict")
    function.restype = None
    given = [np.ascontiguousarray(inputs[name], v.dtype) for name, v in file.program.inputs.items()]
    outputs = {name: np.empty(v.shape, v.dtype) for name, v in file.program.outputs.items()}
    function(*(ctypes.c_void_p(array.ctypes.data) for array in (*given, *outputs.values())))
    return outputs


def ran(
    file: ModelFile,
    rows: Sequence[Mapping[str, Array]],
    folder: Path,
    *flags: str,
    cc: str | None = None,
    under: Sequence[str] = (),
) -> list[dict[str, Array]]:
    """The outputs of examples, by a program of its own: what a sanitizer, or another machine's code, needs.

    Args:
        under: What runs the program.
    """
    made = built(text_of(file) + _driver(file), folder, *flags, cc=cc, name="model")
    given = b"".join(np.asarray(row[n], v.dtype).tobytes() for row in rows for n, v in _inputs(file))
    run = subprocess.run([*under, str(made)], input=given, capture_output=True, check=False)
    assert (run.returncode, run.stderr) == (0, b""), run.stderr.decode()
    found, at = [], 0
    for _ in rows:
        outputs = {}
        for name, value in file.program.outputs.items():
            array = np.frombuffer(run.stdout, value.dtype, value.type.size, at)
            outputs[name], at = array.reshape(value.shape), at + array.nbytes
        found.append(outputs)
    assert at == len(run.stdout)
    return found


def _inputs(file: ModelFile) -> list[tuple[str, Value]]:
    return list(file.program.inputs.items())


def _driver(file: ModelFile) -> str:
    """A program that reads the bytes of inputs, example by example, and writes those of outputs."""
    arrays = {f"given{i}": v for i, v in enumerate(file.program.inputs.values())}
    made = {f"made{i}": v for i, v in enumerate(file.program.outputs.values())}
    declared = [f"static {C_TYPES[v.dtype]} {n}[{v.type.size}];" for n, v in (arrays | made).items()]
    reads = [f"fread({n}, sizeof {n}, 1, stdin) == 1" for n in arrays]
    writes = [f"fwrite({n}, sizeof {n}, 1, stdout);" for n in made]
    call = f"{file.name}_predict({', '.join([*arrays, *made])});"
    lines = ["#include <stdio.h>", *declared, "int main(void) {", f"while ({' && '.join(reads)}) {{", call]
    return "\n".join([*lines, *writes, "}", "return 0;", "}", ""])


def same_bits(found: Array, wanted: Array) -> bool:
    """Whether all bits are the same, but those of what is no number."""
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        return False
    if found.dtype.kind == "f":
        found, wanted = (np.where(np.isnan(a), a.dtype.type(np.nan), a) for a in (found, wanted))
    return found.tobytes() == wanted.tobytes()


def layer_program(
    entry: Case, dtype: str = "float32"
) -> tuple[OneExample, dict[str, Array], dict[str, Array]]:
    """A layer's program over one example in inference, what it is given, and nnctl's own outputs."""
    config, shapes, options = entry
    taken = {k: v for k, v in options.items() if k not in ("gradients", "training", "batch")}
    made = case(config, shapes, dtype=dtype, batch=1, **taken)
    arrays, state = made._arrays()
    del arrays["step"]
    graph = Graph(dtype, inference=True)
    values: dict[str, Value] = {k: graph.input(k, a.shape, a.dtype.name) for k, a in arrays.items()}
    values |= {k: graph.variable(k, a.shape, a.dtype.name) for k, a in state.items()}
    outs = made._call(values, True)
    count, losses, _ = made._counts
    outputs = {f"y{i}": y for i, y in enumerate([*outs[:count], *outs[count + losses :]])}
    program, wanted = of_graph(graph, outputs, arrays, state)
    return program, arrays, wanted


def of_graph(
    graph: Graph,
    outputs: Mapping[str, Value],
    inputs: Mapping[str, Array],
    state: Mapping[str, Array] | None = None,
) -> tuple[OneExample, dict[str, Array]]:
    """The program of an op graph, and nnctl's own outputs."""
    compiled = compile_graph(graph, outputs)
    memory = {name: array.copy() for name, array in (state or {}).items()}
    bound = bind(compiled, new_arena(compiled.plan.size), memory)
    program = without_settled(compiled, bound)
    for name, array in inputs.items():
        bound.inputs[name][...] = array
    bound.run()
    return program, {name: array.copy() for name, array in bound.outputs.items()}


def rows_of(
    model: Model, count: int, **options: Any
) -> tuple[list[dict[str, Array]], list[dict[str, Array]]]:
    """Examples one by one, and what nnctl predicts of each of them among the others."""
    inputs = model.inputs(count, **options)
    outputs = model.predict(inputs)
    rows = range(count)
    return [_row(inputs, r) for r in rows], [_row(outputs, r) for r in rows]


def _row(arrays: Mapping[str, Array], row: int) -> dict[str, Array]:
    return {name: array[row : row + 1] for name, array in arrays.items()}


def agree(found: Mapping[str, Array], wanted: Mapping[str, Array], what: Sequence[Any] = ()) -> None:
    """Hold that all outputs have the same bits."""
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert same_bits(found[name], array), (*what, name, found[name], array)
