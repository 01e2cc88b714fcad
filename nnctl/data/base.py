"""What a data source is: its config, and how to read named columns from its files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field
from pydantic_core import PydanticCustomError

from nnctl.core.registry import Registry
from nnctl.core.spec import OneOf, Spec
from nnctl.data.paths import Content, content, expanded, moved, no_address
from nnctl.data.table import Kind

if TYPE_CHECKING:
    from nnctl.data.table import Pick, Table

sources: Registry[Source] = Registry("data source", "nnctl.data.sources")
register = sources.register

Length = Annotated[int, Field(ge=1, lt=1 << 31)]
"""How long an axis of an array is."""

Hint = Callable[[str], Kind | None]
"""What the config says that a column is, by its name."""


Verbatim = Callable[[str], bool]
"""Whether a column's cells are wanted as they are written, by its name."""


def no_hint(name: str) -> Kind | None:
    """Says nothing about any column."""
    return None


class Source(Spec):
    """One or more files that hold a table. Paths are relative to the config file."""

    target: str | None = None
    """The column to predict; the same as `data.target`."""

    endings: ClassVar[tuple[str, ...]] = ()
    """File name endings by which a bare path is known to be of this type."""

    streams: ClassVar[bool] = False
    """Whether `blocks` goes through files without holding them, so that larger ones can stay on a disk."""

    row_is_line: ClassVar[bool] = False
    """Whether a file has at most as many rows as lines."""

    of_folder: ClassVar[bool] = False
    """Whether its path may be a folder."""

    path_field: ClassVar[str] = "path"
    """The field that a bare path fills."""

    @classmethod
    def reads(cls, path: Path) -> bool:
        """Whether a file or folder given to `predict` is of this type where training's data was."""
        return not cls.endings

    def files(self) -> dict[str, str]:
        """The paths as written, by the name of the field (or entry) that holds them."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        """What errors call it: its first file."""
        return next(iter(self.files().values()))

    def moved(self, paths: Mapping[str, str]) -> Self:
        """The same source with its files elsewhere, by the names that `files` gives them."""
        return self.model_copy(update=moved(paths, dict(self)))

    def contents(self, base: Path) -> dict[str, list[str]]:
        """The files that each of `files` stands for, as the config would write them. Raises DataError."""
        return {name: expanded(base, path) for name, path in self.files().items()}

    def digests(self, base: Path) -> dict[str, Content]:
        """What stands under each of `files` now.

        Raises:
            DataError: a file is missing.
        """
        written = self.files()
        return {name: content(base, written[name], files) for name, files in self.contents(base).items()}

    def size(self, base: Path) -> int | None:
        """How many bytes there are to read, compressed ones counted four times; None: nobody knows.

        Raises:
            DataError: a file is missing.
        """
        total = 0
        for path in (path for paths in self.contents(base).values() for path in paths):
            packed = path.lower().endswith((".gz", ".npz"))
            total += (base / path).stat().st_size * (4 if packed else 1)
        return total

    def read(self, base: Path, hint: Hint = no_hint, rows: int | None = None) -> Table:
        """The table: all of it, or its first `rows` rows.

        Args:
            base: The directory that relative paths start from.
            hint: What columns are declared to be; undeclared ones are inferred.
            rows: Stop after so many rows; arrays are then as short, `Table.total` says the true length.

        Raises:
            DataError: a file is missing, damaged, hostile or not what it claims to be.
        """
        raise NotImplementedError

    def narrowed(self, names: Collection[str]) -> Self:
        """The same source, which may leave out columns other than these where that spares reading them."""
        return self

    def width(self, base: Path) -> int:
        """The number of columns, for a source whose file may not name them. Raises DataError."""
        return len(self.read(base, no_hint, 1).names)

    def blocks(self, base: Path, hint: Hint, pick: Pick, texts: Verbatim) -> Iterator[Table]:
        """The columns that `pick` wants, as tables of consecutive rows; none for a file without rows.

        A source that can be read piece by piece gives small ones; any other gives its whole table at once.

        Args:
            base: The directory that relative paths start from.
            hint: What columns are declared to be; those that matter must be, as a single block shows nothing.
            pick: Given all columns, those to read.
            texts: Whether a column's cells are wanted as they are written (`Table.texts`) where it has cells.

        Raises:
            DataError: as `read`; or as `pick`.
        """
        table = self.read(base, hint)
        yield table.only(pick(table.names, table.origin))

    @classmethod
    def of_path(cls, path: str, options: Mapping[str, Any]) -> Source:
        """The source of this type for a bare path, with the reader's `options` remembered from training."""
        known = {k: v for k, v in options.items() if k in cls.model_fields and k != cls.path_field}
        return cls.model_validate({cls.path_field: path, **known})


class OneSource(OneOf):
    """A field that takes a source as a mapping with `type`, a mapping with `path`, or a bare path."""

    def resolve(self, value: Any) -> Any:
        """The source that `value` stands for; None stays None.

        Raises:
            PydanticCustomError: `unknown_type`, `unknown_ending`.
            ValidationError: the mapping's other fields are wrong.
        """
        if value is None:
            return None
        if isinstance(value, str):
            cls = self._by_path(value)
            value = {"type": cls.__name__, cls.path_field: value}
        if isinstance(value, dict) and "type" not in value:
            path = value.get("path")
            first = path[0] if isinstance(path, list) and path else path
            if not isinstance(first, str):
                raise PydanticCustomError("missing_type", "a {kind} needs 'type'", {"kind": "data source"})
            value = {"type": self._by_path(first).__name__, **value}
        return super().resolve(value)

    @staticmethod
    def _by_path(path: str) -> type[Source]:
        cls = by_ending(no_address(path))
        if cls is None:
            known = sorted(ending for c in sources.classes() for ending in c.endings)
            raise PydanticCustomError(
                "unknown_ending",
                "cannot tell the type of '{path}' by its ending; say `type:` (endings known: {known})",
                {"path": path, "known": ", ".join(known)},
            )
        return cls


def by_ending(path: str) -> type[Source] | None:
    """The source class for files named like `path`, or None."""
    lowered = path.lower()
    return next((c for c in sources.classes() if lowered.endswith(c.endings or ("\0",))), None)
