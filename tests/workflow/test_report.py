"""What a report gathers of a run: places, errors, importance, the examples that are furthest off."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nnctl.core.errors import ConfigError, RunError
from nnctl.core.keys import key
from nnctl.core.philox import permutation
from nnctl.evaluation.classes import ClassReport
from nnctl.workflow.assemble import assemble
from nnctl.workflow.evaluate import evaluate
from nnctl.workflow.importance import REPEATS, Importances
from nnctl.workflow.most_wrong import SHOWN, drawn_as, pixels, told
from nnctl.workflow.report import Evaluated, RunReport, graph_nodes, report, weights_shown
from nnctl.workflow.seen import Seen
from tests.cli.command import CONFIGS, nnctl

Made = Callable[..., RunReport]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the configs and their data; its runs are made once."""
    directory = tmp_path_factory.mktemp("reported")
    shutil.copytree(CONFIGS / "data", directory / "data")
    for config in CONFIGS.glob("*.yaml"):
        shutil.copy(config, directory)
    return directory


@pytest.fixture
def made(place: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """The report of a config's run of two epochs."""
    monkeypatch.chdir(place)

    def of(name: str, *changes: str, **how: object) -> RunReport:
        directory = "-".join([name, *(c.replace("/", "") for c in changes)])
        if not (place / directory).exists():
            changed = [word for change in ("training.epochs=2", *changes) for word in ("--set", change)]
            done = nnctl("train", f"{name}.yaml", "-q", "--run-dir", directory, *changed)
            assert done.code == 0, done.err
        (found,) = report([directory], threads=1, **how)  # type: ignore[arg-type]
        return found

    return of


def of(found: RunReport) -> Evaluated:
    assert found.problems == ()
    assert found.evaluated is not None
    return found.evaluated


def cells(file: Path) -> list[list[str]]:
    with file.open(newline="") as opened:
        return list(csv.reader(opened))


def test_places_are_what_the_model_says_and_errors_its_surprise(made: Made) -> None:
    """The mean surprise is the log loss; the run's own metrics are the same."""
    found = of(made("iris"))
    (kept,) = found.seen.values()
    assert (found.split, kept.kind) == ("test", "classes")
    assert kept.one_each()
    (scores,) = found.scored.reports.values()
    assert isinstance(scores, ClassReport)
    assert kept.errors.mean() == pytest.approx(scores.log_loss)
    guess = kept.predicted.argmax(axis=1)
    assert np.mean(guess == kept.wanted) == pytest.approx(found.scored.metrics["accuracy"])
    assert found.scored.metrics == evaluate("iris").metrics


def test_numbers_are_in_their_own_unit_and_errors_in_that_of_training(made: Made) -> None:
    found = of(made("diabetes"))
    (kept,) = found.seen.values()
    (column,) = found.scored.reports["progression"].columns  # type: ignore[union-attr]
    np.testing.assert_allclose(np.abs(kept.predicted - kept.wanted).mean(), column.mae)
    assert column.scaled is not None
    np.testing.assert_allclose(kept.errors.mean(), column.scaled.mae)


def test_importance_is_what_a_permuted_file_does_to_the_loss(made: Made, place: Path) -> None:
    """Each column in turn is permuted in a file of the test split's rows, which is then evaluated whole."""
    found = of(made("iris"))
    assert isinstance(found.importances, Importances)
    grown = {one.column: one.growth for one in found.importances.columns}
    means = [one.mean for one in found.importances.columns]
    assert means == sorted(means, reverse=True)
    done = nnctl("predict", "iris", "--split", "test", "--keep", "row", "-o", "rows.csv", "--force")
    assert done.code == 0, done.err
    head, *table = cells(place / "data" / "iris.csv")
    numbers = [
        int(dict(zip(*pair, strict=True))["row"])
        for pair in ((cells(place / "rows.csv")[0], r) for r in cells(place / "rows.csv")[1:])
    ]
    rows = [table[number - 2] for number in numbers]
    before = evaluate("iris").metrics["loss"]
    assert found.importances.loss == pytest.approx(before)
    assert set(grown) == set(head) - {"species"}
    for column in (head[0], head[3]):
        for repeat in (0, REPEATS - 1):
            order = permutation(key(4, "importance", column, repeat), len(rows))
            at = head.index(column)
            moved = [
                [*row[:at], rows[other][at], *row[at + 1 :]] for row, other in zip(rows, order, strict=True)
            ]
            with (place / "moved.csv").open("w", newline="") as file:
                csv.writer(file).writerows([head, *moved])
            loss = evaluate("iris", data=place / "moved.csv").metrics["loss"]
            assert grown[column][repeat] == pytest.approx(loss - before, abs=1e-6)


def test_a_column_of_several_numbers_moves_as_a_whole(made: Made) -> None:
    """Words are 0/1 vectors: each column has one importance."""
    found = of(made("penguins"))
    assert isinstance(found.importances, Importances)
    head = cells(Path("data") / "penguins.csv")[0]
    columns = [one.column for one in found.importances.columns]
    assert len(columns) == len(set(columns)) > 3
    assert set(columns) < set(head)
    assert all(len(one.growth) == REPEATS for one in found.importances.columns)


def test_the_worst_examples_are_found_in_the_file(made: Made, place: Path) -> None:
    found = of(made("iris"))
    (kept,) = found.seen.values()
    worst = found.wrong["species"]
    assert [one.error for one in worst] == sorted(kept.errors, reverse=True)[:SHOWN]
    head, *rows = cells(place / "data" / "iris.csv")
    for one in worst:
        row = dict(zip(head, rows[one.row - 2], strict=True))
        assert Path(one.file) == Path("..", "data", "iris.csv")
        assert one.wanted.startswith(row.pop("species"))
        assert one.cells == row


def test_images_are_pictures(made: Made, place: Path) -> None:
    found = of(made("digits_cnn"))
    worst = found.wrong["digit"]
    import gzip

    lines = gzip.decompress((place / "data" / "digits.csv.gz").read_bytes()).decode().splitlines()
    head = lines[0].split(",")
    for one in worst[:3]:
        row = dict(zip(head, lines[one.row - 1].split(","), strict=True))
        grey = np.array([float(row[name]) for name in head if name.startswith("p")]).reshape(8, 8, 1)
        np.testing.assert_array_equal(one.pictures["image"], (grey / 16 * 255).round())
        assert one.cells == {}
        assert one.wanted.startswith(row["label"])


def test_windows_are_curves(made: Made) -> None:
    found = of(made("sunspots_lstm"))
    (wrong,) = found.wrong.values()
    (curve,) = wrong[0].curves.values()
    assert curve.ndim == 2
    assert len(curve) > 1
    assert wrong[0].pictures == {}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 0.25, 0.5], [0, 64, 128]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([0.0, 51.0, 255.0], [0, 51, 255]),
        ([0.2, 0.4, 1.0], [51, 102, 255]),
    ],
)
def test_pixels(values: list[float], expected: list[int]) -> None:
    """Numbers from 0 to 1 are what they are; others lie between the least and the largest."""
    found = pixels(np.array(values).reshape(1, 1, 3, 1))
    assert found.reshape(-1).tolist() == expected


