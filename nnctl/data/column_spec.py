"""What a config may say about a column: what it holds, and how that becomes numbers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from nnctl.core.spec import Spec
from nnctl.data.hash_fields import HashFields
from nnctl.data.sequence_fields import SequenceFields
from nnctl.data.table import Kind
from nnctl.data.text_fields import TextFields, contradiction
from nnctl.data.time_format import TimePart, pattern


def _scale(value: Any) -> str | float | None:
    if value is None or value in ("standard", "minmax"):
        return value  # type: ignore[no-any-return]
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf"):
        return float(value)
    raise PydanticCustomError("scale", "expected standard, minmax or a number above 0 to divide by")


def _missing(value: Any) -> str | float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf"):
        return float(value)
    if value is None or isinstance(value, str):
        return value
    raise PydanticCustomError("missing", "expected error, mean, median, zero, most_frequent or a value")


Scale = Annotated[
    str | float | None,
    PlainValidator(_scale),
    WithJsonSchema({"anyOf": [{"enum": ["standard", "minmax"]}, {"type": "number"}, {"type": "null"}]}),
]
Missing = Annotated[
    str | float | None,
    PlainValidator(_missing),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]}),
]


def _format(value: str) -> str:
    try:
        pattern(value)
    except ValueError as error:
        raise PydanticCustomError("format", "not a format of times: {why}", {"why": str(error)}) from None
    return value


TimeFormat = Annotated[str, Field(max_length=200), AfterValidator(_format)]


class _Fields(Spec):
    """The fields of all columns; those of hashed words, of texts and of sequences follow."""

    type: Literal["number", "category", "time", "text", "sequence"] | None = None
    """Numbers, names of classes, times, texts, or sequences of numbers; default: numbers or classes, as the
    file holds."""
    scale: Scale = None
    """standard: subtract the mean, divide by the standard deviation. minmax: onto 0..1. A number: divide."""
    encoding: Literal["onehot", "index", "hash"] | None = None
    """How a category enters the model: a 0/1 column per class (the default); for an Embedding, its number
    (index), or the bin of its hash, one of `num_bins`."""
    missing: Missing = None
    """What stands in for a missing value: mean, median, zero or a number; for a category most_frequent, other
    or a word; for a text another (`""`: one without words); `empty` for a cell that holds no sequence.
    Default: error."""
    parts: tuple[TimePart, ...] | None = Field(default=None, min_length=1)
    """What a time becomes; default: year, month, day, weekday (Monday is 0), hour, minute, second."""
    format: TimeFormat | None = None
    """How times are written, in strptime's words (`%d.%m.%Y %H:%M`; months' names are English). Default: ISO
    8601."""
    unknown: Literal["error", "other"] | None = None
    """A word that training never saw is an error (the default), or goes to a class of its own, the last."""


class ColumnSpec(SequenceFields, TextFields, HashFields, _Fields):
    """What a column is and how it is prepared. Everything is fitted on the training split only."""

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        return {"type": value} if isinstance(value, str) else value

    @model_serializer(mode="wrap")
    def _only_of_its_type(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Of a column that holds no texts, or no sequences, or hashes none, nothing is said about that."""
        found: dict[str, Any] = handler(self)
        for fields, name, word in _ONLY_OF:
            if found.get(name) != word:
                found = {name: value for name, value in found.items() if name not in fields.model_fields}
        return found

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        # A text takes more than a word: how many tokens it has, or another mode.
        words = {"enum": ["number", "category", "time", "sequence"]}
        return {"anyOf": [handler.resolve_ref_schema(handler(schema)), words]}

    @model_validator(mode="after")
    def _agree(self) -> ColumnSpec:
        self.check_text(self.type == "text")
        self.check_sequence(self.type == "sequence")
        if self.type == "text":
            self._check_others_of_text()
        if self.type == "sequence":
            self._check_others_of_sequence()
        self.check_hash(self.encoding == "hash")
        if self.encoding == "hash":
            self._check_others_of_hash()
        category, time = self._given("encoding", "unknown"), self._given("parts", "format")
        if category and self.type in ("number", "time"):
            message = "'{name}' is for categories, but the type is {type}"
            raise contradiction(message, name=category[0], type=self.type)
        if self.scale is not None and (self.type == "category" or category):
            raise contradiction("'scale' is for numbers, but this column is a category")
        if time and (self.type not in (None, "time") or category):
            raise contradiction("'{name}' is for times", name=time[0])
        words = isinstance(self.missing, str) and self.missing not in NUMBER_MISSING
        if words and self.kind in ("number", "time"):
            raise contradiction("'missing' of numbers is error, mean, median, zero or a number")
        return self

    def _given(self, *names: str) -> list[str]:
        """Those of these fields that the config says something for."""
        return [name for name in names if getattr(self, name) is not None]

    def _check_others_of_hash(self) -> None:
        if self.unknown is not None:
            raise contradiction("'unknown' is not for hashed words: each has a bin, seen in training or not")
        if self.missing in ("most_frequent", "other"):
            raise contradiction("'missing' of hashed words is error, or the word that stands in")

    def _check_others_of_text(self) -> None:
        others = self._given("scale", "encoding", "parts", "format", "unknown")
        if others:
            raise contradiction("'{name}' is not for texts", name=others[0])
        if isinstance(self.missing, float):
            raise contradiction("'missing' of texts is error, or the text that stands in")

    def _check_others_of_sequence(self) -> None:
        others = self._given("encoding", "parts", "format", "unknown")
        if others:
            raise contradiction("'{name}' is not for sequences", name=others[0])
        known = (*NUMBER_MISSING, *(() if self.beside else (EMPTY,)))
        if isinstance(self.missing, str) and self.missing not in known:
            raise contradiction("'missing' of sequences is {words} or a number", words=", ".join(known))

    @property
    def indexed(self) -> bool:
        """Whether the config says that it enters the model as numbers of classes, bins or tokens."""
        return self.encoding in ("index", "hash") or (self.type == "text" and self.output_mode == "int")

    @property
    def kind(self) -> Kind | None:
        """The type as written or as it follows from the other fields; None if nothing says it."""
        if self.type:
            return self.type
        if self.parts or self.format:
            return "time"
        if self.encoding or self.unknown:
            return "category"
        numeric = self.scale is not None or isinstance(self.missing, float)
        return "number" if numeric or self.missing in NUMBER_MISSING[1:] else None


_ONLY_OF = (
    (TextFields, "type", "text"),
    (SequenceFields, "type", "sequence"),
    (HashFields, "encoding", "hash"),
)
"""Fields, and what a column must be that they are for."""

NUMBER_MISSING = ("error", "mean", "median", "zero")
EMPTY = "empty"
"""A missing cell is a sequence of no steps."""
