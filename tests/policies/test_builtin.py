"""Policies one by one, away from the gateway."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.contract import Extension, Parameter, VersionState
from catalog.network import Consumer
from policies.builtin import BUILTIN, api_key, idempotency, lifecycle, shape
from policies.builtin.coarse_limit import CoarseLimit
from policies.builtin.rate_limit import Config as RateConfig
from policies.builtin.rate_limit import RateLimit
from policies.builtin.request_schema import Config as RequestConfig
from policies.builtin.request_schema import RequestSchema
from policies.document import duplicate_pointers, has_duplicate_names, is_deeper, read_json, structure
from tests.gateway.rig import api_key as key_of
from tests.gateway.rig import key_hash
from tests.policies.calling import NOW_S, around, operation, request

JSON = {"Content-Type": "application/json"}


# ---- documents


def plain_duplicates(raw: bytes) -> bool:
    """The reference: every object's list of names, by the standard library."""
    seen = []
    json.loads(raw, object_pairs_hook=lambda pairs: seen.append(len({name for name, _ in pairs}) != len(pairs)))
    return any(seen)


NAMES = st.sampled_from(["a", "b", ":", '":', "\\", "\u003a", "é", "{", "}"]) | st.text(max_size=3)
TREES = st.recursive(
    st.none() | st.integers() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(NAMES, inner), max_size=4).map(tuple),
    max_leaves=15,
)


def written(tree, draw_escape) -> str:
    """JSON in which an object (a tuple of pairs) may have a name twice, and colons may be escaped."""
    if isinstance(tree, tuple):
        return (
            "{"
            + ",".join(f"{written(name, draw_escape)} : {written(value, draw_escape)}" for name, value in tree)
            + "}"
        )
    if isinstance(tree, list):
        return "[" + ", ".join(written(value, draw_escape) for value in tree) + "]"
    text = json.dumps(tree)
    return text.replace(":", "\\u003A") if draw_escape() else text


@given(TREES, st.randoms(use_true_random=False))
def test_duplicate_names_are_found_exactly(tree, random):
    """The quick check agrees with a full reading, whatever is escaped or hidden in strings."""
    raw = written(tree, lambda: random.random() < 0.5).encode()
    document, flaw = read_json(raw)
    assert flaw == ""
    assert has_duplicate_names(raw, document) == plain_duplicates(raw)
    assert bool(duplicate_pointers(raw)) == plain_duplicates(raw)


def depth_of(value) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if children is None else 1 + max((depth_of(child) for child in children), default=0)


@given(TREES, st.integers(0, 4))
def test_depth_and_names_are_counted_exactly(tree, limit):
    """Brackets and colons in strings, escaped or not, count for nothing."""
    raw = written(tree, lambda: False).encode()
    document = json.loads(raw)
    assert is_deeper(structure(raw), limit) == (depth_of(json.loads(raw, object_pairs_hook=_all)) > limit)
    if not plain_duplicates(raw):
        assert structure(raw).count(b":") == _names(document)


def _all(pairs):
    return [value for _, value in pairs]


def _names(value) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_names, value.values()))
    return sum(map(_names, value)) if isinstance(value, list) else 0


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(raw):
    """Reading never raises; what is read can be judged."""
    document, flaw = read_json(raw)
    call = request(JSON, raw, document=document, flaw=flaw)
    decision = shape.Shape.compile(shape.Config(), around()).decide(call, {})
    assert decision.kind == "allow" or decision.status in (400, 415)


def test_duplicate_names_are_told_by_place_only():
    """The holder is named by depth and index; names of members are the payload's."""
    raw = b'{"secret":[{"x":1,"x":2}]}'
    call = request(JSON, raw, document=read_json(raw)[0])
    decision = shape.Shape.compile(shape.Config(), around()).decide(call, {})
    assert [violation.pointer for violation in decision.violations] == ["/*/0"]


def test_sizes_have_limits():
    """Members, numbers and strings are counted; all that is too much is told at once."""
    raw = json.dumps({"a": "x" * 50, "b": 10**30, "c": 1}).encode()
    config = shape.Config(max_keys=2, max_number_length=20, max_string_bytes=20)
    call = request(JSON, raw, document=read_json(raw)[0])
    decision = shape.Shape.compile(config, around()).decide(call, {})
    assert {violation.rule for violation in decision.violations} == {
        "max_keys",
        "max_number_length",
        "max_string_bytes",
    }


# ---- keys


def keyed(expires_at=None, auth=("api_key",)):
    hashed = key_hash(key_of("ap"), expires_at)
    consumer = Consumer("ap", "AP", auth=list(auth))
    return api_key.ApiKey.compile(api_key.Config(), around(consumer=consumer, keys=(hashed,), pepper=b"p" * 32))


