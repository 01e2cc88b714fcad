"""What benchmarks run still runs; how fast it is, no test says."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.workers.nnctl_steps import make


@pytest.mark.parametrize("name", ["mlp", "lstm"])
def test_a_training_that_is_timed_takes_steps(name: str) -> None:
    training = make(name, dropout=False)
    first = training.loss_of(training.step())
    second = training.loss_of(training.step())
    assert np.isfinite([first, second]).all()
    assert first != second
