"""A row's prediction has the same bits in whatever batch it stands, with each kind of model we measure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmarks.workloads import WORKLOADS
from nnctl.core.arrays import Array
from nnctl.program.session import Session
from nnctl.workflow.assemble import assemble

EVERY_DAY = ("odd", "cnn", "depthwise", "fcn1d", "lstm2", "bilstm", "text", "convlstm", "causal")
"""Products of one row, direct, Winograd's and depthwise convolutions, pooling, recurrences, attention."""

ALL = [pytest.param(name, marks=() if name in EVERY_DAY else pytest.mark.slow, id=name) for name in WORKLOADS]


def predicted(session: Session, inputs: dict[str, Array], start: int, stop: int) -> Array:
    """What is predicted for some of the rows, as a batch of their own."""
    given = {name: array[start:stop] for name, array in inputs.items()}
    program = session.prediction({name: array.shape for name, array in given.items()})
    for _ in range(2):  # the second time with what the weights made the first time
        for name, array in given.items():
            program.inputs[f"input:{name}"][...] = array
        program.run_again()
    (made,) = program.outputs.values()
    return made.copy()


@pytest.mark.parametrize("name", ALL)
def test_rows_alone_and_in_batches(name: str, tmp_path: Path) -> None:
    workload = WORKLOADS[name]
    workload.write(tmp_path / "rows.npz")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(workload.config("rows.npz", dropout=False)))
    session = assemble(tmp_path / "config.yaml").session(2)
    session.initialize()
    rng = np.random.default_rng(3)
    for key, array in session.weights.arrays.items():
        if "variance" not in key:  # biases and moving means are no zeros, as after training
            array += (0.05 * rng.standard_normal(array.shape)).astype(array.dtype)
    rows = 300 if name in ("odd", "text") else 25
    inputs, _ = workload.batches(rows)[0]
    whole = predicted(session, inputs, 0, rows)
    assert np.isfinite(whole).all()
    assert len(np.unique(whole)) > 2
    for size in (1, 7, 17):
        for start in (0, rows - size):
            own = predicted(session, inputs, start, start + size)
            assert np.array_equal(own, whole[start : start + size]), f"{size} rows from row {start} on"
