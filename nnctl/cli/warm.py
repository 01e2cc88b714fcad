"""`nnctl warm [CONFIG]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnctl.cli import complete
from nnctl.cli.options import JsonOption, Plugins, QuietOption, Threads


def command(
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="CONFIG",
            autocompletion=complete.configs,
            help="Compile what this config needs; default: what every model may need.",
        ),
    ] = None,
    key: Annotated[
        bool,
        typer.Option("--key", help="Compile nothing; print what the kernels follow from, as a cache's key."),
    ] = False,
    threads: Threads = None,
    allow_plugins: Plugins = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compile kernels into the cache ahead of time, for CI images."""
    from nnctl.cli.output import say, write_json, write_lines
    from nnctl.report.progress import progress
    from nnctl.workflow.warm import place, warm

    if key:
        found = place()
        if json:
            write_json(found)
        else:
            write_lines([str(found["key"])])
        return
    with progress(quiet=quiet) as show:
        result = warm(config, threads=threads, allow_plugins=allow_plugins, watch=show)
    if json:
        write_json(result)
    else:
        say(f"{result['kernels']} kernels ready, {result['compiled']} compiled now")
