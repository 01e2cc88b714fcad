"""What `--help` says beyond options: a summary that fits a line, examples, exit codes, where to read on."""

from __future__ import annotations

from typing import Any

from nnctl.core.records import record

DOCS = "docs/commands.md"

CODES = {
    0: "done",
    1: "a fault of nnctl's own, or of the disk",
    2: "the command line or the config is wrong",
    3: "the data is wrong",
    4: "it does not hold",
    5: "training became non-finite",
    130: "stopped by Ctrl-C (143: SIGTERM), checkpoint kept; --resume goes on",
}


@record
class About:
    """A command: its line in the list of commands, examples, its exit codes besides 0 and 1."""

    summary: str
    examples: tuple[str, ...]
    codes: tuple[int, ...] = (2,)
    page: str | None = None
    """The heading in `DOCS`, if it is not the command's name."""


ABOUT = {
    "train": About(
        "Train a config; everything about it goes into a run directory.",
        (
            "nnctl train iris.yaml",
            "nnctl train iris.yaml --set training.epochs=3 --run-dir quick",
            "nnctl train iris.yaml --folds 5 --jobs 2",
            'run=$(nnctl train iris.yaml --quiet) && nnctl eval "$run"',
        ),
        (2, 3, 4, 5, 130),
    ),
    "sweep": About(
        "Search settings: many trials, each a run of its own.",
        (
            "nnctl sweep iris.yaml --jobs 2",
            "nnctl sweep iris.yaml --run-dir search",
            "nnctl train runs/iris-sweep/best.yaml",
        ),
        (2, 3, 5, 130),
    ),
    "eval": About(
        "Loss and metrics of a run, over a split or a file.",
        ("nnctl eval iris", "nnctl eval iris/3 --split train", "nnctl eval iris --data new.csv --json"),
        (2, 3),
    ),
    "predict": About(
        "Write a run's predictions for a file or a split.",
        (
            "nnctl predict iris new.csv -o predictions.csv --keep id",
            "nnctl predict iris --split test -o test.jsonl",
        ),
        (2, 3),
    ),
    "export": About(
        "Write a run's model for Keras, NumPy and others.",
        (
            "nnctl export iris --format keras -o iris.keras",
            "nnctl export iris --format npz -o weights.npz",
        ),
    ),
    "import": About(
        "Make a run of a model of Keras or ONNX.",
        (
            "nnctl import model.keras -o imported",
            "nnctl import model.json --weights model.weights.h5 -o imported",
        ),
    ),
    "inspect": About(
        "Show what is in a model's file, without importing it.",
        ("nnctl inspect model.keras", "nnctl inspect model.h5 --json"),
    ),
    "check": About(
        "Find what is wrong with a config, without training.",
        ("nnctl check iris.yaml", "nnctl check iris.yaml --strict --json"),
        (2, 3),
    ),
    "plan": About(
        "Show a config's layers, shapes, FLOPs and exact memory.",
        ("nnctl plan iris.yaml", "nnctl plan iris.yaml --program", "nnctl plan iris.yaml --ranks 8"),
        (2, 3),
    ),
    "test": About(
        "Train configs as tests: expectations and records have to hold.",
        (
            "nnctl test configs/",
            "nnctl test configs/ --jobs 2 --junit junit.xml --markdown summary.md",
            "nnctl test iris.yaml --update",
        ),
        (2, 3, 4, 5),
    ),
    "record": About(
        "Write what configs come to beside them, to compare with later.",
        ("nnctl record iris.yaml", "nnctl record configs/ --jobs 2"),
        (2, 3, 4, 5),
    ),
    "report": About(
        "Write one HTML page to look at: curves, evaluation, model.",
        (
            "nnctl report iris -o report.html",
            "nnctl report iris/1 iris/2 -o both.html --split validation",
        ),
        (2, 3),
    ),
    "runs": About(
        "List runs, show one, compare or remove several.",
        ("nnctl runs", "nnctl runs --sort val_loss", "nnctl runs show iris"),
    ),
    "runs show": About(
        "Show one run: how far it came, numbers, config.", ("nnctl runs show iris",), page="runs"
    ),
    "runs compare": About(
        "Compare runs: settings that differ, and numbers.", ("nnctl runs compare iris/1 iris/2",), page="runs"
    ),
    "runs rm": About("Remove runs and all that they kept.", ("nnctl runs rm iris/1 iris/2",), page="runs"),
    "verify": About(
        "Train a run again and compare the bits.",
        ("nnctl verify iris", "nnctl verify copied/run --data iris.csv"),
        (2, 3, 4),
    ),
    "bisect": About(
        "Find the first step and tensor in which two runs differ.",
        ("nnctl bisect iris/1 iris/2", "nnctl bisect iris iris --json"),
        (2, 3, 4),
    ),
    "init": About(
        "Write a commented config with its data, ready to train.",
        ("nnctl init", "nnctl init image -o digits.yaml"),
    ),
    "schema": About("Print the language's JSON Schema, for editors.", ("nnctl schema > nnctl.json",), ()),
    "warm": About(
        "Compile kernels ahead of time, for CI images.",
        ("nnctl warm", "nnctl warm iris.yaml", "nnctl warm --key"),
        (2, 3),
    ),
}
"""Every command by its name."""


def help_of(name: str) -> dict[str, Any]:
    """What Typer is told of a command: `short_help` and `epilog`."""
    about = ABOUT[name]
    page = about.page or name.replace(" ", "-")
    codes = [f"{code:>5}  {CODES[code]}" for code in (0, 1, *about.codes)]
    # A line of \b keeps Click from filling the paragraph anew.
    parts = [
        "\n".join(["\b", "Examples:", *(f"  {example}" for example in about.examples)]),
        "\n".join(["\b", "Exit codes:", *codes]),
        f"More: {DOCS}#{page}",
    ]
    return {"short_help": about.summary, "epilog": "\n\n".join(parts)}
