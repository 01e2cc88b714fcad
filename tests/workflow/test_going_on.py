"""What is the same run: comments, a file's name and a config's place are not what is trained."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nnctl.core import events
from nnctl.core.errors import RunError
from nnctl.runs.directory import RunDirectory
from nnctl.runs.find import find
from nnctl.workflow.train import Training, start

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
IRIS = CONFIGS / "iris.yaml"
STOPPING = "{type: EarlyStopping, monitor: val_loss, patience: 1, restore_best_weights: true}"


def train(training: Training, steps: int | None = None) -> Training:
    """Drive it to its end, or until so many steps are done, as if killed there."""
    running = training.events()
    for event in running:
        if isinstance(event, events.StepEnded) and event.step == steps:
            break
    running.close()  # type: ignore[attr-defined]
    return training


def epochs(run: Path) -> list[dict[str, object]]:
    """The run's metrics but for the time they took."""
    return [row | {"seconds": 0} for row in RunDirectory(run).metrics()]


def copied(tmp_path: Path, name: str, change: tuple[str, str] = ("", "")) -> Path:
    """The iris config under another file name, its data beside it."""
    if not (tmp_path / "data").exists():
        shutil.copytree(CONFIGS / "data", tmp_path / "data")
    text = IRIS.read_text().replace(*change)
    (tmp_path / name).write_text(text)
    return tmp_path / name


@pytest.mark.parametrize("named", [False, True])
def test_a_renamed_config_goes_on(tmp_path: Path, named: bool) -> None:
    """Whether its name was the file's or its own; the run keeps the name that it has."""
    said = "name: iris\n" if "\nname: iris\n" in IRIS.read_text() else ""
    first = copied(tmp_path, "first.yaml", ("", "") if named else (said, ""))
    run = tmp_path / "run"
    train(start(first, run_dir=run, overrides=["training.epochs=3"]), steps=9)
    name = RunDirectory(run).manifest().name
    second = first.rename(tmp_path / "second.yaml")
    second.write_text("# another comment\n" + second.read_text())
    done = train(start(second, run_dir=run, overrides=["training.epochs=3"], resume=True))
    straight = train(start(second, run_dir=tmp_path / "straight", overrides=["training.epochs=3"]))
    assert done.result()["weights_sha256"] == straight.result()["weights_sha256"]
    assert (done.manifest.name, name) == (name, "iris" if named and said else "first")
    again = train(start(second, run_dir=run, overrides=["training.epochs=3"]))
    assert again.result() == done.result()


def test_another_name_that_is_written_is_another_config(tmp_path: Path) -> None:
    train(start(IRIS, run_dir=tmp_path / "run", overrides=["training.epochs=1"]))
    with pytest.raises(RunError, match="another config"):
        start(IRIS, run_dir=tmp_path / "run", overrides=["training.epochs=1", "name=other"])


def test_the_resolved_config_of_a_run_goes_on_with_it(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(start(IRIS, run_dir=run, overrides=["training.epochs=3"]), steps=9)
    done = train(start(run / "resolved.yaml", run_dir=run, resume=True))
    straight = train(start(IRIS, run_dir=tmp_path / "straight", overrides=["training.epochs=3"]))
    assert done.result()["weights_sha256"] == straight.result()["weights_sha256"]
    assert train(start(run / "resolved.yaml", run_dir=run)).result() == done.result()


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("more", ["training.callbacks=[]", f"training.callbacks=[{STOPPING}]"])
def test_a_completed_run_goes_on_to_more_epochs(tmp_path: Path, more: str, stopped: bool) -> None:
    """The bits of one long run, also where best weights were put back at the end, or it was stopped."""
    rate = "training.optimizer={type: SGD, learning_rate: 5.0}" if stopped else "training.optimizer=sgd"
    run = tmp_path / "run"
    short, long = ([f"training.epochs={n}", more, rate] for n in (3, 6))
    first = train(start(IRIS, run_dir=run, overrides=short))
    with pytest.raises(RunError, match=r"--resume goes on to 6(?s:.*)\+  epochs: 6"):
        start(IRIS, run_dir=run, overrides=long)
    done = train(start(IRIS, run_dir=run, overrides=long, resume=True))
    straight = train(start(IRIS, run_dir=tmp_path / "straight", overrides=long))
    assert done.result() == straight.result() | {"run": str(run)}
    assert RunDirectory(run).manifest().config_sha256 == straight.manifest.config_sha256
    assert epochs(run) == epochs(tmp_path / "straight")
    kept = find(str(run / "checkpoints" / f"after-{first.manifest.epochs}-epochs")).model()
    assert kept.is_file()
    assert train(start(IRIS, run_dir=run, overrides=long)).result() == done.result()
    with pytest.raises(RunError, match="another config"):
        start(IRIS, run_dir=run, overrides=short, resume=True)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("training.callbacks=[]", "goes on from epoch 3 to 4, to the bits of one run"),
        (
            "training.callbacks=[{type: EarlyStopping, monitor: val_loss, mode: max, patience: 1}]",
            "a callback had stopped it, as it would stop a longer run: nothing is left to train",
        ),
    ],
)
def test_what_is_said_of_more_epochs(more: str, said: str, tmp_path: Path) -> None:
    train(start(IRIS, run_dir=tmp_path / "run", overrides=["training.epochs=3", more]))
    longer = start(IRIS, run_dir=tmp_path / "run", overrides=["training.epochs=4", more], resume=True)
    assert said in [event.text for event in longer.events() if isinstance(event, events.Notice)]


