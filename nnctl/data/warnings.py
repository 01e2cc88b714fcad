"""Warnings about the data itself: what a config may say of its columns and surely does not mean.

They look at the table as it was read and at what was fitted on the training rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nnctl.core.errors import Problem
from nnctl.data.preprocessing import Preprocessing
from nnctl.data.roles import Roles
from nnctl.data.spec import DataSpec
from nnctl.data.table import Rows, Table


@dataclass(frozen=True)
class Fitted:
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


Check = Callable[[Fitted], Iterator[Problem]]

CHECKS: tuple[Check, ...] = ()


def data_warnings(fitted: Fitted) -> tuple[Problem, ...]:
    """What all the checks say; paths are those of the whole config."""
    return tuple(problem for check in CHECKS for problem in check(fitted))
