"""A plugin that raises is told by its file, line and message, wherever it is called; exit code 2."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nnctl.workflow import plugins
from tests.cli.command import ROOT, Result, nnctl

WHOLE = (ROOT / "docs" / "examples" / "feature_scale.py").read_text()


@pytest.fixture
def place(here: Path) -> Iterator[Path]:
    """A directory with a config that uses a layer of its own; what was loaded is forgotten afterwards."""
    text = (ROOT / "docs" / "examples" / "feature_scale.yaml").read_text()
    (here / "scale.yaml").write_text(
        text.replace("../../configs/", "").replace("feature_scale.py", "scale.py")
    )
    yield here
    from nnctl.layers.base import layers

    sys.modules.pop("nnctl_plugin_scale", None)
    layers._classes.pop("FeatureScale", None)
    layers._aliases.pop("feature_scale", None)


def said(place: Path, old: str, new: str, command: str = "train") -> Result:
    """What a command says of the plugin with `new` in place of `old`."""
    assert old in WHOLE
    (place / "scale.py").write_text(WHOLE.replace(old, new, 1))
    return nnctl(
        command, "scale.yaml", "--allow-plugins", *(["--run-dir", "run"] * (command == "train")), cwd=place
    )


@pytest.mark.parametrize("command", ["check", "train"])
def test_in_what_is_called_when_the_graph_is_built(place: Path, command: str) -> None:
    for function, before in (("output_shape", "        need_known("), ("weights", "        features =")):
        sys.modules.pop("nnctl_plugin_scale", None)
        done = said(place, before, f"        raise KeyError('what I forgot')\n{before}", command)
        assert_told(place, done, function)
    assert not (place / "run").exists()


def test_in_what_is_called_when_the_program_is_made(place: Path) -> None:
    done = said(
        place, "        return multiply", "        raise KeyError('what I forgot')\n        return multiply"
    )
    assert_told(place, done, "call")


def assert_told(place: Path, done: Result, function: str) -> None:
    code = "        raise KeyError('what I forgot')"
    line = (place / "scale.py").read_text().splitlines().index(code) + 1
    assert done.code == 2
    assert f"{place}/scale.py:{line}" in done.err
    assert "KeyError: 'what I forgot'" in done.err
    assert f"in {function}" in done.err
    assert "Traceback" not in done.err


def test_in_what_it_calls_of_nnctl(place: Path) -> None:
    """The plugin's own line is the place, not the one inside nnctl."""
    done = said(place, "multiply_row(inputs[0], ", "multiply_row(inputs, ")
    line = WHOLE[: WHOLE.index("multiply_row(inputs[0]")].count("\n") + 1
    assert done.code == 2
    assert f"{place}/scale.py:{line}" in done.err
    assert "in call" in done.err
    assert "AttributeError" in done.err


AT_IMPORT = {
    "undefined\n": ":1: NameError: name 'undefined' is not defined",
    "x = 1\ndef f(:\n": ":2: SyntaxError: invalid syntax",
    "import nothere\n": ":1: ModuleNotFoundError: No module named 'nothere'",
    "import sys\nsys.exit(0)\n": ":2: SystemExit: 0",
    "def f():\n    raise ValueError\n\n\nf()\n": ":2: ValueError",
}


@pytest.mark.parametrize("text", AT_IMPORT)
def test_when_it_is_imported(place: Path, text: str) -> None:
    (place / "scale.py").write_text(text)
    done = nnctl("check", "scale.yaml", "--allow-plugins", cwd=place)
    assert done.code == 2
    first = done.err.splitlines()[0]
    assert (
        first == f"scale.yaml:4:11: error: cannot import plugin 'scale.py': {place}/scale.py{AT_IMPORT[text]}"
    )


def test_as_json(place: Path) -> None:
    (place / "scale.py").write_text(
        WHOLE.replace("        features =", "        1 / 0\n        features =", 1)
    )
    done = nnctl("check", "scale.yaml", "--allow-plugins", "--json", cwd=place)
    (problem,) = json.loads(done.out)["problems"]
    line = WHOLE[: WHOLE.index("        features =")].count("\n") + 1
    assert f"{place}/scale.py:{line}" in problem["message"]
    assert "ZeroDivisionError: division by zero" in problem["message"]


def test_a_traceback_for_those_who_want_one(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNCTL_TRACEBACK", "1")
    done = said(place, "        features =", "        raise KeyError('x')\n        features =", "check")
    assert done.code == 2
    assert "Traceback (most recent call last)" in done.err


def test_in_a_kernel_that_cannot_be_compiled(tmp_path: Path) -> None:
    """Numba's many lines name the place somewhere in the middle."""
    (tmp_path / "odd.py").write_text(
        "from nnctl.kernels.jit import kernel\n\n\n@kernel\ndef odd(x):\n    x[0] = x.no_such_thing\n"
    )
    plugins.allow_named(["odd.py"], tmp_path, True)
    with pytest.raises(Exception) as caught:
        sys.modules["nnctl_plugin_odd"].odd(np.zeros(3))
    error = plugins.plugin_error(caught.value)
    assert error is not None
    (problem,) = error.problems
    assert problem.place is not None
    assert (problem.place.file, problem.place.line) == (f"{tmp_path}/odd.py", 6)
    assert problem.message.startswith("a plugin's kernel cannot be compiled: TypingError: ")
    assert len(problem.message) < 400


def test_the_innermost_of_its_own_functions_is_told(tmp_path: Path) -> None:
    (tmp_path / "deep.py").write_text(
        "def outer():\n    middle()\n\n\ndef middle():\n    inner()\n\n\ndef inner():\n    return {}['x']\n"
    )
    plugins.allow_named(["deep.py"], tmp_path, True)
    with pytest.raises(KeyError) as caught:
        sys.modules["nnctl_plugin_deep"].outer()
    error = plugins.plugin_error(caught.value)
    assert error is not None
    (problem,) = error.problems
    assert problem.message == "in inner of a plugin: KeyError: 'x'"
    assert problem.place is not None
    assert (problem.place.file, problem.place.line, problem.place.column) == (f"{tmp_path}/deep.py", 10, 12)


def test_other_faults_are_nnctls_own() -> None:
    with pytest.raises(KeyError) as caught:
        {}["nothing to do with plugins"]
    assert plugins.plugin_error(caught.value) is None
