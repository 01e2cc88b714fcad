"""Metrics on small streams worked out by hand, how `accuracy` resolves, names, and what does not fit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from nnctl.core.errors import ShapeError
from nnctl.core.ranges import show_range
from nnctl.graph.objective import Measured
from nnctl.losses.base import Target, losses
from nnctl.metrics.base import Metric, metrics
from nnctl.metrics.thresholds import is_even
from nnctl.ops.activation import sigmoid
from nnctl.ops.base import Graph, Value
from nnctl.ops.metrics import accumulate_mean
from nnctl.ops.softmax import softmax
from nnctl.program.bind import bind, compile_graph, new_arena
from tests.metrics.streams import make, stream
from tests.ops.harness import evaluate

CLASSES = Target("classes", (), 3)
ONEHOT = Target("onehot", (3,), 3)
NUMBERS = Target("numbers", (3,))


def test_accuracy_over_batches_counts_examples() -> None:
    right = np.array([[0.1, 0.7, 0.2]], np.float32)
    batches = [
        {"y_true": np.array([1, 1, 0], np.int32), "y_pred": np.repeat(right, 3, axis=0)},
        {"y_true": np.array([2], np.int32), "y_pred": right},
    ]
    assert stream(make("accuracy"), batches) == 0.5
    batches[0]["weight"] = np.array([1.0, 0.0, 3.0], np.float32)
    batches[1]["weight"] = np.array([4.0], np.float32)
    assert stream(make("accuracy"), batches) == pytest.approx(1 / 8)


def test_the_first_of_equal_predictions_wins() -> None:
    flat = np.zeros((3, 4), np.float32)
    batch = {"y_true": np.array([0, 1, 3], np.int32), "y_pred": flat}
    assert stream(make("sparse_categorical_accuracy"), [batch]) == pytest.approx(1 / 3)
    assert stream(make("sparse_top_k_categorical_accuracy", k=1), [batch]) == 1.0


@pytest.mark.parametrize(
    ("target", "output", "resolved"),
    [
        (CLASSES, (3,), "SparseCategoricalAccuracy"),
        (ONEHOT, (3,), "CategoricalAccuracy"),
        (NUMBERS, (3,), "CategoricalAccuracy"),
        (Target("numbers", (1,), 2), (1,), "BinaryAccuracy"),
        (Target("classes", (None,), 3), (None, 3), "SparseCategoricalAccuracy"),
    ],
)
def test_accuracy_resolves(target: Target, output: tuple[int | None, ...], resolved: str) -> None:
    metric = make("accuracy").resolve(target, output)
    assert type(metric).__name__ == resolved
    assert metric.log_name() == "accuracy"


def test_names() -> None:
    adapter: TypeAdapter[object] = TypeAdapter(Metric)
    for word in ("mse", "acc", "AUC", "sparse_categorical_accuracy"):
        assert adapter.validate_python(word).log_name() == word  # type: ignore[attr-defined]
    assert make("MeanSquaredError").log_name() == "mean_squared_error"
    assert make("AUC").log_name() == "auc"
    assert make("AUC", name="pr", curve="PR").log_name() == "pr"


def test_every_loss_is_a_metric() -> None:
    from nnctl.losses.base import losses

    assert set(losses.words()) <= set(metrics.words())
    assert make("huber", delta=2.0).config() == {"name": None, "delta": 2.0}


def test_precision_and_recall() -> None:
    batch = {
        "y_true": np.array([[1], [0], [1], [1], [0]], np.float32),
        "y_pred": np.array([[0.9], [0.8], [0.4], [0.6], [0.1]], np.float32),
    }
    assert stream(make("precision"), [batch]) == pytest.approx(2 / 3)
    assert stream(make("recall"), [batch]) == pytest.approx(2 / 3)
    assert stream(make("recall", thresholds=0.3), [batch]) == 1.0


def test_binary_accuracy_is_over_all_units() -> None:
    """What lies on the threshold is not above it."""
    batch = {
        "y_true": np.array([[1, 0], [0, 1], [1, 1]], np.float32),
        "y_pred": np.array([[0.6, 0.1], [0.5, 0.4], [0.9, 0.2]], np.float32),
    }
    assert stream(make("binary_accuracy"), [batch]) == pytest.approx(4 / 6)
    assert stream(make("accuracy"), [{k: v[:, :1] for k, v in batch.items()}]) == 1.0
    assert stream(make("binary_accuracy", threshold=0.3), [batch]) == pytest.approx(4 / 6)
    batch["weight"] = np.array([1.0, 2.0, 1.0], np.float32)
    assert stream(make("binary_accuracy"), [batch]) == pytest.approx((2 + 2 + 1) / 8)


def test_auc_of_a_perfect_and_a_reversed_order() -> None:
    y = np.array([[0], [0], [1], [1]], np.float32)
    p = np.array([[0.1], [0.2], [0.7], [0.9]], np.float32)
    assert stream(make("AUC"), [{"y_true": y, "y_pred": p}]) == pytest.approx(1.0)
    assert stream(make("AUC"), [{"y_true": 1 - y, "y_pred": p}]) == pytest.approx(0.0)
    assert stream(make("AUC", curve="PR"), [{"y_true": y, "y_pred": p}]) == pytest.approx(1.0)
    together = np.array([[0.1], [0.2], [0.9], [0.9]], np.float32)
    assert stream(make("AUC", curve="PRGAIN"), [{"y_true": y, "y_pred": together}]) == pytest.approx(1.0)


def test_masked_positions_do_not_count() -> None:
    y = np.array([[0, 1], [1, 0]], np.int32)
    p = np.eye(2, dtype=np.float32)[np.array([[0, 0], [1, 1]])]
    batch = {"y_true": y, "y_pred": p, "mask": np.array([[1, 0], [1, 1]], np.uint8)}
    assert stream(make("accuracy"), [batch]) == pytest.approx(2 / 3)


def required(name: str) -> dict[str, object]:
    """What a metric does not do without, for an output of 7 units."""
    given = {
        "num_classes": 7, "target_class_ids": [1, 6], "specificity": 0.5, "sensitivity": 0.5, "recall": 0.5,
        "precision": 0.5,
    }  # fmt: skip
    cls = metrics.get(name)
    assert cls is not None
    return {field: given[field] for field, info in cls.model_fields.items() if info.is_required()}


@pytest.mark.parametrize("name", metrics.names())
def test_nothing_seen_is_zero(name: str) -> None:
    of_classes = name.startswith(("Sparse", "CategoricalGeneralized", "Circle", "CTC"))
    target = Target("classes", (), 7) if of_classes else Target("numbers", (7,))
    output = (3, 7) if name == "CTC" else (7,)
    metric = make(name, **required(name)).resolve(target, output)
    results = metric.results({k: np.zeros(shape) for k, shape in metric.state(output).items()})
    assert list(results) == [0.0] * max(1, len(metric.parts(output)))


def test_a_loss_tracker_counts_examples() -> None:
    memory = {"mean": np.zeros(2)}
    for value, count in ((2.0, 4), (5.0, 2)):
        graph = Graph("float32")
        x: Value = graph.input("x", (1,))
        accumulate_mean(graph.variable("mean", (2,), "float64"), x, count)
        compiled = compile_graph(graph, {})
        program = bind(compiled, new_arena(compiled.plan.size), memory)
        program.inputs["x"][...] = value
        program.run()
    assert memory["mean"].tolist() == [18.0, 6.0]


@pytest.mark.parametrize(
    ("name", "fields", "target", "output", "message"),
    [
        ("categorical_accuracy", {}, CLASSES, (3,), "reads one-hot targets, but .* class numbers"),
        ("mse", {}, CLASSES, (3,), "mean_squared_error reads numbers, but .* class numbers"),
        ("sparse_categorical_accuracy", {}, ONEHOT, (3,), "reads class numbers, but .* one-hot targets"),
        ("precision", {}, CLASSES, (3,), "precision reads numbers"),
        ("top_k_categorical_accuracy", {}, ONEHOT, (3,), "the 5 largest of 3 classes"),
        ("recall", {"class_id": 3}, ONEHOT, (3,), "class 3, but the output has 3 units"),
        ("precision", {"top_k": 4}, ONEHOT, (3,), "4 largest of 3 units"),
        ("sparse_categorical_accuracy", {}, Target("numbers", (1,)), (1,), "1 unit"),
        ("sparse_top_k_categorical_accuracy", {}, ONEHOT, (6,), "reads class numbers"),
        ("binary_accuracy", {}, CLASSES, (3,), "binary_accuracy reads numbers"),
        ("accuracy", {}, CLASSES, (), "accuracy reads numbers"),
        ("AUC", {}, CLASSES, (3,), "auc reads numbers"),
        ("rmse", {}, CLASSES, (3,), "root_mean_squared_error reads numbers"),
        (
            "precision",
            {"class_id": 0},
            NUMBERS,
            (),
            "precision counts class 0, and needs an output with units",
        ),
        ("TruePositives", {}, CLASSES, (3,), "true_positives reads numbers"),
        (
            "PrecisionAtRecall",
            {"recall": 0.5, "class_id": 3},
            ONEHOT,
            (3,),
            "class 3, but the output has 3 units",
        ),
        ("AUC", {"multi_label": True}, NUMBERS, (4, 3), r"one axis, not of \(4, 3\)"),
        ("AUC", {"multi_label": True, "num_labels": 2}, ONEHOT, (3,), r"2 labels, .* output \(3\) has 3"),
        ("AUC", {"label_weights": [1.0]}, ONEHOT, (3,), r"1 labels, .* output \(3\) has 3"),
        ("MeanIoU", {"num_classes": 3}, CLASSES, (3,), "takes predictions for class numbers"),
        ("MeanIoU", {"num_classes": 3, "sparse_y_pred": False}, ONEHOT, (3,), "reads class numbers"),
        ("OneHotMeanIoU", {"num_classes": 4}, ONEHOT, (3,), "told of 4 classes, but the output has 3 units"),
        ("BinaryIoU", {}, CLASSES, (3,), "binary_io_u reads numbers"),
        ("R2Score", {}, NUMBERS, (4, 3), r"outputs of one axis, not of \(4, 3\)"),
        ("PearsonCorrelation", {}, NUMBERS, (), r"along axis -1 of an output of \(\)"),
        ("PearsonCorrelation", {"axis": 0}, NUMBERS, (3,), "along axis 0"),
        ("ConcordanceCorrelation", {"axis": [1, -1]}, NUMBERS, (3,), "cannot compare along axis"),
    ],
)
def test_what_does_not_fit(
    name: str, fields: dict[str, int], target: Target, output: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        make(name, **fields).resolve(target, output)


@pytest.mark.parametrize(
    ("name", "fields", "output", "field", "expected"),
    [
        ("recall", {"class_id": 3}, (2, 3), "class_id", "0 to 2"),
        ("precision", {"top_k": 4}, (2, 3), "top_k", "at most 3"),
        ("top_k_categorical_accuracy", {"k": 4}, (2, 3), "k", "k: at most 3"),
    ],
)
def test_what_would_fit(
    name: str, fields: dict[str, int], output: tuple[int, ...], field: str, expected: str
) -> None:
    """The field and what it may be; one less, or axes whose size is not known, do fit."""
    with pytest.raises(ShapeError) as failed:
        make(name, **fields).target(output)
    assert (failed.value.path, failed.value.expected) == ((field,), expected)
    assert make(name, **{field: fields[field] - 1}).target(output).classes is not None
    if name in ("recall", "precision"):
        assert make(name, **fields).target((3, None)) == Target("numbers", (3, None), 2)


def test_what_a_metric_for_another_target_is_told() -> None:
    with pytest.raises(ShapeError) as failed:
        make("mse").resolve(CLASSES, (3,))
    assert failed.value.expected == "a metric for class numbers"


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("accuracy", Target("onehot", (2, None, 3))),
        ("categorical_accuracy", Target("onehot", (2, None, 3), 3)),
        ("sparse_categorical_accuracy", Target("classes", (2, None), 3)),
        ("binary_accuracy", Target("numbers", (2, None, 3), 2)),
        ("precision", Target("numbers", (2, None, 3), 2)),
        ("recall", Target("numbers", (2, None, 3), 2)),
        ("AUC", Target("numbers", (2, None, 3), 2)),
        ("rmse", Target("numbers", (2, None, 3))),
        ("mae", Target("numbers", (2, None, 3))),
        ("hinge", Target("numbers", (2, None, 3), 2)),
    ],
)
def test_targets(name: str, target: Target) -> None:
    """What y_true is for an output (2, T, 3)."""
    assert make(name).target((2, None, 3)) == target


@pytest.mark.parametrize("output", [(), (1,), (4, 1)])
def test_accuracy_of_one_number_is_binary(output: tuple[int, ...]) -> None:
    target = Target("numbers", output, 2)
    assert make("accuracy").target(output) == target
    assert type(make("accuracy").resolve(target, output)).__name__ == "BinaryAccuracy"


@pytest.mark.parametrize(
    ("name", "fields", "read"),
    [
        ("binary_accuracy", {}, "numbers from 0 to 1"),
        ("binary_accuracy", {"threshold": 0.0}, "any number"),
        ("categorical_accuracy", {}, "any number"),
        ("precision", {}, "numbers from 0 to 1"),
        ("precision", {"thresholds": 0.5}, "any number"),
        ("precision", {"top_k": 1}, "any number"),
        ("AUC", {}, "numbers from 0 to 1"),
        ("AUC", {"from_logits": True}, "any number"),
        ("kld", {}, "numbers from 0 to 1"),
        ("binary_crossentropy", {"from_logits": True}, "any number"),
        ("rmse", {}, "any number"),
    ],
)
def test_what_is_read(name: str, fields: dict[str, object], read: str) -> None:
    """Between what y_pred must lie. Whoever says a threshold knows what comes in."""
    metric = make(name, **fields)
    assert show_range(metric.reads()) == read
    assert metric.reads_logits == (fields.get("from_logits") is True)


def test_which_count_classes() -> None:
    """Their targets are 0 and 1, or class numbers; those of losses and distances may be any numbers."""
    others = set()
    for cls in metrics.classes():
        if not cls.of_classes:
            others.add(cls.__name__)
        elif not cls.__name__.startswith("Sparse"):
            made = make(cls.__name__, **required(cls.__name__))
            assert made.target((7,)).classes in (2, 7)
    assert others - set(losses.names()) == {
        "Accuracy", "ConcordanceCorrelation", "LogCoshError", "Mean", "PearsonCorrelation", "R2Score",
        "RootMeanSquaredError", "Sum",
    }  # fmt: skip


def test_powers_of_the_unit() -> None:
    """Of what targets are measured in; of the others nobody can say how they grow."""
    powers = {
        cls.__name__: make(cls.__name__, **required(cls.__name__)).power_of_unit()
        for cls in metrics.classes()
    }
    assert {name: power for name, power in powers.items() if power is not None} == {
        "MeanSquaredError": 2, "MeanAbsoluteError": 1, "RootMeanSquaredError": 1
    }  # fmt: skip


FLAGGED = {
    "y_true": np.array([[1], [0], [1], [1], [0], [0]], np.float32),
    "y_pred": np.array([[0.9], [0.8], [0.6], [0.3], [0.3], [0.1]], np.float32),
}


@pytest.mark.parametrize(
    ("fields", "area"),
    [
        # Thresholds 0, 1/3, 2/3, 1: above them 3 of 3 and 3 of 3, 2 and 1, 1 and 1, none.
        ({}, (1.0 + 2 / 3) / 2 * (2 / 3) + (1 / 3) / 2 * (1 / 3)),
        ({"summation_method": "minoring"}, 2 / 3 * (2 / 3)),
        ({"summation_method": "majoring"}, 1.0 * (2 / 3) + 1 / 3 * (1 / 3)),
        (
            {"curve": "PR", "summation_method": "minoring"},
            1 / 3 * (1 / 2) + 1 / 3 * (1 / 2),
        ),
        (
            {"curve": "PR", "summation_method": "majoring"},
            1 / 3 * (2 / 3) + 1 / 3 * (2 / 3) + 1 / 3 * (1 / 2),
        ),
        # Davis and Goadrich: between two points precision is tp / p, with tp linear in p.
        (
            {"curve": "PR"},
            (
                1 / 3 * (1 + (2 - 3 / 3) * math.log(6 / 3))
                + 1.0 * (1 + (1 - 2) * math.log(3 / 2))
                + 1 / 2 * (1 + 0)
            )
            / 3,
        ),
    ],
)  # fmt: skip
def test_areas_by_hand(fields: dict[str, object], area: float) -> None:
    assert stream(make("AUC", num_thresholds=4, **fields), [FLAGGED]) == pytest.approx(area, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "fields", "best"),
    [
        ("PrecisionAtRecall", {"recall": 1.0}, 1 / 2),
        ("RecallAtPrecision", {"precision": 0.5}, 1.0),
        ("RecallAtPrecision", {"precision": 0.9}, 0.0),
        ("SensitivityAtSpecificity", {"specificity": 0.0}, 1.0),
        ("SpecificityAtSensitivity", {"sensitivity": 0.0}, 1.0),
        ("SpecificityAtSensitivity", {"sensitivity": 0.1}, 2 / 3),
    ],
)
def test_just_enough_is_enough(name: str, fields: dict[str, float], best: float) -> None:
    found = stream(make(name, num_thresholds=4, **fields), [FLAGGED])
    assert found == pytest.approx(best, rel=1e-12)


def test_which_thresholds_are_even() -> None:
    for thresholds in ((0.0, 0.5, 1.0), (-1e-7, 0.5, 1 + 1e-7), (0.0, 0.5000001, 1.0)):
        assert is_even(thresholds)
    for thresholds in ((0.0, 1.0), (0.5,), (0.0, 0.50002, 1.0), (0.0, 0.25, 0.5), (0.1, 0.5, 0.9)):
        assert not is_even(thresholds)


def test_two_thresholds_are_the_fewest() -> None:
    """At 0 and 1: everything and nothing."""
    assert stream(make("AUC", num_thresholds=2), [FLAGGED]) == 0.5


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("AUC", {"num_thresholds": 1}),
        ("AUC", {"curve": "DET"}),
        ("AUC", {"num_labels": 3}),
        ("AUC", {"thresholds": [0.5, 1.5]}),
        ("AUC", {"label_weights": [-1.0]}),
        ("precision", {"thresholds": [0.5, -0.5]}),
        ("FBetaScore", {"beta": 0.0}),
        ("RecallAtPrecision", {}),
        ("RecallAtPrecision", {"precision": 1.1}),
        ("IoU", {"num_classes": 3, "target_class_ids": [3]}),
        ("IoU", {"num_classes": 3, "target_class_ids": []}),
        ("MeanIoU", {"num_classes": 3, "sparse_y_true": False}),
        ("BinaryIoU", {"target_class_ids": [2]}),
        ("R2Score", {"num_regressors": -1}),
        ("precision", {"thresholds": 1.5}),
        ("precision", {"thresholds": -0.5}),
        ("precision", {"top_k": 0}),
        ("precision", {"class_id": -1}),
        ("top_k_categorical_accuracy", {"k": 0}),
        ("mse", {"k": 1}),
    ],
)
def test_wrong_fields(name: str, fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        make(name, **fields)


IGNORING = {
    "y_true": np.array([[0, 2, 1], [2, 2, 0]], np.int32),
    "y_pred": np.array(
        [[[0.2, 0.7, 0.1], [0.5, 0.2, 0.3], [0.1, 0.6, 0.3]], [[0.3, 0.3, 0.4]] * 3], np.float32
    ),
}


@pytest.mark.parametrize("more", [{}, {"weight"}, {"mask"}, {"weight", "mask"}])
def test_ignored_positions_do_not_count(more: set[str]) -> None:
    """Whether there are weights or a mask, or neither: as in the loss."""
    batch = dict(IGNORING)
    counts = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    if "weight" in more:
        batch["weight"] = np.array([2.0, 0.5], np.float32)
        counts *= batch["weight"][:, None]
    if "mask" in more:
        batch["mask"] = np.array([[1, 1, 0], [1, 1, 1]], np.uint8)
        counts *= batch["mask"]
    right = np.take_along_axis(batch["y_pred"], batch["y_true"][..., None], -1)[..., 0]
    expected = (-np.log(right) * counts).sum() / counts.sum()
    metric = make("sparse_categorical_crossentropy", ignore_class=2)
    assert stream(metric, [batch, batch]) == pytest.approx(expected, rel=1e-6)


def test_nothing_but_ignored_positions_gives_zero() -> None:
    batch = dict(IGNORING, y_true=np.full((2, 3), 2, np.int32))
    assert stream(make("sparse_categorical_crossentropy", ignore_class=2), [batch]) == 0.0


@pytest.mark.parametrize("ignored", [2, 255, -1])
def test_the_metric_ignores_what_the_loss_ignores(ignored: int) -> None:
    """Where it names no class itself; its value would be NaN for a label outside the classes."""
    loss = losses.get("sparse_categorical_crossentropy")(ignore_class=ignored)  # type: ignore[misc]
    metric = make("sparse_categorical_crossentropy")
    batch = dict(IGNORING, y_true=np.where(IGNORING["y_true"] == 2, ignored, IGNORING["y_true"]))
    expected = stream(make("sparse_categorical_crossentropy", ignore_class=2), [dict(IGNORING)])
    assert stream(metric.beside(loss), [batch]) == expected
    own = make("sparse_categorical_crossentropy", ignore_class=1)
    assert own.beside(loss) == own
    for other in ("mse", "accuracy", "categorical_crossentropy"):
        assert make(other).beside(loss) == make(other)


def test_probabilities_are_clipped_unless_they_come_from_logits() -> None:
    """Of a softmax layer, loss and metric read the logits: 1000 and not -log(1e-7) = 16.12."""
    x = np.array([[500.0, -500.0]])
    truth = {
        "sparse_categorical_crossentropy": np.array([1], np.int32),
        "categorical_crossentropy": np.array([[0.0, 1.0]]),
    }
    for name, y in truth.items():
        loss = losses.get(name)()  # type: ignore[misc]
        for read, expected in ((softmax, 1000.0), (lambda x: x, 16.118095)):
            p = x if read is softmax else np.array([[1.0, 0.0]])
            (rows,) = evaluate(lambda y, x, f=read, r=loss: r.rows(y, f(x)), {"y": y, "x": p})
            np.testing.assert_allclose(rows, [expected], rtol=1e-6)
    bce = losses.get("binary_crossentropy")()  # type: ignore[misc]
    (rows,) = evaluate(
        lambda y, x: bce.rows(y, sigmoid(x)),
        {"y": np.ones((1, 1)), "x": np.full((1, 1), -80.0)},
    )
    np.testing.assert_allclose(rows, [80], rtol=1e-6)
    (rows,) = evaluate(lambda y, x: bce.rows(y, x), {"y": np.ones((1, 1)), "x": np.zeros((1, 1))})
    np.testing.assert_allclose(rows, [16.118095], rtol=1e-6)


def test_what_lies_on_the_edge_is_not_positive() -> None:
    """Neither a prediction that equals the threshold, nor a largest that is no larger than Keras's zero."""
    y = np.array([[1, 0], [0, 1]], np.float32)
    edge = np.array([[0.25, 0.5], [0.5, 0.75]], np.float32)
    assert stream(make("F1Score", threshold=0.5), [{"y_true": y, "y_pred": edge}]) == [
        0.0,
        pytest.approx(1.0),
    ]
    small = np.array([[1e-9, 0.0], [0.0, 2e-9]], np.float32)
    assert stream(make("F1Score"), [{"y_true": y, "y_pred": small}]) == [0.0, pytest.approx(1.0)]


