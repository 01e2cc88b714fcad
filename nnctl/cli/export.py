"""`nnctl export RUN --format F -o PATH`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnctl.cli import complete
from nnctl.cli.options import Force, JsonOption, Plugins, RunArgument
from nnctl.formats.exports.base import formats

FormatOption = Annotated[
    str,
    typer.Option(
        "--format",
        "-f",
        metavar="|".join(formats.declared()),
        help="What to write.",
        show_default=False,
        autocompletion=complete.export_formats,
    ),
]


def command(
    run: RunArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.", show_default=False)],
    format_: FormatOption,
    weights_only: Annotated[
        bool, typer.Option("--weights-only", help="Only the weights: h5 as Keras's .weights.h5.")
    ] = False,
    force: Force = False,
    allow_plugins: Plugins = False,
    json: JsonOption = False,
) -> None:
    """Write a run's model for others: its structure, its weights, or both."""
    from nnctl.cli.output import say, write_json
    from nnctl.workflow.export import export

    result = export(run, format_, output, weights_only=weights_only, force=force, allow_plugins=allow_plugins)
    if json:
        write_json(result)
    else:
        say(f"{result['format']} in {result['output']}; {result['hint']}")
        say(f"keeps: {'; '.join(result['keeps'])}. loses: {'; '.join(result['loses'])}")
