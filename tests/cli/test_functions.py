"""What the functions behind commands return, tell and refuse, where a command line does not show it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnctl.core import events
from nnctl.core.errors import ConfigError, RunError, StorageError
from nnctl.core.events import Event, Notice
from nnctl.runs.model_file import Gone
from nnctl.workflow import kernels, stored, train, warm
from nnctl.workflow import predict as predicting
from nnctl.workflow.check import check
from nnctl.workflow.evaluate import evaluate
from nnctl.workflow.init import template_path
from nnctl.workflow.predict import predict, predictions
from nnctl.workflow.runs import compared, removed, shown
from nnctl.workflow.stored import open_stored
from nnctl.workflow.train import Training, start
from nnctl.workflow.verify import verify
from tests.cli.command import CONFIGS


@pytest.fixture
def there(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(trained)
    return trained


def test_what_was_evaluated_is_named(there: Path) -> None:
    """The split, or the file as it was named."""
    assert evaluate("iris").split == "test"
    assert evaluate("iris", split="train").split == "train"
    assert evaluate("iris", data=Path("data/iris.csv")).split == "data/iris.csv"
    found = evaluate("iris", split="validation", data=Path("data/iris.csv"))
    assert (found.split, found.examples, found.run) == ("validation", 22, "iris/1")


def test_faults_of_the_cache_are_told_by_all_that_need_kernels(
    there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for `warm`, whose error they are."""
    from nnctl.kernels.jit import folder

    monkeypatch.setattr(folder(), "notices", ["full"])
    run: Callable[[Callable[[Event], None]], object]
    for run in (
        lambda watch: evaluate("iris", watch=watch),
        lambda watch: predict("iris", Path("data/iris.csv"), tmp_path / "o.csv", watch=watch),
        lambda watch: verify("iris", watch=watch),
    ):
        told: list[Event] = []
        run(told.append)
        assert told.count(Notice("full")) == 1
    told = []
    with pytest.raises(StorageError, match="full"):
        warm.warm(Path("iris.yaml"), watch=told.append)
    assert Notice("full") not in told


def test_what_verify_tells(there: Path, tmp_path: Path) -> None:
    """The epochs as `train` does, but no checkpoints; in the end both hashes, where they differ."""
    told: list[Event] = []
    found = verify("iris", watch=told.append)
    assert found.holds
    assert found.message == f"iris/1: holds {found.recorded}"
    assert sum(isinstance(event, events.EpochEnded) for event in told) == 2
    assert not any(isinstance(event, events.CheckpointDue) for event in told)
    with pytest.raises(RunError, match="is a single file; `verify` needs the run directory around it"):
        verify(str(shutil.copy("runs/iris/1/model.h5", tmp_path)))


def test_what_warm_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels once, however many templates need them; compiled are those that were."""
    monkeypatch.setattr(warm, "ready_kernels", lambda session, watch: 3)
    one = warm.warm(template_path("table"))
    assert (one["compiled"], one["kernels"] > 5) == (3, True)
    monkeypatch.setattr(warm, "TEMPLATES", {"table": "iris.csv"})
    assert warm.warm() == one
    monkeypatch.setattr(warm, "TEMPLATES", {"table": "iris.csv", "regression": "diabetes.csv"})
    both = warm.warm()
    assert both["compiled"] == 6
    assert one["kernels"] < both["kernels"] < 2 * one["kernels"]


def test_nothing_to_predict_and_no_rows(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open length of the output is none then."""
    run = open_stored("iris")
    with pytest.raises(ConfigError, match="nothing to predict; name a file, or a split"):
        next(predictions(run, None))
    monkeypatch.setattr(predicting, "_blocks", lambda *given: iter(()))
    model: Any = SimpleNamespace(output_shapes=lambda: {"o": (None, 3), "p": (2,)})
    nothing: Any = SimpleNamespace(
        session=lambda threads: None, loaded=run.loaded, model=model,
        preprocessing=SimpleNamespace(targets={}), objective=SimpleNamespace(outputs=()),
    )  # fmt: skip
    (found,) = predictions(nothing, Path("x.csv"), keep=["a"])
    assert {name: (values.shape, values.dtype) for name, values in found.outputs.items()} == {
        "o": ((0, 0, 3), np.float32), "p": ((0, 2), np.float32)
    }  # fmt: skip
    assert found.kept == {"a": []}


