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
from catalog.slo import HttpSource, LifecycleSource, SloSpec, Source, parse_slo
from tests.catalog.library import LIBRARY, OBJECTS, canonical, good, is_valid, mutated, read, schemas, subschemas
from tests.catalog.library_wrong import AXIS, MONEY, WRONG_ENVELOPE, WRONG_MONEY, WRONG_OWN


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
    """The business objects and their shared definitions, at 1.0.0, each with who answers for it."""
    assert {f"{name}@1.0.0" for name in (*OBJECTS, "common")} == schemas().keys()
    for name in (*OBJECTS, "common"):
        answers = read(LIBRARY / "schemas" / name / "schema.yaml")
        assert answers["schema"] == name
        assert answers["owner"]
        assert answers["steward"]
        assert answers["title"] == schemas()[f"{name}@1.0.0"]["title"]


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


@pytest.mark.parametrize("name", OBJECTS)
def test_good_documents_are_valid(name: str) -> None:
    """The least that an object needs, and rarer forms of it, are valid in both validators."""
    documents = good(name)
    assert len(documents) >= 2
    for document in documents:
        assert is_valid(canonical(name), document), document["id"]
    required = schemas()[f"{name}@1.0.0"]["required"]
    assert set(documents[0]) == set(required), "the first has nothing but what is required"


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


#: objective -> what it counts, its target
PROMISED: dict[str, tuple[Source, str]] = {
    "budget-check": (HttpSource(("finance.budgets/budgets.check",), 1000), "0.99"),
    "invoice-posted": (LifecycleSource("invoice", "invoice.approved", "invoice.posted", 86_400), "0.98"),
    "payment-confirmed": (
        LifecycleSource("payment", "payment.released", "payment.confirmed", deadline_business_days=3),
        "0.95",
    ),
    "purchase-order-reaches-erp": (
        LifecycleSource("purchase_order", "purchase_order.issued", "purchase_order.posted", 900),
        "0.99",
    ),
    "receipt-reaches-erp": (LifecycleSource("receipt", "receipt.posted", "receipt.accepted", 900), "0.99"),
    "requisition-validation": (HttpSource(("procurement.requisitions/requisitions.validate",), 1000), "0.99"),
    "supplier-activation": (
        LifecycleSource("supplier", "supplier.registered", "supplier.activated", deadline_business_days=5),
        "0.9",
    ),
}


def test_the_objectives_say_what_was_promised() -> None:
    """What each counts, by when, and its target over 28 rolling days; its business meaning is one sentence."""
    assert PROMISED.keys() == {spec.name for spec in slos()}
    for spec in slos():
        assert (spec.source, spec.target) == PROMISED[spec.name]
        assert spec.window_s == 28 * 86_400
        assert re.fullmatch(r"[A-Z][^.]*\.", spec.meaning)


def test_owner_and_steward_are_named() -> None:
    """Somebody keeps each contract, objective and measure, and somebody in the business decides what it means."""
    for path in sorted(LIBRARY.glob("contracts/*/*/contract.yaml")):
        assert {"owner", "steward"} < read(path).keys(), path
    for path in sorted(LIBRARY.glob("slos/*.yaml")):
        assert {"waybill.dev/owner", "waybill.dev/steward"} < read(path)["metadata"]["annotations"].keys(), path
    for measure in msgspec.convert(read(LIBRARY / "measures" / "overview.yaml"), list[Measure]):
        assert measure.owner, measure.id
        assert measure.steward, measure.id


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
