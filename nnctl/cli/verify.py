"""`nnctl verify RUN`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnctl.cli.options import JsonOption, Plugins, QuietOption, RunArgument, Threads


def command(
    run: RunArgument,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="Where the training data is now, if it or the run was moved: a file or a directory.",
            show_default=False,
        ),
    ] = None,
    threads: Threads = None,
    allow_plugins: Plugins = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train a run again from what it recorded and compare the bits; exit code 4 where they differ.

    It is then trained twice more, to tell whether this machine agrees with itself.
    """
    from nnctl.cli.output import write_json, write_lines
    from nnctl.report.bisect import verify_lines
    from nnctl.report.progress import progress
    from nnctl.workflow.verify import verify

    with progress(quiet=quiet) as show:
        result = verify(run, data=data, threads=threads, allow_plugins=allow_plugins, watch=show)
    if json:
        write_json(result.as_json())
    else:
        write_lines(verify_lines(result))
    raise typer.Exit(0 if result.holds else 4)
