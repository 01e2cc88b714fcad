"""Loading YAML: YAML 1.2 scalars, positions, bounds, and only ConfigError for whatever bytes come."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nnctl.spec.yaml.parse
from nnctl.core.errors import ConfigError, Place, Problem
from nnctl.spec.yaml.document import Document, parse_document
from nnctl.spec.yaml.emit import block, flow
from nnctl.spec.yaml.nodes import plain
from nnctl.spec.yaml.parse import MAX_DEPTH, MAX_NODES, compose
from nnctl.spec.yaml.reading import MAX_BYTES, decode, read_source
from nnctl.spec.yaml.source_text import SourceText
from nnctl.spec.yaml.syntax import syntax_problem
from tests.spec.parser_words import ARE_KNOWN, in_nnctls_words


def parse(text: str) -> Document:
    return parse_document(decode(text.encode(), "c.yaml"))


def problems(text: str | bytes) -> list[Problem]:
    raw = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(ConfigError) as caught:
        parse_document(decode(raw, "c.yaml"))
    return list(caught.value.problems)


def position(problem: Problem) -> tuple[int, int]:
    assert problem.place is not None
    return problem.place.line, problem.place.column


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-3", 0.001), ("1.", 1.0), (".5", 0.5), ("-1.5E+3", -1500.0), ("+12", 12), ("007", 7),
        ("0o17", 15), ("0x1F", 31), ("-.inf", -math.inf), (".Inf", math.inf), ("~", None), ("", None),
        ("null", None), ("Null", None), ("True", True), ("FALSE", False), ("no", "no"), ("on", "on"),
        ("yes", "yes"), ("'1'", "1"), ('"true"', "true"), ("1_000", "1_000"), ("0b11", "0b11"),
        ("1:30", "1:30"), ("2020-01-01", "2020-01-01"), ("-0x1f", "-0x1f"), ("1e3x", "1e3x"),
        ("nUll", "nUll"),
        ("=", "="), ("٣", "٣"), ("1e", "1e"), (".", "."), ("-", [None]),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema(written: str, value: Any) -> None:
    found = parse(f"a: {written}" if written != "-" else "a:\n  -").data["a"]
    assert found == value
    assert type(found) is type(value)


def test_nan() -> None:
    assert math.isnan(parse("a: .nan").data["a"])


def test_positions_of_keys_and_values() -> None:
    document = parse("a: 1\nbb:\n  - x\n  - {c: é, d: 4}\n")
    where = [
        document.place(path, at_key)
        for path, at_key in [
            (("a",), False), (("bb",), True), (("bb", 0), False), (("bb", 1, "d"), True),
            (("bb", 1, "d"), False),
        ]
    ]  # fmt: skip
    assert [(p.line, p.column) for p in where] == [(1, 4), (2, 1), (3, 5), (4, 12), (4, 15)]
    assert where[-1].text == "  - {c: é, d: 4}"
    assert not document.written(("bb", 2))
    missing = document.place(("bb", 7, "x"))
    assert (missing.line, missing.column) == (3, 3)


def test_an_alias_is_placed_where_it_stands_and_shares_nothing() -> None:
    document = parse("a: &x [1, 2]\nb: *x\n")
    assert document.data == {"a": [1, 2], "b": [1, 2]}
    document.data["a"].append(3)
    assert document.data["b"] == [1, 2]
    assert document.place(("b",)).line == 2
    assert document.place(("b", 1)).line == 1


SYNTAX = [
    ("a:\n\tb: 1", 2, 1, "tab"),
    ("a: b: c", 1, 5, "':' cannot stand here"),
    ("x: 1\nfoo\nbar: 2", 2, 1, "no 'key: value'"),
    ("a: [1,\nb: 3", 2, 5, "not finished here (it was opened in line 1)"),
    ("a: {b: 1\nc: 2", 2, 2, "not finished"),
    ("a: 'x\nb: y", 1, 4, "never closed"),
    ("a: @x", 1, 4, "cannot begin with '@'"),
    ('a: "\\q"', 1, 5, "escape"),
    ("a:\n  - 1\n - 2", 3, 2, "does not line up"),
    ("a: 1\n- 2", 2, 1, "does not line up"),
    ("a: [", 1, 5, "missing here"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "says"), SYNTAX)
def test_wrong_syntax_is_placed_and_said(text: str, line: int, column: int, says: str) -> None:
    (found,) = problems(text)
    assert in_nnctls_words(found.message, says)
    assert position(found) == (line, column) or not ARE_KNOWN


@pytest.mark.parametrize(("text", "line", "column", "says"), SYNTAX)
def test_wrong_syntax_is_placed_whatever_the_parser_says(
    text: str, line: int, column: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words that nnctl does not know are quoted; the place holds."""

    class Stranger(yaml.MarkedYAMLError):
        def __init__(self, context: Any, context_mark: Any, problem: Any, problem_mark: Any) -> None:
            super().__init__("words", context_mark, "nobody knows", problem_mark)

    monkeypatch.setattr(yaml.scanner, "ScannerError", Stranger)
    monkeypatch.setattr(yaml.parser, "ParserError", Stranger)
    monkeypatch.setattr(nnctl.spec.yaml.parse, "_Loader", yaml.SafeLoader)
    (found,) = problems(text)
    assert found.message in ("this is not YAML: nobody knows", "a tab cannot indent YAML")
    assert 1 <= position(found)[0] <= text.count("\n") + 1
    assert found.place is not None
    assert found.place.text == text.split("\n")[found.place.line - 1]


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("a: 1\nb: 2\na: 3", 3, 1, "'a' is given twice; first in line 1, column 1"),
        ("a: {b: 1, b: 1}", 1, 11, "given twice"),
        ("a: !!python/object:os.system x", 1, 4, "tag !!python/object:os.system is refused"),
        ("a: ! x", 1, 4, "tag"),
        ("a: !!str 5", 1, 4, "tag"),
        ("<<: {a: 1}", 1, 1, "merge keys"),
        ("[1]: 2", 1, 1, "cannot be a key"),
        ("a: &k x\n*k : 2", 2, 1, "cannot be a key"),
        ("~: 2", 1, 1, "key is missing"),
        ("a: 1\n---\nb: 2", 2, 1, "second document"),
        ("a: 1\n...\n%YAML 1.2\n---\nb: 1", 3, 1, "second document"),
        ("{a: 1} b", 1, 8, "does not belong"),
        ("%TAG ! tag:x\n---\na: 1", 1, 1, "directives"),
        ("a: *y", 1, 4, "no anchor &y"),
        ("a: &y [*y]", 1, 8, "contain itself"),
        ("a: &y 1\nb: &y [*y]", 2, 8, "contain itself"),
        ("a: " + "9" * 500, 1, 4, "500 digits"),
        ("- 1", 1, 1, "mapping of keys"),
        ("", 1, 1, "empty"),
        ("# nothing\n", 1, 1, "empty"),
        ("a: \x00", 1, 4, "U+0000"),
        ("a: \x1b[31m", 1, 4, "U+001B"),
        ("a: b\ufeff", 1, 5, "U+FEFF"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_placed_and_said(text: str, line: int, column: int, says: str) -> None:
    found = problems(text)[0]
    assert says in found.message
    assert position(found) == (line, column)


def test_several_problems_come_together() -> None:
    assert [position(p) for p in problems("a: !x 1\nb: 2\nb: 3\n<<: 1\n")] == [(1, 4), (3, 1), (4, 1)]


def test_keys_are_text_as_written() -> None:
    assert parse("1: a\n0x1: b\ntrue: c\n1.50: d\n").data == {"1": "a", "0x1": "b", "true": "c", "1.50": "d"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_marked_encodings_are_read(encoding: str) -> None:
    assert parse_document(decode("a: é\n".encode(encoding), "c")).data == {"a": "é"}


def test_bytes_that_are_no_text() -> None:
    found = problems(b"a: 1\nb: \xff\n")[0]
    assert "UTF-8" in found.message
    assert position(found) == (2, 4)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end: str) -> None:
    document = parse(f"a: 1{end}b: 2{end}")
    assert document.data == {"a": 1, "b": 2}
    assert document.place(("b",)).text == "b: 2"


def test_depth_is_bounded() -> None:
    fits = "a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert parse(fits).data
    assert "64 levels" in problems("a: " + "[" * 500_000)[0].message
    assert "64 levels" in problems("- " * 500_000)[0].message
    assert "64 levels" in problems("a:\n" + "".join(" " * i + "a:\n" for i in range(1, 2000)))[0].message


def test_depth_is_refused_where_it_is_passed() -> None:
    """At the first level too many, in whatever style, however much follows; the levels before it fit."""
    rest = MAX_DEPTH + 2000
    for text, line, column in [
        ("a: " + "[" * rest, 1, 3 + MAX_DEPTH),
        ("{a: " * rest, 1, 4 * MAX_DEPTH + 1),
        ("- " * rest, 1, 2 * MAX_DEPTH + 1),
        ("[[], " * rest, 1, 5 * (MAX_DEPTH - 1) + 2),
        ("- [" + "{b: [" * rest, 1, 4 + 5 * (MAX_DEPTH // 2 - 1)),
        ("a:\n" + "".join(" " * i + "a:\n" for i in range(1, rest)), MAX_DEPTH + 1, MAX_DEPTH + 1),
        ("".join(" " * i + "-\n" for i in range(rest)), MAX_DEPTH + 1, MAX_DEPTH + 1),
    ]:
        found = problems(text)[-1]
        assert "64 levels" in found.message
        assert position(found) == (line, column)


def _bounded_parser(bound: int, offset: int) -> Any:
    """PyYAML's parser with a bound on nesting of its own, as 6.0.4 has one, in words that nobody knows."""

    class Bounded(yaml.SafeLoader):
        def _refuse(self, levels: int) -> None:
            if levels > bound:
                mark = self.get_mark()
                mark.index += offset
                raise yaml.scanner.ScannerError(None, None, "words nobody knows", mark)

        def fetch_flow_collection_start(self, TokenClass: Any) -> Any:
            self._refuse(self.flow_level + 1)
            return super().fetch_flow_collection_start(TokenClass)

        def add_indent(self, column: int) -> Any:
            added = super().add_indent(column)
            self._refuse(len(self.indents))
            return added

    return Bounded


@pytest.mark.parametrize("bound", [MAX_DEPTH + 1, 100, 1000, 10**9])
@pytest.mark.parametrize("offset", [0, 1])
def test_depth_is_refused_whatever_the_parser_bounds(
    bound: int, offset: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parsers read ahead: one with a bound of its own raises before the events of nnctl's bound have come."""
    monkeypatch.setattr(nnctl.spec.yaml.parse, "_Loader", _bounded_parser(bound, offset))
    test_depth_is_bounded()
    test_depth_is_refused_where_it_is_passed()
    test_depth_counts_through_aliases()


def test_depth_is_not_blamed_for_other_mistakes() -> None:
    fits = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert "levels" not in problems(f"a: {fits}\nb: @\n")[0].message
    assert "levels" not in problems(f"a: {fits}\nb: {fits}\nc: {'[' * (MAX_DEPTH - 1)}@\n")[0].message


def test_depth_counts_through_aliases() -> None:
    half = "[" * 40 + "]" * 40
    assert "64 levels" in problems(f"a: &x {half}\nb: {'[' * 40}*x{']' * 40}")[0].message


def test_expansion_is_bounded() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
    started = time.process_time()
    assert f"{MAX_NODES:,} nodes" in problems("\n".join(lines))[0].message
    assert time.process_time() - started < 5
    assert "nodes" in problems("a: [" + "1," * (MAX_NODES + 1) + "]")[0].message


def test_expanded_text_is_bounded() -> None:
    text = "a: &a " + "x" * 1_000_000 + "\nb: [" + ", ".join(["*a"] * 50) + "]"
    assert "of text" in problems(text)[0].message


def test_size_is_bounded() -> None:
    assert "MiB" in problems(b"#" * (MAX_BYTES + 1))[0].message


def test_many_directives_are_not_parsed() -> None:
    assert problems("".join(f"%TAG !{i}! x\n" for i in range(100_000)) + "---\na: 1")
    assert problems("a: 1\n...\n" + "".join(f"%TAG !{i}! x\n" for i in range(100_000)) + "---\na: 1")


def test_files_that_cannot_be_read(tmp_path: Any) -> None:
    for path, says in [
        (tmp_path / "no.yaml", "no such file"),
        (tmp_path, "directory"),
        ("a\0b", "cannot read"),
    ]:
        with pytest.raises(ConfigError, match=says) as caught:
            read_source(path)
        assert [problem.place for problem in caught.value.problems] == [Place(str(path), 0, 0)]


def test_a_directory_that_holds_a_config(tmp_path: Any) -> None:
    held = tmp_path / "config.yaml"
    for expected in (None, str(held)):
        with pytest.raises(ConfigError) as caught:
            read_source(tmp_path)
        assert [problem.expected for problem in caught.value.problems] == [expected]
        held.write_text("nnctl: 1\n")


_TOKENS = st.sampled_from(
    ["a", ": ", "- ", "\n", "  ", "\t", "[", "]", "{", "}", ",", "&x ", "*x", "!t ", "'", '"', "|\n", ">",
     "#", "? ", "%", "---", "...", "~", "1e3", "\\", "\u2028", "é", "<<", "@", "\r", "\x85",
     "0x", "\ufeff", "\ud7ff"]
)  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_TOKENS, max_size=60).map("".join))
def test_any_text_gives_data_or_a_placed_problem(text: str) -> None:
    _only_config_error(text.encode())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_data_or_a_placed_problem(raw: bytes) -> None:
    _only_config_error(raw)


def _only_config_error(raw: bytes) -> None:
    try:
        document = parse_document(decode(raw, "c.yaml"))
    except ConfigError as error:
        for problem in error.problems:
            assert problem.place is not None
            assert problem.place.line <= raw.count(b"\n") + len(raw) + 1
    else:
        again = compose(SourceText("c", block(document.data)))
        assert flow(plain(again)) == flow(document.data)


_DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=25,
)


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(st.text(max_size=6), _DATA, max_size=5))
def test_what_is_emitted_reads_back(data: dict[str, Any]) -> None:
    if any(0xD800 <= ord(char) < 0xE000 for char in repr(data)):
        return
    for text in (block(data), flow(data)):
        assert repr(plain(compose(SourceText("c", text)))) == repr(data)


