"""A plugin that raises is told by its file, line and message, wherever it is called; exit code 2."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
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
    for function, before in (
        ("compute_output_shape", "        self.need_known("),
        ("weights", "        features ="),
    ):
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
    done = said(place, "multiply_row(x, ", "multiply_row([x], ")
    line = WHOLE[: WHOLE.index("multiply_row(x")].count("\n") + 1
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
    assert (problem.place.file, problem.place.line, problem.place.column) == (f"{tmp_path}/odd.py", 6, 5)
    assert problem.place.text == "    x[0] = x.no_such_thing"
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


def test_a_package_is_a_plugin_with_all_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "many_layers" / "inner"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("from many_layers.inner.deep import fault\n")
    (folder / "__init__.py").write_text("")
    (folder / "deep.py").write_text("def fault():\n    return 1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    plugins.allow_named(["many_layers"], tmp_path, True)
    with pytest.raises(ZeroDivisionError) as caught:
        sys.modules["many_layers"].fault()
    error = plugins.plugin_error(caught.value)
    assert error is not None
    assert error.problems[0].place is not None
    assert error.problems[0].place.file == str(folder / "deep.py")


def test_a_frame_that_knows_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python may be told to keep none; of a line's columns it keeps none more often."""
    monkeypatch.setattr(plugins, "_plugins", {"x.py"})
    for line, column, place in ((None, None, (0, 1)), (3, None, (3, 1)), (3, 4, (3, 5))):
        frame = traceback.FrameSummary("x.py", line, "f", lookup_line=False, colno=column)  # type: ignore[arg-type]
        monkeypatch.setattr(plugins, "traceback", SimpleNamespace(extract_tb=lambda tb, frame=frame: [frame]))
        error = plugins.plugin_error(KeyError("x"))
        assert error is not None
        (problem,) = error.problems
        assert problem.place is not None
        assert (problem.place.line, problem.place.column, problem.place.text) == (*place, "")


@pytest.mark.parametrize("names", [None, [], (), "x.py", {"x": 1}])
def test_no_list_of_plugins_is_none(names: object, tmp_path: Path) -> None:
    """What is wrong with it is said when the config is read."""
    plugins.allow_named(names, tmp_path, False)


def test_plugins_wait_for_leave(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        plugins.allow_named(["nothere.py"], tmp_path, False)
    (problem,) = caught.value.problems
    assert (problem.message, problem.path) == ("this config runs code of its own", ("plugins",))
    with pytest.raises(ConfigError, match=r"there is no file .*nothere\.py") as caught:
        plugins.allow_named(["nothere.py"], tmp_path, True)
    assert caught.value.problems[0].path == ("plugins", 0)
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(ConfigError, match=r"there is no file .*folder\.py"):
        plugins.allow_named(["folder.py"], tmp_path, True)


def test_other_faults_are_nnctls_own() -> None:
    with pytest.raises(KeyError) as caught:
        {}["nothing to do with plugins"]
    assert plugins.plugin_error(caught.value) is None
