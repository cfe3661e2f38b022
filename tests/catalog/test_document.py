"""Strict reading of YAML and JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.document import MOST_BYTES, parse_document

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    # surrogates have no UTF-8 form
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda children: st.lists(children) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), children),
    max_leaves=20,
)


def test_yaml_means_what_json_means():
    """Scalars follow the YAML 1.2 core schema; keys are text as written."""
    text = b"""
    200: &code {no: no, date: 2026-01-01, octal: 010, hex: 0x1F, real: 1.50, none: ~, quoted: '1', tagged: !!str 1}
    1.10.0: *code
    """
    expected = {
        "no": "no",
        "date": "2026-01-01",
        "octal": 10,
        "hex": 31,
        "real": 1.5,
        "none": None,
        "quoted": "1",
        "tagged": "1",
    }
    assert ([{"200": expected, "1.10.0": expected}], []) == parse_document(text, "a.yaml")


@pytest.mark.parametrize(
    ("text", "message", "pointer"),
    [
        (b"a: {b: 1, b: 2}", "key 'b' occurs twice (line 1)", "/a/b"),
        (b"a: &x [*x]", "anchor 'x' is unknown here, or contains itself", "/a/0"),
        (b"a: !!python/object:os.system x", "tag tag:yaml.org,2002:python/object:os.system is not allowed", "/a"),
        (b"a: {<<: {b: 1}}", "merge keys are not allowed", "/a"),
        (b"a: .inf", "infinities and NaN are not allowed", "/a"),
        (b"? [a]\n: b", "a key must be plain text", ""),
        (b"\xff\xfe", "not UTF-8 text", ""),
        (b"a: 1\nb: [", "not YAML: did not find expected node content (line 3, column 1)", ""),
    ],
)
def test_yaml_refusals(text, message, pointer):
    """What would be read differently elsewhere, or lost, is refused with its place."""
    documents, problems = parse_document(text, "a.yaml")
    assert documents == []
    assert [(message, pointer, "a.yaml")] == [(p.message, p.pointer, p.file) for p in problems]


@pytest.mark.parametrize(
    "text", [b'{"a": 1, "a": 1}', b"[NaN]", b"[1e999]", b'"\\ud800"', b"[" * 101 + b"]" * 101, b"1" * 2000, b"{"]
)
def test_json_refusals(text):
    """JSON is read as strictly."""
    documents, problems = parse_document(text, "a.json")
    assert (documents, len(problems)) == ([], 1)


def test_anchors_are_counted_as_often_as_they_are_used():
    """A few lines cannot unfold into billions of values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    documents, problems = parse_document("\n".join(lines).encode(), "a.yaml")
    assert (documents, [p.message for p in problems]) == ([], ["more than 2000000 values, anchors included"])


def test_size_is_bounded():
    """A file beyond the limit is refused before it is parsed."""
    assert [p.message for p in parse_document(b" " * (MOST_BYTES + 1), "a.yaml")[1]] == [
        f"larger than {MOST_BYTES} bytes"
    ]


@given(JSON)
def test_json_round_trip(value):
    """JSON data survives reading, as .json and as .yaml."""
    data = json.dumps(value).encode()
    assert ([value], []) == parse_document(data, "a.json")


@given(st.binary() | st.text(alphabet="a:-[]{}&*!|>'\"\n #?,0.<").map(str.encode))
def test_never_crashes(data):
    """Any bytes are read or refused."""
    for file in ("a.yaml", "a.json"):
        documents, problems = parse_document(data, file)
        assert not (documents and problems)
