"""How a column of texts becomes numbers: the words of Keras's TextVectorization."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, FiniteFloat, PositiveInt
from pydantic_core import PydanticCustomError

from nnctl.core.spec import Spec
from nnctl.data.base import Length

Standardize = Literal["lower_and_strip_punctuation", "lower", "strip_punctuation"]
Split = Literal["whitespace", "character"]
OutputMode = Literal["int", "multi_hot", "count", "tf_idf"]

UNKNOWN = "[UNK]"
"""What Keras calls all words that are not in the vocabulary."""


def special(mode: OutputMode) -> tuple[str, ...]:
    """What has the first numbers, before the vocabulary's: padding (an int's 0), then the unknown words."""
    return ("", UNKNOWN) if mode == "int" else (UNKNOWN,)


def _widths(value: Any) -> Any:
    """`ngrams: 2` stands for single words and pairs."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return tuple(range(1, value + 1))
    return value


Ngrams = Annotated[tuple[PositiveInt, ...] | None, BeforeValidator(_widths)]


class TextFields(Spec):
    """The fields of a column that are for texts only, named as the arguments of Keras's TextVectorization."""

    standardize: Standardize | None = "lower_and_strip_punctuation"
    """What is done to a text first: ASCII's capitals become small, its punctuation goes; `null`: nothing."""
    split: Split = "whitespace"
    """Where a text is cut into tokens."""
    ngrams: Ngrams = Field(default=None, min_length=1)
    """Tokens that stand side by side make one: 2 for single ones and pairs, [2] for pairs only."""
    max_tokens: Annotated[int, Field(gt=1, lt=1 << 31)] | None = None
    """The most tokens that are known, the most frequent ones; padding and the unknown token count as well."""
    output_mode: OutputMode = "int"
    """int: the numbers of the tokens in order, for an Embedding. A number per known token instead: whether it
    occurs (multi_hot), how often (count), how often by how rare it is (tf_idf)."""
    output_sequence_length: Length | None = None
    """How many tokens a text has for `int`: longer ones are cut, shorter ones filled up with 0."""
    pad_to_max_tokens: bool = False
    """Whether there are `max_tokens` numbers per text even where fewer tokens are known."""
    vocabulary: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """The known tokens in order. Default: those of the training split, the most frequent first."""
    idf_weights: tuple[FiniteFloat, ...] | None = None
    """For tf_idf with a `vocabulary`: what the count of each of its tokens is multiplied by."""

    def check_text(self, is_text: bool) -> None:
        """Raise PydanticCustomError where a column that is no text has one of these, or they contradict."""
        if not is_text:
            given = given_of(self, TextFields)
            if given:
                raise contradiction("'{name}' is for texts; say `type: text`", name=given[0])
            return
        length, mode = self.output_sequence_length, self.output_mode
        if mode == "int" and length is None:
            raise contradiction(
                "'output_mode: int' needs 'output_sequence_length': how many tokens a text has"
            )
        if mode != "int" and length is not None:
            raise contradiction("'output_sequence_length' is for 'output_mode: int'")
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise contradiction("'pad_to_max_tokens' needs 'max_tokens'")
        if self.max_tokens is not None and self.max_tokens <= len(special(mode)):
            raise contradiction("'max_tokens' leaves no token beside padding and the unknown one")
        self._check_vocabulary()

    def _check_vocabulary(self) -> None:
        given, weights = self.vocabulary, self.idf_weights
        if weights is not None and (self.output_mode != "tf_idf" or given is None):
            raise contradiction("'idf_weights' are for 'output_mode: tf_idf' with a 'vocabulary'")
        if given is None:
            return
        words = self.words or ()
        again = [word for word, times in Counter(words).items() if times > 1]
        if again:
            raise contradiction("'{word}' stands twice in 'vocabulary'", word=again[0])
        if "" in words:
            raise contradiction("the empty token stands for padding; leave it out of 'vocabulary'")
        if not words:
            raise contradiction("'vocabulary' holds no token")
        if self.max_tokens is not None and len(words) + len(special(self.output_mode)) > self.max_tokens:
            raise contradiction("'vocabulary' holds more than 'max_tokens'")
        if self.output_mode == "tf_idf" and (weights is None or len(weights) != len(given)):
            raise contradiction(
                "'output_mode: tf_idf' with a 'vocabulary' needs one of 'idf_weights' per token"
            )

    @property
    def words(self) -> tuple[str, ...] | None:
        """The given vocabulary, without what Keras's `get_vocabulary` puts before it."""
        first = special(self.output_mode)
        if self.vocabulary is None or self.vocabulary[: len(first)] != first:
            return self.vocabulary
        return self.vocabulary[len(first) :]


def given_of(column: Spec, fields: type[Spec]) -> list[str]:
    """Those of these fields of a column that are not at their default."""
    return [n for n, info in fields.model_fields.items() if getattr(column, n) != info.default]


def contradiction(message: str, **values: Any) -> PydanticCustomError:
    """An error for fields of a column that do not go together."""
    return PydanticCustomError("column", message, values)
