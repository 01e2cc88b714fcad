"""A file of JSON lines, one an epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from nnctl.callbacks.base import register
from nnctl.callbacks.inner_path import InnerPath
from nnctl.callbacks.log_file import LogFile, LogRow


@register
class JSONLogger(LogFile):
    """Write the logs of each epoch as one JSON object a line; what is not finite becomes null.

    Like the run's own `metrics.jsonl`, under a name of the user's. nnctl's own.
    """

    filename: InnerPath = "log.jsonl"
    """The file's name, inside the run directory."""

    def line(self, row: LogRow, names: Sequence[str]) -> str:
        return json.dumps({k: _finite(v) for k, v in row.items()}) + "\n"


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
