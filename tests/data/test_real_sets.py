"""The sets in configs/data: complete, and read as their README says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.examples import examples
from tests.data.given import opened

DATA = Path(__file__).parents[2] / "configs" / "data"
CHARACTERS = tuple(sorted(set((DATA / "constitution.txt").read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    ("config", "rows", "shape", "names"),
    [
        ({"source": "iris.csv", "target": "species"}, 150, (4,), ("setosa", "versicolor", "virginica")),
        ({"source": "digits.csv.gz", "target": "label"}, 1797, (64,), None),
        ({"source": "diabetes.csv", "target": "progression"}, 442, (10,), None),
        (
            {
                "source": "penguins.csv",
                "target": "body_mass_g",
                "columns": {"sex": {"missing": "other"}, "year": "category"},
            },
            342,
            (3 + 3 + 3 + 3 + 3,),
            None,
        ),
        ({"source": "sunspots.csv", "target": "sunspots", "window": {"length": 24}}, 285, (24, 2), None),
        (
            {
                "source": "sentences.csv",
                "target": "document",
                "columns": {"sentence": {"type": "text", "output_sequence_length": 40}},
            },
            283,
            (40,),
            ("amendment", "constitution", "declaration"),
        ),
        ({"source": "digit_pairs.csv.gz", "target": "same", "split": {"by": "part"}}, 1600, (128,), None),
        (
            {
                "source": {"type": "characters", "path": "constitution.txt"},
                "target": "character",
                "columns": {"character": {"encoding": "index"}},
                "window": {"length": 64, "stride": 16, "targets": "each"},
            },
            3414,
            (64, 1),
            CHARACTERS,
        ),
    ],
)
def test_real_sets(config: dict[str, Any], rows: int, shape: tuple[int, ...], names: Any) -> None:
    data = opened(DATA, config)
    assert len(data.train) == rows
    assert data.inputs["input"].shape == shape
    target = next(iter(data.targets))
    assert data.class_names.get(target) == names
    assert np.isfinite(examples(data.train)["input"]).all()


def test_the_hash_is_the_files_own() -> None:
    data = opened(DATA, {"source": "iris.csv", "target": "species"})
    assert data.data_sha256 == "9cc1c345c71bcc9b486b74cbf6063fa66f4bb5e0f603a4b3c3471ec2e5e8e355"


def test_digits_split_and_fit_golden() -> None:
    config = {
        "source": "digits.csv.gz",
        "target": "label",
        "split": {"validation": 0.15, "test": 0.15, "stratify": "label"},
        "columns": {"p*": {"scale": "standard"}},
    }
    data = opened(DATA, config, seed=7, categorical={"label": True})
    assert data.validation is not None
    assert data.test is not None
    assert (len(data.train), len(data.validation), len(data.test)) == (1258, 270, 269)
    assert data.train.rows[:8].tolist() == [0, 1, 2, 4, 6, 10, 12, 13]
    counts = np.bincount(examples(data.test)["label"])
    assert counts.min() >= 25
    prep = data.preprocessing.inputs["input"].columns["p33"]
    assert (prep.shift[0].hex(), prep.divide[0].hex()) == ("0x1.1c42bf49aa87fp+3", "0x1.7780a200c386ap+2")  # type: ignore[union-attr]
