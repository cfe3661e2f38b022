"""CloudEvents in both content modes: one document, one identity, and headers that no two readers take differently."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.cloudevent import digest_of, event_schema, from_binary, from_structured, key_of
from catalog.schema import Validators

NAMES = st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True).filter(lambda name: name not in ("data", "datacontenttype"))
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def encoded(text: str) -> bytes:
    """As a sender writes a header (HTTP binding §3.1.3.2)."""
    plain = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
    return quote(text, safe=plain).encode()


@given(st.dictionaries(NAMES, TEXTS | st.booleans() | st.integers(-(2**31), 2**31 - 1), max_size=6), DATA)
def test_both_modes_become_one_document(attributes: dict[str, Any], data: Any) -> None:
    """Whatever the attributes hold, structured and binary mode give the same event, digest and key."""
    structured = from_structured({**attributes, "data": data})
    texts = {name: value if isinstance(value, str) else str(value).lower() for name, value in attributes.items()}
    headers = [(f"ce-{name}".encode(), encoded(text)) for name, text in texts.items()]
    binary, violations = from_binary([*headers, (b"content-type", b"application/json")], data)
    assert violations == ()
    assert {**structured, "datacontenttype": "application/json"} == binary
    assert digest_of(structured) == digest_of(binary)
    assert key_of(structured) == key_of(binary)


@given(st.lists(st.tuples(st.binary(max_size=12).map(lambda raw: b"ce-" + raw), st.binary(max_size=12))), DATA)
def test_no_header_crashes_the_reader(headers: list[tuple[bytes, bytes]], data: Any) -> None:
    """Any bytes are read as text or refused by a pointer that shows nothing of the sender's but an attribute's name."""
    event, violations = from_binary(headers, data)
    assert event["data"] == data
    assert all(found.pointer.isascii() for found in violations)
    assert digest_of(event)


@given(DATA)
def test_no_document_crashes_the_reader(document: Any) -> None:
    event = from_structured(document)
    assert digest_of(event)
    assert isinstance(key_of(event), str)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € \U0001f600"),
        (b"%e2%82%ac", "€"),
        (b'"quoted \\"text\\""', 'quoted "text"'),
        (b"plain %41", "plain A"),
        (b"%C0%A0", None),
        (b"%FF", None),
        (b"100%", None),
        (b"%zz", None),
        ("€".encode(), None),
    ],
)
def test_header_values(raw: bytes, text: str | None) -> None:
    """One round of decoding, quoted strings of older senders included; what is no UTF-8 is refused."""
    event, violations = from_binary([(b"ce-subject", raw)], None)
    assert event.get("subject") == text
    assert [(found.pointer, found.rule) for found in violations] == (
        [] if text is not None else [("#/header/ce-subject", "percent-encoding")]
    )


def test_identity_is_source_and_id() -> None:
    """Neither alone, and no way to write one as part of the other; without both there is none."""
    keys = [
        key_of({"source": source, "id": id_}) for source, id_ in (("/a", "b"), ("/a/b", ""), ("/", "ab"), ("/ab", "1"))
    ]
    assert keys[1] == ""
    assert len(set(keys)) == 4
    assert key_of({"source": "/a", "id": "b", "data": 1}) == keys[0]
    assert {key_of(document) for document in ({}, {"id": "1"}, {"id": 1, "source": "/a"}, [], None)} == {""}


def test_null_is_not_set() -> None:
    """JSON event format §2.2; null data is data."""
    assert from_structured({"subject": None, "id": "1", "data": None}) == {"id": "1", "data": None}


def test_required_attributes_and_names() -> None:
    """The envelope's schema asks for what the specification asks for, and names nobody's values."""
    validators = Validators()
    handle = validators.handle(event_schema({"t": {}}, {}))
    event = {"specversion": "1.0", "id": "1", "source": "/a", "type": "t"}
    assert validators.validate(handle, event) == ()
    assert (
        validators.validate(handle, {**event, "comexampleextension1": "x", "time": "2026-03-01T00:00:00+01:00"}) == ()
    )
    for name in event:
        rest = {key: value for key, value in event.items() if key != name}
        assert [found.pointer for found in validators.validate(handle, rest)] == [f"/{name}"]
    for name, value in {
        "Upper": "x",
        "under_score": "x",
        "extension": {"a": 1},
        "subject": "a\nb",
        "source": "",
    }.items():
        found = validators.validate(handle, {**event, name: value})
        assert found
        assert "under_score" not in str(found)
