"""`nnctl bisect A B`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnctl.cli import complete
from nnctl.cli.options import JsonOption, Plugins, QuietOption


def command(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="A run: its directory, or a name under runs/ (its newest run); or a record.",
            show_default=False,
            autocompletion=complete.runs,
        ),
    ],
    b: Annotated[
        str,
        typer.Argument(
            metavar="B",
            help="Another run, the same one, or a record (*.record.json).",
            show_default=False,
            autocompletion=complete.runs,
        ),
    ],
    python_a: Annotated[
        str | None,
        typer.Option(
            "--python-a",
            metavar="PYTHON",
            help="The interpreter whose nnctl trains A again, e.g. of an older version; default: this one.",
            show_default=False,
        ),
    ] = None,
    python_b: Annotated[
        str | None,
        typer.Option(
            "--python-b", metavar="PYTHON", help="The one whose nnctl trains B again.", show_default=False
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="Where the training data of both is now, if it or the runs were moved.",
            show_default=False,
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads",
            help="Threads of each of both; default: they share the cores of this process.",
            show_default=False,
        ),
    ] = None,
    allow_plugins: Plugins = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find the first step in which two runs differ, and in it the first layer and tensor.

    What the runs recorded is compared first. Then both are trained again, side by side. Exit code 4 where
    anything differs.
    """
    from nnctl.cli.output import write_json, write_lines
    from nnctl.report.bisect import bisect_lines
    from nnctl.report.progress import progress
    from nnctl.workflow.bisect import bisect

    with progress(quiet=quiet) as show:
        result = bisect(
            a,
            b,
            pythons=(python_a, python_b),
            data=data,
            threads=threads,
            allow_plugins=allow_plugins,
            watch=show,
        )
    if json:
        write_json(result.as_json())
    else:
        write_lines(bisect_lines(result))
    raise typer.Exit(4 if result.differs else 0)