def test_several_results_go_by_the_metric_s_name_and_their_own() -> None:
    shape = (3,)
    each = Measured("f1", make("F1Score"), False, shape)
    one = Measured("f1", make("F1Score", average="micro"), False, shape)
    assert each.names == ("f1_0", "f1_1", "f1_2")
    assert one.names == ("f1",)
    assert each.state == {"f1/counts": (3, 3)}


def test_each_threshold_has_a_result() -> None:
    """In the order of the list; of one threshold there is one under the metric's own name."""
    y = np.array([[1], [1], [0], [0]], np.float32)
    p = np.array([[0.9], [0.3], [0.6], [0.1]], np.float32)
    metric = make("TruePositives", thresholds=[0.5, 0.2, 0.95])
    assert stream(metric, [{"y_true": y, "y_pred": p}]) == [1.0, 2.0, 0.0]
    assert Measured("tp", metric, False, (1,)).names == ("tp_0", "tp_1", "tp_2")
    assert make("TruePositives", thresholds=[0.5]).parts((1,)) == ()
    assert stream(make("TruePositives"), [{"y_true": y[:, 0], "y_pred": p[:, 0]}]) == 1.0


def test_a_threshold_is_met_by_what_lies_above_it() -> None:
    """Even thresholds are counted by a product, others by a search: NaN, 0 and the thresholds lie below."""
    p = np.array([np.nan, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0], np.float32)
    y = np.ones_like(p)
    for thresholds in ([0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 0.25, 0.5, 0.75, 0.8]):
        found = stream(make("TruePositives", thresholds=thresholds), [{"y_true": y, "y_pred": p}])
        # An even one moves what lies outside to the edge, as Keras does.
        assert found == [5.0, 4.0, 3.0, 2.0, 0.0 if thresholds[-1] == 1.0 else 2.0]


