"""A run's own data, found again: only the files that it was trained on may be split by its rule."""

from __future__ import annotations

from pathlib import Path

from nnctl.core.errors import DataError
from nnctl.data.spec import DataSpec
from nnctl.data.splitting.trained_on import DataFiles, counted, data_sha256, moved, require_same


def own_data(
    spec: DataSpec, base: Path, recorded: DataFiles, digest: str, place: Path | None, way_out: str
) -> DataSpec:
    """The run's `data` section, its files held against what they were in training.

    Args:
        spec: What the run recorded; its paths start from `base`.
        recorded: The files as training read them; empty for a run that kept only their hash.
        digest: That hash; empty if the run kept none.
        place: Where the files are now, if not where the run says: a file, or a directory.
        way_out: What to do if they are not there or not the same.

    Raises:
        DataError: a file is missing or has changed, or nothing tells.
    """
    if not recorded and not digest:
        # A stranger's model could have any file read, and quoted in an error, by naming it.
        raise DataError("the run does not say which data it was trained on", hint=way_out)
    try:
        found = spec if place is None else moved(spec, place)
        now = counted(found, base, recorded)
    except DataError as error:
        error.hint = f"{error.hint}; {way_out}" if error.hint else way_out
        raise
    require_same(recorded, now, way_out)
    if not recorded and data_sha256(now) != digest:
        file = next(iter(now.values())).path
        raise DataError("the data has changed since the run was trained", file=file, hint=way_out)
    return found
