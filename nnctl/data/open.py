"""Opening the data of an experiment: read, split, fit, prepare."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from nnctl.core.errors import Problem
from nnctl.core.records import record
from nnctl.core.shapes import Shape
from nnctl.data.base import Hint, no_hint
from nnctl.data.columns.patterns import column_spec, with_kinds
from nnctl.data.columns.roles import Roles, Wanted, assign, steering
from nnctl.data.feeding.dataset import Dataset, Signature
from nnctl.data.feeding.flat import Cuts, in_rows
from nnctl.data.feeding.in_memory import held
from nnctl.data.feeding.table_feeds import TableFeeds
from nnctl.data.feeding.windows import first_rows
from nnctl.data.fitting.all_columns import fit
from nnctl.data.fitting.weights import weight_kind
from nnctl.data.preprocessing import Preprocessing
from nnctl.data.reading.kept_table import kept_table, stays_on_disk
from nnctl.data.sample_weight import weight_columns
from nnctl.data.spec import DataSpec
from nnctl.data.splitting.rule import split_rows
from nnctl.data.splitting.splits import SPLITS, SplitRows
from nnctl.data.splitting.trained_on import DataFile, TrainedOn, data_files, data_sha256, split_sha256
from nnctl.data.table import Kind, Rows, Table, Words
from nnctl.data.warnings.base import Evidence
from nnctl.data.warnings.table import data_warnings


@record
class Data:
    """The data of an experiment, ready for training. A split that the config does not make is None."""

    train: Dataset
    validation: Dataset | None
    test: Dataset | None
    preprocessing: Preprocessing
    files: dict[str, DataFile]
    """The files as they were read; empty if they were not hashed."""
    split_sha256: str
    """Over the rows that each split took."""
    warnings: tuple[Problem, ...] = ()
    """What is surely a mistake in how the config uses the columns; said where the data was fitted."""
    notes: tuple[str, ...] = ()
    """What was guessed of the files, in sentences."""

    @property
    def data_sha256(self) -> str:
        """The file's SHA-256; of several files, the hash of a list of their roles and hashes."""
        return data_sha256(self.files)

    @property
    def inputs(self) -> dict[str, Signature]:
        """Shape and type of every model input; None is a length that varies with the batch, another one
        that varies is the training data's own."""
        shapes = {n: p.shape for n, p in self.train.inputs.items()}
        varying = self.train.varying
        return {
            n: Signature((None, *s[1:]) if n in varying else s, self.train.inputs[n].dtype)
            for n, s in shapes.items()
        }

    @property
    def targets(self) -> dict[str, Signature]:
        """Shape and type of every target by model output."""
        return {n: Signature(p.shape, p.dtype) for n, p in self.train.targets.items()}

    @property
    def class_names(self) -> dict[str, tuple[str, ...]]:
        """The classes' names by model output, where labels are words."""
        return self.preprocessing.class_names

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays kept in memory, each counted once."""
        parts = [
            part
            for dataset in (self.train, self.validation, self.test)
            if dataset is not None
            for part in (*dataset.inputs.values(), *dataset.targets.values(), *dataset.weights.values())
        ]
        kept = {id(a if a.base is None else a.base): a.nbytes for part in parts for a in part.feed.kept()}
        rows = sum(d.rows.nbytes for d in (self.train, self.validation, self.test) if d is not None)
        return sum(kept.values()) + rows

    def split(self, name: str) -> Dataset | None:
        """The data set called train, validation or test."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]


def open_data(
    spec: DataSpec,
    base_dir: Path,
    seed: int,
    *,
    input_shapes: Mapping[str, Shape | None] | None = None,
    outputs: Sequence[str] = (),
    integer_inputs: Collection[str] = (),
    categorical: Mapping[str, bool] | None = None,
    preprocessing: Preprocessing | None = None,
    dtype: Literal["float32", "float64"] = "float32",
    digest: bool = True,
) -> Data:
    """Read, split, fit (on the training split only) and prepare.

    Args:
        spec: The `data` section.
        base_dir: The directory that paths are relative to.
        seed: The experiment's seed; the split follows from it.
        input_shapes: The model's inputs by name with their shapes (None: the data says it). Left out if the
            config leaves the model's inputs to the data; there is then one, named "input" if `data.inputs`
            does not name it.
        outputs: The model's outputs in order.
        integer_inputs: Model inputs that take class numbers (an Embedding reads them).
        categorical: By output, whether the loss wants class numbers (True) or numbers or 0/1 vectors (False).
        preprocessing: What a run stored; nothing is fitted then.
        dtype: The type of floats kept in memory.
        digest: Whether to hash the files.

    Raises:
        ConfigError: the config names what is not there, or contradicts the model; all problems at once.
        DataError: the data cannot be read or used; names file, row and column.
    """
    wanted = Wanted(input_shapes or {}, tuple(outputs), frozenset(integer_inputs), categorical or {})
    tables = read_tables(spec, base_dir, wanted, preprocessing)
    data = assemble(spec, tables, seed, wanted, preprocessing, dtype)
    return with_files(data, data_files(spec, base_dir, tables)) if digest else data


