"""A text, character by character, for models of what comes next."""

from __future__ import annotations

from codecs import getincrementaldecoder
from pathlib import Path

import numpy as np

from nnctl.core.errors import DataError
from nnctl.data.base import Hint, register
from nnctl.data.paths import find
from nnctl.data.reading.bounds import open_bytes
from nnctl.data.reading.several import Files
from nnctl.data.table import Origin, Table, Words


@register
class Characters(Files):
    """A text in UTF-8 as a column `character` with a row per character; `.gz` is unpacked on the way.

    Lines end in one character, however the file ends them. With `window: {length: 64, targets: each}` a model
    learns at each place which character comes next.
    """

    def read_file(self, base: Path, hint: Hint, rows: int | None) -> Table:
        # A character has four bytes at the most, a mark at the file's beginning three.
        enough = -1 if rows is None else 4 * rows + 4
        with open_bytes(find(base, self.file), self.file) as stream:
            raw = stream.read(enough)
        whole = rows is None or len(raw) < enough
        try:
            text = getincrementaldecoder("utf-8-sig")().decode(raw, final=whole)
        except UnicodeDecodeError as error:
            # The place is counted without the mark.
            line = error.object.count(b"\n", 0, error.start) + 1
            raise DataError(f"line {line} is not UTF-8", file=self.file) from None
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        points = np.frombuffer(text[:rows].encode("utf-32-le"), "<u4")
        found, codes = np.unique(points, return_inverse=True)
        words = Words(codes.astype(np.int32).reshape(-1), tuple(map(chr, found.tolist())))
        return Table(
            {"character": words}, Origin(self.file), len(text) if whole else None, {"type": "characters"}
        )