def test_a_key_is_its_consumer():
    decision = keyed().decide(request({"X-API-Key": key_of("ap")}), {})
    assert (decision.identity.consumer.consumer, decision.identity.principal) == ("ap", "key:ap------")


@pytest.mark.parametrize(
    "change", [lambda key: key[:-1] + "_", lambda key: key + "A", lambda key: key.lower(), lambda key: ""]
)
def test_a_key_must_be_whole(change):
    """One character off is as wrong as any other."""
    assert keyed().decide(request({"X-API-Key": change(key_of("ap"))}), {}).status == 401


def test_keys_expire():
    """A key is good until its expiry by the gateway's clock."""
    checker = keyed("2025-06-15T15:06:40Z")  # NOW_S
    call = request({"X-API-Key": key_of("ap")}, started_s=NOW_S - 1)
    assert checker.decide(call, {}).identity is not None
    late = checker.decide(request({"X-API-Key": key_of("ap")}), {})
    assert (late.status, late.detail) == (401, "The API key has expired.")


def test_a_consumer_may_be_kept_to_tokens():
    """Keys of a consumer that may only use tokens are not accepted."""
    assert keyed(auth=["jwt"]).decide(request({"X-API-Key": key_of("ap")}), {}).status == 401


def test_two_keys_overlap_for_rotation():
    """Two keys with the same public id are told apart by their hashes."""
    other = "wbk_ap------_" + "B" * 43
    hashes = (key_hash(key_of("ap")), key_hash(other))
    checker = api_key.ApiKey.compile(
        api_key.Config(), around(consumer=Consumer("ap", "AP"), keys=hashes, pepper=b"p" * 32)
    )
    for key in (key_of("ap"), other):
        assert checker.decide(request({"X-API-Key": key}), {}).identity is not None


# ---- quotas


def test_buckets_are_what_they_are_kept_by():
    """The bucket's key holds the envelope, and consumer, operation and entity as configured."""
    call = request(consumer=Consumer("ap", "AP"), entity="north")
    keys = []
    for by in (("consumer",), ("consumer", "operation", "entity"), ()):
        (need,) = RateLimit.compile(RateConfig(by=by), around()).needs(call, {})
        keys.append(need.key[0][1:])
    assert keys == [("ap", "", ""), ("ap", "buying.orders/1/orders.create", "north"), ("", "", "")]
    first = CoarseLimit.compile(CoarseLimit.config_type(limit=60, window_s=60, burst=10), around(envelope="first"))
    (need,) = first.needs(call, {})
    assert need.key == (("first", "ap"), 1.0, 9.0)


def test_quota_headers():
    """Draft 11: the policy's quota and window, what is left and when it is full again; Retry-After when refused."""
    policy = RateLimit.compile(RateConfig(name="q", limit=10, window_s=60), around())
    call = request(consumer=Consumer("ap", "AP"))
    (need,) = policy.needs(call, {})
    allowed = policy.decide(call, {need: (0.0, 12.0)})
    assert allowed.headers == ((b"ratelimit-policy", b'"q";q=10;w=60'), (b"ratelimit", b'"q";r=8;t=12'))
    refused = policy.decide(call, {need: (5.2, 60.0)})
    assert (refused.status, refused.headers[1][1], refused.headers[2]) == (429, b'"q";r=0;t=60', (b"retry-after", b"6"))


# ---- idempotency and life cycle


def test_operations_that_take_no_key_have_no_step():
    for extension in (Extension(safe=True), Extension(idempotency="none")):
        chosen = around(operation(extension=extension))
        assert idempotency.Idempotency.compile(idempotency.Config(), chosen) is None


def test_published_versions_have_no_life_cycle_step():
    assert lifecycle.LifeCycle.compile(lifecycle.Config(), around()) is None


def test_retired_without_a_successor_s_route():
    """A successor that this gateway does not serve is named in words only."""
    state = VersionState("retired", deprecated_at="2025-01-01", sunset_at="2025-02-01", successor="buying.next@3.0.0")
    decision = lifecycle.LifeCycle.compile(lifecycle.Config(), around(state=state)).decide(request(), {})
    assert decision.status == 410
    assert "buying.next@3.0.0" in decision.detail
    assert [name for name, _ in decision.headers] == [b"deprecation", b"sunset"]


# ---- parameters


def parameter(place, schema, name="p", required=False, explode=None):
    style = "form" if place in ("query", "cookie") else "simple"
    return Parameter(name, place, required, schema, style, place == "query" if explode is None else explode)


