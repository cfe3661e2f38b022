"""The canonical schemas, objectives and measures of the built-in library."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

import jsonschema
import jsonschema_rs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.canonical import canonical_schema, schema_problems
from catalog.measure import Measure
from catalog.slo import HttpSource, LifecycleSource, SloSpec, parse_slo
from tests.catalog.library import ABSENT, LIBRARY, OBJECTS, canonical, is_valid, mutated, read, schemas, subschemas

#: wrong everywhere: pointer -> value
WRONG_ENVELOPE = {
    "no id": ("/id", ABSENT),
    "empty id": ("/id", ""),
    "id with a path separator": ("/id", "PO/1"),
    "id with a path parameter": ("/id", "PO;1"),
    "id that is too long": ("/id", "P" * 65),
    "numeric id": ("/id", 4500001),
    "another object": ("/object", "order"),
    "no object": ("/object", ABSENT),
    "no legal entity": ("/legal_entity", ABSENT),
    "legal entity in capitals": ("/legal_entity", "Mercy"),
    "no status": ("/status", ABSENT),
    "status as one word": ("/status", "issued"),
    "no axis": ("/status", {}),
    "unknown axis": ("/status/mood", "good"),
    "moment without zone": ("/updated_at", "2026-03-01T08:12:44"),
    "date instead of moment": ("/updated_at", "2026-03-01"),
    "day that does not exist": ("/created_at", "2026-02-30T08:12:44Z"),
    "moment as a number": ("/created_at", 1772352764),
    "identifier without scheme": ("/identifiers", [{"value": "1"}]),
    "hold without code": ("/holds", [{"reason": "?"}]),
    "source without system": ("/source", {"native_id": "1"}),
    "extension name in capitals": ("/extensions", {"Mine": 1}),
    "reference with a space": ("/external_reference", "a b"),
}

#: where each object keeps a money, and the axis that says where it stands
MONEY = {
    "requisition": "/totals/gross",
    "purchase_order": "/totals/gross",
    "receipt": "/lines/0/value",
    "invoice": "/totals/due",
    "payment": "/amount",
}
AXIS = {name: "doc" if name == "invoice" else "lifecycle" for name in OBJECTS}

WRONG_MONEY = {
    "float": ("/amount", 750.5),
    "integer": ("/amount", 750),
    "exponent": ("/amount", "7.5e2"),
    "plus sign": ("/amount", "+750.00"),
    "comma": ("/amount", "750,00"),
    "no digits after the point": ("/amount", "750."),
    "leading zero": ("/amount", "0750.00"),
    "five decimals": ("/amount", "750.00001"),
    "too many digits": ("/amount", "9" * 27),
    "not a number": ("/amount", "NaN"),
    "full-width digits": ("/amount", "７５０"),
    "empty amount": ("/amount", ""),
    "no amount": ("/amount", ABSENT),
    "lower-case currency": ("/currency", "usd"),
    "two-letter currency": ("/currency", "US"),
    "no currency": ("/currency", ABSENT),
    "unknown member": ("/rate", "1.1"),
}

WRONG_OWN: dict[str, dict[str, tuple[str, Any]]] = {
    "supplier": {
        "no name": ("/legal_name", ABSENT),
        "bank account in clear": ("/bank_accounts/0/number", "12345678"),
        "bank hash in capitals": ("/bank_accounts/0/hash", "AB" * 32),
        "block as text": ("/sites/0/blocks/payment", "no"),
        "blocks left out": ("/sites/0/blocks", {"payment": True}),
        "unknown list": ("/screenings/0/list", "somewhere"),
        "country by name": ("/remit_to/0/address/country", "USA"),
    },
    "requisition": {
        "no lines": ("/lines", []),
        "no requester": ("/requester", ABSENT),
        "quantity of zero": ("/lines/0/quantity/value", "0"),
        "negative quantity": ("/lines/0/quantity/value", "-1"),
        "unit in words": ("/lines/0/quantity/unit", "box"),
        "member unknown in a line": ("/lines/0/qty", "1"),
        "unknown ordering": ("/status/ordering", "some"),
    },
    "purchase_order": {
        "no supplier": ("/supplier", ABSENT),
        "price without currency": ("/lines/0/price/currency", ABSENT),
        "negative price": ("/lines/0/price/amount", "-1.00"),
        "base quantity of zero": ("/lines/0/price/base_quantity", "0.00"),
        "line number as a number": ("/lines/0/line", 10),
        "unknown tax category": ("/lines/0/tax/0/category", "X"),
        "tolerance above 100 %": ("/lines/0/over_tolerance_percent", "100.1"),
        "percent and amount": (
            "/lines/0/accounting",
            [{"gl_account": "1", "percent": "50", "amount": {"amount": "1", "currency": "EUR"}}],
        ),
        "unknown match type": ("/match_type", "five_way"),
        "unknown acknowledgement": ("/status/ack", "maybe"),
        "flag instead of an axis": ("/status/receiving", True),
        "negative revision": ("/revision", -1),
        "no gross": ("/totals/gross", ABSENT),
        "item without identifiers": ("/lines/0/item", {}),
    },
    "receipt": {
        "no order": ("/purchase_order_id", ABSENT),
        "no order line": ("/lines/0/po_line", ABSENT),
        "nothing received": ("/lines/0/received/value", "0"),
        "negative rejection": ("/lines/0/rejected", "-1"),
        "negative value": ("/value", {"amount": "-1.00", "currency": "USD"}),
        "expiry as a moment": ("/lines/0/item/expiry", "2029-01-31T00:00:00Z"),
    },
    "invoice": {
        "no number": ("/number_raw", ABSENT),
        "number of 41 characters": ("/number_raw", "1" * 41),
        "normalised number with a dash": ("/number_normalised", "88-1204"),
        "type in words": ("/type", "invoice"),
        "no due amount": ("/totals/due", ABSENT),
        "month that does not exist": ("/invoice_date", "2026-13-10"),
        "receipt reference without receipt": ("/lines/0/receipt_ref", {"line": "1"}),
        "unknown match": ("/status/match", "perfect"),
        "unknown payment state": ("/status/payment", "overdue"),
    },
    "payment": {
        "no allocations": ("/allocations", []),
        "negative amount": ("/amount/amount", "-735.00"),
        "allocation without invoice": ("/allocations/0/invoice_id", ABSENT),
        "unknown method": ("/method", "cash"),
        "account number instead of its hash": ("/bank_account_hash", "DE02120300000000202051"),
    },
}


def wrong_documents() -> list[Any]:
    cases = []
    for name in OBJECTS:
        places = {**WRONG_ENVELOPE, "unknown status": (f"/status/{AXIS[name]}", "lost"), **WRONG_OWN[name]}
        if name in MONEY:
            places |= {f"money: {case}": (MONEY[name] + end, value) for case, (end, value) in WRONG_MONEY.items()}
        cases += [pytest.param(name, *place, id=f"{name}-{case}") for case, place in places.items()]
    return cases


def example(name: str) -> Any:
    return schemas()[f"{name}@1.0.0"]["examples"][0]


def test_the_library_holds_the_canonical_objects() -> None:
    """The six objects and their shared definitions, at 1.0.0."""
    assert {f"{name}@1.0.0" for name in (*OBJECTS, "common")} == schemas().keys()


@pytest.mark.parametrize("key", schemas())
def test_schemas_are_valid_2020_12(key: str) -> None:
    """Both validators accept the schema itself, and the catalog accepts it as canonical."""
    document = schemas()[key]
    jsonschema.Draft202012Validator.check_schema(document)
    assert jsonschema_rs.meta.is_valid(document)
    known = {k: canonical_schema(k.partition("@")[0], "1.0.0", doc) for k, doc in schemas().items()}
    assert schema_problems(known[key], known, key) == []


@pytest.mark.parametrize("key", schemas())
def test_everything_is_described(key: str) -> None:
    """Each property and definition says what it means, itself or by what it refers to."""
    bare = [
        pointer
        for pointer, schema in subschemas(schemas()[key])
        if re.search(r"/(properties|\$defs)/[^/]+$", pointer) and not is_described(schema, schemas()[key])
    ]
    assert bare == []


def is_described(schema: dict[str, Any], document: dict[str, Any]) -> bool:
    if "description" in schema or "const" in schema:
        return True
    if "items" in schema:
        return is_described(schema["items"], document)
    ref = schema.get("$ref", "")
    if ref.startswith("canonical:common@1.0.0#/$defs/"):
        document = schemas()["common@1.0.0"]
    name = ref.rpartition("/$defs/")[2]
    return bool(name) and is_described(document["$defs"][name], document)


@pytest.mark.parametrize("key", schemas())
def test_everything_is_bounded(key: str) -> None:
    """Texts have a longest length, lists a largest count: no schema lets a caller send without end."""
    unbounded = [
        pointer
        for pointer, schema in subschemas(schemas()[key])
        if (schema.get("type") == "array" and "maxItems" not in schema)
        or (schema.get("type") == "string" and not is_bounded(schema))
    ]
    assert unbounded == []


def is_bounded(schema: dict[str, Any]) -> bool:
    pattern = schema.get("pattern", "*")
    is_finite = pattern.startswith("^") and pattern.endswith("$") and not re.search(r"[*+]|,\}", pattern)
    return "maxLength" in schema or "enum" in schema or is_finite


@pytest.mark.parametrize("name", OBJECTS)
def test_business_objects_are_open_at_the_top_and_closed_below(name: str) -> None:
    """A reader ignores members it does not know at the top; a line or a value type with one is refused."""
    for document in schemas()[f"{name}@1.0.0"]["examples"]:
        assert is_valid(canonical(name), {**document, "not_yet_known": {"any": ["thing"]}})
    for pointer, schema in subschemas(schemas()[f"{name}@1.0.0"]):
        if pointer and "properties" in schema:
            assert schema["additionalProperties"] is False, pointer


@pytest.mark.parametrize("key", schemas())
def test_examples_are_valid(key: str) -> None:
    """Every example, of objects and of shared definitions, is valid in both validators."""
    name = key.partition("@")[0]
    shown = [(canonical(name), value) for value in schemas()[key].get("examples", [])]
    for fragment, definition in schemas()[key]["$defs"].items():
        shown += [(canonical(name, fragment), value) for value in definition.get("examples", [])]
    assert shown
    for schema, value in shown:
        assert is_valid(schema, value), (schema, value)


@pytest.mark.parametrize(("name", "pointer", "value"), wrong_documents())
def test_wrong_documents_are_refused(name: str, pointer: str, value: Any) -> None:
    """One thing wrong in an otherwise valid object is enough."""
    assert is_valid(canonical(name), example(name))
    assert not is_valid(canonical(name), mutated(example(name), pointer, value))


@settings(max_examples=150, deadline=None)
@given(st.decimals(min_value=-(10**20), max_value=10**20, places=4, allow_nan=False))
def test_any_exact_amount_can_be_written(amount: Decimal) -> None:
    """Whatever a ledger holds in up to four decimals is a valid amount, and reads back as the same number."""
    text = format(amount, "f")
    assert is_valid(canonical("common", "money"), {"amount": text, "currency": "EUR"})
    assert Decimal(text) == amount


@settings(max_examples=150, deadline=None)
@given(st.text("0123456789.-+eE, _", max_size=12))
def test_whatever_passes_as_an_amount_is_a_plain_decimal(text: str) -> None:
    """No text passes that a reader could take for another number."""
    if is_valid(canonical("common", "money"), {"amount": text, "currency": "EUR"}):
        assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)
        assert Decimal(text).is_finite()


@settings(max_examples=150, deadline=None)
@given(st.text("0123456789.", max_size=10))
def test_positive_decimals_are_positive(text: str) -> None:
    """Ordered quantities and base quantities are above zero, however the zero is written."""
    try:
        is_positive = Decimal(text) > 0
    except InvalidOperation:
        is_positive = False
    if is_valid(canonical("common", "positive_decimal"), text):
        assert is_positive


def slos() -> list[SloSpec]:
    found = []
    for path in sorted(LIBRARY.glob("slos/*.yaml")):
        spec, problems = parse_slo(read(path), path.name)
        assert problems == []
        assert spec is not None
        found.append(spec)
    return found


def test_the_objectives_say_what_was_promised() -> None:
    """Validation within a second and receipts in the ERP within 15 minutes, 99 % over 28 rolling days each."""
    arrival, validation = slos()
    assert validation.source == HttpSource(("procurement.requisitions/requisitions.validate",), 1000)
    assert arrival.source == LifecycleSource("receipt", "receipt.posted", "receipt.accepted", 900)
    for spec in (arrival, validation):
        assert (spec.target_ratio, spec.window_s) == (Decimal("0.99"), 28 * 86_400)
        assert spec.meaning.endswith(".")


def test_the_overview_has_its_six_figures() -> None:
    """Each says in one sentence what it counts, and what it names exists."""
    measures = msgspec.convert(read(LIBRARY / "measures" / "overview.yaml"), list[Measure])
    assert [m.kind for m in measures] == ["exceptions", "open", "latency", "refusals", "in_doubt", "budget"]
    for measure in measures:
        assert re.fullmatch(r"[A-Z][^.]*\.", measure.definition.strip()), measure.id
        assert measure.slo in {None, *(spec.name for spec in slos())}
        words = {word for phrase in measure.phrase.values() for word in re.findall(r"\{(\w+)\}", phrase)}
        more = {"open": {"overdue"}, "budget": {"subject", "times"}}.get(measure.kind, set())
        assert words <= {"value", "money", "denominator"} | more
    assert [measure.rank for measure in measures] == [1, 2, 3, 4, 5, 6]
    exceptions = measures[0]
    assert exceptions.object == "invoice"
    axes = schemas()["invoice@1.0.0"]["$defs"]["status"]["properties"]
    assert set(exceptions.values) <= set(axes[str(exceptions.axis)]["enum"])
