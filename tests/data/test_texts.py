"""Columns of texts against Keras's TextVectorization.

It needs TensorFlow's strings, so it is not run here: `vectorized` is a plain reading of its source (of 3.15,
with `index_lookup.py`), tried on the examples that Keras's own documentation and tests have.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from nnctl.core.errors import ConfigError, DataError
from nnctl.data.column_spec import ColumnSpec
from nnctl.data.feeding.stream import read_blocks
from nnctl.data.open import Data
from nnctl.data.preprocessing import Preprocessing, TextPrep
from nnctl.data.warnings.columns import text_or_ids_as_classes
from tests.data.examples import examples
from tests.data.given import evidence, opened, write
from tests.data.whole import read_inputs

# As it stands in Keras's `text_vectorization.py`.
PUNCTUATION = r'[!"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`{|}~\']'


def split(text: str, how: dict[str, Any]) -> list[str]:
    """`TextVectorization._preprocess` of one text."""
    standardize = how.get("standardize", "lower_and_strip_punctuation") or ""
    if "lower" in standardize:
        text = "".join(c.lower() if c.isascii() else c for c in text)
    if "strip_punctuation" in standardize:
        text = re.sub(PUNCTUATION, "", text)
    whole = how.get("split", "whitespace") == "character"
    found = list(text) if whole else [t for t in re.split(r"[ \t\n\v\f\r]+", text) if t]
    ngrams = how.get("ngrams")
    widths = range(1, ngrams + 1) if isinstance(ngrams, int) else ngrams or []
    pairs = [" ".join(found[i : i + n]) for n in widths for i in range(len(found) - n + 1)]
    return pairs if ngrams else found


def vectorized(texts: list[str], given: list[str], how: dict[str, Any]) -> npt.NDArray[np.float64]:
    """What the layer makes of `given` after `adapt(texts)`."""
    mode = how.get("output_mode", "int")
    documents = [split(text, how) for text in texts]
    counts = Counter(token for document in documents for token in document)
    counts.pop("[UNK]", None)
    special = ["", "[UNK]"] if mode == "int" else ["[UNK]"]
    tokens, often = np.array([t.encode() for t in counts], dtype=object), np.array([*counts.values()])
    order = np.lexsort((tokens, often))[::-1]
    if how.get("max_tokens"):
        order = order[: how["max_tokens"] - len(special)]
    vocabulary = [*special, *(tokens[i].decode() for i in order)]
    places = {token: i for i, token in enumerate(vocabulary) if token != "[UNK]"}
    unknown = vocabulary.index("[UNK]")
    numbers = [[places.get(token, unknown) for token in split(text, how)] for text in given]
    if mode == "int":
        length = how["output_sequence_length"]
        return np.array([(n + [0] * length)[:length] for n in numbers], dtype=np.float64)
    depth = how["max_tokens"] if how.get("pad_to_max_tokens") else len(vocabulary)
    made = np.array([np.bincount(np.array(n, dtype=int), minlength=depth) for n in numbers], dtype=np.float64)
    if mode == "multi_hot":
        return np.minimum(made, 1)
    if mode == "tf_idf":
        within = [sum(token in document for document in documents) for token in vocabulary[1:]]
        idf = [math.log(1 + len(texts) / (1 + n)) for n in within]
        weights = [float(np.mean(idf)), *idf]
        made *= np.array(weights + [0.0] * (depth - len(weights)))
    return made


def made(directory: Path, texts: list[str], **column: Any) -> Data:
    """The data whose only input are `texts`; those given to `read` are in no split."""
    cells = "".join('"{}",{}\n'.format(text.replace('"', '""'), i % 3) for i, text in enumerate(texts))
    write(directory, "t.csv", "said,y\n" + cells)
    config = {"source": "t.csv", "target": "y", "columns": {"said": {"type": "text", **column}}}
    return opened(directory, config)


def read(directory: Path, data: Data, texts: list[str]) -> npt.NDArray[np.float64]:
    """What `predict` makes of other texts with what was stored."""
    stored = Preprocessing.from_data(json.loads(json.dumps(data.preprocessing.config())))
    write(directory, "new.csv", "said\n" + "".join('"{}"\n'.format(t.replace('"', '""')) for t in texts))
    whole = examples(read_inputs(directory / "new.csv", stored))["input"]
    (block,) = read_blocks(directory / "new.csv", stored)
    np.testing.assert_array_equal(examples(block.examples)["input"], whole)
    return whole.astype(np.float64)


SAID = [
    "Die Katze, die KATZE; der Hund!",
    "der Hund\u00a0schl\u00e4ft -- \u00c4rger? (nein)",
    "it's [UNK] a_b & c\\d ^ `e` {f} | ~g <h> = $1 @2 #3 %4 *5 +6 /7 :8 ;9",
    "der Hund, der Hund",
    "ab\tab\nba  \u2028ab \x1cab",
    "\u00e4b \u00c4b AB Ab",
]
NEW = ["Der Hund und die Katze", "...", "ab ab ab \u00c4b \u00e4b it's its", "n\u00e4her ans Ende"]

CASES: list[dict[str, Any]] = [
    {"output_sequence_length": 4},
    {"output_sequence_length": 9, "max_tokens": 6},
    {"output_sequence_length": 7, "standardize": None},
    {"output_sequence_length": 7, "standardize": "lower"},
    {"output_sequence_length": 7, "standardize": "strip_punctuation"},
    {"output_sequence_length": 30, "split": "character", "max_tokens": 20},
    {"output_sequence_length": 9, "ngrams": 2},
    {"output_sequence_length": 3, "ngrams": [3, 2]},
    {"output_sequence_length": 12, "split": "character", "ngrams": [2]},
    {"output_mode": "multi_hot"},
    {"output_mode": "count", "max_tokens": 5, "ngrams": 2},
    {"output_mode": "tf_idf"},
    {"output_mode": "tf_idf", "max_tokens": 99, "pad_to_max_tokens": True},
    {"output_mode": "multi_hot", "max_tokens": 90, "pad_to_max_tokens": True},
]


@pytest.mark.parametrize("how", CASES, ids=str)
def test_against_a_reading_of_keras(how: dict[str, Any], tmp_path: Path) -> None:
    data = made(tmp_path, SAID, **how)
    for texts, found in ((SAID, examples(data.train)["input"]), (NEW, read(tmp_path, data, NEW))):
        np.testing.assert_allclose(found, vectorized(SAID, texts, how), rtol=1e-6, atol=0)
    assert data.inputs["input"].dtype == ("int32" if "output_sequence_length" in how else "float32")


def vocabulary(data: Data) -> tuple[str, ...]:
    prep = data.preprocessing.inputs["input"].columns["said"]
    assert isinstance(prep, TextPrep)
    return prep.words


def test_the_examples_of_keras(tmp_path: Path) -> None:
    """From the docstring of TextVectorization and from its tests."""
    data = made(tmp_path, ["foo bar", "bar baz", "baz bada boom"], max_tokens=5000, output_sequence_length=4)
    assert read(tmp_path, data, ["foo qux bar", "qux baz"]).tolist() == [[4, 1, 3, 0], [1, 2, 0, 0]]
    assert vocabulary(data) == ("baz", "bar", "foo", "boom", "bada")
    given = {"vocabulary": ["", "[UNK]", "baz", "bar", "foo"], "output_sequence_length": 3}
    data = made(tmp_path, ["foo"], **given)
    assert read(tmp_path, data, ["foo qux bar"]).tolist() == [[4, 1, 3]]
    tf_idf = {"output_mode": "tf_idf", "vocabulary": ["foo", "bar", "baz"], "idf_weights": [0.3, 0.5, 0.2]}
    data = made(tmp_path, ["foo"], **tf_idf)
    np.testing.assert_allclose(read(tmp_path, data, ["foo bar foo qux"]), [[1 / 3, 0.6, 0.5, 0]], rtol=1e-6)
    whole = {"vocabulary": ["[UNK]", "foo", "bar", "baz"], "idf_weights": [0.9, 0.3, 0.5, 0.2]}
    data = made(tmp_path, ["foo"], **tf_idf | whole)
    np.testing.assert_allclose(read(tmp_path, data, ["foo bar foo qux"]), [[0.9, 0.6, 0.5, 0]], rtol=1e-6)


def test_a_text_that_occurs_again_counts_again(tmp_path: Path) -> None:
    assert vocabulary(made(tmp_path, ["b", "b", "a a", "b"], output_mode="count")) == ("b", "a")


def test_only_training_rows_are_fitted_on(tmp_path: Path) -> None:
    write(tmp_path, "t.csv", "said,y,part\na b,1,train\nb,0,train\nc c c,1,validation\nd,0,test\n")
    data = opened(
        tmp_path,
        {
            "source": "t.csv",
            "target": "y",
            "columns": {"said": {"type": "text", "output_mode": "tf_idf"}},
            "split": {"by": "part"},
        },
    )
    assert vocabulary(data) == ("b", "a")
    assert data.validation is not None
    known = np.array([math.log(1 + 2 / 3), math.log(1 + 2 / 2)])
    np.testing.assert_allclose(examples(data.validation)["input"], [[3 * known.mean(), 0, 0]], rtol=1e-6)


def test_a_missing_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t.csv:3, column 'said': the value is missing\n.*`\"\"`"):
        made(tmp_path, ["a b", "NA"], output_sequence_length=2)
    data = made(tmp_path, ["a b", "NA"], output_sequence_length=2, missing="b c")
    assert vocabulary(data) == ("b", "c", "a")
    assert read(tmp_path, data, ["", "c"]).tolist() == [[2, 3], [3, 0]]
    data = made(tmp_path, ["a b", "", "a"], output_mode="tf_idf", missing="")
    rarest = math.log(1 + 3 / 2)
    assert vocabulary(data) == ("a", "b")
    np.testing.assert_allclose(examples(data.train)["input"][:2, 2], [rarest, 0], rtol=1e-6)


def test_texts_beside_numbers(tmp_path: Path) -> None:
    config: dict[str, Any] = {"source": "t.csv", "target": "y", "columns": {"said": {"type": "text"}}}
    write(tmp_path, "t.csv", "said,stars,y\n1 2 1,5,0\n2,3,1\n")
    counted = config | {"columns": {"said": {"type": "text", "output_mode": "count"}}}
    found = examples(opened(tmp_path, counted).train)["input"]
    assert found.tolist() == [[0, 1, 2, 5], [0, 1, 0, 3]]
    config["columns"]["said"]["output_sequence_length"] = 2
    with pytest.raises(ConfigError, match="'said' enters input 'input' as numbers of tokens"):
        opened(tmp_path, config)
    with pytest.raises(ConfigError, match="enters as a number per token, but input 'input' takes numbers"):
        opened(tmp_path, counted | {"inputs": "said"}, integer_inputs=["input"])
    with pytest.raises(ConfigError, match="'y' is a target, and cannot be a text"):
        opened(tmp_path, config | {"columns": {"y": config["columns"]["said"]}})


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"type": "number", "max_tokens": 9}, "'max_tokens' is for texts; say `type: text`"),
        ({"split": "character"}, "'split' is for texts"),
        ({"type": "text"}, "needs 'output_sequence_length'"),
        ({"type": "text", "output_mode": "count", "output_sequence_length": 2}, "is for 'output_mode: int'"),
        ({"type": "text", "output_mode": "count", "scale": "standard"}, "'scale' is not for texts"),
        ({"type": "text", "output_mode": "count", "missing": 0}, "'missing' of texts is"),
        ({"type": "text", "output_mode": "count", "pad_to_max_tokens": True}, "needs 'max_tokens'"),
        ({"type": "text", "output_sequence_length": 2, "max_tokens": 2}, "leaves no token"),
        ({"type": "text", "output_mode": "count", "vocabulary": ["a", "b", "a"]}, "'a' stands twice"),
        ({"type": "text", "output_mode": "count", "vocabulary": ["a", ""]}, "the empty token"),
        ({"type": "text", "output_mode": "count", "vocabulary": ["[UNK]"]}, "holds no token"),
        ({"type": "text", "output_mode": "count", "vocabulary": ["a", "b"], "max_tokens": 2}, "more than"),
        ({"type": "text", "output_mode": "tf_idf", "vocabulary": ["a"]}, "needs one of 'idf_weights' per"),
        ({"type": "text", "output_mode": "count", "idf_weights": [1.0]}, "are for 'output_mode: tf_idf'"),
        ({"type": "text", "output_mode": "count", "ngrams": 0}, "ngrams"),
    ],
)
def test_what_contradicts_itself(column: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        ColumnSpec.model_validate(column)


def test_a_vocabulary_may_fill_what_max_tokens_leaves() -> None:
    words = ColumnSpec(type="text", output_mode="count", vocabulary=("a", "b"), max_tokens=3).words
    assert words == ("a", "b")


def test_nothing_is_said_of_texts_where_there_is_none() -> None:
    assert "split" not in ColumnSpec(type="number").config()
    written = ColumnSpec(type="text", output_sequence_length=3, ngrams=2).config()
    assert (written["ngrams"], written["split"]) == ([1, 2], "whitespace")
    assert ColumnSpec.model_validate(written).config() == written


def test_classes_that_are_texts_are_warned_of() -> None:
    said = [f"number {i} is a text of its own" for i in range(30)]
    (problem,) = text_or_ids_as_classes(evidence({"said": said, "y": list(range(30))}))
    assert "type: text" in str(problem.expected)
