"""Comparing the schemas of two documents."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from catalog.compatibility.comparison import Change, Comparison, Direction, Mode, Policy, Verdict, worst
from catalog.compatibility.dialect import dialect_of, document_dialect
from catalog.compatibility.difference import Difference, differences
from catalog.compatibility.document import Document, Sharing, is_placed, references
from catalog.compatibility.evaluate import Evaluator
from catalog.compatibility.judge import Judge
from catalog.compatibility.lift import Lifter
from catalog.compatibility.outcome import Outcome
from catalog.compatibility.rule import message
from catalog.compatibility.solver import Solver
from catalog.compatibility.term import Arena, Term

#: steps of one comparison; a step is one question or one case of it, measured at some 20 to 100 µs
MOST_STEPS = 50_000
_FEWEST_STEPS = 2_000
_MOST_CHANGES = 200
_SIDES = ("old", "new")


def compare_schemas(
    old: Any,
    new: Any,
    *,
    mode: Mode = "backward",
    policy: Policy = "strict",
    dialect: str | None = None,
    resources: Mapping[str, Any] | None = None,
) -> Comparison:
    """Compare two JSON Schemas: dicts or booleans of draft 4, 6, 7, 2019-09, 2020-12, or OpenAPI 3.0's flavour.

    `mode`: "backward" asks whether every instance of `old` is valid under `new`, "forward" the other way round, "full"
    both. `policy` "strict" takes schemas as sets of instances; under "wire" the writer sends no property that it does
    not declare, so what only the reader declares cannot be wrong. `dialect` forces one ("draft4", "draft6", "draft7",
    "2019-09", "2020-12", "openapi-3.0"); else `$schema` says it, else it is 2020-12. `resources` are further schemas
    by address, such as canonical schemas at pinned versions; nothing is ever fetched.

    The verdict is "compatible" only when proven, "incompatible" only with a witness that `jsonschema` confirms, and
    "unknown" otherwise, also when `MOST_STEPS` steps were not enough. Formats assert. Never raises for valid schemas;
    raises ValueError for an unknown mode, policy or dialect.
    """
    try:
        comparer = Comparer(old, new, policy=policy, dialect=dialect, resources=resources)
        return comparer.compare(old, new, mode=mode)
    except RecursionError:  # nested deeper than Python follows
        change = Change(
            "schema-changed", "", old, new, "unknown", "the schemas are nested too deeply to be compared", None
        )
        return Comparison("unknown", (change,))


class Comparer:
    """Compares schemas of two documents, such as two versions of an OpenAPI document, remembering what it has proven.

    A schema may be any part of its document, or a dict of its own whose references lead into the document. Build one
    for a pair of documents and ask it as often as needed: parts that are equal, references included, cost next to
    nothing, and no pair is proven twice. Schemas must not be changed in between.

    `dialect` is that of both documents; without it an OpenAPI version, else `$schema`, else 2020-12 decides.
    """

    def __init__(
        self,
        old_document: Any,
        new_document: Any,
        *,
        policy: Policy = "strict",
        dialect: str | None = None,
        resources: Mapping[str, Any] | None = None,
    ) -> None:
        if policy not in ("strict", "wire"):
            raise ValueError(f"unknown policy {policy!r}; known are strict, wire")
        self._documents = tuple(
            Document(each, dialect_of(each, dialect or document_dialect(each)), resources)
            for each in (old_document, new_document)
        )
        self._sharing = Sharing(*self._documents)
        self._policy = policy
        self._resources = resources or {}
        self._views: dict[Direction | None, _View] = {}
        self._compared: dict[tuple[str, str, Mode, Direction | None], Comparison] = {}

    def compare(
        self, old_schema: Any, new_schema: Any, *, mode: Mode = "backward", direction: Direction | None = None
    ) -> Comparison:
        """Compare two schemas, one of each document. With a `direction`, properties that it hides are left out on
        both sides (`projection`). `pointer`s of the changes start at the schemas, not at their documents."""
        if mode not in ("backward", "forward", "full"):
            raise ValueError(f"unknown mode {mode!r}; known are backward, forward, full")
        if self.is_same(old_schema, new_schema):
            return Comparison("compatible")
        key = (_text(old_schema), _text(new_schema), mode, direction)
        if key not in self._compared:
            if direction not in self._views:
                self._views[direction] = _View(self._documents, self._sharing, self._policy, direction, self._resources)
            self._compared[key] = self._views[direction].compare(old_schema, new_schema, mode)
        return self._compared[key]

    def confirms(
        self, old_schema: Any, new_schema: Any, value: Any, *, mode: Mode, direction: Direction | None = None
    ) -> bool:
        """Whether `value` refutes the compatibility of two schemas: valid for the writer's, invalid for the reader's.
        `mode` is backward or forward."""
        if direction not in self._views:
            self._views[direction] = _View(self._documents, self._sharing, self._policy, direction, self._resources)
        return self._views[direction].confirms(old_schema, new_schema, value, 1 if mode == "forward" else 0)

    def is_same(self, old_schema: Any, new_schema: Any) -> bool:
        """Whether two schemas are equal, annotations included, and lead to equal ones: the fast path."""
        old, new = self._documents
        text = _text(old_schema)
        if old.dialect != new.dialect or text != _text(new_schema):
            return False
        if old_schema is old.root and new_schema is new.root:
            return True
        if is_placed(text, old.dialect):
            return False
        return all(self._sharing.is_shared(old.address(ref, "")) for ref in references(old_schema))


def _text(schema: Any) -> str:
    return json.dumps(schema, sort_keys=True)


class Witness(NamedTuple):
    """A confirmed instance, which may be null."""

    value: Any


class _View:
    """Two documents as one direction sees them."""

    def __init__(
        self,
        documents: tuple[Document, ...],
        sharing: Sharing,
        policy: Policy,
        direction: Direction | None,
        resources: Mapping[str, Any],
    ) -> None:
        self._arena = Arena()
        self._documents = documents
        self._direction = direction
        self._lifters = [
            Lifter(document, side, self._arena, sharing.is_shared, direction)
            for document, side in zip(documents, _SIDES, strict=True)
        ]
        self._judges = [Judge(document, resources, direction) for document in documents]
        evaluator = Evaluator(self._expand, self._judges[1].conforms)
        strict = any(document.dialect.is_integer_strict for document in documents)
        self._solver = Solver(self._arena, self._expand, evaluator, policy == "wire", strict)
        self._targets: dict[Term, Term | None] = {}
        self._steps = MOST_STEPS
        self._left = 0

    def confirms(self, old: Any, new: Any, value: Any, writer: int) -> bool:
        return self._witness((old, new), writer, [value]) is not None

    def _expand(self, term: Term) -> Term | None:
        if term not in self._targets:
            address, side = term.args
            self._targets[term] = self._lifters[_SIDES.index(side) if side else 0].target(address)
        return self._targets[term]

    def compare(self, old: Any, new: Any, mode: Mode) -> Comparison:
        backward = self._one_way(old, new, 0) if mode != "forward" else Comparison("compatible")
        forward = self._one_way(old, new, 1) if mode != "backward" else Comparison("compatible")
        if mode != "full":
            return forward if mode == "forward" else backward
        verdict = worst((backward.verdict, forward.verdict))
        return Comparison(verdict, _merged(backward.changes, forward.changes))

    def _one_way(self, old: Any, new: Any, writer: int) -> Comparison:
        """Whether all instances of the writer's schema (0: `old`) are valid under the other."""
        schemas = (old, new)
        reader = 1 - writer
        held, broken = (self._lifters[side].term(schemas[side]) for side in (writer, reader))
        outcome = self._solver.prove({held}, {broken}, self._steps)
        if self._solver.is_exhausted:  # a document that is too hard as a whole must not cost this again and again
            self._steps = max(_FEWEST_STEPS, self._steps // 2)
        found = list(differences(old, new, self._documents, self._lifters, self._arena, self._direction))
        if outcome.is_empty:
            return Comparison("compatible", tuple(_change(each, "compatible") for each in found[:_MOST_CHANGES]))
        witness = self._witness(schemas, writer, outcome.values)
        self._left = self._steps // 4  # for all changes together
        changes = [self._judged(each, held, schemas, writer) for each in found[:_MOST_CHANGES]]
        refuted = next((change for change in changes if change.verdict == "incompatible"), None)
        if witness is None and refuted is not None:
            witness = Witness(refuted.witness)
        verdict: Verdict = "unknown" if witness is None else "incompatible"
        if verdict not in {change.verdict for change in changes}:
            whole = Difference("schema-changed", "", old, new, (None, None))
            changes.insert(0, _change(whole, verdict, witness))
        return Comparison(verdict, tuple(changes))

    def _judged(self, difference: Difference, held: Term, schemas: tuple[Any, Any], writer: int) -> Change:
        term = difference.terms[1 - writer]
        if term is None:
            return _change(difference, "compatible")
        alone = difference.terms[writer]
        if alone is not None and self._asked({alone}, {term}).is_empty:
            return _change(difference, "compatible")
        outcome = self._asked({held}, {term})
        if outcome.is_empty:
            return _change(difference, "compatible")
        witness = self._witness(schemas, writer, outcome.values)
        return _change(difference, "unknown" if witness is None else "incompatible", witness)

    def _asked(self, held: set[Term], broken: set[Term]) -> Outcome:
        """A question about one change, which all changes of a comparison share their steps for."""
        steps = min(self._left, _FEWEST_STEPS)
        outcome = self._solver.prove(held, broken, steps)
        self._left -= steps - max(self._solver.steps_left, 0)
        return outcome

    def _witness(self, schemas: tuple[Any, Any], writer: int, values: Iterable[Any]) -> Witness | None:
        """The first value that the judges hold valid for the writer and invalid for the reader."""
        for value in values:
            verdicts = (self._judges[side].is_valid(schemas[side], value) for side in (writer, 1 - writer))
            if next(verdicts) is True and next(verdicts) is False:
                return Witness(value)
        return None


def _change(difference: Difference, verdict: Verdict, witness: Witness | None = None) -> Change:
    text = message(difference.rule, difference.old, difference.new)
    value = None if witness is None else witness.value
    return Change(difference.rule, difference.pointer, difference.old, difference.new, verdict, text, value)


def _merged(backward: tuple[Change, ...], forward: tuple[Change, ...]) -> tuple[Change, ...]:
    """Each change once, with the worse of its verdicts."""
    merged: dict[tuple[str, str], Change] = {}
    for change in (*backward, *forward):
        key = (change.rule, change.pointer)
        if key not in merged or worst((merged[key].verdict, change.verdict)) != merged[key].verdict:
            merged[key] = change
    return tuple(merged.values())
