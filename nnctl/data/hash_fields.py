"""How a column of words becomes bins of their hashes: the words of Keras's Hashing."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nnctl.core.fingerprint import Salt
from nnctl.core.spec import Spec
from nnctl.data.text_fields import contradiction, given_of

Bins = Annotated[int, Field(gt=0, lt=1 << 31)]


class HashFields(Spec):
    """The fields of a column that are for `encoding: hash`, named as the arguments of Keras's Hashing."""

    num_bins: Bins | None = None
    """How many bins there are, that of `mask_value` included: the `input_dim` of the Embedding."""
    salt: Salt | None = None
    """The key of SipHash, one number (for both halves) or two. Default: FarmHash, which has none."""
    mask_value: str | int | None = None
    """The word that has bin 0 for its own, as have missing cells. Default: no word has."""

    def check_hash(self, is_hash: bool) -> None:
        """Raise PydanticCustomError where a column that is not hashed has one of these, or one lacks."""
        given = given_of(self, HashFields)
        if given and not is_hash:
            raise contradiction("'{name}' is for hashed words; say `encoding: hash`", name=given[0])
        if is_hash and self.num_bins is None:
            raise contradiction("'encoding: hash' needs 'num_bins': how many bins there are for all words")