def _limited(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(nnctl.spec.yaml.parse, name, value)


def test_the_bounds_are_what_they_say() -> None:
    assert (MAX_DEPTH, MAX_NODES, MAX_BYTES) == (64, 100_000, 4 * 2**20)
    assert nnctl.spec.yaml.parse.MAX_PROBLEMS == 200


def test_as_many_nodes_as_the_bound_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapping, its keys and its values; what an alias stands for counts each time."""
    _limited(monkeypatch, MAX_NODES=7)
    assert parse("a: [1, 2]\nb: 3\n").data
    assert "7 nodes" in problems("a: [1, 2]\nb: [3]\n")[0].message
    assert parse("a: &x [1]\nb: *x\n").data
    assert "7 nodes" in problems("a: &x [1, 2]\nb: *x\n")[0].message


def test_as_much_text_as_the_bound_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    _limited(monkeypatch, MAX_BYTES=2**20)
    half = "x" * (2**19 - 1)
    assert parse(f"a: &x {half}\nb: *x\n").data
    assert "1 MiB of text" in problems(f"a: &x {half}x\nbb: *x\n")[0].message


def test_depth_is_counted_through_an_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    _limited(monkeypatch, MAX_DEPTH=4)
    assert parse("a: &x [[1]]\nb: [*x]\n").data
    found = problems("a: &x [[1]]\nb: [[*x]]\n")
    assert ["4 levels" in p.message for p in found] == [True]
    assert position(found[0]) == (2, 6)
    assert parse("a: &x [[1], 2, 3]\nb: [*x]\n").data


def test_an_alias_counts_what_is_in_its_anchor_and_nothing_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _limited(monkeypatch, MAX_BYTES=2**20)
    assert parse(f"z: {'x' * 700_000}\na: &x [1]\nb: [*x]\n").data
    _limited(monkeypatch, MAX_NODES=40)
    assert parse(f"z: {list(range(15))}\na: &x [1]\nb: [*x, *x]\n").data


def test_after_many_problems_the_rest_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    _limited(monkeypatch, MAX_PROBLEMS=3)
    three = "a: !x 1\nb: !x 1\nc: !x 1\n"
    assert len(problems(three)) == 3
    found = problems(three + "d: !x 1\ne: !x 1\n")
    assert [p.message for p in found[3:]] == [found[0].message, "and perhaps more"]
    assert position(found[-1]) == (4, 4)


def test_what_opened_and_where_is_told_in_an_override() -> None:
    """Columns of the first line count from the whole text, those of others from their own."""
    source = SourceText("--set", "a.b={x: 1,\n x: 2}")
    with pytest.raises(ConfigError) as caught:
        compose(source, start=4)
    (problem,) = caught.value.problems
    assert position(problem) == (2, 2)
    assert problem.message == "the key 'x' is given twice; first in line 1, column 6"
    for text, place in (("a.b=[1, }", (1, 9)), ("a.b=[1,\n  }", (2, 3))):
        with pytest.raises(ConfigError) as caught:
            compose(SourceText("--set", text), start=4)
        assert position(caught.value.problems[0]) == place
    node = compose(SourceText("--set", "a=[1, b]"), start=2)
    assert (node.span.column, node.span.text) == (2, "[1, b]")


@pytest.mark.parametrize("end", ["", "\n", "\n# more\n", "\n...\n", "\n...\n# more\n  # more\n"])
def test_comments_may_follow_the_document(end: str) -> None:
    assert parse("{a: 1}" + end).data == {"a": 1}


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("{a: 1}\n  b: 2", 2, 3),
        ("{a: 1}\n# c\n\n b", 4, 2),
        ("{a: 1}\n---\n", 2, 1),
        ("{a: 1}\n...\nb", 3, 1),
    ],
)
def test_what_may_not_follow_is_placed(text: str, line: int, column: int) -> None:
    assert position(problems(text)[0]) == (line, column)


def test_one_more_than_the_bounds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is counted: keys, values, collections, what an alias stands for."""
    for text, nodes in [
        ("a: [1, 2]\nb: 3\n", 7),
        ("a: &x [1]\nb: *x\n", 7),
        ("a: &x 1\nb: *x\n", 5),
        ("a: &x {b: [1]}\nc: [*x]\n", 12),
    ]:
        _limited(monkeypatch, MAX_NODES=nodes)
        assert parse(text).data
        _limited(monkeypatch, MAX_NODES=nodes - 1)
        assert "nodes" in problems(text)[0].message
    for text, characters in [
        ("a: bcd\n", 4),
        ("a: [bc, {d: e}]\n", 5),
        ("a: &x [bc]\nd: *x\n", 6),
        ("a: &x bc\nd: *x\n", 6),
        ("a: {e: &x [bc]}\nd: *x\n", 7),
    ]:
        _limited(monkeypatch, MAX_NODES=100, MAX_BYTES=characters)
        assert parse(text).data
        _limited(monkeypatch, MAX_BYTES=characters - 1)
        assert "of text" in problems(text)[0].message


def test_as_deep_as_the_bound_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, depth in [
        ("a: [[1]]\n", 3),
        ("a: &x [[1]]\nb: [*x]\n", 4),
        ("a: &x 1\nb: [[*x]]\n", 3),
        ("a: &x [1]\nb: &y [*x, 2]\nc: [*y]\n", 4),
    ]:
        _limited(monkeypatch, MAX_DEPTH=depth)
        assert parse(text).data
        _limited(monkeypatch, MAX_DEPTH=depth - 1)
        assert "levels" in problems(text)[0].message


def test_a_tag_is_shown_cut_short_and_without_its_anchor() -> None:
    (found,) = problems(f"a: !{'x' * 200} 1")
    assert found.message == f"the tag !{'x' * 79} is refused: a config holds plain data"
    (found,) = problems("a: &x !t 1")
    assert found.message == "the tag !t is refused: a config holds plain data"


def test_directives_before_the_document() -> None:
    """The version of YAML may be said; all others are refused, also below comments."""
    assert parse("%YAML 1.2\n---\na: 1\n").data == {"a": 1}
    assert parse("a: 'x\n%b'\n").data == {"a": "x %b"}
    for text, line in [
        ("# c\n\n%TAG ! tag:x\n---\na: 1", 3),
        ("%YAML 1.2\n%TAG ! tag:x\n---\na: 1", 2),
        ("%YAM 1.2\n---\na: 1", 1),
    ]:
        (found,) = problems(text)
        assert found.message == "directives are refused: a config is plain YAML"
        assert position(found) == (line, 1)
    with pytest.raises(ConfigError, match="directives are refused"):
        compose(SourceText("--set", "a=%TAG ! x"), start=2)


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "expected"),
    [
        (
            "{a: 1}\n...\n  b", 3, 3,
            "this does not belong to what stands above it",
            "the same indentation as the keys it belongs with",
        ),
        ("{a: 1}\n---\n", 2, 1, "a second document begins here", "one document a file"),
        (
            "{a: 1}\n...\n# c\n...\n%YAML 1.2\n", 5, 1,
            "a second document begins here",
            "one document a file",
        ),
        ("a: &k x\n*k : 2", 2, 1, "an alias cannot be a key", "a name"),
        ("[1]: 2", 1, 1, "a list or a mapping cannot be a key", "a name"),
        ("{a: 1}: 2", 1, 1, "a list or a mapping cannot be a key", "a name"),
        ("~: 2", 1, 1, "a key is missing or null", "a name"),
        (
            "<<: {a: 1}", 1, 1,
            "merge keys (<<) are not part of YAML 1.2",
            "the keys written out, or an alias for a whole value",
        ),
        (
            "b: 1\n\n\n  \nc: {d: 1,\n  d: 2}", 6, 3,
            "the key 'd' is given twice; first in line 5, column 5",
            "each key once",
        ),
        ("a: &y [*y]", 1, 8, "*y would contain itself", None),
        ("a: *y", 1, 4, "there is no anchor &y above", None),
        ("", 1, 1, "the config is empty", None),
        ("- 1", 1, 1, "a config is a mapping of keys to values", "'nnctl: 1', 'data:', 'model:' ..."),
    ],
)  # fmt: skip
def test_what_is_wrong_to_the_letter(
    text: str, line: int, column: int, message: str, expected: str | None
) -> None:
    (found,) = problems(text)
    assert (found.message, found.expected, found.suggestion) == (message, expected, None)
    assert position(found) == (line, column)


