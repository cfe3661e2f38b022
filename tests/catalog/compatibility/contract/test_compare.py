"""What holds of any two contracts, and how long large ones take."""

from __future__ import annotations

import copy
import json
import random
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import catalog
from catalog import compare_contracts
from catalog.canonical import canonical_schema
from catalog.compatibility.contract import minimum_bump, shifted
from catalog.compatibility.contract.rule import ORDER
from catalog.document import parse_document
from tests.catalog.compatibility.contract.document import JSON, base, schemas
from tests.catalog.compatibility.pair import Maker
from tests.catalog.vendor_document import document as vendor_document

LIBRARY = Path(catalog.__file__).parent / "library"
CONTRACTS = sorted(LIBRARY.glob("contracts/*/*/*/*api.yaml"))


def read(path: Path) -> Any:
    documents, problems = parse_document(path.read_bytes(), path.name)
    assert problems == []
    return documents[0]


def canonicals() -> dict[str, Any]:
    found = [canonical_schema(path.parent.name, path.stem, read(path)) for path in LIBRARY.glob("schemas/*/*.json")]
    return {schema.key: schema for schema in found}


def reordered(node: Any, chosen: random.Random, name: str = "") -> Any:
    """The same document with its keys, and lists whose order means nothing, in another order."""
    if isinstance(node, dict):
        items = [(key, reordered(value, chosen, key)) for key, value in node.items()]
        chosen.shuffle(items)
        return dict(items)
    if isinstance(node, list):
        items = [reordered(item, chosen) for item in node]
        if name in ("required", "enum", "oneOf", "anyOf", "allOf", "parameters", "tags"):
            chosen.shuffle(items)
        return items
    return node


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.parent.parent.name)
def test_a_contract_of_the_library_is_compatible_with_itself_in_any_order(path) -> None:
    document = read(path)
    for other in (copy.deepcopy(document), reordered(document, random.Random(1))):
        found = compare_contracts(document, other, canonicals=canonicals())
        assert (found.verdict, found.bump, found.changes) == ("compatible", "none", ())


@pytest.mark.parametrize("version", ["2.0", "3.0.3", "3.1.0"])
def test_a_vendors_document_is_compatible_with_itself_in_any_order(version) -> None:
    document = vendor_document(version, 4)
    assert compare_contracts(document, reordered(document, random.Random(2))).changes == ()


def test_the_same_api_in_20_and_30_differs_in_nothing_that_counts() -> None:
    assert compare_contracts(vendor_document("2.0", 3), vendor_document("3.0.3", 3)).verdict == "compatible"


def test_a_canonical_schema_that_changed_is_judged_where_it_is_used() -> None:
    """One new value breaks who reads, and nobody who sends; without the schemas at hand nothing is known."""
    old = {"type": "object", "properties": {"state": {"enum": ["a"]}}}
    new = {"type": "object", "properties": {"state": {"enum": ["a", "b"]}}}
    known = {
        each.key: each for each in (canonical_schema("order", "1.0.0", old), canonical_schema("order", "1.1.0", new))
    }
    pair = [schemas(ref, ref) for ref in ({"$ref": f"canonical:order@{version}"} for version in ("1.0.0", "1.1.0"))]
    found = compare_contracts(*pair, canonicals=known)
    assert {(change.rule, change.direction, change.severity) for change in found.changes} == {
        ("enum-value-added", "request", "minor"), ("enum-value-added", "response", "major"),
    }  # fmt: skip
    assert compare_contracts(*pair).verdict == "unknown"


def test_what_yaml_readers_make_of_statuses_and_dates_is_understood() -> None:
    """`yaml.safe_load` makes numbers of status codes and dates of dates."""
    document = base()
    document["components"]["schemas"]["Order"]["properties"]["id"]["example"] = "X"
    loaded = yaml.safe_load(json.dumps(document).replace('"200"', "200").replace('"X"', "2026-01-31"))
    assert 200 in loaded["paths"]["/orders"]["get"]["responses"]
    assert {change.rule for change in compare_contracts(document, loaded).changes} == {"schema-described"}


def test_documents_are_left_as_they_were() -> None:
    old, new = base("3.0.3"), vendor_document("2.0", 2)
    before = json.dumps([old, new])
    compare_contracts(old, new)
    assert json.dumps([old, new]) == before


