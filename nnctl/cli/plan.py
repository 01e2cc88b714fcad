"""`nnctl plan CONFIG`."""

from __future__ import annotations

from typing import Annotated

import typer

from nnctl.cli.options import Config, JsonOption, Plugins, SeedOption, Set, Strict, Threads


def command(
    config: Config,
    program: Annotated[
        bool, typer.Option("--program", help="Show the compiled calls of a training step.")
    ] = False,
    set_: Set = None,
    seed: SeedOption = None,
    threads: Threads = None,
    allow_plugins: Plugins = False,
    strict: Strict = False,
    json: JsonOption = False,
) -> None:
    """Show layers, shapes, parameters, FLOPs and the exact peak memory of training CONFIG."""
    from nnctl.cli.output import write_json, write_lines
    from nnctl.report.errors import show_warnings
    from nnctl.report.plan import plan_lines
    from nnctl.workflow.plan import plan

    result = plan(
        config,
        overrides=set_ or (),
        seed=seed,
        threads=threads,
        allow_plugins=allow_plugins,
        strict=strict,
    )
    if json:
        write_json(result.as_json(program=program))
    else:
        show_warnings(result.warnings)
        write_lines(plan_lines(result, program=program))