def test_masked_numbers_are_not_correlated() -> None:
    """Whether the mask's axis is one of those that are compared or not."""
    rng = np.random.default_rng(0)
    y, p = rng.standard_normal((2, 3, 4, 2)).astype(np.float32)
    mask = np.array([[1, 1, 1, 0], [1, 0, 1, 1], [1, 1, 1, 1]], np.uint8)
    batch = {"y_true": y, "y_pred": p, "mask": mask}
    on = mask.astype(bool)
    along_time = [np.corrcoef(y[n, on[n], c], p[n, on[n], c])[0, 1] for n in range(3) for c in range(2)]
    all_axes = [np.corrcoef(y[n, on[n]].ravel(), p[n, on[n]].ravel())[0, 1] for n in range(3)]
    of_steps = [np.corrcoef(y[n, t], p[n, t])[0, 1] for n in range(3) for t in range(4) if on[n, t]]
    assert stream(make("PearsonCorrelation", axis=1), [batch]) == pytest.approx(np.mean(along_time))
    assert stream(make("PearsonCorrelation", axis=[1, 2]), [batch]) == pytest.approx(np.mean(all_axes))
    assert stream(make("PearsonCorrelation"), [batch]) == pytest.approx(np.mean(of_steps))
    batch["weight"] = np.array([0.0, 1.0, 3.0], np.float32)
    batch["y_true"] = y * (np.arange(3) > 0)[:, None, None]  # NaN, but of weight 0
    assert stream(make("PearsonCorrelation", axis=[1, 2]), [batch]) == pytest.approx(
        (all_axes[1] + 3 * all_axes[2]) / 4
    )


