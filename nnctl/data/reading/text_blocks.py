"""The rows of a text file as tables, a block of lines at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from nnctl.data.reading.blocks import BLOCK_ROWS
from nnctl.data.reading.cells import Cells, check_widths
from nnctl.data.reading.lines import CountedLines, csv_rows
from nnctl.data.table import Origin, Pick, Table


class TextBlocks:
    """Goes through lines once; columns that nobody wants are split off, but not read.

    Args:
        names: All columns.
        file: The file's name, for errors.
        cells: Makes a collector for some columns, whose rows come from an origin.
        pick: Which of them are wanted.
        texts: Whether a column is wanted as it is written.
    """

    def __init__(
        self,
        names: list[str],
        file: str,
        cells: Callable[[list[str], Origin], Cells],
        pick: Pick,
        texts: Callable[[str], bool],
    ) -> None:
        self.names, self.file, self.cells = names, file, cells
        wanted = pick(names, Origin(file))
        self.places = [i for i, name in enumerate(names) if name in wanted]
        self.wanted = [names[i] for i in self.places]
        self.texts = {names[i]: i for i in self.places if texts(names[i])}

    def read(self, lines: CountedLines, header: bool) -> Iterator[Table]:
        """A table for every block of rows.

        Raises:
            DataError: a ragged row, or a cell that is not what its column holds.
        """
        rows = _numbered(csv_rows(lines), lines)
        if header:
            next(rows, None)
        # Where lines are passed over, the rows of a block are not numbered one by one.
        fast = not self.texts and lines.comment is None
        while True:
            if fast:
                cells = self.cells(self.wanted, Origin(self.file, 1 + lines.count))
                values = lines.numbers(len(self.names)) if cells.numeric else None
                if values is not None:
                    cells.add_numbers(values[:, self.places])
                    yield Table(cells.columns(), cells.origin)
                    continue
                fast = False
            block = list(itertools.islice(rows, BLOCK_ROWS))
            if not block:
                return
            yield self._table([line for line, _ in block], [row for _, row in block])

    def _table(self, lines: list[int], rows: list[list[str]]) -> Table:
        origin = Origin(self.file, locate=lines.__getitem__)
        check_widths(rows, self.names, origin)
        cells = self.cells(self.wanted, origin)
        cells.add([[row[i] for i in self.places] for row in rows])
        texts = {name: [row[i] for row in rows] for name, i in self.texts.items()}
        return Table(cells.columns(), origin, texts=texts)


def _numbered(rows: Any, lines: CountedLines) -> Iterator[tuple[int, list[str]]]:
    """Every row that is not blank, with the line on which it begins."""
    before = lines.count
    for row in rows:
        if row:
            yield before + 1, row
        before = lines.count
