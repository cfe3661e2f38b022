"""Validation: the same verdict as the reference implementation, every violation, never a value."""

import json
from decimal import Decimal

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Invalid, Violation
from catalog.schema import Validators

SECRET = "078-05-1120"

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-4, 4) | st.sampled_from(["", "a", "bb", "ccc"]),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.sampled_from("abc"), children, max_size=3),
    max_leaves=6,
)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])


def _schemas(children):
    names = st.sampled_from("abc")
    keywords = {
        "type": TYPES | st.lists(TYPES, min_size=1, unique=True),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "const": VALUES,
        "minimum": st.integers(-3, 3),
        "exclusiveMaximum": st.integers(-3, 3),
        "multipleOf": st.integers(1, 3),
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 3),
        "pattern": st.sampled_from(["^a", "b+", "^$", "c{2,}"]),
        "items": children,
        "prefixItems": st.lists(children, min_size=1, max_size=2),
        "minItems": st.integers(0, 3),
        "maxItems": st.integers(0, 3),
        "uniqueItems": st.booleans(),
        "contains": children,
        "properties": st.dictionaries(names, children, max_size=3),
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "c"]), children, max_size=2),
        "additionalProperties": children,
        "unevaluatedProperties": st.just(False),
        "propertyNames": children,
        "required": st.lists(names, unique=True, max_size=2),
        "dependentRequired": st.dictionaries(names, st.lists(names, unique=True, max_size=2), max_size=2),
        "minProperties": st.integers(0, 2),
        "allOf": st.lists(children, min_size=1, max_size=2),
        "anyOf": st.lists(children, min_size=1, max_size=2),
        "oneOf": st.lists(children, min_size=1, max_size=2),
        "not": children,
        "if": children,
        "then": children,
        "else": children,
    }
    return st.sets(st.sampled_from(sorted(keywords)), max_size=4).flatmap(
        lambda chosen: st.fixed_dictionaries({name: keywords[name] for name in sorted(chosen)})
    )


SCHEMAS = st.recursive(st.booleans() | st.just({}), _schemas, max_leaves=6)


@given(SCHEMAS, VALUES)
def test_same_verdict_as_the_reference(schema, value):
    """`is_valid`, `validate` and the reference implementation agree on every schema and value."""
    validators = Validators()
    handle = validators.handle(schema)
    expected = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert expected == validators.is_valid(handle, value)
    assert expected == (validators.validate(handle, value) == ())


def check(schema, document):
    validators = Validators()
    return validators.validate(validators.handle(schema), document)


def test_all_violations_with_pointers():
    """Every violation is listed, the missing member pointed at."""
    schema = {
        "type": "object",
        "required": ["id", "lines"],
        "properties": {
            "date": {"type": "string", "format": "date"},
            "lines": {"type": "array", "items": {"required": ["net"], "properties": {"net": {"pattern": "^[0-9]+$"}}}},
        },
        "additionalProperties": False,
    }
    document = {"date": "yesterday", "lines": [{"net": "x"}, {}], SECRET: 1}
    expected = {
        Violation("/id", "required", "is required"),
        Violation("/date", "format", "must have the format date"),
        Violation("/lines/0/net", "pattern", "must match ^[0-9]+$"),
        Violation("/lines/1/net", "required", "is required"),
        Violation("", "additionalProperties", "has 1 property that is not declared"),
    }
    assert expected == set(check(schema, document))


KEYWORDS = [
    ({"type": "integer"}, SECRET),
    ({"enum": ["a"]}, SECRET),
    ({"const": "a"}, SECRET),
    ({"format": "date"}, SECRET),
    ({"format": "email"}, SECRET),
    ({"pattern": "^a$"}, SECRET),
    ({"maxLength": 3}, SECRET),
    ({"minLength": 30}, SECRET),
    ({"not": {"type": "string"}}, SECRET),
    ({"anyOf": [{"maxLength": 1}, {"maxLength": 2}]}, SECRET),
    ({"oneOf": [{"maxLength": 1}, {"const": "b"}]}, SECRET),
    (False, SECRET),
    ({"propertyNames": {"maxLength": 3}}, {SECRET: 1}),
    ({"additionalProperties": False}, {SECRET: 1}),
    ({"properties": {"a": {}}, "additionalProperties": False}, {SECRET: 1}),
    ({"unevaluatedProperties": False}, {SECRET: 1}),
    ({"additionalProperties": {"type": "string"}}, {SECRET: {SECRET: 1}}),
    ({"patternProperties": {"^0": {"required": ["a"]}}}, {SECRET: {SECRET: 1}}),
    ({"minProperties": 3}, {SECRET: 1}),
    ({"maxItems": 0}, [SECRET]),
    ({"minItems": 3}, [SECRET]),
    ({"uniqueItems": True}, [SECRET, SECRET]),
    ({"contains": {"const": 1}}, [SECRET]),
    ({"prefixItems": [True], "items": False}, [1, SECRET]),
    ({"unevaluatedItems": False}, [SECRET]),
    ({"minimum": 1e12}, 78051120),
    ({"maximum": 1}, 78051120),
    ({"multipleOf": 11}, 78051120),
    ({"dependentRequired": {SECRET: ["a"]}}, {SECRET: 1}),
    ({"if": True, "then": {"type": "object"}}, SECRET),
]


