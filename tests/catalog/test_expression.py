"""Runtime expressions: what they read, what they refuse, and that no payload can break out of a look-up."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Invalid
from catalog.expression import Context, compile_expression, json_template

CONTEXT = Context(
    document={"id": "PO-1", "a/b": {"m~n": 7}, "lines": [{"net": Decimal("10.50")}], "none": None, "empty": ""},
    path_parameters={"id": "42"},
    query="entity=a&entity=b&q=x%20y+z",
    headers=[(b"waybill-legal-entity", b"north"), (b"twice", b"1"), (b"twice", b"2")],
    response_document={"id": "R-9"},
    response_headers=[(b"location", b"/orders/9")],
    credential="north",
    system="erp",
    entity="north",
    reference="annex",
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$request.body#/id", "PO-1"),
        ("$request.body#/a~1b/m~0n", 7),
        ("$request.body#/lines/0/net", Decimal("10.50")),
        ("$request.body#/lines/00/net", None),
        ("$request.body#/lines/-/net", None),
        ("$request.body#/lines/1", None),
        ("$request.body#/id/x", None),
        ("$request.body#/none", None),
        ("$request.path.id", "42"),
        ("$request.path.ID", None),
        ("$request.query.q", "x y z"),
        ("$request.query.entity", ["a", "b"]),
        ("$request.header.Waybill-Legal-Entity", "north"),
        ("$request.header.twice", ["1", "2"]),
        ("$request.header.absent", None),
        ("$response.body#/id", "R-9"),
        ("$response.header.LOCATION", "/orders/9"),
        ("$credential", "north"),
        ("$system", "erp"),
        ("$entity", "north"),
        ("$reference", "annex"),
        ("a literal", "a literal"),
        ("{not an expression}", "{not an expression}"),
        ("{$request.path.id}/{$request.body#/lines/0/net}", "42/10.50"),
        ("{$request.path.id}/{$request.path.absent}", None),
    ],
)
def test_resolves(text, expected):
    """An expression gives the value with its type, None when absent; a template text, absent when a part is."""
    assert compile_expression(text).resolve(CONTEXT) == expected


def test_whole_body():
    """`$request.body` is the document itself."""
    assert compile_expression("$request.body").resolve(CONTEXT) is CONTEXT.document


@pytest.mark.parametrize(
    "text",
    [
        *("$", "$request", "$request.body#a", "$request.body/id", "$request.body#/~2", "$request.header.", "$nothing"),
        *("$request.header.a b", "$request.query.", "$request.path.", "$responses.body", "x{$request.body", "{$what}"),
    ],
)
def test_refuses(text):
    """A text that starts like an expression and is none is refused with a problem."""
    with pytest.raises(Invalid) as caught:
        compile_expression(text)
    assert caught.value.problems


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(("x", "x"), ("", None), (None, None), (True, "true"), (False, "false"), (7, "7"), ([], None), ({}, None)),
        *((Decimal("1E+3"), "1000"), (Decimal("0.10"), "0.10"), (Decimal("1E+999999"), "1E+999999")),
    ],
)
def test_text_of(value, expected):
    """Scalars become text, exactly; what is empty or no scalar is absent."""
    assert compile_expression("$request.body").text_of(Context(document=value)) == expected


def test_repeated_names_are_all_told():
    """A repeated header or query name is never taken for one value: all are told."""
    expression = compile_expression("$request.query.entity")
    assert expression.text_of(CONTEXT) is None
    assert expression.texts_of(CONTEXT) == ("a", "b")


def test_sources():
    """An expression says what it reads, so that a body is buffered only when it is needed."""
    assert compile_expression("{$request.body#/id}-{$request.header.x}").sources == {"request.body", "request.header"}
    assert compile_expression("literal").sources == frozenset()


@given(st.text(min_size=1))
def test_json_template_keeps_the_query_whole(reference):
    """Whatever a payload holds, it stays one value of the look-up, in and outside of JSON strings."""
    context = Context(document={"reference": reference})
    outside = json_template('[["reference","=",{$request.body#/reference}]]').resolve(context)
    inside = json_template('{"text": "is \\"{$request.body#/reference}\\"!"}').resolve(context)
    assert json.loads(outside) == [["reference", "=", reference]]
    assert json.loads(inside) == {"text": f'is "{reference}"!'}


def test_json_template_of_other_values():
    """Numbers stay exact, an absent part makes the look-up absent, a lone expression is plain text."""
    context = Context(document={"n": Decimal("1.10"), "s": "x y"})
    assert json_template('{"n": {$request.body#/n}}').resolve(context) == '{"n": 1.10}'
    assert json_template('{"n": {$request.body#/absent}}').resolve(context) is None
    assert json_template("$request.body#/s").resolve(context) == "x y"


def test_json_template_refuses_other_languages():
    """Where the escaping is unknown the template is refused."""
    with pytest.raises(Invalid):
        json_template("ref eq {$request.body#/reference}")


@given(st.text() | st.text().map(lambda text: "$request." + text) | st.text().map(lambda text: "{$" + text))
def test_never_crashes(text):
    """Any text compiles or is refused as Invalid; what compiles resolves."""
    for compile_ in (compile_expression, json_template):
        try:
            expression = compile_(text)
        except Invalid:
            continue
        expression.resolve(CONTEXT)
        expression.text_of(Context())
