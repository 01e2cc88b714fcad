"""`nnctl inspect FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnctl.cli.options import JsonOption


def command(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A model's file, of nnctl or of another tool.", show_default=False
        ),
    ],
    json: JsonOption = False,
) -> None:
    """Show what is in a model's file, and what of it would not come over, without importing it."""
    from nnctl.cli.output import write_json, write_lines
    from nnctl.report.imports import inspect_lines
    from nnctl.workflow.inspect_model import inspect_model

    result = inspect_model(file)
    if json:
        write_json(result.as_json())
    else:
        write_lines(inspect_lines(result))
