"""`nnctl train CONFIG --folds N --seeds N`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnctl.core.errors import ConfigError, Problem
from nnctl.ranks.base import Ranks


def repeated(config: Path, ranks: Ranks, *, json: bool, quiet: bool, **how: Any) -> int:
    """Train several runs of one config, and say what they come to; the exit code."""
    from nnctl.cli.output import say, write_json, write_lines
    from nnctl.report.repeats import repeat_line, repeat_lines
    from nnctl.workflow.repeats import repeat

    if ranks.size > 1:
        raise ConfigError(
            Problem(
                "folds and seeds are trained in processes of their own", expected="--jobs, not a launcher"
            )
        )
    found = repeat(
        config,
        watch=lambda part, ended: None if quiet else say(repeat_line(part, ended)),
        **how,
    )
    if json:
        write_json(found.as_json())
    else:
        write_lines(repeat_lines(found))
    return found.exit_code
