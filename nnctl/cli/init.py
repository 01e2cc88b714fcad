"""`nnctl init [TEMPLATE]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnctl.cli import complete
from nnctl.cli.options import Force, JsonOption


def command(
    template: Annotated[
        str,
        typer.Argument(
            metavar="TEMPLATE",
            autocompletion=complete.templates,
            help="What to start from.",
        ),
    ] = "table",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The config to write; default: TEMPLATE.yaml.", show_default=False
        ),
    ] = None,
    force: Force = False,
    json: JsonOption = False,
) -> None:
    """Write a commented config, with a small real data set beside it, that trains as it stands.

    There are table, regression, image, sequence, two-inputs, residual, siamese, autoencoder, text,
    language-model and transformer.
    """
    from nnctl.cli.output import say, write_json
    from nnctl.workflow.init import init

    written = init(template, output, force=force)
    if json:
        write_json({"config": str(written[0]), "written": [str(path) for path in written]})
        return
    for path in written:
        say(f"wrote {path}")
    say(f"next: nnctl train {written[0]}")