@pytest.mark.parametrize(("schema", "document"), KEYWORDS)
def test_no_value_and_no_undeclared_name_is_echoed(schema, document):
    """Whatever keyword is broken, neither pointer nor message holds anything of the payload."""
    violations = check(schema, document)
    assert violations
    told = msgspec.json.encode(violations).decode()
    assert SECRET not in told
    assert "78051120" not in told


@pytest.mark.parametrize("keyword", ["additionalProperties", "unevaluatedProperties"])
def test_undeclared_properties_are_counted_and_not_named(keyword):
    """How many there are helps the caller; which they are is payload."""
    schema = {"properties": {"known": {}}, keyword: False}
    (one,) = check(schema, {"known": 1, SECRET: 1})
    (two,) = check(schema, {SECRET: 1, f"{SECRET}b": 1})
    assert (one.message, two.message) == (
        "has 1 property that is not declared",
        "has 2 properties that are not declared",
    )


def test_undeclared_names_are_stars():
    """A pointer shows declared names only."""
    schema = {"properties": {"known": {"additionalProperties": {"type": "string"}}}}
    assert [violation.pointer for violation in check(schema, {"known": {SECRET: 1}})] == ["/known/*"]


def test_an_alternative_that_was_meant_is_explained():
    """Of a nullable object the object's own violations are told, not that no alternative matched."""
    schema = {"anyOf": [{"type": "null"}, {"type": "object", "required": ["a"]}]}
    assert (Violation("/a", "required", "is required"),) == check(schema, {})
    assert tuple(violation.rule for violation in check(schema, "x")) == ("anyOf",)


def test_numbers_are_exact():
    """Decimals are compared exactly, beyond what a float can hold."""
    schema = {"multipleOf": 0.01, "maximum": 10000000000000000}
    document = msgspec.json.Decoder(float_hook=Decimal).decode
    assert [not check(schema, document(text)) for text in ("0.07", "0.071", "10000000000000000.01")] == [
        True,
        False,
        False,
    ]


def test_lists_are_bounded():
    """A body that breaks a rule a thousand times gets 256 violations and a word that there are more."""
    violations = check({"items": {"type": "string"}}, [1] * 1000)
    assert (len(violations), violations[-1].rule) == (257, "limit")


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"properties": {"a": {"type": "strin"}}}, "/properties/a/type"),
        ({"properties": {"a": {"pattern": "(?=x)"}}}, "/properties/a/pattern"),
        ({"pattern": "(a)\\1"}, "/pattern"),
        ({"items": [{}]}, "/items"),
        ({"$ref": "canonical:supplier@1.0.0"}, ""),
        ({"$ref": "http://127.0.0.1:1/schema"}, ""),
        ({"$ref": "file:///etc/hostname"}, ""),
        ({"$ref": "#/$defs/none"}, ""),
    ],
)
def test_what_does_not_compile_is_refused(schema, pointer):
    """Bad keywords, patterns without linear time, and references outside are refused with their place."""
    with pytest.raises(Invalid) as caught:
        Validators().handle(schema)
    assert [pointer] == [problem.pointer for problem in caught.value.problems]


def test_everything_that_is_wrong_with_a_schema_is_told():
    """Keywords and patterns alike, each at its place and with a remedy."""
    schema = {
        "properties": {"a": {"type": "strin", "minLength": -1}, "b": {"pattern": "(?=x)"}, "c": {"pattern": "(a)\\1"}},
        "required": "a",
    }
    with pytest.raises(Invalid) as caught:
        Validators().handle(schema)
    assert [problem.pointer for problem in caught.value.problems] == [
        *("/properties/a/minLength", "/properties/a/type", "/properties/b/pattern", "/properties/c/pattern"),
        "/required",
    ]
    assert all(problem.remedy for problem in caught.value.problems)


def test_equal_schemas_are_compiled_once():
    """Schemas are shared by content, whatever the order of their members."""
    validators = Validators()
    one = validators.handle({"type": "string", "minLength": 1})
    other = validators.handle({"minLength": 1, "type": "string"})
    assert one.unit is other.unit
    assert (len(validators), validators.compilations) == (1, 1)


@given(st.recursive(VALUES, lambda inner: st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=5))
def test_never_crashes(schema):
    """Any JSON value is compiled or refused."""
    try:
        handle = Validators().handle(schema)
    except Invalid as error:
        assert error.problems
        return
    json.dumps([violation.pointer for violation in Validators().validate(handle, {"a": 1})])
