"""A column of words that are hashed: nothing is found of it in the training rows."""

from __future__ import annotations

from nnctl.core.fingerprint import key_of
from nnctl.data.column_spec import ColumnSpec
from nnctl.data.fitting.one_column import word_of
from nnctl.data.preprocessing import HashPrep
from nnctl.data.table import Column, Origin


def hash_prep(column: Column, spec: ColumnSpec, name: str, origin: Origin) -> HashPrep:
    """How the words of a column become bins, as the config says it.

    Raises:
        DataError: it is an array column.
    """
    if column.shape:
        raise origin.error("an array cannot be a category", column=name)
    assert spec.num_bins is not None
    mask = None if spec.mask_value is None else str(spec.mask_value).strip()
    if spec.missing is None:
        fill = mask
    else:
        fill = None if spec.missing == "error" else word_of(spec.missing)
    return HashPrep(num_bins=spec.num_bins, salt=key_of(spec.salt), mask_value=mask, fill=fill)
