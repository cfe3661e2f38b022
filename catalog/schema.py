"""Checking documents against JSON Schema 2020-12: compiled once per distinct schema, told without any value.

jsonschema-rs does the work (linear-time regular expressions, `format` asserted, no retrieval); its own error texts can
echo the instance, so none of them is used: a message is written from the keyword and the schema. Names of properties
that the schema does not declare are part of the payload too and appear in pointers as `*`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import jsonschema_rs

from catalog.errors import Invalid, Problem, Violation
from catalog.pointer import join, parse
from catalog.snapshot import canonical_json, sha256_hex
from catalog.walk import objects_in

Schema = dict[str, Any] | bool

DIALECT = "https://json-schema.org/draft/2020-12/schema"

#: formats that are asserted; any other is an annotation (JSON Schema 2020-12 §7.3, as jsonschema-rs implements them)
FORMATS = frozenset(
    {
        *("date", "date-time", "time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6"),
        *("uri", "uri-reference", "iri", "iri-reference", "uri-template", "uuid", "json-pointer"),
        *("relative-json-pointer", "regex"),
    }
)

_MOST_VIOLATIONS = 256  # a body of a megabyte can break a rule a hundred thousand times
_SHOWN_OPTIONS = 12


class Handle:
    """A compiled schema. `sha256` is of its canonical JSON."""

    __slots__ = ("names", "sha256", "validator")

    def __init__(self, sha256: str, schema: Schema, validator: Any) -> None:
        self.sha256 = sha256
        self.validator = validator
        self.names = frozenset(_declared_names(schema))


class Validators:
    """Compiled schemas, shared by content over a whole snapshot. Compiling is not thread-safe; checking is."""

    def __init__(self) -> None:
        self._handles: dict[str, Handle] = {}
        self._seen: dict[int, tuple[Schema, Handle]] = {}  # the schema is kept, so that its id stays its own

    def __len__(self) -> int:
        return len(self._handles)

    def handle(self, schema: Schema) -> Handle:
        """The compiled form of a self-contained schema. Raises `Invalid` with the pointer of what does not compile."""
        seen = self._seen.get(id(schema))
        if seen is not None:
            return seen[1]
        sha256 = sha256_hex(canonical_json(schema))
        handle = self._handles.get(sha256)
        if handle is None:
            handle = self._handles[sha256] = Handle(sha256, schema, _compile(schema))
        self._seen[id(schema)] = (schema, handle)
        return handle

    def is_valid(self, handle: Handle, document: Any) -> bool:
        """Numbers of `document` may be int, float or Decimal (exact)."""
        return bool(handle.validator.is_valid(document))

    def validate(self, handle: Handle, document: Any) -> tuple[Violation, ...]:
        """Every violation, none of which holds a value; () when valid. At most 256 are listed, and then it says so."""
        if handle.validator.is_valid(document):
            return ()
        errors = handle.validator.iter_errors(document)
        found = list(dict.fromkeys(islice(_explained(errors, handle.names), _MOST_VIOLATIONS + 1)))
        if len(found) > _MOST_VIOLATIONS:
            found[_MOST_VIOLATIONS:] = [Violation("", "limit", "there are more violations than are listed")]
        return tuple(found)


def _validator(schema: Schema) -> Any:
    return jsonschema_rs.Draft202012Validator(
        schema, validate_formats=True, mask="", pattern_options=jsonschema_rs.RegexOptions(), offline=True
    )


def _compile(schema: Schema) -> Any:
    try:
        return _validator(schema)
    except jsonschema_rs.ValidationError as error:
        problems = _schema_problems(schema) or [_schema_problem(error)]
        raise Invalid("schema refused", problems) from None
    except (ValueError, RecursionError) as error:
        remedy = "refer only to what is there: #/…, or canonical:<object>@<version>"
        raise Invalid("schema refused", [Problem(f"does not compile: {error}", remedy=remedy, rule="schema")]) from None


def _schema_problems(schema: Schema) -> list[Problem]:
    """Everything that is wrong with a schema that does not compile: by the meta-schema, and pattern by pattern."""
    meta = jsonschema_rs.Draft202012Validator({"$ref": DIALECT}, offline=True)
    problems = [_schema_problem(error) for error in meta.iter_errors(schema)]
    for node, place in objects_in(schema):
        if isinstance(node.get("pattern"), str) and not {"const", "enum"} & set(parse(place)):
            try:
                _validator({"pattern": node["pattern"]})
            except (jsonschema_rs.ValidationError, ValueError):
                problems.append(Problem(_NO_PATTERN, join(place, "pattern"), remedy=_REWRITE, rule="schema"))
    return sorted(set(problems), key=lambda problem: (problem.pointer, problem.message))


def _schema_problem(error: Any) -> Problem:
    """A schema is not a payload: naming what is wrong with it is safe."""
    place = join("", *error.instance_path)
    if error.kind.name == "format" or "pattern" in list(error.schema_path):
        return Problem(_NO_PATTERN, place, remedy=_REWRITE, rule="schema")
    message = f"not a JSON Schema: {_first_line(str(error))}"
    return Problem(message, place, remedy="see JSON Schema 2020-12 for what the keyword takes", rule="schema")


_NO_PATTERN = "not a regular expression of the linear-time engine (no look-around, no back-references)"
_REWRITE = "write it without them, or leave that check to the system"


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0]


def _declared_names(schema: Any) -> Iterator[str]:
    """Every property name that the schema itself spells out."""
    stack = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            properties = node.get("properties")
            if isinstance(properties, dict):
                yield from properties
            required = node.get("required")
            if isinstance(required, list):
                yield from (name for name in required if isinstance(name, str))
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def _explained(errors: Iterable[Any], names: frozenset[str]) -> Iterator[Violation]:
    for error in errors:
        kind = error.kind
        if kind.name in ("anyOf", "oneOf") and (branch := _only_candidate(error)) is not None:
            yield from _explained(branch, names)
            continue
        place = [token if isinstance(token, int) or token in names else "*" for token in error.instance_path]
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
