"""`nnctl check CONFIG`."""

from __future__ import annotations

from nnctl.cli.options import Config, JsonOption, Plugins, SeedOption, Set, Strict

MANY = 12
"""So many columns are named one by one."""


def command(
    config: Config,
    set_: Set = None,
    seed: SeedOption = None,
    allow_plugins: Plugins = False,
    strict: Strict = False,
    json: JsonOption = False,
) -> None:
    """Find everything that can be known to be wrong without training, the data's head included."""
    from nnctl.cli.output import say, write_json
    from nnctl.report.errors import show_warnings
    from nnctl.workflow.check import check

    result = check(config, overrides=set_ or (), seed=seed, allow_plugins=allow_plugins, strict=strict)
    if json:
        write_json(result.as_json())
        return
    show_warnings(result.warnings)
    for place, columns in result.summary["patterns"].items():
        say(f"{config}: data.{place} takes {_listed(columns)}")
    for note in result.summary["notes"]:
        say(f"{config}: {note}")
    say(f"{config}: {result.summary['summary']}")


def _listed(columns: list[str]) -> str:
    """The first and the last of many columns."""
    if len(columns) <= MANY:
        return ", ".join(columns) or "no column"
    return f"{', '.join(columns[: MANY - 2])}, ..., {columns[-1]} ({len(columns)} columns)"
