"""`nnctl export RUN --format F -o PATH`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from nnctl.cli.options import Force, JsonOption, Plugins, RunArgument

Format = Literal["yaml", "json", "h5", "keras", "npz"]


def command(
    run: RunArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.", show_default=False)],
    format_: Annotated[Format, typer.Option("--format", "-f", help="What to write.", show_default=False)],
    force: Force = False,
    allow_plugins: Plugins = False,
    json: JsonOption = False,
) -> None:
    """Write a run's model for others: its structure (yaml, json), weights (h5, npz), or both (keras)."""
    from nnctl.cli.output import say, write_json
    from nnctl.workflow.export import export

    result = export(run, format_, output, force=force, allow_plugins=allow_plugins)
    if json:
        write_json(result)
    else:
        say(f"{result['format']} in {result['output']}; {result['hint']}")
