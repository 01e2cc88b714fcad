"""Small data sets written to disk for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nnctl.data.columns.roles import Wanted, assign
from nnctl.data.fitting.all_columns import fit
from nnctl.data.open import Data, open_data
from nnctl.data.reading.given import table_of
from nnctl.data.spec import DataSpec
from nnctl.data.warnings.base import Evidence

PEOPLE = """age,hours,job,income,weight
31,40,clerk,low,1
NA,38.5,smith,high,2
45,,clerk,low,1
52,20,cook,high,0.5
23,60,smith,low,1
38,41,clerk,high,3
61,12,cook,low,1
29,44,smith,low,1
"""


def write(directory: Path, name: str, text: str) -> str:
    """Write a text file; its name."""
    (directory / name).write_text(text)
    return name


def opened(directory: Path, config: dict[str, Any], seed: int = 3, **wanted: Any) -> Data:
    """The data of a `data` section, opened."""
    return open_data(DataSpec.model_validate(config), directory, seed, **wanted)


def evidence(held: dict[str, Any], /, whole: bool = True, **data: Any) -> Evidence:
    """Columns as what warns of them sees them: all rows train, the target is `y`."""
    spec = DataSpec.model_validate({"source": "a.csv", "target": "y", **data})
    table, wanted = table_of(held), Wanted()
    rows, roles = np.arange(table.longest), assign(spec, table.names, wanted)
    return Evidence(spec, table, rows, roles, fit(table, rows, roles, spec, wanted), whole)
