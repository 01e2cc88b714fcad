"""Which rows a seed draws stays as it is: runs record their split, and another version deals it out again."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.core.keys import key
from nnctl.data.feeding.order import order
from nnctl.data.reading.given import table_of
from nnctl.data.spec import DataSpec
from nnctl.data.splitting.grouped import grouped
from nnctl.data.splitting.rule import check_counts, split_rows
from nnctl.data.splitting.splits import SplitRows, at_random, by_column, contiguous, sizes
from nnctl.data.splitting.stratified import nearest_counts, stratified
from nnctl.data.splitting.trained_on import split_sha256
from nnctl.data.table import Origin, Table, Words


def members(number: int) -> list[int]:
    """How many rows each class of table `number` has: few classes or many, equal, rare and large ones."""
    state, found = number + 1, []
    for _ in range(2 + number % 11):
        state = state * 1103515245 + 12345 & 0x7FFFFFFF
        found.append(1 + (state >> 16) % (3, 9, 40)[number % 3])
    return found


PORTIONS = ((0.2, 0.2), (0.45, 0.1), (0.0, 0.3), (0.15, 0.0), (0.3, 0.45))


def digest(splits: list[SplitRows]) -> str:
    return hashlib.sha256("".join(map(split_sha256, splits)).encode()).hexdigest()[:16]


def test_stratified_splits() -> None:
    found = []
    for number in range(60):
        classes = np.repeat(np.arange(2 + number % 11), members(number)).tolist()
        try:
            wanted = sizes(len(classes), *PORTIONS[number % 5])
            found.append(stratified(wanted, classes, key(number, "split")))
        except ValueError:
            continue
    assert (len(found), digest(found)) == (54, "225717f5d7432792")


def test_grouped_splits() -> None:
    found = []
    for number in range(60):
        groups = np.repeat(np.arange(2 + number % 11), members(number)).tolist()
        try:
            found.append(grouped(len(groups), groups, *PORTIONS[number % 5], key(number, "split")))
        except ValueError:
            continue
    assert (len(found), digest(found)) == (56, "3dc17c71d6b93885")


def test_counts_after_exchanges() -> None:
    """From a deal by position, where every class lies in one split or two."""
    total = hashlib.sha256()
    for number in range(60):
        counts = np.array(members(number))
        n = int(counts.sum())
        wanted = (n - n // 3 - n // 4, n // 3, n // 4)
        turn = [2, 1, 0] if number % 2 else [1, 0, 2]
        place = np.repeat(turn, [wanted[i] for i in turn])
        codes = np.repeat(np.arange(len(counts)), counts)
        dealt = np.bincount(codes * 3 + place, minlength=3 * len(counts)).reshape(-1, 3)
        before = dealt.copy()
        found = nearest_counts(dealt, counts, wanted)
        assert (dealt == before).all()
        total.update(np.ascontiguousarray(found, dtype="<i8").tobytes())
    assert total.hexdigest()[:16] == "8ae848b8836a3325"


def test_random_splits_and_orders() -> None:
    assert (
        digest([at_random((n, n // 3, n // 5), key(n, "split")) for n in (1, 7, 60, 3000)])
        == "8b28bfe019800322"
    )
    drawn = [order(5, epoch, n) for epoch in (0, 1, 63, 64, 65, 200) for n in (1, 7, 1024, 1025)]
    assert (
        hashlib.sha256(np.concatenate(drawn).astype("<i8").tobytes()).hexdigest()[:16] == "4443e4cfac5e6af5"
    )
    assert order(5, 3, 6, shuffle=False).tolist() == [0, 1, 2, 3, 4, 5]
    again = order(5, 0, 7)
    again[:] = 0
    assert sorted(order(5, 0, 7)) == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("n", "portions", "counts"),
    [
        (10, (0.25, 0.25), (5, 3, 2)),
        (11, (0.25, 0.25), (5, 3, 3)),
        (3, (0.3, 0.3), (1, 1, 1)),
        (4, (0.0, 0.0), (4, 0, 0)),
        (4, (1, 2), (1, 1, 2)),
        (4, (3, 0), (1, 3, 0)),
        (10, (3, 0.25), (5, 3, 2)),
        (10, (0.35, 0.35), (3, 4, 3)),
        (1000, (0.1, 0.2), (700, 100, 200)),
    ],
)
def test_sizes(n: int, portions: tuple[float, float], counts: tuple[int, int, int]) -> None:
    assert sizes(n, *portions) == counts
    cut = contiguous(counts)
    assert [len(part) for part in cut] == list(counts)
    assert np.concatenate(cut).tolist() == list(range(n))


@pytest.mark.parametrize(
    ("n", "portions", "message"),
    [
        (4, (3, 1), "4 rows leave nothing to train on"),
        (4, (3, 2), "4 rows leave nothing to train on"),
        (3, (2, 0.5), "3 rows leave nothing to train on"),
        (2, (0.1, 0.0), "2 rows are too few for a validation split of 0.1"),
        (2, (0, 0.1), "2 rows are too few for a test split of 0.1"),
        (0, (0, 0), "0 rows leave nothing to train on"),
    ],
)
def test_sizes_that_cannot_be(n: int, portions: tuple[float, float], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        sizes(n, *portions)
    assert str(caught.value) == message


def spec(**split: object) -> DataSpec:
    return DataSpec.model_validate({"source": "a.csv", **({"split": split} if split else {})})


TABLE = table_of(
    {"s": ["b", "a", "c", "a", "b", "c", "b", "a"], "part": ["train", "Valid", "TEST", "dev"] * 2}
)


def test_the_rule_that_a_config_asks_for() -> None:
    draw = key(3, "split")
    ranks = [1, 0, 2, 0, 1, 2, 1, 0]
    window = DataSpec.model_validate({"source": "a.csv", "window": {"length": 1}, "split": {"test": 2}})
    for asked, expected in (
        (spec(), contiguous((8, 0, 0))),
        (spec(test=2), at_random((6, 0, 2), draw)),
        (spec(test=2, order="random"), at_random((6, 0, 2), draw)),
        (spec(test=2, order="rows"), contiguous((6, 0, 2))),
        (window, contiguous((6, 0, 2))),
        (spec(test=2, stratify="s"), stratified((6, 0, 2), ranks, draw)),
        (spec(test=2, group="s"), grouped(8, ranks, 0, 2, draw)),
        (
            spec(by="part"),
            by_column(Words(np.array([0, 1, 2, 1] * 2, "i4"), ("train", "val", "test")), "p", ORIGIN),
        ),
    ):
        assert split_sha256(split_rows(asked, TABLE, 8, 3)) == split_sha256(expected)


ORIGIN = Origin("a.csv", 2)


def refused(asked: DataSpec, n: int = 8, **columns: object) -> str:
    table = Table(table_of(columns).columns, ORIGIN) if columns else Table(TABLE.columns, ORIGIN)
    with pytest.raises(DataError) as caught:
        split_rows(asked, table, n, 3)
    return str(caught.value)


def test_rows_and_columns_that_cannot_steer() -> None:
    assert refused(spec(), 0) == "a.csv: has no rows"
    assert refused(spec(test=8)) == "a.csv: 8 rows leave nothing to train on"
    assert refused(spec(test=0.5, validation=0.4, group="s"), s=["a", "b"] * 4) == (
        "a.csv, column 's': 2 groups cannot fill 3 splits"
    )
    assert refused(spec(test=6, stratify="s")) == (
        "a.csv, column 's': 3 classes cannot all be among 2 training rows"
    )
    assert refused(spec(test=2, stratify="s"), s=list("abcdeabc")) == (
        "a.csv, column 's': has 5 different values in 8 rows\n  name a column of few classes"
    )
    assert len(split_rows(spec(test=2, stratify="s"), table_of({"s": list("abcdabcd")}), 8, 3)[2]) == 2
    assert len(split_rows(spec(test=2, group="s"), table_of({"s": list("abcdefgh")}), 8, 3)[2]) == 2
    assert refused(spec(test=2, stratify="s"), s=["a", "", "b", "a", "b", "a", "b", "a"]) == (
        "a.csv:3, column 's': the value is missing, but steers the split"
    )
    assert refused(spec(test=2, group="s"), s=np.zeros((8, 2))) == (
        "a.csv, column 's': an array cannot steer the split"
    )
    assert refused(spec(by="s"), s=["train", "dunno"]) == (
        "a.csv:3, column 's': says 'dunno' where train, validation or test is expected"
    )
    assert refused(spec(by="s"), s=["train", "test", ""]) == (
        "a.csv:4, column 's': says nothing where train, validation or test is expected"
    )
    assert refused(spec(by="s"), s=["val", "test", "Testing "]) == "a.csv, column 's': has no training rows"


def test_words_for_splits() -> None:
    words = ("train", "Training ", "VAL", "valid", "validation", "dev", "test", "testing")
    found = by_column(Words(np.arange(8, dtype=np.int32), words), "part", ORIGIN)
    assert [part.tolist() for part in found] == [[0, 1], [2, 3, 4, 5], [6, 7]]


@pytest.mark.parametrize(
    ("asked", "n", "exact", "message"),
    [
        (spec(test=5, validation=3), 8, True, "8 rows leave nothing to train on"),
        (spec(test=5, validation=3), 8, False, "at most 8 rows leave nothing to train on"),
        (spec(test=5, validation=2), 8, True, None),
        (spec(test=5, validation=2), 8, False, None),
        (spec(test=0.1), 3, True, "3 rows are too few for a test split of 0.1"),
        (spec(test=0.1), 3, False, None),
        (spec(test=0.9, validation=8), 8, False, "at most 8 rows leave nothing to train on"),
        (spec(test=9), None, True, None),
        (spec(test=9, group="s"), 8, True, None),
        (spec(by="s"), 8, True, None),
        (spec(), 8, True, None),
    ],
)
def test_rows_are_counted_before_they_are_read(
    asked: DataSpec, n: int | None, exact: bool, message: str | None
) -> None:
    table = Table({}, ORIGIN)
    if message is None:
        check_counts(asked, table, n, exact=exact)
        return
    with pytest.raises(DataError) as caught:
        check_counts(asked, table, n, exact=exact)
    assert str(caught.value) == f"a.csv: {message}"
