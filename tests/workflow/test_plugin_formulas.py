"""Formulas of plugins: compiled like nnctl's own, and what is none is found by `check`, at its line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.cli.command import environment

PLUGIN = """
from nnctl.activations import base as activations
from nnctl.activations.elementwise import Elementwise
from nnctl.core.ranges import ANY
from nnctl.kernels.functions import exp
from nnctl.losses import base as losses
from nnctl.losses.termwise import Termwise
from nnctl.optimizers import base as optimizers
from nnctl.optimizers.gradient import GradientOptimizer


@activations.register
class plugin_swish(Elementwise):
    between = ANY
    steepness: float = 1.0

    @staticmethod
    def value(x, steepness):
        return x / (1 + exp(-steepness * x))

    @staticmethod
    def slope(x, steepness):
        y = 1 / (1 + exp(-steepness * x))
        return y * (1 + steepness * x * (1 - y))


@activations.register
class plugin_square(Elementwise):
    between = ANY

    @staticmethod
    def value(x):
        return x**2  # powers

    @staticmethod
    def slope(x):
        return 2 * x


@losses.register
class PluginQuartic(Termwise):
    @staticmethod
    def term(y_true, y_pred):
        d = y_pred - y_true
        return d * d * d * d

    @staticmethod
    def slope(y_true, y_pred, power):  # a name
        return 4 * y_pred


@optimizers.register
class PluginSteps(GradientOptimizer):
    def slots(self):
        return {}

    @staticmethod
    def after(w, g, rate):
        for _ in range(2):  # a loop
            w = w - rate * g
        return w
"""

CONFIG = """
nnctl: 1
plugins: [given.py]
data: {source: {type: csv, path: x.csv, target: y}, columns: {y: {type: number}}}
model:
  layers:
    - {type: Dense, units: 3, activation: {type: plugin_swish, steepness: 2}}
    - {type: Dense, units: 1}
training: {epochs: 2, loss: mse}
"""

WRONG = {
    "model.layers.0.activation=plugin_square": ("# powers", "formulas have no Pow"),
    "training.loss=PluginQuartic": ("# a name", "takes 'power', but no field of numbers is called so"),
    "training.optimizer=PluginSteps": ("# a loop", "formulas have no For"),
}

RUN = """
import json, sys
from tests.cli.command import nnctl
commands = [["train", "c.yaml", "--quiet", "--run-dir", "run"], ["verify", "run"]]
commands += [[c, "c.yaml", "--set", o] for o in json.loads(sys.argv[1]) for c in ("check", "train")]
done = [nnctl(*command, "--allow-plugins") for command in commands]
print(json.dumps([[r.code, r.err] for r in done]))
"""


def test_formulas_of_plugins(tmp_path: Path) -> None:
    """All in one process of its own: a plugin stays."""
    (tmp_path / "given.py").write_text(PLUGIN)
    (tmp_path / "x.csv").write_text("x,y\n" + "".join(f"{i / 10},{i % 3}\n" for i in range(40)))
    (tmp_path / "c.yaml").write_text(CONFIG)
    ran = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(list(WRONG))],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    trained, verified, *wrong = json.loads(ran.stdout)
    assert (trained[0], verified[0]) == (0, 0), trained[1] + verified[1]
    for at, (mark, words) in enumerate(WRONG.values()):
        line = next(n for n, text in enumerate(PLUGIN.split("\n"), 1) if mark in text)
        # What a function takes is told of where it begins, which is where it is decorated.
        line -= mark == "# a name"
        for code, err in wrong[2 * at : 2 * at + 2]:
            assert code == 2, err
            (first,) = [text for text in err.splitlines() if "error:" in text]
            assert f"given.py:{line}:" in first
            assert words in first
            assert "Traceback" not in err
    assert not (tmp_path / "runs").exists()
