"""What programs are fed: inputs, outputs and weights each get their own numbers, whatever their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnctl.workflow.assemble import assemble
from nnctl.workflow.batch_reader import BatchReader

CONFIG = """
nnctl: 1
data:
  source: {{type: npz, path: d.npz}}
  inputs: {{{input}: x}}
  targets: {{{output}: y}}
  sample_weight: w
model: {{layers: [{{type: Dense, units: 3, name: {layer}}}], outputs: [{output}]}}
training: {{optimizer: sgd, loss: mse}}
"""


@pytest.mark.parametrize(
    ("input_", "output", "layer"),
    [("x", "o", "o"), ("sample_weight", "o", "o"), ("x", "sample_weight", "sample_weight")],
)
def test_names_that_meet(input_: str, output: str, layer: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y, w = (rng.random(s, dtype=np.float32) for s in ((11, 4), (11, 3), (11,)))
    np.savez(tmp_path / "d.npz", x=x, y=y, w=w)
    (tmp_path / "c.yaml").write_text(CONFIG.format(input=input_, output=output, layer=layer))
    data = assemble(tmp_path / "c.yaml").data
    out = {
        f"input:{input_}": np.zeros((5, 4), np.float32),
        f"target:{output}": np.zeros((5, 3), np.float32),
        f"sample_weight:{output}": np.zeros(5, np.float32),
        "step": np.zeros(1, np.uint64),
    }
    rows = np.array([3, 1, 4, 10, 5])
    BatchReader(data.train).read(rows, out)
    for found, given in zip(out.values(), (x, y, w), strict=False):
        np.testing.assert_array_equal(found, given[rows])


def test_an_input_that_is_an_output_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y, w = (rng.random(s, dtype=np.float32) for s in ((11, 4), (11, 4), (11,)))
    np.savez(tmp_path / "d.npz", x=x, y=y, w=w)
    text = CONFIG.format(input="x", output="x", layer="o").replace("[x]", "[x, o]")
    (tmp_path / "c.yaml").write_text(text.replace("loss: mse", "loss: {x: mse, o: null}"))
    out = {"input:x": np.zeros((2, 4), np.float32), "target:x": np.zeros((2, 4), np.float32)}
    BatchReader(assemble(tmp_path / "c.yaml").data.train).read(np.array([7, 2]), out)
    np.testing.assert_array_equal(out["input:x"], x[[7, 2]])
    np.testing.assert_array_equal(out["target:x"], y[[7, 2]])
