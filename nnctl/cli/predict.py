"""`nnctl predict RUN INPUT -o OUT`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from nnctl.cli.options import Force, JsonOption, Plugins, RunArgument, Threads
from nnctl.formats.predictions.base import endings, formats

*_OTHERS, _LAST = endings(formats.declared())
_OUTPUT = f"A {', '.join(_OTHERS)} or {_LAST} file; the ending decides."


def command(
    run: RunArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help=_OUTPUT, show_default=False)],
    input_: Annotated[
        Path | None,
        typer.Argument(
            metavar="INPUT",
            help="A CSV, NPY, NPZ or HDF5 file; with --split, where the training data is now.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        Literal["train", "validation", "test"] | None,
        typer.Option("--split", help="Predict a split of the run's own data.", show_default=False),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep",
            metavar="COLUMN",
            help="Carry a column over, such as an id or a time; `row` is the row's number. Repeatable.",
            show_default=False,
        ),
    ] = None,
    force: Force = False,
    threads: Threads = None,
    allow_plugins: Plugins = False,
    json: JsonOption = False,
) -> None:
    """Write the model's predictions for every example of INPUT, or of a split."""
    from nnctl.cli.output import say, write_json
    from nnctl.report.progress import progress
    from nnctl.workflow.predict import predict

    with progress() as show:
        result = predict(
            run,
            input_,
            output,
            split=split,
            keep=keep or (),
            force=force,
            threads=threads,
            allow_plugins=allow_plugins,
            watch=show,
        )
    if json:
        write_json(result)
    else:
        say(f"{result['examples']} predictions in {result['output']}")
