"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnctl.cli import complete

Config = Annotated[
    Path,
    typer.Argument(
        metavar="CONFIG",
        help="The experiment's YAML file.",
        show_default=False,
        autocompletion=complete.configs,
    ),
]
RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run directory, a name under runs/ (its newest run), or a checkpoint file.",
        show_default=False,
        autocompletion=complete.runs,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a value, e.g. training.epochs=3. Repeatable.",
        show_default=False,
    ),
]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Override the seed.", show_default=False)]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads", help="Threads to use; default: the cores this process may use.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only errors and the result.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")]
Plugins = Annotated[
    bool, typer.Option("--allow-plugins", help="Run the code of the plugins that the config names.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Take warnings as errors.")]