def test_resume_goes_on_with_the_newest_run_that_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="there is no run of 'iris' under runs/ to resume"):
        start(IRIS, resume=True)
    for number in ("1", "2", "10", "11"):
        (tmp_path / "runs" / "iris" / number).mkdir(parents=True)
    with pytest.raises(RunError, match="there is no run of 'iris'"):
        start(IRIS, resume=True)
    steps = ["training.epochs=1"]
    for number in ("2", "10"):
        train(start(IRIS, run_dir=Path("runs/iris", number), overrides=steps), steps=3)
    assert start(IRIS, resume=True, overrides=steps).path == Path("runs/iris/10")


def test_a_damaged_checkpoint_is_passed_over_and_out_of_the_way(tmp_path: Path) -> None:
    """Training goes on from the one before; what comes again takes the name that the damaged one had."""
    overrides = ["training.epochs=3", "training.checkpoint={every: epoch, keep: 5}"]
    straight = train(start(IRIS, run_dir=tmp_path / "straight", overrides=overrides))
    run = tmp_path / "run"
    train(start(IRIS, run_dir=run, overrides=overrides), steps=16)
    newest = max((run / "checkpoints").glob("*.h5"))
    newest.write_bytes(b"damaged")
    again = start(IRIS, run_dir=run, overrides=overrides, resume=True)
    said = [event.text for event in again.events() if isinstance(event, events.Notice)]
    assert said[0].startswith(f"passed over {newest.name}: ")
    assert again.result()["weights_sha256"] == straight.result()["weights_sha256"]
    assert newest.with_name(f"{newest.name}.damaged").read_bytes() == b"damaged"


def test_directories_of_others_keep_their_files(tmp_path: Path) -> None:
    """Only what a run began is taken for a run; names prove nothing."""
    for name in ("notes.tmp", ".notes.7.tmp", "config.yaml", ".manifest.json.7.tmp", "checkpoints"):
        directory = tmp_path / f"of-{name}"
        directory.mkdir()
        (directory / name).write_text("theirs")
        with pytest.raises(RunError, match="not empty and not a run directory"):
            start(IRIS, run_dir=directory, overrides=["training.epochs=1"])
        assert (directory / name).read_text() == "theirs"
    run = tmp_path / "run"
    train(start(IRIS, run_dir=run, overrides=["training.epochs=1"]))
    (run / ".notes.7.tmp").write_text("theirs")
    (run / "notes.tmp").write_text("theirs")
    (run / ".manifest.json.7.tmp").write_text("half")
    RunDirectory(run).open().close()
    assert sorted(p.name for p in run.glob("*.tmp")) == [".notes.7.tmp", "notes.tmp"]


@pytest.mark.parametrize("meddled", ["removed", "cut", "edited"])
@pytest.mark.parametrize("name", ["log.csv", "log.jsonl", "metrics.jsonl"])
def test_files_that_others_changed_between_are_made_right(tmp_path: Path, name: str, meddled: str) -> None:
    """A log file is written anew from the metrics; of the metrics, what is left goes on, and it is said."""
    overrides = ["training.epochs=4", "training.checkpoint={every: epoch}"]
    overrides += ["training.callbacks=[{type: CSVLogger, filename: log.csv}, JSONLogger]"]
    straight, run = tmp_path / "straight", tmp_path / "run"
    done = train(start(IRIS, run_dir=straight, overrides=overrides))
    train(start(IRIS, run_dir=run, overrides=overrides), steps=16)
    file = run / name
    lines = file.read_text().splitlines(keepends=True)
    file.unlink()
    if meddled != "removed":
        file.write_text("".join(lines[:1]) + (lines[1].replace("0.", "7.") if meddled == "edited" else ""))
    training = start(IRIS, run_dir=run, overrides=overrides, resume=True)
    said = [event.text for event in training.events() if isinstance(event, events.Notice)]
    assert training.result()["weights_sha256"] == done.result()["weights_sha256"]
    assert any(name in text for text in said[:-1])
    for log in ("log.csv", "log.jsonl"):
        assert (run / log).read_text() == (straight / log).read_text()
    rows = [row["epoch"] for row in epochs(run)]
    left = {"removed": [2, 3], "cut": [0, 2, 3], "edited": [0, 1, 2, 3]}[meddled]
    assert rows == (left if name == "metrics.jsonl" else [0, 1, 2, 3])


GATHERING = (
    "training.optimizer={type: Adam, gradient_accumulation_steps: 3, use_ema: true, ema_momentum: 0.8}"
)


def test_averages_and_gathered_gradients_go_on(tmp_path: Path) -> None:
    """Killed between two updates, then completed, then given more epochs: as one run of them all.

    In the end the weights are their averages; in between they are what steps are taken from.
    """
    straight, parts = tmp_path / "straight", tmp_path / "parts"
    more = [GATHERING, "training.checkpoint={every: 1}"]
    long = train(start(IRIS, run_dir=straight, overrides=[*more, "training.epochs=4"]))
    train(start(IRIS, run_dir=parts, overrides=[*more, "training.epochs=2"]), steps=10)
    train(start(IRIS, run_dir=parts, overrides=[*more, "training.epochs=2"], resume=True))
    done = train(start(IRIS, run_dir=parts, overrides=[*more, "training.epochs=4"], resume=True))
    assert done.result()["weights_sha256"] == long.result()["weights_sha256"]
    assert epochs(parts) == epochs(straight)
    for run in (straight, parts):
        _, file = find(str(run)).read()
        for name, weight in file.state.weights.items():
            assert weight.tobytes() == file.state.optimizer[f"average/{name}"].tobytes()
            assert file.state.optimizer[f"gradient_accumulator/{name}"].shape == weight.shape