@pytest.mark.parametrize(
    ("style", "check", "query", "is_valid"),
    [
        ("deepObject", "presence", "p%5Ba%5D=1&p[b]=2", True),
        ("deepObject", "presence", "q[a]=1&pp[a]=1", False),
        ("pipeDelimited", "presence", "p=1|2&p=3", True),
        ("pipeDelimited", "presence", "", False),
        ("form", "none", "", True),
    ],
)
def test_of_an_unchecked_parameter_the_presence_counts(style, check, query, is_valid):
    """Any value, once or more often, will do; required still means something where presence can be told."""
    chosen = operation(
        parameters=(Parameter("p", "query", True, True, style, True, check),),
        request_schemas={},
    )
    policy = RequestSchema.compile(RequestConfig(), around(chosen))
    assert (policy.decide(request({}, query=query), {}).status == 0) == is_valid


@pytest.mark.parametrize(
    ("parameters", "query", "positions"),
    [
        ((), "", None),
        ((), "a=1&b", [0, 1]),
        ((Parameter("p", "query", False, True, "deepObject", True, "presence"),), "p[a]=1&p%5Bb%5D=2&q[a]=3", [2]),
        ((Parameter("p", "query", False, True, "form", True, "none"),), "anything=1", None),
        ((Parameter("p", "path", False, True, "matrix", True, "none"),), "anything=1", [0]),
        ((), "&".join("a" for _ in range(5000)), list(range(100))),
    ],
)
def test_undeclared_query_parameters_are_told_by_position(parameters, query, positions):
    """Where an object is spread over names of its own any name may be declared; the first hundred are told."""
    chosen = operation(parameters=parameters, request_schemas={})
    decision = RequestSchema.compile(RequestConfig(), around(chosen)).decide(request({}, query=query), {})
    expected = [] if positions is None else [f"#/query/{position}" for position in positions]
    assert [violation.pointer for violation in decision.violations] == expected


@pytest.mark.parametrize(
    ("place", "schema", "text", "is_valid"),
    [
        ("query", {"type": "integer"}, "p=12", True),
        ("query", {"type": "integer"}, "p=1.5", False),
        ("query", {"type": "integer"}, "p=01", False),
        ("query", {"type": "number"}, "p=1.50", True),
        ("query", {"type": "boolean"}, "p=true", True),
        ("query", {"type": "boolean"}, "p=1", False),
        ("query", {"type": "string"}, "p=12", True),
        ("query", {"type": ["integer", "string"]}, "p=x", True),
        ("query", {"type": "string", "minLength": 1}, "p=", False),
        ("query", {"type": "string", "const": "a b"}, "p=a+b", True),
        ("query", {"type": "string", "const": "a,b"}, "p=a%2Cb", True),
        ("query", {"type": "array", "items": {"type": "integer"}}, "p=1&p=2", True),
        ("query", {"type": "array", "items": {"type": "integer"}, "maxItems": 1}, "p=1&p=2", False),
        ("query", {"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}, "p=7", True),
        ("query", {"anyOf": [{"type": "null"}, {"type": "integer"}]}, "p=7", True),
        ("query", {"type": "integer"}, "p=1&p=2", False),
        ("header", {"type": "integer"}, "12", True),
        ("header", {"type": "array", "items": {"type": "integer"}}, "1,2", True),
        ("path", {"type": "string", "pattern": "^PO"}, "PO-1", True),
        ("path", {"type": "integer"}, "x", False),
        ("cookie", {"type": "integer"}, "p=3", True),
    ],
)
def test_parameters_are_read_as_declared(place, schema, text, is_valid):
    """Texts become the schema's types before they are checked."""
    chosen = operation(parameters=(parameter(place, schema),), request_schemas={})
    policy = RequestSchema.compile(RequestConfig(), around(chosen))
    more = {"query": text} if place == "query" else {"path_parameters": {"p": text}} if place == "path" else {}
    headers = {"P": text} if place == "header" else {"Cookie": text} if place == "cookie" else {}
    decision = policy.decide(request(headers, **more), {})
    assert (decision.kind == "allow") == is_valid
    assert all(violation.pointer.startswith(f"#/{place}/p") for violation in decision.violations)


def test_a_missing_parameter_is_told():
    chosen = operation(parameters=(parameter("header", {"type": "string"}, "X-Id", required=True),), request_schemas={})
    decision = RequestSchema.compile(RequestConfig(), around(chosen)).decide(request(), {})
    assert [(violation.pointer, violation.rule) for violation in decision.violations] == [("#/header/X-Id", "required")]


def test_every_builtin_keeps_the_reading_order():
    """id, version, phase, after, config; every field of a config says what it is."""
    for name, kind in BUILTIN.items():
        assert kind.id == name
        assert kind.version.count(".") == 2
        definition = msgspec.json.schema(kind.config_type)["$defs"]["Config"]
        assert all("description" in field for field in definition["properties"].values()), name
