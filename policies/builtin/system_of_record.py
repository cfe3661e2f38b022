"""Only its system of record changes an object, or a group of its fields (records/*.yaml).

A call that changes an object is let through when it goes to the owner of everything that it carries (a write to the
record) or comes from it (the record tells others); each field group is judged by itself. What names the object or its
legal entity changes nothing. A body that is no JSON object cannot be told apart and counts as carrying every group; a
call without one changes what no group names, such as the object's status. Of an event the data is the object.

Sources: design §11.12; RFC 6901 for the pointers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Self

import msgspec

from catalog.contract import Operation
from catalog.errors import Violation
from catalog.extension import texts
from catalog.network import SystemOfRecord
from catalog.pointer import is_within, join, parse
from policies.decision import ALLOW, Decision, reject
from policies.policy import Facts, Phase, Surroundings
from policies.request import Request

_BODY = "$request.body#"


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Owners(NamedTuple):
    """Who owns what of an object, for one legal entity."""

    groups: tuple[tuple[str, str], ...]  # (pointer in the object's document, system)
    rest: str  # the system that owns all else; "" when any may change it


class SystemOfRecordCheck:
    id: ClassVar[str] = "system-of-record"
    version: ClassVar[str] = "1.0.0"
    phase: ClassVar[Phase] = "late"
    after: ClassVar[tuple[str, ...]] = ("request-schema",)
    config_type: ClassVar[type[msgspec.Struct]] = Config

    def __init__(self, operation: Operation, owners: dict[str, Owners], bound: Mapping[str, str]) -> None:
        self._owners = owners
        self._bound = bound
        self._root = "/data" if operation.is_event else ""
        named = (*texts(operation.extension.id), *texts(operation.extension.legal_entity))
        self._named = tuple(text.removeprefix(_BODY + self._root) for text in named if text.startswith(_BODY))
        self._object = operation.extension.object

    @classmethod
    def compile(cls, config: Config, around: Surroundings) -> Self | None:
        operation = around.operation
        records = [record for record in around.records if record.object == operation.extension.object]
        if operation.is_safe or not records:
            return None
        entities = {"*", *(entity for record in records for entity in record.entities)}
        return cls(operation, {entity: owners_of(records, entity) for entity in entities}, around.bound)

    def decide(self, request: Request, facts: Facts) -> Decision:
        entity, consumer = request.entity, request.consumer
        owners = self._owners.get(entity) or self._owners["*"]
        mine = {self._bound.get(entity) or self._bound.get("*"), consumer.system if consumer else None}
        if mine.issuperset(self._all(owners)):
            return ALLOW
        found = tuple(
            Violation(self._root + pointer, "system-of-record", f"belongs to the system of record {system}")
            for pointer, system in self._carried(owners, request)
            if system not in mine
        )
        if not found:
            return ALLOW
        detail = f"Neither the system called nor the one that calls is the system of record of this {self._object}."
        return reject(403, "not-system-of-record", detail, found)

    def _all(self, owners: Owners) -> set[str]:
        return {system for _, system in owners.groups} | ({owners.rest} if owners.rest else set())

    def _carried(self, owners: Owners, request: Request) -> Iterator[tuple[str, str]]:
        """What a call changes, as (pointer, owner)."""
        document = _found(request.document, parse(self._root))
        is_plain = type(document) is dict
        for pointer, system in owners.groups:
            if request.body and (not is_plain or _found(document, parse(pointer)) is not _ABSENT):
                yield pointer, system
        inside = (*(pointer for pointer, _ in owners.groups), *self._named)
        if owners.rest and (not request.body or not is_plain or _has_more(document, "", inside)):
            yield "", owners.rest


_ABSENT = object()


def _found(document: Any, tokens: Iterable[str]) -> Any:
    """What lies at `tokens`, null included; `_ABSENT` when nothing does."""
    for token in tokens:
        if type(document) is dict and token in document:
            document = document[token]
        elif type(document) is list and token.isdecimal() and int(token) < len(document):
            document = document[int(token)]
        else:
            return _ABSENT
    return document


def _has_more(document: dict[str, Any], base: str, known: tuple[str, ...]) -> bool:
    """Whether an object holds anything that does not lie at or in one of the `known` pointers."""
    for name, value in document.items():
        pointer = join(base, name)
        if any(is_within(pointer, each) for each in known):
            continue
        leads_on = any(is_within(each, pointer) for each in known)
        if not leads_on or type(value) is not dict or not value or _has_more(value, pointer, known):
            return True
    return False


def owners_of(records: Iterable[SystemOfRecord], entity: str) -> Owners:
    """Who owns what for `entity`: what is declared for it by name goes before what is declared for every one."""
    own = [record for record in records if entity in record.entities]
    general = [record for record in records if "*" in record.entities and record not in own]
    groups = [(pointer, record.system) for record in own for pointer in record.fields]
    taken = [pointer for pointer, _ in groups]
    groups += [
        (pointer, record.system)
        for record in general
        for pointer in record.fields
        if not any(is_within(pointer, each) or is_within(each, pointer) for each in taken)
    ]
    rest = next((record.system for record in (*own, *general) if not record.fields), "")
    return Owners(tuple(groups), rest)