@pytest.mark.parametrize(
    ("shape", "steps", "array", "expected"),
    [
        ((8, 8, 1), False, False, "picture"),
        ((5, 4, 3), False, True, "picture"),
        ((5, 4, 2), False, True, None),
        ((1, 9, 3), False, True, None),
        ((8, 9), False, True, "picture"),
        ((8, 7), False, True, "curve"),
        ((8, 9), True, True, "curve"),
        ((8, 9), False, False, "curve"),
        ((1, 9), True, False, None),
        ((2,), True, False, "curve"),
        ((1,), True, False, None),
        ((8,), False, True, "curve"),
        ((7,), False, True, None),
        ((64,), False, False, None),
        ((), False, True, None),
    ],
)
def test_how_an_input_is_drawn(
    shape: tuple[int, ...], steps: bool, array: bool, expected: str | None
) -> None:
    assert drawn_as(shape, steps=steps, array=array) == expected


def test_large_pictures_are_thinned() -> None:
    assert pixels(np.zeros((2, 500, 3, 1))).shape == (2, 96, 3, 1)


def test_another_split_and_none(made: Made) -> None:
    assert of(made("iris", split="train")).split == "train"
    (kept,) = of(made("iris", split="train")).seen.values()
    assert len(kept.errors) == of(made("iris", split="train")).scored.examples
    with pytest.raises(ConfigError, match="no test split"):
        made("iris", "data.split={validation: 0.2}", split="test")
    assert of(made("iris", "data.split={validation: 0.2}")).split == "validation"


