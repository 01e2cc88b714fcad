"""`nnctl import MODEL -o DIR`: named in the contract, not built yet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnctl.core.errors import ConfigError, Problem


def command(
    model: Annotated[Path, typer.Argument(help="A .keras, .h5 or model JSON file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The run directory to make.", show_default=False)],
) -> None:
    """Not in this version: a Keras model becomes a run directory."""
    raise ConfigError(Problem("this version of nnctl cannot import Keras models yet"))
