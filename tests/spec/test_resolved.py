"""The resolved config loads back to an equal experiment; its hash; model files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import nnctl
from nnctl.core.errors import ConfigError, Problem
from nnctl.spec.load import load, load_data, load_model, with_model
from nnctl.spec.output.resolved import config_sha256, resolved_text

from .conftest import GOOD, Load, said
from .test_names import GRAPH


@pytest.mark.parametrize("text", [GOOD, GRAPH])
def test_it_loads_back_to_an_equal_experiment(loads: Load, text: str) -> None:
    loaded = loads(text)
    resolved = resolved_text(loaded)
    again = loads(resolved)
    assert again.experiment == loaded.experiment
    assert resolved_text(again) == resolved
    assert config_sha256(again.experiment) == config_sha256(loaded.experiment)


def test_the_hash_ignores_spelling_and_sees_values(loads: Load) -> None:
    first = config_sha256(loads(GOOD).experiment)
    assert first == config_sha256(loads(GOOD.replace("seed: 7 ", "seed: 0x7 ") + "# more\n").experiment)
    assert first == config_sha256(loads(GOOD + "dtype: float32\n").experiment)
    assert first != config_sha256(loads(GOOD, seed=8).experiment)


def test_paths_lead_to_the_same_files_from_elsewhere(loads: Load, tmp_path: Path) -> None:
    loaded = loads(GOOD)
    run = tmp_path / "runs" / "c" / "1"
    run.mkdir(parents=True)
    (run / "resolved.yaml").write_text(resolved_text(loaded, run))
    again = load(run / "resolved.yaml")
    assert again.experiment.data.source.path == "../../../data/digits.csv.gz"
    assert again.experiment.model == loaded.experiment.model


def test_a_model_from_a_file(loads: Load, tmp_path: Path) -> None:
    head = GOOD[: GOOD.index("  inputs:")] + "  path: m.json\n" + GOOD[GOOD.index("training:") :]
    loaded = loads(head)
    with pytest.raises(ConfigError) as caught:
        with_model(loaded)
    assert said(caught.value.problems) == ["9:9 there is no file m.json"]
    (tmp_path / "m.json").write_text('{"inputs": {"x": [4]}, "layers": [{"type": "Dense", "unit": 3}]}')
    with pytest.raises(ConfigError) as caught:
        with_model(loaded)
    assert said(caught.value.problems) == [
        "1:35 Dense needs 'units'",
        "1:53 Dense has no key 'unit'",
    ]
    (tmp_path / "m.json").write_text('{"inputs": {"x": [4]}, "layers": [{"type": "Dense", "units": 3}]}')
    model = with_model(loaded)
    assert model.inputs is not None
    assert model.inputs["x"].shape == (4,)
    (tmp_path / "m.yaml").write_text("path: m.json\n")
    with pytest.raises(ConfigError, match="not another path"):
        load_model("m.yaml")
    (tmp_path / "m.yaml").write_text("initial_weights: run\nlayers: [{type: Dense, units: 3}]\n")
    with pytest.raises(ConfigError, match="does not say which weights") as caught:
        load_model("m.yaml")
    assert caught.value.problems[0].path == ("initial_weights",)


def test_loading_imports_nothing_heavy(loads: Load) -> None:
    loads(GOOD)
    code = (
        "import sys; from nnctl.spec.load import load; load('c.yaml');"
        "print([m for m in ('numba', 'h5py', 'llvmlite', 'rich', 'typer') if m in sys.modules])"
    )
    root = str(Path(nnctl.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr


def test_a_config_that_a_file_holds(loads: Load) -> None:
    """Checked as any other; places are in its text."""
    loaded = loads(GOOD)
    file = Path("runs/model.nnctl")
    again = load_data(loaded.resolved(), file)
    assert again.experiment == loaded.experiment
    assert (again.file, again.directory, again.overrides, again.unknown) == (
        file, Path("runs"), (), frozenset(),
    )  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        load_data(loaded.resolved() | {"seed": -1}, file)
    (problem,) = caught.value.problems
    assert problem.place is not None
    assert (problem.message, problem.place.file) == ("'seed' cannot be -1", str(file))


def test_a_problem_found_later_is_placed(loads: Load) -> None:
    loaded = loads(GOOD)
    place = loaded.place(("training", "epochs"))
    assert (place.file, place.line, place.column) == ("c.yaml", 21, 11)
    assert loaded.place(("training", "epochs"), at_key=True).column == 3
    later = [Problem("second", ("training",)), Problem("first", ("seed",))]
    assert said(loaded.fail(later).problems) == ["3:7 first", "21:3 second"]


def test_plugins_that_are_files_are_found_from_elsewhere(loads: Load, tmp_path: Path) -> None:
    loaded = loads(GOOD + "plugins: [own.py, package.module]\n")
    assert "plugins: [../own.py, package.module]\n" in resolved_text(loaded, tmp_path / "runs")
    assert "plugins: [own.py, package.module]\n" in resolved_text(loaded)
    assert loads(GOOD + f"name: {'x' * 100}\n").experiment.name == "x" * 100