def test_data_that_has_changed_leaves_the_rest(made: Made, place: Path) -> None:
    made("iris")
    file = place / "data" / "iris.csv"
    before = file.read_bytes()
    file.write_bytes(before.replace(b"5.1", b"5.2", 1))
    try:
        found = made("iris")
    finally:
        file.write_bytes(before)
    assert found.evaluated is None
    assert found.problems[0].startswith("not evaluated: ")
    assert found.nodes
    assert found.weights


def test_a_run_without_a_model_is_told_by_its_logs(made: Made, place: Path) -> None:
    made("iris")
    shutil.copytree(place / "iris", place / "bare")
    (place / "bare" / "model.h5").unlink()
    shutil.rmtree(place / "bare" / "checkpoints")
    (found,) = report(["bare"])
    assert found.evaluated is None
    assert (found.nodes, found.weights) == ((), ())
    assert len(found.shown.metrics) == 2
    assert "no model" in found.problems[0]


def test_a_file_is_no_run(made: Made, place: Path) -> None:
    made("iris")
    with pytest.raises(RunError, match="single file"):
        report([str(place / "iris" / "model.h5")])


def test_the_graph_says_who_reads_whom() -> None:
    nodes = graph_nodes(assemble(CONFIGS / "digits_residual.yaml").model)
    assert nodes[0].type == "Input"
    assert nodes[0].reads == ()
    assert all(source < number for number, node in enumerate(nodes) for source in node.reads)
    add = next(node for node in nodes if node.type == "Add")
    assert len(add.reads) == 2
    assert [node.output for node in nodes] == [False] * (len(nodes) - 1) + [True]
    settings = {node.name: node.settings for node in nodes}
    assert settings["conv2d"] == "filters 24, kernel_size (3, 3), padding same, use_bias false"
    assert settings["add"] == ""


def test_weights_that_are_not_trained_are_told() -> None:
    model = assemble(CONFIGS / "digits_residual.yaml").model
    arrays = {name: np.zeros(info.weight.shape) for name, info in model.weights.items()}
    shown = {weight.name: weight for weight in weights_shown(model, arrays)}
    assert shown["batch_normalization/gamma"].trainable
    assert not shown["batch_normalization/moving_mean"].trainable
    assert shown["conv2d/kernel"].shape == (3, 3, 1, 24)


def seen(kind: str, wanted: list[object], predicted: list[object], examples: list[int]) -> Seen:
    names = ("a", "b", "c")
    places = np.array(examples)
    return Seen("y", kind, names, np.array(wanted), np.array(predicted), places, np.zeros(2))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (seen("classes", [2, 0], [[0.1, 0.7, 0.2], [1, 0, 0]], [0, 1]), ("c (20%)", "b (70%)")),
        (seen("classes", [2, 0], [[-1, 3, 0], [1, 0, 0]], [0, 1]), ("c", "b")),
        (seen("classes", [2, 1, 0], [[0, 1, 0], [0, 1, 0], [1, 0, 0]], [0, 0, 1]), ("c, b", "b, b")),
        (
            seen("classes", [0] * 9, [[0, 0, 1]] * 9, [0] * 9),
            ("a, a, a, a, a, a, a, a, ...", "c, c, c, c, c, c, c, c, ..."),
        ),
        (seen("labels", [[True, False, True]], [[0.5, 0.4, 0.2]], [0]), ("a, c", "none")),
        (seen("numbers", [[1.5, 2.0]], [[0.25, 3.0]], [0]), ("1.5000, 2.0000", "0.2500, 3.0000")),
    ],
)
def test_what_is_told_of_an_example(given: Seen, expected: tuple[str, str]) -> None:
    assert told(given, 0) == expected
