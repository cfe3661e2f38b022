"""Telling what is wrong with a document without any of its values: messages from the keyword and the schema alone.

Names of properties that the schema does not declare are part of the payload too and appear in pointers as `*`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from catalog.errors import Violation
from catalog.pointer import join
from catalog.snapshot import canonical_json

_SHOWN_OPTIONS = 12


def explained(errors: Iterable[Any], names: frozenset[str], hops: int = 0) -> Iterator[Violation]:
    """Errors of jsonschema-rs as violations. `names` are those that the schema spells out; the first `hops` tokens of
    each place are not the document's."""
    for error in errors:
        kind = error.kind
        if kind.name in ("anyOf", "oneOf") and (branch := _only_candidate(error)) is not None:
            yield from explained(branch, names, hops)
            continue
        tokens = list(error.instance_path)[hops:]
        place = [token if isinstance(token, int) or token in names else "*" for token in tokens]
        rule = kind.name
        if rule == "required":
            place.append(kind.property)  # the name comes from the schema
            rule = str(error.schema_path[-1])
        elif rule == "falseSchema" and error.schema_path and error.schema_path[-1] == "additionalProperties":
            yield Violation(join("", *place), "additionalProperties", _undeclared(0))
            continue
        yield Violation(join("", *place), rule, _message(kind))


def _only_candidate(error: Any) -> list[Any] | None:
    """The errors of the one alternative that was meant: all others already fail on the type of the value itself."""
    branches = getattr(error.kind, "context", None) or []
    here = list(error.instance_path)
    meant = [
        branch
        for branch in branches
        if not any(inner.kind.name in ("type", "const") and list(inner.instance_path) == here for inner in branch)
    ]
    return list(meant[0]) if len(meant) == 1 else None


def _message(kind: Any) -> str:
    write = _MESSAGES.get(kind.name)
    return write(kind) if write else "does not satisfy the schema"


def _undeclared(count: int) -> str:
    """How many, never which: a name that the schema does not know is the caller's. 0: the engine does not count."""
    if count == 1:
        return "has 1 property that is not declared"
    return f"has {count} properties that are not declared" if count else "has properties that are not declared"


def _options(values: Iterable[Any]) -> str:
    shown = [canonical_json(value).decode() for value in islice(values, _SHOWN_OPTIONS + 1)]
    return ", ".join(shown[:_SHOWN_OPTIONS]) + (", …" if len(shown) > _SHOWN_OPTIONS else "")


#: keyword -> message; everything said comes from the schema
_MESSAGES: dict[str, Callable[[Any], str]] = {
    "type": lambda kind: f"must be {' or '.join(sorted(kind.types))}",
    "required": lambda kind: "is required",
    "enum": lambda kind: f"must be one of {_options(kind.options)}",
    "const": lambda kind: f"must be {_options([kind.expected_value])}",
    "format": lambda kind: f"must have the format {kind.format}",
    "pattern": lambda kind: f"must match {kind.pattern}",
    "minLength": lambda kind: f"must have at least {kind.limit} characters",
    "maxLength": lambda kind: f"must have at most {kind.limit} characters",
    "minItems": lambda kind: f"must have at least {kind.limit} items",
    "maxItems": lambda kind: f"must have at most {kind.limit} items",
    "minProperties": lambda kind: f"must have at least {kind.limit} properties",
    "maxProperties": lambda kind: f"must have at most {kind.limit} properties",
    "minimum": lambda kind: f"must be at least {kind.limit}",
    "maximum": lambda kind: f"must be at most {kind.limit}",
    "exclusiveMinimum": lambda kind: f"must be more than {kind.limit}",
    "exclusiveMaximum": lambda kind: f"must be less than {kind.limit}",
    "multipleOf": lambda kind: f"must be a multiple of {kind.multiple_of}",
    "uniqueItems": lambda kind: "must not repeat an item",
    "contains": lambda kind: "does not hold the items it must",
    "additionalProperties": lambda kind: _undeclared(len(kind.unexpected)),
    "unevaluatedProperties": lambda kind: _undeclared(len(kind.unexpected)),
    "additionalItems": lambda kind: "has more items than are declared",
    "unevaluatedItems": lambda kind: "has items that are not declared",
    "propertyNames": lambda kind: "has a property whose name is not allowed",
    "anyOf": lambda kind: "matches none of the alternatives",
    "oneOf": lambda kind: "must match exactly one of the alternatives",
    "not": lambda kind: "matches what is excluded",
    "falseSchema": lambda kind: "is not allowed",
    "contentEncoding": lambda kind: f"must be encoded as {kind.content_encoding}",
    "contentMediaType": lambda kind: f"must hold {kind.content_media_type}",
}
