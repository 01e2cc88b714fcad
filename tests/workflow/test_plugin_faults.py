"""A plugin whose code raises: check, train and plan say its file, line and words, at the layer's place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.cli.command import environment

PLUGIN = """
from collections.abc import Mapping

from nnctl.constraints.base import ConstraintSpec, register as register_constraint
from nnctl.core.shapes import Shape
from nnctl.initializers.base import InitializerSpec, register as register_initializer
from nnctl.layers.base import Layer, Weight, register
from nnctl.ops.elementwise import multiply_row


@register
class Faulty(Layer):
    where: str

    def fault(self, where):
        if self.where == where:
            raise KeyError(f"no such {where}")

    def compute_output_shape(self, *inputs):
        self.fault("compute_output_shape")
        return inputs[0]

    def weights(self, *inputs):
        self.fault("weights")
        kind = Never() if self.where == "initializer" else Broken() if self.where == "sample" else Ones()
        return {"s": Weight((inputs[0][-1],), kind, constraint=Bound() if self.where == "apply" else None)}

    def call(self, ctx, *inputs):
        self.fault("call")
        return multiply_row(inputs[0], ctx.weights["missing" if self.where == "lookup" else "s"])


@register_initializer
class Never(InitializerSpec):
    def check_shape(self, shape):
        raise RuntimeError("no such initializer")


@register_initializer
class Broken(InitializerSpec):
    def sample(self, shape, dtype, key):
        raise RuntimeError("no such sample")


from nnctl.initializers.constant import Ones


@register_constraint
class Bound(ConstraintSpec):
    def apply(self, weight):
        raise RuntimeError("no such apply")
"""

CONFIG = """
nnctl: 1
plugins: [faulty.py]
data: {source: {type: csv, path: data.csv, target: y}, batch_size: 2}
model:
  layers:
    - {type: Faulty, where: WHERE}
    - {type: Dense, units: 1}
training: {loss: mse}
"""

CASES = [
    *(("check", w) for w in ("compute_output_shape", "weights", "call", "lookup", "initializer", "apply")),
    *(("train", w) for w in ("compute_output_shape", "call", "initializer", "apply", "sample")),
    ("plan", "call"),
]

RUN = """
import json, sys
from pathlib import Path
from tests.cli.command import nnctl
done = []
for command, where in json.loads(sys.argv[1]):
    Path("c.yaml").write_text(Path("given.yaml").read_text().replace("WHERE", where))
    result = nnctl(command, "c.yaml", "--allow-plugins")
    done.append([command, where, result.code, result.err])
print(json.dumps(done))
"""


def test_says_file_line_and_words(tmp_path: Path) -> None:
    """All in one process of its own: a plugin stays."""
    (tmp_path / "faulty.py").write_text(PLUGIN)
    (tmp_path / "data.csv").write_text("a,b,y\n1,2,3\n2,4,6\n3,5,1\n")
    (tmp_path / "given.yaml").write_text(CONFIG)
    ran = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(CASES)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(ran.stdout)
    assert len(found) == len(CASES)
    for command, where, code, err in found:
        assert code == 2, (command, where, err)
        (first,) = [line for line in err.splitlines() if "error:" in line]
        assert first.startswith("c.yaml:7:"), (command, where, err)
        assert "faulty.py:" in first
        assert ("'missing'" if where == "lookup" else f"no such {where}") in first
        assert "Traceback" not in err


LACKING = """
from nnctl.activations.elementwise import Elementwise
from nnctl.activations.base import register as activation
from nnctl.layers.base import Layer, register as layer
from nnctl.losses.base import LossSpec, register as loss
from nnctl.losses.termwise import Termwise

@layer
class NoShape(Layer):
    pass

@layer
class Misspelt(Layer):
    def compute_output_shape(self, x):
        return self.unit

@loss
class NoTarget(LossSpec):
    pass

@loss
class NoSlope(Termwise):
    @staticmethod
    def term(y_true: float, y_pred: float) -> float:
        return abs(y_true - y_pred)

@activation
class NoSlopeEither(Elementwise):
    between = (-1.0, 1.0)

    @staticmethod
    def value(x: float) -> float:
        return x
"""


def test_what_a_class_should_have(tmp_path: Path) -> None:
    """A method that the base only names and a formula that is not there, at the class or where it is used."""
    (tmp_path / "faulty.py").write_text(LACKING)
    (tmp_path / "data.csv").write_text("a,b,y\n1,2,3\n2,4,6\n3,5,1\n")
    (tmp_path / "given.yaml").write_text(CONFIG.replace("{type: Faulty, where: WHERE}", "Flatten"))
    code = """
import json, sys
from tests.cli.command import nnctl
said = [nnctl("check", "given.yaml", "--allow-plugins", "--set", s) for s in json.loads(sys.argv[1])]
print(json.dumps([[s.code, s.err] for s in said]))
"""
    cases = {
        "model.layers.0=NoShape": "error: layer 'no_shape': NoShape has no 'compute_output_shape'",
        "model.layers.0=Misspelt": "raised AttributeError: 'Misspelt' object has no attribute 'unit' (",
        "training.loss=NoTarget": "faulty.py:18:1: error: NoTarget has no 'target', which",
        "training.loss=NoSlope": "faulty.py:22:1: error: NoSlope has no 'slope', which its base class wants",
        "model.layers.1.activation=NoSlopeEither": "faulty.py:28:1: error: NoSlopeEither has no 'slope'",
    }
    ran = subprocess.run(
        [sys.executable, "-c", code, json.dumps([*cases])],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    for (exit_code, err), expected in zip(json.loads(ran.stdout), cases.values(), strict=True):
        assert (exit_code, expected in err, "Traceback" in err) == (2, True, False), err