def test_r2_of_what_does_not_vary() -> None:
    """As in Keras: 0, or NaN where nothing is wrong."""
    y = np.array([[1, 1, 1], [1, 1, 2]], np.float32)
    p = np.array([[1, 1, 1], [1, 3, 2]], np.float32)
    each = stream(make("R2Score", class_aggregation=None), [{"y_true": y, "y_pred": p}])
    np.testing.assert_equal(each, [np.nan, 0.0, 1.0])
    constant = {"y_true": y[:, :2], "y_pred": p[:, :2]}
    weighted = make("R2Score", class_aggregation="variance_weighted_average")
    assert math.isnan(stream(weighted, [constant]))  # type: ignore[arg-type]


def test_as_many_regressors_as_numbers_leave_the_score_as_it_is() -> None:
    """One fewer than numbers, too; the score with fewer is lower."""
    batch = {
        "y_true": np.array([[1], [4], [3], [2]], np.float32),
        "y_pred": np.array([[2], [4], [4], [2]], np.float32),
    }
    plain, *adjusted = (stream(make("R2Score", num_regressors=n), [batch]) for n in (0, 3, 4, 2))
    assert plain == pytest.approx(0.6)
    assert adjusted == [plain, plain, pytest.approx(1 - 0.4 * 3 / 1)]


