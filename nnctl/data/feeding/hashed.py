"""Words as the bins of their hashes."""

from __future__ import annotations

import numpy as np

from nnctl.core.fingerprint import farm_hash, sip_hash
from nnctl.data.feeding.feeds import Flat, missing_value
from nnctl.data.preprocessing import HashPrep
from nnctl.data.table import Origin, Rows, Words


def bin_of(word: str, prep: HashPrep) -> int:
    """The bin of a word, as Keras's Hashing has it: 0 is kept for `mask_value`, unless there is no other."""
    first = int(prep.mask_value is not None and prep.num_bins > 1)
    if first and word == prep.mask_value:
        return 0
    data = word.encode(errors="surrogatepass")  # An array of strings may hold half a character.
    number = farm_hash(data) if prep.salt is None else sip_hash(data, prep.salt)
    return first + number % (prep.num_bins - first)


class Hashed:
    """A column of words as bins (width 1). Each word is hashed once, however often it occurs."""

    width = 1

    def __init__(self, words: Words, prep: HashPrep, name: str, origin: Origin, rows: Rows) -> None:
        fill = -1 if prep.fill is None else bin_of(prep.fill, prep)
        bins = [bin_of(word, prep) for word in words.vocabulary]
        self.bins = np.array([*bins, fill], dtype=np.int32)[words.codes]
        bad = self.bins[rows] < 0
        if bad.any():
            row = int(rows[int(np.argmax(bad))])
            raise missing_value(origin, row, name, "a word to hash (`mask_value` gives them bin 0)")

    def kept(self) -> list[Flat]:
        return [self.bins]

    def read(self, rows: Rows, out: Flat) -> None:
        out[:, 0] = self.bins[rows]
