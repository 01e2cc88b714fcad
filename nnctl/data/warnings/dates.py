"""Times that enter as names."""

from __future__ import annotations

from collections.abc import Iterator

from nnctl.core.errors import Problem, warning
from nnctl.data.patterns import column_spec
from nnctl.data.preprocessing import CategoryPrep
from nnctl.data.time_format import look_like_times
from nnctl.data.warnings.base import Fitted


def times_as_classes(fitted: Fitted) -> Iterator[Problem]:
    """A column of times that nobody declared: each time would be a class, and no later one is known."""
    for role in fitted.preprocessing.inputs.values():
        for name, prep in role.columns.items():
            undeclared = column_spec(fitted.spec, name).kind is None
            if isinstance(prep, CategoryPrep) and undeclared and look_like_times(prep.words):
                yield warning(
                    f"column '{name}' holds times, and enters as a category of {len(prep.words)} classes",
                    fitted.column_path(name),
                    f"columns: {{{name}: {{type: time, parts: [month, weekday, hour], scale: standard}}}}",
                )