def test_quoted_keys_are_keys() -> None:
    assert parse("'~': 1\n'<<': 2\n'null': 3\n").data == {"~": 1, "<<": 2, "null": 3}


def test_the_nearest_anchor_is_suggested() -> None:
    (found,) = problems("a: &table 1\nb: *tabel")
    assert found.suggestion == "*table"


class _Mark:
    def __init__(self, line: int, column: int) -> None:
        self.line = line
        self.column = column


class _Said(Exception):
    """A parser's error: whatever of these attributes one may have."""

    def __init__(self, words: str = "all of it", **attributes: Any) -> None:
        super().__init__(words)
        vars(self).update(attributes)


def said(text: str, start: int = 0, **attributes: Any) -> tuple[str, str | None, tuple[int, int]]:
    found = syntax_problem(_Said(**attributes), SourceText("c", text), start)
    return found.message, found.expected, position(found)


def test_an_error_of_the_parser_that_has_no_place() -> None:
    assert said("a: b") == ("this is not YAML: all of it", None, (1, 1))
    assert said("a: b", reason="odd") == ("this is not YAML: odd", None, (1, 1))
    assert said("a: b", problem="odd", reason="x") == ("this is not YAML: odd", None, (1, 1))


def test_an_error_of_the_parser_is_placed_at_the_problem_or_what_it_is_in() -> None:
    at, opened = _Mark(1, 2), _Mark(0, 3)
    text = "a: [1,\nb: 3\n"
    assert said(text, problem="odd", problem_mark=at) == ("this is not YAML: odd", None, (2, 3))
    assert said(text, problem="odd", context_mark=opened) == ("this is not YAML: odd", None, (1, 4))
    both = {"problem_mark": at, "context_mark": opened}
    assert said(text, problem="odd", **both) == ("this is not YAML: odd", None, (2, 3))
    assert said(text, 4, problem="odd", context_mark=opened)[2] == (1, 8)
    assert said(text, 4, problem="odd", **both)[2] == (2, 3)
    unfinished = "did not find expected ',' or ']'"
    assert said(text, problem=unfinished, **both) == (
        "a list in [ ] is not finished here (it was opened in line 1)", "',' or ']'", (2, 3),
    )  # fmt: skip
    assert said(text, problem=unfinished, problem_mark=at) == (
        "a list in [ ] is not finished here", "',' or ']'", (2, 3),
    )  # fmt: skip
    missing = "did not find expected node content"
    assert said(text, problem=missing, **both) == ("a value is missing here", None, (2, 3))
    for points_back, message in [
        ("found unexpected end of stream", "a quote is opened and never closed"),
        ("could not find expected ':'", "this line is no 'key: value'"),
    ]:
        assert said(text, problem=points_back, **both)[::2] == (message, (1, 4))
        assert said(text, problem=points_back, problem_mark=at)[::2] == (message, (2, 3))


