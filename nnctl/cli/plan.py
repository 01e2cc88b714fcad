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
    ranks: Annotated[
        int | None,
        typer.Option("--ranks", min=1, help="Predict a step in up to so many processes.", show_default=False),
    ] = None,
    bandwidth: Annotated[
        str, typer.Option("--bandwidth", help="Of the network between them, each way: 10Gb, 1.25GB.")
    ] = "10Gb",
    latency: Annotated[str, typer.Option("--latency", help="Of a message between them.")] = "50us",
    per_machine: Annotated[
        int | None,
        typer.Option(
            "--per-machine",
            min=1,
            help="How many share a machine like this one; default: as its cores allow.",
            show_default=False,
        ),
    ] = None,
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
    from nnctl.report.plan import plan_lines, scale_lines
    from nnctl.workflow.plan import plan

    result = plan(
        config,
        overrides=set_ or (),
        seed=seed,
        threads=threads,
        allow_plugins=allow_plugins,
        strict=strict,
    )
    found = []
    if ranks is not None:
        from nnctl.workflow.scale import scales

        found = scales(
            config,
            ranks,
            bandwidth=bandwidth,
            latency=latency,
            beside=per_machine,
            overrides=set_ or (),
            seed=seed,
            threads=threads,
            allow_plugins=allow_plugins,
        )
    if json:
        more = {"ranks": [scale.as_json() for scale in found]} if ranks is not None else {}
        write_json(result.as_json(program=program) | more)
    else:
        show_warnings(result.warnings)
        write_lines(plan_lines(result, program=program))
        if ranks is not None:
            write_lines(scale_lines(found, bandwidth, latency))
