"""Checking documents against JSON Schema 2020-12: one validator for each distinct schema, told without any value.

jsonschema-rs does the work (linear-time regular expressions, `format` asserted, no retrieval). A compiled schema takes
some forty times the room of its text, so schemas are kept packed and shared by content; what is compiled is bounded,
and compiled again when it is needed again.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import jsonschema_rs

from catalog.errors import Invalid, Problem, Violation
from catalog.outline import Position, root_of, slim
from catalog.pointer import join, parse
from catalog.snapshot import canonical_json, sha256_hex
from catalog.violation import explained
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

#: text of schemas that may be compiled at a time; measured: 15 to 40 times as much memory
COMPILED_BYTES = 3_000_000

_MOST_VIOLATIONS = 256  # a body of a megabyte can break a rule a hundred thousand times


class Pool(dict[str, Any]):
    """Definitions (`$defs`) that many schemas of one document lean on, each of these schemas being one of them:
    `{"$ref": "#/$defs/<name>", "$defs": pool}`. They are compiled together, once."""

    unit: Unit | None = None


class _Compiled(NamedTuple):
    validator: Any
    names: frozenset[str]  # every property name that the schema spells out


class Unit:
    """What is compiled at a time: packed canonical JSON, and its compiled form while there is room for it."""

    __slots__ = ("__weakref__", "compiled", "is_recent", "packed", "problems", "sha256", "size_bytes", "slimmed")

    def __init__(self, sha256: str, text: bytes) -> None:
        self.sha256 = sha256
        self.size_bytes = len(text)
        self.packed = zlib.compress(text)
        self.compiled: _Compiled | None = None
        self.problems: tuple[Problem, ...] = ()  # why it does not compile
        self.is_recent = False
        self.slimmed: Any = ...  # once it is asked for

    def schema(self) -> Schema:
        """The schema itself, unpacked."""
        schema: Schema = json.loads(zlib.decompress(self.packed))
        return schema


class Handle:
    """A schema to check documents against."""

    __slots__ = ("member", "unit")

    def __init__(self, unit: Unit, member: str | None = None) -> None:
        self.unit = unit
        self.member = member  # of a pool: which of its definitions

    @property
    def sha256(self) -> str:
        """Of the canonical JSON of what it is compiled from."""
        return self.unit.sha256


class Validators:
    """Schemas shared by content. Units live as long as a handle of theirs; at most `most_bytes` of schema text are
    compiled at a time, the latest one always, the least lately used going first.

    `is_lazy` leaves compiling to the first check: for what somebody else has compiled before publishing it.
    """

    def __init__(self, is_lazy: bool = False, most_bytes: int = COMPILED_BYTES) -> None:
        self.is_lazy = is_lazy
        self.compilations = 0
        self.compiled_bytes = 0  # of schema text
        self._most_bytes = most_bytes
        self._units: WeakValueDictionary[str, Unit] = WeakValueDictionary()
        self._live: list[Unit] = []  # compiled, oldest first
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._units)

    def handle(self, schema: Schema | Handle) -> Handle:
        """The handle of a self-contained schema. Raises `Invalid` with the pointer of what does not compile, unless
        lazy."""
        if isinstance(schema, Handle):
            return schema
        pool = schema.get("$defs") if isinstance(schema, dict) else None
        if isinstance(pool, Pool) and isinstance(schema, dict):
            handle = Handle(self._pooled(pool), parse(schema["$ref"][1:])[1])
        else:
            handle = Handle(self._unit(schema))
        if not self.is_lazy:
            self._compiled(handle.unit)
        return handle

    def is_valid(self, handle: Handle, document: Any) -> bool:
        """Numbers of `document` may be int, float or Decimal (exact). Raises `Invalid` when the schema does not
        compile."""
        member = handle.member
        return bool(self._compiled(handle.unit).validator.is_valid(document if member is None else {member: document}))

    def validate(self, handle: Handle, document: Any) -> tuple[Violation, ...]:
        """Every violation, none of which holds a value; () when valid. At most 256 are listed, and then it says so.
        Raises `Invalid` when the schema does not compile."""
        compiled = self._compiled(handle.unit)
        if handle.member is not None:
            document = {handle.member: document}
        if compiled.validator.is_valid(document):
            return ()
        errors = explained(compiled.validator.iter_errors(document), compiled.names, int(handle.member is not None))
        found = list(dict.fromkeys(islice(errors, _MOST_VIOLATIONS + 1)))
        if len(found) > _MOST_VIOLATIONS:
            found[_MOST_VIOLATIONS:] = [Violation("", "limit", "there are more violations than are listed")]
        return tuple(found)

    def outline(self, handle: Handle) -> Position:
        """The names that a schema declares; kept as long as the schema, and a fraction of its compiled form."""
        unit = handle.unit
        if unit.slimmed is ...:
            unit.slimmed = slim(unit.schema())
        return root_of(unit.slimmed, handle.member)

    def _pooled(self, pool: Pool) -> Unit:
        if pool.unit is None:
            members = {name: {"$ref": join("#/$defs", name)} for name in pool}
            pool.unit = self._unit({"$defs": pool, "properties": members})
        return pool.unit

    def _unit(self, schema: Schema) -> Unit:
        text = canonical_json(schema)
        sha256 = sha256_hex(text)
        unit = self._units.get(sha256)
        if unit is None:
            unit = self._units[sha256] = Unit(sha256, text)
        return unit

    def _compiled(self, unit: Unit) -> _Compiled:
        compiled = unit.compiled
        if compiled is None:
            with self._lock:
                compiled = unit.compiled or self._compile(unit)
        unit.is_recent = True
        return compiled

    def _compile(self, unit: Unit) -> _Compiled:
        if unit.problems:
            raise Invalid("schema refused", unit.problems)
        schema = unit.schema()
        try:
            compiled = _Compiled(_compile(schema), frozenset(_declared_names(schema)))
        except Invalid as error:
            unit.problems = error.problems
            raise
        self.compilations += 1
        self._make_room(unit.size_bytes)
        self._live.append(unit)
        self.compiled_bytes += unit.size_bytes
        unit.compiled = compiled
        return compiled

    def _make_room(self, size_bytes: int) -> None:
        """Drop what was not used since the last look at it, oldest first (second chance)."""
        while self._live and self.compiled_bytes + size_bytes > self._most_bytes:
            oldest = self._live.pop(0)
            if oldest.is_recent:
                oldest.is_recent = False
                self._live.append(oldest)
            else:
                oldest.compiled = None
                self.compiled_bytes -= oldest.size_bytes


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


@lru_cache(maxsize=4_096)
def is_pattern(text: str) -> bool:
    """Whether the linear-time engine takes a regular expression."""
    try:
        _validator({"pattern": text})
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True


def _schema_problems(schema: Schema) -> list[Problem]:
    """Everything that is wrong with a schema that does not compile: by the meta-schema, and pattern by pattern."""
    meta = jsonschema_rs.Draft202012Validator({"$ref": DIALECT}, offline=True)
    problems = [_schema_problem(error) for error in meta.iter_errors(schema)]
    for node, place in objects_in(schema):
        pattern = node.get("pattern")
        if isinstance(pattern, str) and not is_pattern(pattern) and not {"const", "enum"} & set(parse(place)):
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
