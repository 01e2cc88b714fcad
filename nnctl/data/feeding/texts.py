"""Texts as numbers of tokens, or as a number per known token."""

from __future__ import annotations

import numpy as np

from nnctl.data.columns.texts import tokens
from nnctl.data.feeding.feeds import Flat, missing_value
from nnctl.data.preprocessing import TextPrep
from nnctl.data.reading.ragged import Ragged
from nnctl.data.table import Origin, Rows, Words


class Texts:
    """A column of texts, cut into tokens once; what they become is written as rows are read."""

    def __init__(self, words: Words, prep: TextPrep, name: str, origin: Origin) -> None:
        self.prep, self.width = prep, prep.width
        if prep.fill is None and (words.codes < 0).any():
            row = int(np.argmax(words.codes < 0))
            raise missing_value(origin, row, name, 'a text (`""`: one without words)')
        first = prep.first
        places = {word.encode(): i for i, word in enumerate(prep.words, first)}
        texts = [*words.vocabulary, prep.fill or ""]
        cut = [tokens(text, prep)[: prep.length] for text in texts]
        found = [[places.get(token, first - 1) for token in text] for text in cut]
        self.codes = np.where(words.codes < 0, len(texts) - 1, words.codes)
        lengths = np.array([len(numbers) for numbers in found], dtype=np.int64)
        self.ragged = Ragged.behind_another(lengths)
        self.numbers = np.array([n for numbers in found for n in numbers], dtype=np.int32)

    def kept(self) -> list[Flat]:
        return [self.codes, self.ragged.lengths, self.ragged.starts, self.numbers]

    def steps_of(self, rows: Rows) -> Rows:
        """How many tokens each of the rows has."""
        found: Rows = self.ragged.lengths[self.codes[rows]]
        return found

    def read(self, rows: Rows, out: Flat) -> None:
        row, place, token = self.ragged.steps(self.codes[rows])
        number = self.numbers[token]
        out[...] = 0
        if self.prep.output_mode == "int":
            out[row, place] = number
        elif self.prep.output_mode == "multi_hot":
            out[row, number] = 1
        else:
            np.add.at(out, (row, number), 1)
        if self.prep.idf is not None:
            out[:, : self.prep.classes] *= np.array(self.prep.idf, dtype=out.dtype)
