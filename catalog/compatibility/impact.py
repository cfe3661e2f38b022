"""What a change of a canonical schema does to the contracts that use it, by operation and direction.

The question is put at the use sites: each contract version that leans on the schema, directly or through another one,
is compared with itself as it would be if it were pinned to the changed schema. One change can break those who are
answered and leave those who ask alone. Published contracts keep their pins; what is told is what a re-pin would mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from catalog.canonical import Canonicals, CanonicalSchema
from catalog.compatibility.compared import Comparisons
from catalog.compatibility.contract import ContractComparison
from catalog.compatibility.contract.change import Verdict
from catalog.compatibility.contract.rule import ORDER, Bump
from catalog.compatibility.embedding import self_contained
from catalog.compatibility.release import Reason, reason_of
from catalog.contract import ContractVersion, Operation
from catalog.inventory import Workspace
from catalog.pointer import join, parse
from catalog.reference import PREFIX, parse_reference
from catalog.walk import objects_in


class Use(msgspec.Struct, frozen=True):
    """A place where a contract takes the schema in or gives it out."""

    operation: str  # operationId
    method: str
    path: str
    pointer: str  # into the contract's document: the schema of the parameter, body or message
    direction: Literal["request", "response"]


class Impact(msgspec.Struct, frozen=True):
    """One contract version that uses the schema, and what re-pinning it would ask for."""

    contract: str  # name@version
    state: str  # of its life cycle
    owner: str
    pinned: tuple[str, ...]  # versions of the schema that it leans on now
    uses: tuple[Use, ...]
    verdict: Verdict
    bump: Bump  # "none" where the change does not show
    changes: tuple[Reason, ...]  # at the use sites; heaviest first


def impact(workspace: Workspace, changed: CanonicalSchema, comparisons: Comparisons | None = None) -> list[Impact]:
    """Of `changed`, taking the place of every other version of its object, on each contract version that is not
    retired. Sorted by contract and version."""
    return impact_on(workspace.versions, workspace.schemas, changed, comparisons)


def impact_on(
    versions: Iterable[ContractVersion],
    canonicals: Canonicals,
    changed: CanonicalSchema,
    comparisons: Comparisons | None = None,
) -> list[Impact]:
    """`impact` on contract versions that lean on nothing but `canonicals`, in their order."""
    known = comparisons or Comparisons()
    return [
        _impact(version, pinned, changed, canonicals, known)
        for version in versions
        if version.state.state != "retired"
        and (pinned := sorted(key for key in version.pins if _object(key) == changed.object))
    ]


def _impact(
    version: ContractVersion,
    pinned: list[str],
    changed: CanonicalSchema,
    canonicals: Canonicals,
    comparisons: Comparisons,
) -> Impact:
    compared = _compared(version, pinned, changed, canonicals, comparisons)
    uses = tuple(use for operation in version.operations for use in _uses(operation, changed.object))
    versions = tuple(key.partition("@")[2] for key in pinned)
    against = ", ".join(versions)
    changes = sorted(compared.changes, key=lambda each: -ORDER.index(each.severity))
    reasons = tuple(reason_of(against, change) for change in changes)
    state, owner = version.state.state, version.contract.owner
    return Impact(version.ref, state, owner, versions, uses, compared.verdict, compared.bump, reasons)


def _compared(
    version: ContractVersion,
    pinned: list[str],
    changed: CanonicalSchema,
    canonicals: Canonicals,
    comparisons: Comparisons,
) -> ContractComparison:
    """The contract as it is, and with the changed schema standing where the pinned ones stand."""
    known = {**canonicals, changed.key: changed}
    replaced = {**known, **{key: msgspec.structs.replace(known[key], document=changed.document) for key in pinned}}
    before, after = self_contained(version.document, known), self_contained(version.document, replaced)
    return comparisons.contracts(before, after, version.contract.policy)


def _uses(operation: Operation, object_: str) -> Iterator[Use]:
    for pointer, schema, direction in _positions(operation):
        if _leans_on(schema, object_):
            yield Use(operation.id, operation.method, operation.path, pointer, direction)


_Position = tuple[str, Any, Literal["request", "response"]]


def _positions(operation: Operation) -> Iterator[_Position]:
    home = operation.pointer
    for index, parameter in enumerate(operation.parameters):
        yield join(home, "parameters", index, "schema"), parameter.schema, "request"
    for media_type, schema in operation.request_schemas.items():
        yield join(home, "requestBody", "content", media_type, "schema"), schema, "request"
    for status, bodies in operation.response_schemas.items():
        for media_type, schema in bodies.items():
            yield join(home, "responses", status, "content", media_type, "schema"), schema, "response"


def _leans_on(schema: Any, object_: str) -> bool:
    """Whether a bundled schema leads to a version of the object: from the root over the definitions that it uses."""
    definitions: Mapping[str, Any] = schema.get("$defs", {}) if isinstance(schema, dict) else {}
    todo: list[tuple[Any, bool]] = [({**schema, "$defs": {}} if definitions else schema, False)]
    seen: set[str] = set()
    while todo:
        node, is_canonical = todo.pop()
        for name in _led_to(node, is_canonical) - seen:
            if _object(name) == object_:
                return True
            seen.add(name)
            todo.append((definitions.get(name), "@" in name))
    return False


def _led_to(node: Any, is_canonical: bool) -> set[str]:
    """Names of definitions that a schema refers to; within a canonical one `#/…` is its own."""
    found: set[str] = set()
    for each, _ in objects_in(node):
        ref = each.get("$ref")
        if not isinstance(ref, str):
            continue
        if ref.startswith(PREFIX):
            found.add(parse_reference(ref).key)
        elif ref.startswith("#/$defs/") and not is_canonical:
            found.add(parse(ref[1:])[1])
    return found


def _object(key: str) -> str:
    """`purchase@1.0.0` → `purchase`; "" for a definition of the document's own."""
    name, at, _ = key.partition("@")
    return name if at else ""
