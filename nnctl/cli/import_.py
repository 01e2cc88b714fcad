"""`nnctl import MODEL -o DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnctl.cli.options import JsonOption

ModelFile = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help=(
            "A file of Keras 1, 2 or 3 (.keras, .h5, JSON, YAML) or ONNX; with --weights also a "
            "config of nnctl."
        ),
        show_default=False,
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        "-w",
        metavar="FILE",
        help="Where MODEL has only the structure: .weights.h5, .h5, .safetensors or .npz.",
        show_default=False,
    ),
]


def command(
    model: ModelFile,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="The run directory to make.", show_default=False),
    ],
    weights: Weights = None,
    json: JsonOption = False,
) -> None:
    """Make a run directory of a model that was made elsewhere; its config is written in nnctl's language."""
    from nnctl.cli.output import say, write_json
    from nnctl.report.imports import import_lines
    from nnctl.workflow.import_model import import_model

    result = import_model(model, output, weights=weights)
    if json:
        write_json(result.as_json())
    else:
        for line in import_lines(result):
            say(line)
