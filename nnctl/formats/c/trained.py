"""A trained model as one C file: its prediction, what makes inputs of rows, what makes outputs readable."""

from __future__ import annotations

from collections.abc import Iterator

from nnctl.formats.c.columns import Columns, Preparation, columns_of
from nnctl.formats.c.model import ModelFile, Section
from nnctl.formats.c.program import one_example
from nnctl.formats.c.shown import Shown, shown_outputs
from nnctl.formats.c.table_program import Given, Made, table_program
from nnctl.formats.c.text import comment, wrapped
from nnctl.formats.exports.base import TrainedModel
from nnctl.formats.outputs import class_names


def c_file(model: TrainedModel) -> ModelFile:
    """The C of a trained model.

    Raises:
        ConfigError: it holds what C cannot have; the message names it.
    """
    program = one_example(model.graph, model.weights, model.dtype, model.direct_convolution)
    file = ModelFile(program, model.name, list(_about(model)))
    shown = shown_outputs(file.writer, program.outputs, model.preprocessing, model.objective)
    for output, how in shown.items():
        if how.lines:
            file.sections.append(_shown(file, output, how))
    columns = columns_of_model(model)
    if isinstance(columns, Columns):
        file.sections += _table(file, model, columns, shown)
    else:
        file.about += ["", *wrapped(f"Inputs are taken as nnctl prepares them, since {columns}.")]
    return file


def columns_of_model(model: TrainedModel) -> Columns | str:
    """The columns that a row of a table has; or in words why inputs are taken prepared."""
    inputs = {n: tuple(k or 0 for k in info.shape) for n, info in model.graph.inputs.items()}
    return columns_of(model.preprocessing, inputs)


def _about(model: TrainedModel) -> Iterator[str]:
    """What the comment at the top says of a model."""
    yield f"{model.name}: the prediction of one example, with the bits that nnctl gives."
    yield f"Written by `nnctl export --format c`; weights_sha256 {model.weights_sha256}"
    yield ""
    yield "Compile as C99 (-std=c99), with -O3 and for a processor with fused multiply-adds (on x86:"
    yield "-march=native or -mfma): without them they are library calls, exact too, but slow. Link with -lm."
    for output, classes in class_names(model.objective, model.preprocessing).items():
        yield ""
        yield from wrapped(f"Classes of the output '{output}', in order: {', '.join(classes)}")


def _shown(file: ModelFile, output: str, how: Shown) -> Section:
    """The function that makes an output readable."""
    called, kind = file.outputs[output], "double" if file.program.dtype == "float64" else "float"
    size = file.program.outputs[output].type.size
    what = "probabilities" if how.told.classes is not None else "in the unit of the data"
    prototype = f"void {file.name}_{called}_shown(const {kind} x[{size}], {kind} y[{how.count}])"
    return Section(
        prototype,
        [f"  y: the output '{output}' as a user reads it: {what}"],
        [f"{prototype} {{", *(f"    {line}" for line in how.lines), "}"],
    )


def _table(
    file: ModelFile, model: TrainedModel, columns: Columns, shown: dict[str, Shown]
) -> Iterator[Section]:
    preprocessing, program = model.preprocessing, file.program
    made = Preparation(file.writer, file.name, columns, preprocessing, file.inputs)
    body = list(made.body())
    told = ["  0, or the number of the column (numbers first, from 1) whose value nothing prepares for"]
    if preprocessing.window is not None:
        told.append(f"  step: the row's place among the {preprocessing.window.length} of an example, from 0")
    told += [f"  {line}" for line in columns.told()]
    lines = [*made.data, f"{made.prototype} {{", *(f"    {line}" for line in body), "}"]
    yield Section(made.prototype, told, lines)
    if all(width == 1 for width in columns.numbers.values()) and _no_groups(model):
        inputs = {
            name: Given(file.inputs[name], made.kind(prep), program.inputs[name].type.size)
            for name, prep in preprocessing.inputs.items()
        }
        outputs = {
            name: Made(file.outputs[name], value.type.size, shown[name])
            for name, value in program.outputs.items()
        }
        lines = list(table_program(file.name, columns, preprocessing, inputs, outputs))
        about = comment("With -DNNCTL_MAIN it is a program that predicts the rows of a CSV file.")
        yield Section("", [about], lines)


def _no_groups(model: TrainedModel) -> bool:
    """Whether rows are no windows of several series."""
    window = model.preprocessing.window
    return window is None or window.group is None
