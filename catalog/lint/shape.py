"""Rules about what schemas say of values: money, dates, what concerns patients, canonical objects."""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.canonical import references
from catalog.inventory import Workspace
from catalog.lint.finding import Place, Rule
from catalog.lint.position import Field, contract_documents, fields
from catalog.pointer import join
from catalog.reference import PREFIX
from catalog.walk import objects_in

_MONEY = re.compile(
    r"(?:^|_)(amount|price|total|gross|net|tax|balance|fee|cost|discount)s?(_cents?|_pence|_minor(_units?)?)?$"
)
_MINOR = re.compile(r"_(cents?|pence|minor(_units?)?)$")
_DATE = re.compile(r"(?:^|_)(date|datetime|timestamp)$|[a-z0-9]_at$")
#: what names a patient, or a patient's care (45 CFR 164.514(b)(2), as far as a name can tell)
_PHI = re.compile(
    r"(?:^|_)(patient|mrn|medical_record|ssn|social_security|date_of_birth|birth_date|birthdate|dob|diagnosis|diagnoses|"
    r"icd_?10|icd_?9|encounter|admission|discharge|health_plan|insurance_member|beneficiary_number|next_of_kin)(?:_|$)"
)
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


def snake(name: str) -> str:
    return "_".join(word for word in _WORDS.split(name) if word).lower()


def _is_money(field: Field) -> bool:
    return bool(_MONEY.search(snake(field.name))) and not field.says("enum", "const")


def _has_currency(field: Field) -> bool:
    return any("currency" in snake(name) for properties in field.enclosing for name in properties)


def _inexact_money(workspace: Workspace) -> Iterator[Place]:
    for field in filter(_is_money, fields(workspace)):
        if "number" in field.types:
            yield Place(f"{field.name} looks like money and is a number", field.file, field.pointer)
        elif "integer" in field.types and (_has_currency(field) or _MINOR.search(snake(field.name))):
            yield Place(f"{field.name} looks like money in minor units", field.file, field.pointer)
        elif "string" in field.types and not field.says("pattern", "format", "properties"):
            yield Place(f"{field.name} looks like money and may be any text", field.file, field.pointer)


def _no_currency(workspace: Workspace) -> Iterator[Place]:
    for field in filter(_is_money, fields(workspace)):
        if field.types & {"string", "number"} and not field.says("properties") and not _has_currency(field):
            yield Place(f"{field.name} looks like money and no currency stands by it", field.file, field.pointer)


def _no_date(workspace: Workspace) -> Iterator[Place]:
    for field in fields(workspace):
        if not _DATE.search(snake(field.name)) or field.says("enum", "const", "properties"):
            continue
        formats = {facet["format"] for facet in field.facets if isinstance(facet.get("format"), str)}
        if field.types & {"integer", "number"}:
            yield Place(f"{field.name} looks like a time and is a number", field.file, field.pointer)
        elif "string" in field.types and not formats & {"date", "date-time"}:
            yield Place(f"{field.name} looks like a time and may be any text", field.file, field.pointer)


def _unmarked_phi(workspace: Workspace) -> Iterator[Place]:
    for field in fields(workspace):
        is_decided = any(isinstance(facet.get("x-phi"), bool) for facet in field.facets)
        if _PHI.search(snake(field.name)) and not is_decided:
            yield Place(f"{field.name} is named like health information", field.file, field.pointer)


def _redefined(workspace: Workspace) -> Iterator[Place]:
    objects = {schema.object for schema in workspace.schemas.values()}
    for file, document in contract_documents(workspace):
        for name, schema in document.get("components", {}).get("schemas", {}).items():
            uses = (ref for ref, _ in references(schema))
            if snake(name) in objects and not any(ref.startswith(f"{PREFIX}{snake(name)}@") for ref in uses):
                yield Place(f"{name} exists as a canonical schema", file, join("/components/schemas", name))


def _null_shut_out(workspace: Workspace) -> Iterator[Place]:
    for file, document in contract_documents(workspace):
        if not str(document.get("openapi", "")).startswith("3.0"):
            continue
        for node, pointer in objects_in(document):
            values = node.get("enum")
            if node.get("nullable") is True and isinstance(values, list) and None not in values:
                yield Place("nullable, and yet null is none of the values", file, join(pointer, "enum"))


RULES = (
    Rule(
        "money-is-exact",
        "warning",
        "Readers parse numbers as binary floats and lose cents; minor units differ from currency to currency.",
        "use a decimal string with a pattern (canonical:common)",
        _inexact_money,
    ),
    Rule(
        "money-has-currency",
        "warning",
        "An amount without its currency is added to others that are in another one.",
        "put a currency (ISO 4217) beside it, or use a money object",
        _no_currency,
    ),
    Rule(
        "dates-are-rfc3339",
        "warning",
        "Text in any form is read differently by each system: day and month change places, zones get lost.",
        "use a string with format: date or format: date-time",
        _no_date,
    ),
    Rule(
        "phi-marked",
        "warning",
        "What may identify a patient must not travel unseen between procurement and finance.",
        "remove it, or decide and say so: x-phi: true, or x-phi: false when it is none",
        _unmarked_phi,
    ),
    Rule(
        "nullable-enum-has-null",
        "warning",
        "In OpenAPI 3.0 an enum that does not list null shuts it out, whatever nullable says.",
        "add null to the enum, or remove nullable",
        _null_shut_out,
    ),
    Rule(
        "canonical-by-reference",
        "warning",
        "A copy of a canonical object goes its own way; what a change of the object breaks can no longer be told.",
        "use $ref: canonical:<object>@^<version>",
        _redefined,
    ),
)
