"""Arrays that come in pieces, kept while they are few."""

from __future__ import annotations

import numpy as np

from nnctl.core.arrays import Array

KEPT = 1 << 24
"""How many numbers are kept at the most; of more there is no ranking and there are no quantiles."""


class Kept:
    """Pieces (n, ...) of an array, or nothing once they are more than `most` numbers."""

    def __init__(self, most: int = KEPT) -> None:
        self.most = most
        self._pieces: list[Array] | None = []
        self._count = 0

    def add(self, piece: Array) -> None:
        """Keep one more piece, which must be the caller's last word on it."""
        self._count += piece.size
        if self._count > self.most:
            self._pieces = None
        elif self._pieces is not None:
            self._pieces.append(piece)

    def whole(self) -> Array | None:
        """All pieces as one array; None where there are none, or too many."""
        return np.concatenate(self._pieces) if self._pieces else None
