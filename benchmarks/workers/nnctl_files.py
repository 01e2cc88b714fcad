"""What the processes of a run share: examples, configs, first weights, models for Keras; made by nnctl.

`python -m benchmarks.workers.nnctl_files mlp cnn`: a process of its own, so that no memory of it is measured.
"""

from __future__ import annotations

import sys

import numpy as np
import yaml

from benchmarks.folder import config_of, place
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.base import Workload
from nnctl.formats.keras.archive import keras_archive
from nnctl.workflow.assemble import assemble


def write(workload: Workload) -> None:
    """Leave the files of a workload.

    Moving statistics are drawn: they begin at 0 and 1, where nobody would see what is done with them.
    """
    workload.write(place(f"{workload.name}.npz"))
    rng = np.random.default_rng(7)
    first = {}
    for dropout in sorted({False, workload.drops}):
        path = config_of(workload.name, dropout)
        path.write_text(yaml.safe_dump(workload.config(f"{workload.name}.npz", dropout)))
        assembled = assemble(path)
        session = assembled.session(1)
        weights = session.weights.arrays
        if not first:
            session.initialize()
            for name, array in weights.items():
                if name.endswith("moving_mean"):
                    array[...] = 0.1 * rng.standard_normal(array.shape)
                elif name.endswith("moving_variance"):
                    array[...] = rng.uniform(0.5, 1.5, array.shape)
            first = weights
            np.savez(place(f"{workload.name}-weights.npz"), **weights)
        written = assembled.loaded.experiment.model
        model = keras_archive(written, assembled.model, first, name=workload.name, dtype="float32")
        path.with_suffix(".keras").write_bytes(model)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write(WORKLOADS[name])
