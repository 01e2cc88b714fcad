"""The digits as every script reads them."""

from __future__ import annotations

import csv
import gzip
import json
import sys
from typing import Any

import numpy as np

Split = tuple[np.ndarray, np.ndarray]


def job() -> dict[str, Any]:
    """The job, given as JSON on the command line; see workers/digits_job.py."""
    described: dict[str, Any] = json.loads(sys.argv[1])
    return described


def read(job: dict[str, Any]) -> tuple[Split, Split, Split]:
    """Training, validation and test split of the table, shuffled; pixels divided as the config says."""
    with gzip.open(job["csv"], "rt", newline="") as file:
        rows = list(csv.reader(file))
    at = rows[0].index(job["target"])
    table = np.array(rows[1:], dtype=np.float32)
    x = np.delete(table, at, axis=1) / np.float32(job["scale"])
    y = table[:, at].astype(np.int32)
    order = np.random.default_rng(7).permutation(len(y))
    tests, validations = (round(len(y) * job[part]) for part in ("test", "validation"))
    test, validation, train = np.split(order, [tests, tests + validations])
    return (x[train], y[train]), (x[validation], y[validation]), (x[test], y[test])