MUTATIONS = (
    lambda d: d["paths"]["/orders"]["get"].update(summary="new"),
    lambda d: d["paths"]["/orders"]["get"]["parameters"].append({"name": "n", "in": "query", "schema": {}}),
    lambda d: d["paths"]["/orders"].pop("post", None),
    lambda d: d["components"]["schemas"]["Order"]["properties"].update(extra={"type": "string"}),
    lambda d: d["components"]["schemas"]["Order"]["properties"].pop("note", None),
    lambda d: d["components"]["schemas"]["Line"].update(required=["quantity", "parent"]),
    lambda d: d["components"]["schemas"]["Order"]["properties"]["state"]["enum"].append("closed"),
    lambda d: d["paths"]["/orders"]["get"]["responses"].update({"404": {"description": "no", "content": {JSON: {}}}}),
    lambda d: d.update(servers=[{"url": "https://new"}]),
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(range(len(MUTATIONS))), unique=True, max_size=4), st.sampled_from(range(len(MUTATIONS)))
)
def test_more_changes_never_ask_for_less(chosen, more) -> None:
    """The bump is the heaviest of the changes, so that one more change cannot lighten it."""
    some, all_ = base(), base()
    for index in chosen:
        MUTATIONS[index](some)
    for index in (*chosen, *({more} - {*chosen})):
        MUTATIONS[index](all_)
    first, second = compare_contracts(base(), some), compare_contracts(base(), all_)
    assert ORDER.index(first.bump) <= ORDER.index(second.bump)
    assert first.bump == minimum_bump(first.changes)
    assert (first.bump == "none") == (not chosen)


@pytest.fixture(scope="module")
def seeds(request) -> range:
    return range(10_000 if request.config.getoption("--prove") else 120)


@pytest.mark.parametrize("direction", ["request", "response"])
def test_what_is_called_compatible_is_refuted_by_no_value(seeds, direction) -> None:
    """Random schemas and changes of them, strictly: where no change weighs major, every value that the writer's side
    takes is taken by the reader's."""
    undecided = 0
    for seed in seeds:
        maker = Maker(seed, "2020-12")
        pair = maker.pair()
        found = compare_contracts(*(_document(schema, direction) for schema in pair), policy="strict")
        undecided += found.verdict == "unknown"
        if found.bump == "major":
            continue
        writer, reader = (
            Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
            for schema in (pair if direction == "request" else reversed(pair))
        )
        for value in maker.instances(pair, 15):
            if _takes(writer, value):
                assert _takes(reader, value), (seed, value)
    print(f"{direction}: {undecided} of {len(seeds)} undecided")


def _document(schema: Any, direction: str) -> Any:
    text = json.dumps(schema).replace("#/definitions/", "#/components/schemas/")
    lifted = json.loads(text)
    components = lifted.pop("definitions", {}) if isinstance(lifted, dict) else {}
    parts = (lifted, True) if direction == "request" else (True, lifted)
    return schemas(*parts, **components)


def _takes(validator: Draft202012Validator, value: Any) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the validator's own, about floats beyond its range
        try:
            return validator.is_valid(value)
        except (OverflowError, RecursionError):
            return False


@pytest.mark.parametrize(
    ("bump", "version", "expected"),
    [
        ("major", "0.4.2", "minor"), ("minor", "0.4.2", "patch"), ("patch", "0.4.2", "patch"),
        ("none", "0.4.2", "none"),
        ("major", "1.0.0", "major"), ("minor", "12.3.4", "minor"),
    ],
)  # fmt: skip
def test_before_one_the_minor_number_breaks(bump, version, expected) -> None:
    assert shifted(bump, version) == expected


def test_a_megabyte_is_compared_in_seconds() -> None:
    """Printed; the bound is wide since the machine may be busy. Every object differs, in every operation."""
    old = vendor_document("3.0.3", 115)
    assert len(json.dumps(old)) > 950_000
    new = copy.deepcopy(old)
    for name, schema in new["components"]["schemas"].items():
        schema["description"] = "other words"
        if name == "Base":
            schema["properties"]["more"] = {"type": "string"}
    before = time.process_time()
    found = compare_contracts(old, new)
    spent = time.process_time() - before
    print(f"1 MB pair: {spent:.2f} s of CPU, {len(found.changes)} changes")
    assert found.bump == "minor" and len(found.changes) >= 690
    assert spent < 20
