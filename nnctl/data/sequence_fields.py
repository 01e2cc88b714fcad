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
FlatBy = Literal["row_lengths", "row_splits"]
"""What cuts an array of steps into sequences, in the words of TensorFlow's ragged tensors."""

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
    row_lengths: Annotated[str, Field(min_length=1)] | None = None
    """For a flat array (S, ...), the steps of all sequences one behind another: the column with the length of
    each of the N sequences; they add up to S."""
    row_splits: Annotated[str, Field(min_length=1)] | None = None
    """For a flat array: the column of N + 1 numbers, from 0 to S, between which each sequence's steps lie."""
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
        cut = [name for name in ("lengths", "row_lengths", "row_splits") if getattr(self, name) is not None]
        if self.separator is not None and cut:
            raise contradiction(
                "'separator' is for sequences in cells, '{name}' for those in an array", name=cut[0]
            )
        if len(cut) > 1:
            raise contradiction("'{one}' and '{other}' contradict each other", one=cut[0], other=cut[1])

    @property
    def flat(self) -> FlatBy | None:
        """What cuts it, if it is a flat array of steps."""
        if self.row_lengths is not None:
            return "row_lengths"
        return "row_splits" if self.row_splits is not None else None

    @property
    def beside(self) -> str | None:
        """The column that says how long the sequences are; None: they stand in cells."""
        return self.lengths or self.row_lengths or self.row_splits