def test_results_hang_on_no_split_into_batches() -> None:
    """To the last bit, since sums go on where the last batch ended."""
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, (60, 3)).astype(np.float32)
    whole = {
        "y_true": y, "y_pred": rng.random((60, 3)).astype(np.float32),
        "weight": rng.random(60).astype(np.float32),
    }  # fmt: skip
    parts = [{k: a[i:j] for k, a in whole.items()} for i, j in ((0, 7), (7, 31), (31, 60))]
    for name, fields in (
        ("AUC", {"multi_label": True, "curve": "PR"}), ("Recall", {"thresholds": [0.3, 0.6]}),
        ("RecallAtPrecision", {"precision": 0.5}), ("FBetaScore", {"beta": 3.0}),
        ("OneHotMeanIoU", {"num_classes": 3}), ("R2Score", {"class_aggregation": None}),
    ):  # fmt: skip
        assert stream(make(name, **fields), parts) == stream(make(name, **fields), [whole])


def test_classes_are_cut_off_behind_the_point() -> None:
    """As Keras casts them; what is none of the classes does not count."""
    y = np.array([[0.0], [1.0], [1.0], [2.0], [1.0], [np.nan]], np.float32)
    p = np.array([[0.9], [1.0], [-0.9], [1.5], [-1.0], [0.0]], np.float32)
    for name, fields in (
        ("IoU", {"num_classes": 2, "target_class_ids": [1]}),
        ("MeanIoU", {"num_classes": 2}),
    ):
        found = stream(make(name, **fields), [{"y_true": y, "y_pred": p}])
        assert found == pytest.approx(1 / 2)


def test_a_class_that_is_not_there_does_not_count() -> None:
    y = np.array([[0.0], [1.0], [1.0]], np.float32)
    assert stream(make("MeanIoU", num_classes=5), [{"y_true": y, "y_pred": y}]) == pytest.approx(
        1.0, rel=1e-6
    )
    absent = make("IoU", num_classes=5, target_class_ids=[3])
    assert stream(absent, [{"y_true": y, "y_pred": y}]) == 0.0