def test_a_checkpoint_that_goes_is_looked_for_again(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, path, file = stored._read("iris")
    tries = 0

    def gone_until(last: int) -> Any:
        def read() -> Any:
            nonlocal tries
            tries += 1
            if tries < last:
                raise Gone("gone")
            return path, file

        return lambda run: SimpleNamespace(read=read)

    monkeypatch.setattr(stored, "find", gone_until(20))
    assert stored._read("iris")[1:] == (path, file)
    tries = 0
    monkeypatch.setattr(stored, "find", gone_until(21))
    with pytest.raises(RunError, match="iris: its checkpoints are removed faster than they can be read"):
        stored._read("iris")
    assert tries == 20


def test_a_model_of_another_preparation_is_refused(there: Path) -> None:
    """Its columns, its outputs and their classes are held against it; a sigmoid tells two apart."""
    run = open_stored("iris")
    given: Any = SimpleNamespace(
        inputs={"a": 0}, targets={"o": 0, "p": 0}, class_names={"o": ("x", "y"), "p": ("z",)}
    )
    model: Any = SimpleNamespace(inputs={"a": 0}, outputs={"o": 0, "p": 0, "q": 0})

    def of(classes: int | None, **more: Any) -> Any:
        """An objective of the output `o`."""
        target = SimpleNamespace(output="o", target=SimpleNamespace(classes=classes))
        return stored._check_match(
            Path("m.h5"),
            SimpleNamespace(**vars(given) | more),
            model,
            SimpleNamespace(outputs=[target]),  # type: ignore[arg-type]
        )

    for classes in (None, 1, 2, 3):
        of(classes)
    of(3, targets={"o": 0}, class_names={})
    of(3, targets={"o": 0, "p": 0, "q": 0})
    for wrong in ({"inputs": {"b": 0}}, {"targets": {"p": 0}}, {"targets": {"o": 0, "x": 0}}):
        with pytest.raises(RunError, match=r"m\.h5 prepares other inputs or targets than its model has"):
            of(3, **wrong)
    for classes in (1, 2):
        with pytest.raises(RunError, match=f"names 3 classes of 'o', which tells {classes} apart"):
            of(classes, class_names={"o": ("x", "y", "z")})
    assert run.data().files == {}, "nobody asks for their hashes"


def test_threads_are_set_where_each_library_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    from nnctl.kernels import jit, threads

    calls: list[tuple[str, int]] = []
    monkeypatch.setattr(kernels, "limit_kernels", lambda n: calls.append(("limit", n)))
    monkeypatch.setattr(kernels, "need_address_space", lambda n: calls.append(("space", n)))
    monkeypatch.setattr(threads, "install", lambda n: calls.append(("pool", n)))
    numba = SimpleNamespace(set_num_threads=lambda n: calls.append(("numba", n)))
    monkeypatch.setattr(jit, "numba", numba)
    monkeypatch.setattr(jit, "config", SimpleNamespace(NUMBA_NUM_THREADS=3, THREADING_LAYER="odd"))
    for count, most in ((2, 2), (5, 3)):
        calls.clear()
        kernels.use_threads(count)
        assert calls == [("limit", count), ("space", count), ("numba", most), ("pool", count)]

    def refuse(count: int) -> None:
        raise ValueError("no such layer")

    numba.set_num_threads = refuse
    with pytest.raises(ConfigError, match="NUMBA_THREADING_LAYER is 'odd'"):
        kernels.use_threads(1)


def test_warnings_are_errors_where_that_is_asked(tmp_path: Path) -> None:
    logits = ["model.layers=[{type: Dense, units: 3, name: species}]", "training.epochs=1"]
    config, run = CONFIGS / "iris.yaml", tmp_path / "run"
    assert check(config, overrides=logits).warnings
    told: list[Event] = []
    training = start(config, overrides=logits, run_dir=run, watch=told.append)
    assert [type(event) for event in told] == [events.Warned]
    for refused in (
        lambda: check(config, overrides=logits, strict=True),
        lambda: start(config, overrides=logits, run_dir=run, strict=True),
    ):
        with pytest.raises(ConfigError) as caught:
            refused()
        assert [problem.severity for problem in caught.value.problems] == ["error"]
    assert not run.exists()
    list(training.events())
    told.clear()
    start(config, overrides=logits, run_dir=run, watch=told.append)
    assert told == [], "of a completed run there is nothing to warn"


def summary(status: str, path: Path, plugins: list[str], *overrides: str) -> list[str]:
    """The last lines of a training that ended so."""
    said = [SimpleNamespace(text=text) for text in overrides]
    loaded = SimpleNamespace(overrides=said, file=Path("my config.yaml"))
    ended: Any = SimpleNamespace(
        manifest=SimpleNamespace(status=status), path=path, assembled=SimpleNamespace(loaded=loaded),
        experiment=SimpleNamespace(plugins=plugins),
    )  # fmt: skip
    return Training._summary(ended).splitlines()


def test_what_to_type_next(there: Path) -> None:
    """Quoted as a shell needs it, with all that was said."""
    assert summary("completed", Path("a b"), []) == [
        "completed: a b", "next: nnctl eval 'a b'", "      nnctl predict 'a b' INPUT -o OUT.csv"
    ]  # fmt: skip
    goes_on = "next: nnctl train 'my config.yaml' --run-dir r"
    assert summary("interrupted", Path("r"), []) == ["interrupted: r", f"{goes_on} --resume"]
    assert summary("interrupted", Path("r"), ["p.py"], "a=1", "b=[1, 2]") == [
        "interrupted: r", f"{goes_on} --set a=1 --set 'b=[1, 2]' --allow-plugins --resume"
    ]  # fmt: skip
    smaller = "next: a smaller learning rate, or clipnorm"
    assert summary("failed", Path("nowhere"), []) == ["failed: nowhere", smaller]
    assert summary("failed", Path("runs/iris/1"), [])[1:] == [
        smaller, "      the last good checkpoint is kept"
    ]  # fmt: skip


def test_memory_that_was_freed_is_given_back_before_more_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    class Given(Exception):
        pass

    def give() -> None:
        raise Given

    monkeypatch.setattr(train, "give_back_freed", give)
    with pytest.raises(Given):
        start(CONFIGS / "iris.yaml")


def test_a_file_alone_is_no_run(there: Path, tmp_path: Path) -> None:
    file = str(shutil.copy("runs/iris/1/model.h5", tmp_path))
    with pytest.raises(ConfigError, match="compare needs two runs or more"):
        compared(["iris"])
    for refuse in (shown, lambda run: compared(["iris", run])):
        with pytest.raises(RunError, match=r"model\.h5 is a single file, not a run"):
            refuse(file)
    for named in (file, str(there / "runs/iris/1/model.h5")):
        with pytest.raises(RunError, match=r"model\.h5 is a file, not a run"):
            removed([named])
    assert (there / "runs/iris/1/model.h5").exists()


@pytest.mark.parametrize("weight", ["", "sample_weight: w, "])
def test_a_run_knows_whether_its_examples_have_weights(weight: str, tmp_path: Path) -> None:
    """Its files have them too, then, and count by them."""
    np.savez(tmp_path / "d.npz", x=np.arange(8.0).reshape(4, 2), y=np.arange(4.0), w=np.array([1.0, 0, 0, 0]))
    (tmp_path / "c.yaml").write_text(
        f"""
nnctl: 1
data: {{source: {{type: npz, path: d.npz, target: y}}, inputs: x, {weight}batch_size: 4}}
model: {{layers: [{{type: Dense, units: 1}}]}}
training: {{loss: mse, epochs: 1}}
"""
    )
    list(start(tmp_path / "c.yaml", run_dir=tmp_path / "run").events())
    assert open_stored(str(tmp_path / "run")).objective.outputs[0].weighted is bool(weight)
