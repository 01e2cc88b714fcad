"""Fitting a column of texts: which tokens are known, and how rare each is, from the training rows."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from nnctl.core.real import log
from nnctl.data.column_spec import ColumnSpec
from nnctl.data.columns.texts import tokens
from nnctl.data.preprocessing import Floats, TextPrep
from nnctl.data.table import Column, Origin, Rows, Words
from nnctl.data.text_fields import UNKNOWN, special


def fit_text(column: Column, rows: Rows, spec: ColumnSpec, name: str, origin: Origin) -> TextPrep:
    """The vocabulary of a column, from its training `rows` unless the config gives it.

    Of tokens that occur equally often, the last by its bytes comes first, as in Keras.

    Raises:
        DataError: it holds no text, or no token.
    """
    if not isinstance(column, Words):
        raise origin.error("numbers are no text", column=name)
    fill = None if spec.missing in (None, "error") else str(spec.missing)
    words, idf = spec.words, spec.idf_weights
    if words is None:
        times, within, count = _counted(column, rows, spec, fill)
        ordered = sorted(times, key=lambda token: (times[token], token), reverse=True)
        most = None if spec.max_tokens is None else spec.max_tokens - len(special(spec.output_mode))
        chosen = ordered[:most]
        if not chosen:
            raise origin.error("has no token in the training split", column=name)
        words = tuple(token.decode() for token in chosen)
        if spec.output_mode == "tf_idf":
            idf = tuple(log(1.0 + count / (1 + within[token])) for token in chosen)
    return TextPrep(
        standardize=spec.standardize,
        split=spec.split,
        ngrams=spec.ngrams,
        output_mode=spec.output_mode,
        length=spec.output_sequence_length,
        words=words,
        idf=None if idf is None else with_unknown(idf, len(words)),
        padded=spec.max_tokens if spec.pad_to_max_tokens else None,
        fill=fill,
    )


def with_unknown(idf: Floats, count: int) -> Floats:
    """The weights of `count` tokens, before them that of unknown ones: the mean, unless it is given, too."""
    return idf if len(idf) > count else (math.fsum(idf) / len(idf), *idf)


def _counted(
    column: Words, rows: Rows, spec: ColumnSpec, fill: str | None
) -> tuple[Counter[bytes], Counter[bytes], int]:
    """How often each token occurs, in how many rows it does, and how many rows have a text."""
    texts = [*column.vocabulary, fill or ""]
    codes = column.codes[rows]
    present = codes if fill is not None else codes[codes >= 0]
    repeats = np.bincount(np.where(present < 0, len(texts) - 1, present), minlength=len(texts))
    times: Counter[bytes] = Counter()
    within: Counter[bytes] = Counter()
    for code in np.flatnonzero(repeats).tolist():
        rows_of_text = int(repeats[code])
        for token, often in Counter(tokens(texts[code], spec)).items():
            times[token] += often * rows_of_text
            within[token] += rows_of_text
    times.pop(UNKNOWN.encode(), None)
    return times, within, len(present)
