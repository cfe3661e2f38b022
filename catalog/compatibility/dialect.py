"""Dialects: which keywords each draft knows, and which of its rules differ."""

from __future__ import annotations

from typing import Any

import msgspec


class Dialect(msgspec.Struct, frozen=True):
    """How a schema is read."""

    name: str
    ignores_siblings: bool  # of $ref
    identifier: str  # the keyword that names a schema; "" for none
    is_integer_strict: bool = False  # 1.0 is no integer
    keywords: frozenset[str] = frozenset()


_DRAFT_4 = frozenset(
    {
        *("additionalItems", "additionalProperties", "allOf", "anyOf", "dependencies", "enum", "format", "items"),
        *("maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength", "minProperties", "minimum"),
        *("exclusiveMinimum", "exclusiveMaximum", "multipleOf", "not", "oneOf", "pattern", "patternProperties"),
        *("properties", "required", "type", "uniqueItems"),
    }
)
_DRAFT_6 = _DRAFT_4 | {"const", "contains", "propertyNames"}
_DRAFT_7 = _DRAFT_6 | {"if", "then", "else"}
_DRAFT_2019 = (_DRAFT_7 - {"dependencies"}) | {
    *("dependentRequired", "dependentSchemas", "minContains", "maxContains", "unevaluatedItems"),
    *("unevaluatedProperties", "$recursiveRef"),
}
_DRAFT_2020 = (_DRAFT_2019 - {"additionalItems", "$recursiveRef"}) | {"prefixItems", "$dynamicRef"}
_OPENAPI_30 = _DRAFT_4 | {"nullable"}

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect("draft4", True, "id", is_integer_strict=True, keywords=_DRAFT_4),
        Dialect("draft6", True, "$id", keywords=_DRAFT_6),
        Dialect("draft7", True, "$id", keywords=_DRAFT_7),
        Dialect("2019-09", False, "$id", keywords=_DRAFT_2019),
        Dialect("2020-12", False, "$id", keywords=_DRAFT_2020),
        Dialect("openapi-3.0", True, "", is_integer_strict=True, keywords=_OPENAPI_30),
        Dialect("unknown", False, "", keywords=frozenset()),
    )
}
#: what callers may write instead
_ALIASES = {
    "4": "draft4",
    "6": "draft6",
    "7": "draft7",
    "draft-04": "draft4",
    "draft-06": "draft6",
    "draft-07": "draft7",
    "draft-4": "draft4",
    "draft-6": "draft6",
    "draft-7": "draft7",
    "2019": "2019-09",
    "2020": "2020-12",
    "draft2019-09": "2019-09",
    "draft2020-12": "2020-12",
    "draft-2019-09": "2019-09",
    "draft-2020-12": "2020-12",
    "draft201909": "2019-09",
    "draft202012": "2020-12",
    "3.0": "openapi-3.0",
    "openapi3.0": "openapi-3.0",
    "openapi30": "openapi-3.0",
    "openapi-30": "openapi-3.0",
    "oas3.0": "openapi-3.0",
    "openapi3": "openapi-3.0",
    "draft04": "draft4",
    "draft06": "draft6",
    "draft07": "draft7",
    "oas30": "openapi-3.0",
    "openapi-3.1": "2020-12",
    "3.1": "2020-12",
    "openapi3.1": "2020-12",
    "openapi31": "2020-12",
}
_URIS = {
    "json-schema.org/draft-04/schema": "draft4",
    "json-schema.org/draft-06/schema": "draft6",
    "json-schema.org/draft-07/schema": "draft7",
    "json-schema.org/draft/2019-09/schema": "2019-09",
    "json-schema.org/draft/2020-12/schema": "2020-12",
    "spec.openapis.org/oas/3.1/dialect/base": "2020-12",
}


def dialect_of(schema: Any, forced: str | None = None) -> Dialect:
    """The dialect that `forced` names, else the schema's own `$schema`, else 2020-12; `DIALECTS["unknown"]` for a
    `$schema` that is not known. Raises ValueError for a name that is none."""
    if forced is not None:
        name = _named(forced)
        if name is None:
            raise ValueError(f"unknown dialect {forced!r}; known are {', '.join(sorted(set(DIALECTS) - {'unknown'}))}")
        return DIALECTS[name]
    uri = schema.get("$schema") if isinstance(schema, dict) else None
    return DIALECTS[(_named(uri) or "unknown") if isinstance(uri, str) else "2020-12"]


def document_dialect(document: Any) -> str | None:
    """The dialect that an OpenAPI document's version implies; None for other documents."""
    version = document.get("openapi") if isinstance(document, dict) else None
    return None if not isinstance(version, str) else "openapi-3.0" if version.startswith("3.0") else "2020-12"


def _named(text: str) -> str | None:
    name = _ALIASES.get(text, text)
    if name in DIALECTS and name != "unknown":
        return name
    return _URIS.get(text.partition("://")[2].removesuffix("#"))
