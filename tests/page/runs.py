"""Runs made for the page: what a stranger may have called things, and a small model of each kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nnctl.core.arrays import Array
from nnctl.evaluation.amounts import AmountTally
from nnctl.evaluation.classes import ClassTally
from nnctl.evaluation.labels import LabelTally
from nnctl.evaluation.spread import spread
from nnctl.runs.compare import ShownRun, Summary
from nnctl.runs.manifest import Manifest
from nnctl.workflow.importance import Importance, Importances
from nnctl.workflow.most_wrong import WrongExample
from nnctl.workflow.report import Evaluated, GraphNode, RunReport, WeightShown
from nnctl.workflow.scored import Scored
from nnctl.workflow.seen import Seen

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&<!--"
"""A name that is markup wherever it is not text."""


def run(name: str = "runs/first/1", word: str = "", epochs: int = 3, nodes: int = 1) -> RunReport:
    """A run that has everything a report shows.

    Args:
        word: What stands behind every name that a user gives.
        nodes: How many Dense layers its model has.
    """
    manifest = Manifest(
        name + word,
        status="completed",
        seed=3,
        config_sha256="c0" * 32,
        data_sha256="da" * 32,
        weights_sha256="e5" * 32,
        epochs=epochs,
        steps=4 * epochs,
        reason="it was long enough" + word,
        overrides=["training.epochs=3" + word],
        versions={"python": "3.11.0", "nnctl": "0.1.0" + word},
        machine={"cpu": "a processor" + word, "system": "Linux"},
        threads=2,
        git_commit="ab" * 20,
        started="2026-11-27T10:00:00Z",
        wall_seconds=12.5,
        expectations=[
            {"wanted": "accuracy at least 0.5" + word, "found": "0.75", "holds": True},
            {"wanted": "loss at most 0.1", "found": "0.2" + word, "holds": False},
        ],
    )
    rows = [
        {
            "epoch": e,
            "step": 4 * e,
            "loss": 1 / (e + 1),
            "val_loss": 2 / (e + 2),
            "learning_rate": 1e-3 / (e + 1),
            f"f1{word}": 0.5,
        }
        for e in range(epochs)
    ]
    summary = Summary(name + word, Path("runs") / "first" / "1", "completed", manifest, {"loss": 0.3})
    shown = ShownRun(summary, "nnctl: 1  # " + word, "nnctl: 1", rows, [])
    layers = tuple(
        GraphNode(f"dense_{n}{word}", "Dense", "units 4" + word, "(4)", 20, (n,), n == nodes - 1)
        for n in range(nodes)
    )
    graph = (GraphNode("input" + word, "Input", "", "(4)", 0, (), False), *layers)
    numbers = np.linspace(-1, 1, 20, dtype=np.float32)
    weights = (WeightShown(f"dense/kernel{word}", (4, 5), True, spread(numbers, 40)),)
    return RunReport(shown, graph, weights, evaluated(word), ("the data has moved" + word,))


def evaluated(word: str = "") -> Evaluated:
    """Three outputs: classes, labels and numbers."""
    names = [f"{letter}{word}" for letter in "abc"]
    wanted = np.array([0, 1, 2, 0, 1, 2, 0])
    scores = softened(np.array([0, 1, 2, 0, 2, 2, 1]), 3)
    classes, labels, amounts = ClassTally(names), LabelTally(names), AmountTally([f"x{word}", f"y{word}"], 2)
    classes.add(wanted, scores)
    flags = np.eye(3, dtype=bool)[wanted]
    labels.add(flags, scores)
    numbers = np.stack([np.arange(7.0), np.arange(7.0) ** 2], axis=1)
    amounts.add(numbers, numbers + 0.25)
    reports = {
        f"{kind}{word}": tally.report()
        for kind, tally in (("classes", classes), ("labels", labels), ("numbers", amounts))
    }
    places = np.arange(7)
    errors = np.linspace(0, 1, 7)
    seen = {
        f"classes{word}": Seen(f"classes{word}", "classes", tuple(names), wanted, scores, places, errors),
        f"labels{word}": Seen(f"labels{word}", "labels", tuple(names), flags, scores, places, errors),
        f"numbers{word}": Seen(
            f"numbers{word}", "numbers", (f"x{word}", f"y{word}"), numbers, numbers + 0.25, places, errors
        ),
    }
    example = WrongExample(
        file=f"data.csv{word}",
        row=5,
        error=1.5,
        wanted=names[0],
        predicted=names[1],
        pictures={f"image{word}": np.arange(12, dtype=np.uint8).reshape(4, 3, 1)},
        curves={f"series{word}": np.array([[1.0, 2.0], [3.0, 2.0], [2.0, 1.5]])},
        cells={f"column{word}": f"cell{word}"},
    )
    grown = Importances(0.25, 7, (Importance(f"x{word}", (0.1, 0.3)), Importance(f"y{word}", (-0.1, 0.0))))
    scored = Scored(
        7, {"loss": 0.25, "accuracy": 5 / 7}, {k: r for k, r in reports.items() if r is not None}, True
    )
    return Evaluated("test", scored, seen, {f"classes{word}": [example]}, grown)


def softened(classes: Array, count: int) -> Array:
    """Probabilities (N, C) in which these classes are the likeliest."""
    return 0.1 + (1 - 0.1 * count) * np.eye(count)[classes]
