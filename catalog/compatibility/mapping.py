"""What a workspace says about a vendor's document, held against the changes of its next release: the mappings that read
what changes, look-ups that ask for it, overlay actions that no longer find their place, and the bindings behind it.

A mapping is an expression of `x-waybill`. It is touched by a change of what it reads, of what lies in that, and of what
that lies in; a property that is new touches none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from catalog.compatibility.usage import Change, affected
from catalog.contract import ContractVersion, Operation
from catalog.extension import expressions
from catalog.field import ANY, BODY, Field
from catalog.overlay import Step, apply_overlay, parse_target
from catalog.pointer import join, parse, resolve

_READS_BODY = re.compile(r"\$(request|response)\.body(?:#(/[^{}\s]*)?)?")
_READS_PARAMETER = re.compile(r"\$request\.(path|query|header)\.([^{}\s]+)")


class Source(msgspec.Struct, frozen=True):
    """A version of the workspace that was made of the older document. `overlay` None: it has none."""

    version: ContractVersion
    file: str
    overlay: Any = None
    overlay_file: str = ""


class Touch(msgspec.Struct, frozen=True):
    """A place of the workspace that a change touches."""

    contract: str  # name@version
    file: str
    pointer: str
    what: str


class _Reading(NamedTuple):
    """A field that a mapping reads; of an answer `field.part` is "", whichever status it has."""

    operation: tuple[str, ...]
    direction: str
    field: Field
    touch: Touch


class Mappings:
    """All that one version says of its operations."""

    def __init__(self, source: Source) -> None:
        self._source = source
        operations = source.version.operations
        self._operations = {(each.method, each.path): each for each in operations}
        self._readings = [reading for each in operations for reading in self._of(each)]

    def touched(self, change: Change) -> list[Touch]:
        """Mappings that a change touches, in the order of the document."""
        place = affected("", change.location)
        if place is None:
            return []
        operation = self._operations.get(place.operation) if len(place.operation) == 2 else None
        found = list(self._whole(operation)) if operation is not None and place.field is None else []
        found += [
            each.touch
            for each in self._readings
            if each.operation == place.operation and _meets(each, place.direction, place.field, change.rule)
        ]
        return list(dict.fromkeys(found))

    def lost(self, new: Any) -> list[Touch]:
        """Overlay actions that find nothing in the next release."""
        source = self._source
        if source.overlay is None:
            return []
        _, problems = apply_overlay(new, source.overlay, source.overlay_file)
        return [
            Touch(source.version.ref, each.file, each.pointer, "overlay action that finds nothing in the new release")
            for each in problems
        ]

    def _whole(self, operation: Operation) -> Iterator[Touch]:
        """What is said of an operation as such: what the call means, and look-ups that ask it."""
        meaning = self._touch(operation, (), "what the call means")
        if meaning.file != self._source.file or resolve(self._source.version.document, meaning.pointer) is not None:
            yield meaning
        for each in self._source.version.operations:
            plan = each.extension.reconcile
            if plan is not None and plan.operation == operation.id:
                yield self._touch(each, ("reconcile", "operation"), "look-up")

    def _of(self, operation: Operation) -> Iterator[_Reading]:
        key = (operation.id,) if operation.messages else (operation.method, operation.path)
        for text, place, _ in expressions(operation.extension):
            touch = self._touch(operation, place, f"mapping {'.'.join(map(str, place))}")
            for direction, field in _reads(text):
                yield _Reading(key, direction, field, touch)
        if operation.extension.reconcile is not None:
            yield from self._of_lookup(operation, key)

    def _of_lookup(self, operation: Operation, key: tuple[str, ...]) -> Iterator[_Reading]:
        """What a look-up is asked by and what is read of its answer: places of the operation that is asked."""
        plan = operation.extension.reconcile
        lookup = next((each for each in self._source.version.operations if plan and each.id == plan.operation), None)
        if plan is None or lookup is None:
            return
        asked, places = (lookup.method, lookup.path), {each.name: each.place for each in lookup.parameters}
        for name, text in plan.by.items():
            touch = self._touch(operation, ("reconcile", "by", name), f"look-up parameter {name}")
            yield _Reading(asked, "request", Field(places.get(name, "query"), (name,)), touch)
            for direction, field in _reads(text):
                yield _Reading(key, direction, field, touch)
        chosen = parse(plan.select)
        if plan.select:
            touch = self._touch(operation, ("reconcile", "select"), "look-up answer")
            yield _Reading(asked, "response", Field("", chosen), touch)
        for pointer in plan.where:
            touch = self._touch(operation, ("reconcile", "where", pointer), "look-up proof")
            for item in ((), (ANY,)):
                yield _Reading(asked, "response", Field("", (*chosen, *item, *parse(pointer))), touch)

    def _touch(self, operation: Operation, place: Sequence[str | int], what: str) -> Touch:
        """Where it is written: in the overlay, else in the document."""
        source, name = self._source, f"{what} of {operation.id}"
        tokens = parse(operation.pointer)
        actions = source.overlay.get("actions", ()) if isinstance(source.overlay, dict) else ()
        for index, action in reversed(list(enumerate(actions))):
            pointer = join("/update/x-waybill", *place)
            if _selects(action.get("target"), tokens) and resolve(action, pointer) is not None:
                return Touch(source.version.ref, source.overlay_file, join("/actions", index) + pointer, name)
        return Touch(source.version.ref, source.file, join(operation.pointer, "x-waybill", *place), name)


def _selects(target: Any, tokens: Sequence[str]) -> bool:
    steps: Sequence[Step] | None = parse_target(target) if isinstance(target, str) else None
    return (
        steps is not None
        and len(steps) == len(tokens)
        and all(step is None or step == token for step, token in zip(steps, tokens, strict=True))
    )


def _reads(text: str) -> Iterator[tuple[str, Field]]:
    """Fields that an expression, or a template, reads."""
    for direction, pointer in _READS_BODY.findall(text):
        yield direction, Field(BODY if direction == "request" else "", parse(pointer))
    for place, name in _READS_PARAMETER.findall(text):
        yield "request", Field(place, (name.lower() if place == "header" else name,))


def _meets(reading: _Reading, direction: str, changed: Field | None, rule: str) -> bool:
    if changed is None or reading.direction != direction or reading.field.part not in ("", changed.part):
        return False
    read, place = _plain(reading.field.tokens), _plain(changed.tokens)
    if rule.startswith("property-") and rule.endswith("-added"):
        return False  # nothing could read it before
    if place[: len(read)] == read:
        return bool(read) or rule.endswith(("-removed", "-changed"))
    return read[: len(place)] == place


def _plain(tokens: Iterable[str]) -> tuple[str, ...]:
    """An index is an item like any other."""
    return tuple(ANY if token.isdigit() else token for token in tokens)


def sources_of(
    old: Any, versions: Iterable[ContractVersion], files: Mapping[str, str], read: Mapping[str, Any]
) -> list[Source]:
    """The newest version of each contract that was made of the document `old`: the same, else one of its title.

    `files`: "contract/<name>@<version>" -> path; `read`: path -> parsed document.
    """
    found: dict[str, Source] = {}
    for version in versions:  # in order
        file = files.get(f"contract/{version.ref}", "")
        document = read.get(file)
        if isinstance(document, dict) and (document == old or _title(document) == _title(old) != ""):
            name = version.contract.contract
            folder = file.rpartition("/")[0]
            overlay = next((path for path in read if path.startswith(f"{folder}/overlay.")), "")
            if name not in found or document == old or read[found[name].file] != old:
                found[name] = Source(version, file, read.get(overlay), overlay)
    return list(found.values())


def _title(document: Any) -> str:
    info = document.get("info") if isinstance(document, dict) else None
    return str(info.get("title", "")) if isinstance(info, dict) else ""