def with_files(data: Data, files: dict[str, DataFile]) -> Data:
    """The same data, its files recorded with what was fitted on them."""
    fitted = data.preprocessing
    known = fitted.trained_on.model_copy(update={"files": files})
    return replace(data, files=files, preprocessing=fitted.model_copy(update={"trained_on": known}))


def read_tables(
    spec: DataSpec,
    base_dir: Path,
    wanted: Wanted,
    preprocessing: Preprocessing | None = None,
    rows: int | None = None,
) -> dict[str, Table]:
    """Every source's table by the name of its field, the columns read as what training takes them for."""
    # The names are looked at first: what a wrong one leaves among the inputs would fail for another reason.
    roles = assign(spec, spec.main.read(base_dir, no_hint, 1).names, wanted)
    declared = hint_of(spec, roles, preprocessing)
    # Once each: a split may be stratified by the target.
    used = list(dict.fromkeys([*roles.used(), *steering(spec)]))
    parts = {n: source.narrowed(used) if rows is None else source for n, source in spec.parts().items()}
    first = next(iter(parts))

    def read(name: str, hint: Hint) -> Table:
        source = parts[name]
        if rows is None and stays_on_disk(source, base_dir, spec.shuffle is True):
            return kept_table(source, base_dir, hint, used)
        table: Table = source.read(base_dir, hint, rows)
        return table

    tables = {first: read(first, declared)}
    main = tables[first]

    def as_in_training(name: str) -> Kind | None:
        """Cells that all look like numbers are words where the training data has others besides."""
        return declared(name) or ("category" if isinstance(main.columns.get(name), Words) else None)

    others = {name: read(name, as_in_training) for name in parts if name != first}
    return {name: in_rows(table, _flat(spec, table)) for name, table in (tables | others).items()}


def _flat(spec: DataSpec, table: Table) -> dict[str, Cuts]:
    """The columns of a table that the config says to hold the steps of all sequences."""
    said = {name: column_spec(spec, name) for name in table.names}
    return {name: Cuts(c.beside, c.flat) for name, c in said.items() if c.beside and c.flat}


def hint_of(spec: DataSpec, roles: Roles, preprocessing: Preprocessing | None) -> Hint:
    """What columns are, as the run stored it or the config declares it."""
    inputs = {c for columns in roles.inputs.values() for c in columns}
    words = {spec.split.by} if spec.split else set()
    weights = weight_columns(spec.sample_weight)

    def hint(name: str) -> Kind | None:
        stored = preprocessing.kind_of(name) if preprocessing else None
        if stored or name in words:
            return stored or "category"
        if name in weights:
            return weight_kind(spec, roles, name)
        return column_spec(spec, name, target=name not in inputs).kind

    return hint


def assemble(
    spec: DataSpec,
    tables: dict[str, Table],
    seed: int,
    wanted: Wanted,
    preprocessing: Preprocessing | None = None,
    dtype: str = "float32",
    split: SplitRows | None = None,
) -> Data:
    """The data sets from tables that have been read; `split` overrules the config's."""
    main = tables["source"] if "source" in tables else tables["train"]
    roles = assign(spec, main.names, wanted)
    main.need([*roles.used(), *steering(spec)])
    spec = with_kinds(spec, main.kinds, [c for columns in roles.targets.values() for c in columns])
    if spec.shuffle is True and preprocessing is None:
        main = held(main, roles.used())
    chosen = split or split_rows(spec, main, main.rows(roles.used()), seed)
    rows = dict(zip(SPLITS, chosen, strict=True))
    dealt = split_sha256(chosen)
    fitted = preprocessing or fit(main, rows["train"], roles, spec, wanted).model_copy(
        update={"trained_on": TrainedOn(split_sha256=dealt)}
    )
    feeds = TableFeeds(main, fitted, dtype)
    made: dict[str, Dataset | None] = {}
    for name in SPLITS:
        if name != "train" and name in tables:
            other = TableFeeds(tables[name], fitted, dtype)
            made[name] = _examples(spec, name, other, other.rows, tables[name])
        else:
            made[name] = _examples(spec, name, feeds, rows[name], main) if len(rows[name]) else None
    train = made["train"]
    assert train is not None
    warnings: tuple[Problem, ...] = ()
    if preprocessing is None:
        whole = all(table.complete for table in tables.values())
        warnings = data_warnings(Evidence(spec, main, rows["train"], roles, fitted, whole))
    notes = tuple(dict.fromkeys(note for table in tables.values() for note in table.notes))
    return Data(train, made["validation"], made["test"], fitted, {}, dealt, warnings, notes)


def _examples(spec: DataSpec, name: str, feeds: TableFeeds, rows: Rows, table: Table) -> Dataset:
    """The data set of the rows of one split: each an example, or windows over them."""
    window = spec.windows
    if window is None:
        return feeds.dataset(name, rows)
    firsts = first_rows(table, rows, window, window.horizon, f"the {name} split")
    return feeds.dataset(name, firsts)
