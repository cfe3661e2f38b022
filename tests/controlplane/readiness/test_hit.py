"""Whom a change touches: by operation, by field, by what a request must now hold."""

from __future__ import annotations

import pytest

from catalog.compatibility.release import Reason
from catalog.contract import Extension, Operation
from controlplane.readiness.hit import Called, touched

HOME = "/paths/~1orders/post"
BODY = f"{HOME}/requestBody/content/application~1json/schema"
ANSWER = f"{HOME}/responses/200/content/application~1json/schema"
OPERATION = Operation("orders.create", "POST", "/orders", Extension(), (), {}, False, {}, ())
SENT = frozenset({"body:/id", "body:/lines/*/price/amount", "200:/id", "200:/items/*/total", "query:limit"})


def called(*fields: str, operation="orders.create") -> Called:
    return Called("shop", "team-shop", "1.0.0", operation, 7, frozenset(fields))


def hits(location: str, call: Called, rule="type-changed", severity="major") -> list[str] | None:
    """Fields that are told as touched; None when the call is not."""
    reason = Reason("1.0.0", rule, "POST /orders", location, severity, "changed", "0" * 16)
    found = touched([reason], [OPERATION], [call])
    return found[0].fields if found else None


@pytest.mark.parametrize(
    ("location", "fields"),
    [
        (f"{BODY}/properties/id/maxLength", ["body:/id"]),
        (f"{BODY}/properties/lines/items/properties/price/type", ["body:/lines/*/price"]),
        (f"{BODY}/allOf/0/properties/id/type", ["body:/id"]),
        (f"{BODY}/properties/colour/type", None),
        (f"{ANSWER}/properties/items/items/properties/total/pattern", ["200:/items/*/total"]),
        (f"{ANSWER}/properties/note", None),
        (f"{HOME}/responses/4XX/content/application~1json/schema/properties/id", None),
        (f"{HOME}/parameters/query/limit/schema/maximum", ["query:limit"]),
        (f"{HOME}/parameters/query/cursor/schema/maxLength", None),
        (HOME, []),
        ("", []),
        (f"{HOME}/responses/200/headers/etag", []),
    ],
)
def test_a_field_that_was_there_is_touched_where_it_or_its_holder_changes(location, fields) -> None:
    assert hits(location, called(*SENT)) == fields


def test_what_a_request_must_now_hold_touches_whoever_does_not_send_it() -> None:
    place = f"{BODY}/properties/colour"
    assert hits(place, called("body:/id"), "property-required-added") == ["body:/colour"]
    assert hits(place, called("body:/id", "body:/colour"), "property-required-added") is None


def test_who_is_not_known_counts_and_who_calls_something_else_does_not() -> None:
    assert hits(f"{BODY}/properties/id/type", called()) == ["body:/id"]
    assert hits(f"{BODY}/properties/id/type", called("body:/id", operation="orders.list")) is None
    assert hits(f"{BODY}/properties/id/type", called("body:/id"), severity="minor") is None