def test_an_error_behind_the_text_is_placed_at_its_end() -> None:
    text = "a: [1\n  \n\n"
    for mark in (_Mark(1, 0), _Mark(3, 0), _Mark(4, 0)):
        assert said(text, problem="odd", problem_mark=mark)[2] == (1, 6)
    assert said(text, problem="odd", problem_mark=_Mark(0, 2))[2] == (1, 3)


def test_a_tab_that_indents_is_blamed_for_what_follows_it() -> None:
    tab = ("a tab cannot indent YAML", "spaces")
    for text, column, place in [("\ta: 1", 0, (1, 1)), ("\ta: 1", 3, (1, 1)), ("  \ta", 2, (1, 3))]:
        assert said(text, problem="odd", problem_mark=_Mark(0, column)) == (*tab, place)
    for text, column in [("  \ta", 1), ("a:\tb: c", 5), ("    a", 4)]:
        found = said(text, problem="odd", problem_mark=_Mark(0, column))
        assert found == ("this is not YAML: odd", None, (1, column + 1))


def test_a_character_that_begins_nothing_is_shown() -> None:
    found = said("a: @xy", problem="found character that cannot start any token", problem_mark=_Mark(0, 3))
    assert found == ("a value cannot begin with '@'", "quotes around the value", (1, 4))
