"""Files in a folder with a folder for each class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import numpy as np

from nnctl.core.errors import DataError
from nnctl.data.table import Words


def by_folder(root: str, files: Sequence[str]) -> Words | None:
    """The class of each of the files below a folder; None where all lie in it itself.

    Raises:
        DataError: one lies beside the folders of classes.
    """
    parts = [PurePath(file).relative_to(root).parts for file in files]
    if all(len(each) == 1 for each in parts):
        return None
    for file, each in zip(files, parts, strict=True):
        if len(each) == 1:
            raise DataError("lies beside the folders of classes, and belongs to none", file=file)
    names = sorted({each[0] for each in parts})
    numbers = {name: number for number, name in enumerate(names)}
    return Words(np.array([numbers[each[0]] for each in parts], dtype=np.int32), tuple(names))
