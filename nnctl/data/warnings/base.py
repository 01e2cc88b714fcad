"""What a warning about data is: a function of the table as it was read and of what was fitted on its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nnctl.core.errors import Path, Problem
from nnctl.core.records import record
from nnctl.data.columns.roles import Roles, target_path
from nnctl.data.preprocessing import Preprocessing
from nnctl.data.spec import ONLY, DataSpec
from nnctl.data.table import Rows, Table


@record
class Evidence:
    """The data of an experiment after fitting.

    Attributes:
        rows: The rows of the training split.
        whole: Whether the table holds every row; False for the head of a large file.
    """

    spec: DataSpec
    table: Table
    rows: Rows
    roles: Roles
    preprocessing: Preprocessing
    whole: bool

    def column_path(self, name: str) -> Path:
        """Where the config speaks of a column: how it is prepared, what it feeds, or the source."""
        if name in self.spec.columns:
            return ("data", "columns", name)
        for output, targets in self.roles.targets.items():
            if name in targets:
                return ("data", "targets", output) if self.spec.targets else target_path(self.spec)
        default = ("data", "inputs" if self.spec.inputs else "source" if self.spec.source else "train")
        return self.input_path(name) or default

    def input_path(self, name: str) -> Path | None:
        """Where `inputs` names a column; None where no input does, but for a pattern."""
        for given, columns in (self.spec.inputs or {}).items():
            if name in columns:
                path: Path = ("data", "inputs") if given == ONLY else ("data", "inputs", given)
                return (*path, columns.index(name)) if len(columns) > 1 else path
        return None


DataCheck = Callable[[Evidence], Iterator[Problem]]
