"""`nnctl check CONFIG...`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnctl.cli import complete
from nnctl.cli.options import JsonOption, Plugins, SeedOption, Set, Strict

if TYPE_CHECKING:
    from nnctl.core.errors import NnctlError
    from nnctl.workflow.check import Checked

MANY = 12
"""So many columns are named one by one."""


def command(
    configs: Annotated[
        list[Path],
        typer.Argument(
            metavar="CONFIG",
            help="One experiment or more: YAML files.",
            show_default=False,
            autocompletion=complete.configs,
        ),
    ],
    set_: Set = None,
    seed: SeedOption = None,
    allow_plugins: Plugins = False,
    strict: Strict = False,
    json: JsonOption = False,
) -> None:
    """Find everything that can be known to be wrong without training, the data's head included."""
    from nnctl.cli.output import write_json
    from nnctl.core.errors import NnctlError
    from nnctl.report.errors import show_error
    from nnctl.workflow.check import check_all

    found = check_all(configs, overrides=set_ or (), seed=seed, allow_plugins=allow_plugins, strict=strict)
    if len(configs) == 1 and isinstance(found[0], NnctlError):
        raise found[0]
    if json:
        rows = [_row(config, result) for config, result in zip(configs, found, strict=True)]
        write_json(rows[0] if len(rows) == 1 else {"valid": all(r["valid"] for r in rows), "configs": rows})
    for config, result in zip(configs, found, strict=True):
        if isinstance(result, NnctlError):
            show_error(result)
        elif not json:
            _tell(config, result)
    raise typer.Exit(next((result.exit_code for result in found if isinstance(result, NnctlError)), 0))


def _row(config: Path, result: Checked | NnctlError) -> dict[str, Any]:
    """What `--json` prints of one of several configs."""
    from nnctl.core.errors import NnctlError
    from nnctl.report.problems import error_json

    if isinstance(result, NnctlError):
        return {"config": str(config), "valid": False, **error_json(result)}
    return result.as_json()


def _tell(config: Path, result: Checked) -> None:
    """A config that has no errors, for people."""
    from nnctl.cli.output import say
    from nnctl.report.errors import show_warnings

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
