"""`nnctl predict RUN INPUT -o OUT`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnctl.cli.options import Force, Json, Plugins, Run, Threads


def command(
    run: Run,
    input_: Annotated[Path, typer.Argument(metavar="INPUT", help="A CSV, NPY, NPZ or HDF5 file.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="A .csv, .npy or .jsonl file; the ending decides.", show_default=False
        ),
    ],
    force: Force = False,
    threads: Threads = None,
    allow_plugins: Plugins = False,
    json: Json = False,
) -> None:
    """Write the model's predictions for every example of INPUT."""
    from nnctl.cli.output import write_json
    from nnctl.report.progress import progress
    from nnctl.workflow.predict import predict

    with progress() as show:
        result = predict(
            run, input_, output, force=force, threads=threads, allow_plugins=allow_plugins, watch=show
        )
    if json:
        write_json(result)
    else:
        typer.echo(f"{result['examples']} predictions in {result['output']}", err=True)
