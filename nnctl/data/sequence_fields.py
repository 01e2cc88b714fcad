"""How a column of sequences becomes arrays of one length: the words of Keras's pad_sequences."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, FiniteFloat
from pydantic_core import PydanticCustomError

from nnctl.core.spec import Spec
from nnctl.data.base import Length
from nnctl.data.text_fields import contradiction, given_of

End = Literal["pre", "post"]

BLANKS = "whitespace"
"""The separator that stands for any run of blanks."""

_OF_NUMBERS = re.compile(r"[\w+.-]")


def _separator(value: str) -> str:
    if value == BLANKS or (len(value) == 1 and not _OF_NUMBERS.match(value)):
        return BLANKS if value == " " else value
    raise PydanticCustomError(
        "separator", "expected one character that no number is written with, or whitespace for runs of blanks"
    )


Separator = Annotated[str, AfterValidator(_separator)]


class SequenceFields(Spec):
    """The fields of a column that are for sequences only."""

    separator: Separator | None = None
    """What stands between the numbers of a cell: one character. Default: `whitespace`, any run of blanks."""
    lengths: Annotated[str, Field(min_length=1)] | None = None
    """For an array (N, T, ...): the column with the length of each of its N sequences."""
    maxlen: Length | None = None
    """How many steps each sequence has for the model. Default: as many as the longest one of training."""
    padding: End = "post"
    """Where shorter sequences are filled up: `pre`, before their first step, or `post`, after their last."""
    truncating: End = "pre"
    """Where longer sequences are cut: `pre` keeps their last steps, `post` their first."""
    value: FiniteFloat = 0.0
    """What they are filled up with, as the model sees it: after scaling."""

    def check_sequence(self, is_sequence: bool) -> None:
        """Raise PydanticCustomError where a column of no sequences has one of these, or they contradict."""
        given = given_of(self, SequenceFields)
        if given and not is_sequence:
            raise contradiction("'{name}' is for sequences; say `type: sequence`", name=given[0])
        if self.separator is not None and self.lengths is not None:
            raise contradiction("'separator' is for sequences in cells, 'lengths' for those in an array")
