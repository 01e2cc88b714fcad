"""Whole numbers as their places in a vocabulary, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import fsum
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.arrays import Array
from nnctl.core.errors import ShapeError
from nnctl.core.fingerprint import Salt, key_of
from nnctl.core.shapes import Shape
from nnctl.initializers.constant import Zeros
from nnctl.layers.adapting import idf, occurrences
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.encoding import Encodes, Encoding, Token
from nnctl.layers.in_keras import InKeras
from nnctl.ops.base import Value
from nnctl.ops.elementwise import multiply
from nnctl.ops.hashing import Bucket, LookUp, looked_up
from nnctl.ops.shape import broadcast_to, reshape

_EXACT = 1 << 24
"""From this number on not every whole number is a float of 32 bits, which found vocabularies consist of."""


@register
class IntegerLookup(Encodes):
    """The place of each whole number in a vocabulary, behind those of what is masked and what is unknown.

    Without `vocabulary` the layer reads an input of the model, and the vocabulary is found in all that comes
    in there in training, once, before the first step: what occurs most often first, of equals the larger.

    Shapes: x (B, ...), y (B, ...) of whole numbers in [0, D), D what is masked, the places of unknown numbers
    and the vocabulary; with one_hot, multi_hot and count as CategoryEncoding's; tokens, places (V,) and
    idf_weights (D,) if found.
    Source: keras.layers.IntegerLookup; for words: columns: {NAME: {type: category, encoding: index}}.
    """

    any_dtype: ClassVar[bool] = True
    supports_masking: ClassVar[bool] = False
    passes_gradient: ClassVar[bool] = False
    in_keras: ClassVar[InKeras] = InKeras(
        lacks=("trainable",), configured=("tokens", "places", "idf_weights")
    )
    keras_only: ClassVar[tuple[str, ...]] = ("sparse",)

    max_tokens: Annotated[int, Field(ge=2)] | None = None
    """How many places there are at most, those of what is masked and unknown included."""
    num_oov_indices: Annotated[int, Field(ge=0, lt=1 << 31)] = 1
    """How many places there are for what is not in the vocabulary."""
    mask_token: Token | None = None
    """A number that has place 0 in `output_mode: int`, and none where numbers are counted."""
    oov_token: Token | None = -1
    """What an unknown place stands for with `invert`; it is not in a vocabulary that is found."""
    vocabulary: Annotated[tuple[Token, ...], Field(min_length=1)] | None = None
    """The numbers, in order of their places; what is masked and unknown may stand in front."""
    vocabulary_dtype: Literal["int64"] = "int64"
    """Keras has no other."""
    idf_weights: tuple[FiniteFloat, ...] | None = None
    """With `output_mode: tf_idf` and a vocabulary: what each number of it counts."""
    invert: bool = False
    """Whether places come in, and what stands there goes out."""
    output_mode: Literal["int", "tf_idf"] | Encoding = "int"
    """int: places. one_hot: 0/1 numbers for each. multi_hot: which occur in an example. count: how often.
    tf_idf: how often, times log(1 + N / (1 + n)), of N examples n having it."""
    pad_to_max_tokens: bool = False
    """Whether a row of 0/1 numbers or counts is `max_tokens` long, however small the vocabulary is."""
    oov_method: Literal["floormod", "farmhash"] = "floormod"
    """Which of several places an unknown number has: its remainder, or the bin of its hash."""
    salt: Salt | None = None
    """With `oov_method: farmhash`: a key for SipHash, as Hashing has it."""

    @model_validator(mode="after")
    def _agree(self) -> IntegerLookup:
        given, weighed = self.vocabulary is not None, self.output_mode == "tf_idf"
        for wrong, message in (
            (self.pad_to_max_tokens and self.max_tokens is None, "'pad_to_max_tokens' needs 'max_tokens'"),
            (self.salt is not None and self.oov_method != "farmhash", "'salt' needs 'oov_method: farmhash'"),
            (self.invert and self.output_mode != "int", "'invert' needs 'output_mode: int'"),
            (self.invert and not given, "'invert' needs 'vocabulary'"),
            (
                self.num_oov_indices == 0 and not self.invert,
                "what is unknown needs 'num_oov_indices' above 0",
            ),
            (self.idf_weights is not None and not weighed, "'idf_weights' need 'output_mode: tf_idf'"),
            (self.idf_weights is not None and not given, "'idf_weights' need 'vocabulary'"),
            (given and weighed and self.idf_weights is None, "a vocabulary with tf_idf needs 'idf_weights'"),
            (not given and self.max_tokens is None, "'IntegerLookup' needs 'vocabulary' or 'max_tokens'"),
            (
                not given and self.output_mode != "int" and not self.pad_to_max_tokens,
                f"a vocabulary that is to be found needs 'pad_to_max_tokens' with {self.output_mode}",
            ),
        ):
            if wrong:
                raise _error(message)
        self._need_room()
        return self

    def _need_room(self) -> None:
        if self.vocabulary is None:
            if self._room < 1:
                raise _error(f"'max_tokens' leaves no place behind the first {self._start}")
            return
        tokens = self._tokens
        twice = [token for token, count in Counter(tokens).items() if count > 1]
        if twice:
            raise _error(f"'vocabulary' has {twice[0]} twice")
        if not tokens:
            raise _error("'vocabulary' has what is masked and unknown only")
        if self.mask_token in tokens:
            raise _error(f"'vocabulary' has the 'mask_token' {self.mask_token}")
        if self.invert and self.oov_token in tokens:
            raise _error(f"'vocabulary' has the 'oov_token' {self.oov_token}")
        if self.max_tokens is not None and self._start + len(tokens) > self.max_tokens:
            raise _error(f"'max_tokens' is below the {self._start + len(tokens)} places that there are")
        if self.idf_weights is not None and len(self.idf_weights) != len(self.vocabulary):
            raise _error("'idf_weights' and 'vocabulary' have different lengths")

    @property
    def _masks(self) -> bool:
        """Whether what is masked has a place."""
        return self.mask_token is not None and self.output_mode == "int"

    @property
    def _start(self) -> int:
        """The place of the vocabulary's first number."""
        return self._masks + self.num_oov_indices

    @property
    def _room(self) -> int:
        """How many numbers a vocabulary that is found has at most."""
        return (self.max_tokens or 0) - self._start

    @property
    def _tokens(self) -> tuple[int, ...]:
        """The vocabulary, without what may stand in front of it."""
        given = self.vocabulary or ()
        if len(given) < self._start:
            return given
        front = ((self.mask_token,) if self._masks else ()) + (self.oov_token,) * self.num_oov_indices
        return given[len(front) :] if given[: len(front)] == front else given

    @property
    def depth(self) -> int:
        """How many places there are."""
        whole = self.pad_to_max_tokens or self.vocabulary is None
        return (self.max_tokens or 0) if whole else self._start + len(self._tokens)

    def reads_integers(self) -> bool:
        return True

    def adapts(self) -> bool:
        return self.vocabulary is None

    def adapted(self, blocks: Iterator[Array]) -> Mapping[str, Any]:
        often, having, count = occurrences(blocks)
        for special in (self.mask_token, self.oov_token):
            often.pop(special, None)  # type: ignore[arg-type]
        if not often:
            raise ShapeError(
                "no number is left for a vocabulary", field="vocabulary", expected="a list of numbers"
            )
        if max(map(abs, often)) >= _EXACT:
            raise ShapeError(
                f"a vocabulary that is found has numbers below {_EXACT:,}",
                field="vocabulary",
                expected="a list of numbers, or columns: {NAME: {type: category, encoding: index}}",
            )
        ordered = sorted(often, key=lambda token: (often[token], token), reverse=True)[: self._room]
        places = {token: self._start + at for at, token in enumerate(ordered)}
        rising = sorted(ordered)
        # The last one again where there is room: its place is the same.
        rising += rising[-1:] * (self._room - len(rising))
        found = {"tokens": rising, "places": [places[token] for token in rising]}
        if self.output_mode == "tf_idf":
            weights = [idf(count, having[token]) for token in ordered]
            found["idf_weights"] = self._at_places(weights)  # type: ignore[assignment]
        return found

    def configured(self, weights: Mapping[str, Array]) -> Mapping[str, Any]:
        tokens, places = (weights[name].astype(int).tolist() for name in ("tokens", "places"))
        by_place = dict(zip(places, tokens, strict=True))
        found: dict[str, Any] = {"vocabulary": tuple(by_place[place] for place in sorted(by_place))}
        if "idf_weights" in weights:
            known = weights["idf_weights"].tolist()[self._start :]
            found["idf_weights"] = tuple(known[: len(by_place)])
        return found

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        if not self.adapts():
            return {}
        shapes = {"tokens": (self._room,), "places": (self._room,)}
        if self.output_mode == "tf_idf":
            shapes["idf_weights"] = (self.depth,)
        return {name: Weight(shape, Zeros(), trainable=False) for name, shape in shapes.items()}

    def numbers_given(self) -> tuple[int, int] | None:
        if self.invert:
            unknown = -1 if self.oov_token is None else self.oov_token
            known = (*self._tokens, unknown, unknown if self.mask_token is None else self.mask_token)
            return min(known), max(known)
        return (0, self.depth - 1) if self.output_mode == "int" else None

    def compute_output_shape(self, x: Shape) -> Shape:
        return self.encoded_shape(self._encoding, self.depth, x)

    @property
    def _encoding(self) -> Literal["int"] | Encoding:
        return "count" if self.output_mode == "tf_idf" else self.output_mode

    def call(self, ctx: LayerContext, x: Value) -> Value:
        tokens, places = (ctx.weights.get(name) for name in ("tokens", "places"))
        if tokens is None or places is None:
            given = np.array(self._tokens, np.int64)
            at = np.arange(self._start, self._start + len(given))
            from_, to = (at, given) if self.invert else (np.sort(given), at[np.argsort(given)])
            tokens, places = ctx.graph.constant(from_), ctx.graph.constant(to)
        found = looked_up(x, tokens, places, self._look_up())
        counted = self.encoded(self._encoding, self.depth, found, ctx.graph.dtype)
        if self.output_mode != "tf_idf":
            return counted
        return multiply(counted, broadcast_to(reshape(self._idf(ctx), (1, self.depth)), counted.shape))

    def _look_up(self) -> LookUp:
        if self.invert:
            unknown = Bucket(1, "remainder", first=-1 if self.oov_token is None else self.oov_token)
            masked = 0 if self.mask_token is not None else None
            return LookUp(unknown, masked, self.mask_token or 0)
        by = "hash" if self.oov_method == "farmhash" else "remainder"
        unknown = Bucket(self.num_oov_indices, by, key_of(self.salt), int(self._masks))
        return LookUp(unknown, self.mask_token, 0 if self._masks else -1)

    def _idf(self, ctx: LayerContext) -> Value:
        """What each place counts (D,)."""
        found: Value | None = ctx.weights.get("idf_weights")
        if found is not None:
            return found
        given = self.idf_weights or ()
        if len(given) > len(self._tokens):  # those of the places in front are told, too
            found_at = [*given, *[0.0] * (self.depth - len(given))]
        else:
            found_at = self._at_places(given)
        return ctx.graph.constant(np.array(found_at, ctx.graph.dtype))

    def _at_places(self, weights: Sequence[float]) -> list[float]:
        """What each place counts: an unknown number as the known ones in the mean, an empty place nothing."""
        front = [fsum(weights) / len(weights)] * self._start
        return [*front, *weights, *[0.0] * (self.depth - self._start - len(weights))]


def _error(message: str) -> PydanticCustomError:
    return PydanticCustomError("integer_lookup", message)
