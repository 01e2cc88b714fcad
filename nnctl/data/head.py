"""A quick look at an experiment's data, for `nnctl check`: what can be known wrong without reading it all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from nnctl.core.records import record
from nnctl.core.shapes import Shape
from nnctl.data.columns.patterns import column_spec, with_kinds
from nnctl.data.columns.roles import Wanted, assign, taken
from nnctl.data.feeding.dataset import Signature
from nnctl.data.fitting.one_column import kind_of
from nnctl.data.open import Data, assemble, read_tables
from nnctl.data.paths import find
from nnctl.data.preprocessing import TargetPrep
from nnctl.data.reading.bounds import open_bytes
from nnctl.data.spec import DataSpec
from nnctl.data.splitting.rule import check_counts
from nnctl.data.splitting.splits import contiguous
from nnctl.data.table import Table

WHOLE = 1 << 20
"""Sources of up to this many bytes (a quarter of that if compressed) are read whole."""


@record
class ColumnHead:
    """What a column holds, as far as it was read."""

    name: str
    kind: str
    """number or category."""
    shape: tuple[int, ...]
    dtype: str


@record
class Head:
    """What is known after a look at the data.

    Attributes:
        columns: The main source's columns, in its order.
        rows: How many rows it has; None if the file was not read to its end.
        exact: Whether everything was read, so that what follows is what training will see.
        inputs: Shape and type of the model's inputs; a width that depends on unread rows is None.
        targets: Shape and type of the targets by model output.
        classes: The number of classes by output, where labels are words and everything was read.
        sizes: The number of examples by split, where everything was read.
        data: The data itself, without its hash; where there are rows that were not read, those that were,
            all of them taken for training.
        patterns: What names with `*` and `!` took, by their place in the data section.
        notes: What was guessed of the files, in sentences.
    """

    columns: tuple[ColumnHead, ...]
    rows: int | None
    exact: bool
    inputs: dict[str, Signature]
    targets: dict[str, Signature]
    classes: dict[str, int]
    sizes: dict[str, int]
    data: Data
    patterns: dict[str, list[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def head(
    spec: DataSpec,
    base_dir: Path,
    rows: int = 200,
    *,
    seed: int = 0,
    input_shapes: Mapping[str, Shape | None] | None = None,
    outputs: Sequence[str] = (),
    integer_inputs: Collection[str] = (),
    categorical: Mapping[str, bool] | None = None,
) -> Head:
    """Look at the data: small files whole, of others the first `rows` rows. Arguments as `open_data`'s.

    Raises:
        ConfigError: the config names what is not there, or contradicts the model; all problems at once.
        DataError: a file is missing or what was read of it cannot be used.
    """
    wanted = Wanted(input_shapes or {}, tuple(outputs), frozenset(integer_inputs), categorical or {})
    sizes = [source.size(base_dir) for source in spec.parts().values()]
    small = sum(size for size in sizes if size is not None) <= WHOLE and None not in sizes
    # The first steps of all sequences are not those of the first rows.
    whole = small or any(column.flat for column in spec.columns.values())
    tables = read_tables(spec, base_dir, wanted, rows=None if whole else rows)
    main = tables.get("source") or tables["train"]
    _same_columns(spec, tables, main, wanted)
    roles = assign(spec, main.names, wanted)
    told = with_kinds(spec, main.kinds, [c for columns in roles.targets.values() for c in columns])
    if all(t.complete for t in tables.values()):
        found = _exact(main, told, assemble(spec, tables, seed, wanted))
    else:
        most = main.total if main.total is not None else _most_rows(spec, base_dir)
        check_counts(spec, main, most, exact=main.total is not None)
        found = _partial(main, told, wanted)
    notes = tuple(dict.fromkeys(note for table in tables.values() for note in table.notes))
    return replace(found, patterns=taken(spec, roles), notes=notes)


def _most_rows(spec: DataSpec, base: Path) -> int | None:
    """More rows than lines the main source cannot have; counted where the config asks for rows by number."""
    rule = spec.split
    if (
        rule is None
        or not spec.main.row_is_line
        or not any(type(portion) is int and portion for portion in (rule.validation, rule.test))
    ):
        return None
    lines = 1
    for path in (path for paths in spec.main.contents(base).values() for path in paths):
        with open_bytes(find(base, path), path) as opened:
            while block := opened.read(_BLOCK):
                lines += block.count(b"\n") + block.count(b"\r")
    return lines


_BLOCK = 1 << 20


def _same_columns(spec: DataSpec, tables: dict[str, Table], main: Table, wanted: Wanted) -> None:
    """Raise DataError if the source of another split lacks a column that training uses."""
    used = assign(spec, main.names, wanted).used()
    for table in tables.values():
        table.need(used)
        for name in used:
            if name not in table.columns:
                raise table.origin.error(f"has no column '{name}', which '{main.origin.file}' has")


def _columns(spec: DataSpec, table: Table) -> tuple[ColumnHead, ...]:
    heads = []
    for name, column in table.columns.items():
        kind = column_spec(spec, name).kind or ("number" if hasattr(column, "values") else "category")
        dtype = str(getattr(column, "dtype", "text"))
        heads.append(ColumnHead(name, kind, column.shape, dtype))
    return tuple(heads)


def _exact(main: Table, spec: DataSpec, data: Data) -> Head:
    sizes = {n: len(d) for n in ("train", "validation", "test") if (d := data.split(n)) is not None}
    classes = {n: len(names) for n, names in data.class_names.items()}
    return Head(_columns(spec, main), main.total, True, data.inputs, data.targets, classes, sizes, data)


def _partial(main: Table, spec: DataSpec, wanted: Wanted) -> Head:
    """What the first rows say, taking all of them for training.

    A one-hot width, that of a vocabulary, or the longest sequence may still grow with the rows not read, so
    it is neither told nor held against the model.
    """
    roles = assign(spec, main.names, wanted)
    unsure = {n for n, columns in roles.inputs.items() if any(_may_grow(main, spec, c) for c in columns)}
    asked = replace(wanted, inputs={n: None if n in unsure else s for n, s in wanted.inputs.items()})
    count = main.rows(roles.used())
    data = assemble(spec, {"source": main}, 0, asked, split=contiguous((count, 0, 0)))
    inputs = {n: _unsure(s, wanted.inputs.get(n)) if n in unsure else s for n, s in data.inputs.items()}
    growing = {n for n, t in data.preprocessing.targets.items() if t.kind == "onehot" or _has_steps(t, spec)}
    targets = {n: _unsure(s, None) if n in growing else s for n, s in data.targets.items()}
    return Head(_columns(spec, main), main.total, False, inputs, targets, {}, {}, data)


def _has_steps(target: TargetPrep, spec: DataSpec) -> bool:
    """Whether a target is as long as its longest sequence."""
    kinds = [column_spec(spec, c, target=True) for c in target.columns]
    return any(kind.kind == "sequence" and kind.maxlen is None for kind in kinds)


def _unsure(found: Signature, declared: Shape | None) -> Signature:
    """An input whose width may grow: only as much as the model says it has, and steps with what they hold."""
    shape = (None, *found.shape[1:])
    fits = declared is not None and None in declared and len(declared) > len(shape)
    return Signature(declared if fits and declared is not None else shape, found.dtype)


def _may_grow(table: Table, spec: DataSpec, column: str) -> bool:
    """Whether rows that were not read may make what a column becomes wider."""
    declared = column_spec(spec, column)
    kind = kind_of(table, column, declared)
    if kind == "sequence":
        return declared.maxlen is None
    if kind == "text":
        return not (declared.indexed or declared.vocabulary or declared.pad_to_max_tokens)
    return kind == "category" and not declared.indexed
