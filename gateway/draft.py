"""Drafts of a contract beside the version in force: which of them judge the calls of an operation, and by which steps
(`gateway.shadow` asks them)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from catalog.contract import ContractVersion, Operation
from catalog.route import parameter_names
from catalog.version import version_key
from policies.builtin.request_schema import RequestSchema
from policies.builtin.response_schema import ResponseSchema
from policies.chain import Step

#: policies of a draft that are asked
JUDGING = frozenset({RequestSchema.id, ResponseSchema.id})


class Draft(msgspec.Struct, frozen=True):
    """What a draft asks of one operation of the version in force."""

    version: str
    late: tuple[Step, ...] = ()
    back: tuple[Step, ...] = ()
    is_known: bool = True  # False: the draft has no such operation


def by_base(versions: Iterable[ContractVersion], drafts: Iterable[ContractVersion]) -> dict[str, list[ContractVersion]]:
    """Drafts by the version they follow (`name@version`): of each the highest published or deprecated one below it."""
    answering = [version for version in versions if version.state.state in ("published", "deprecated")]
    found: dict[str, list[ContractVersion]] = {}
    for draft in drafts:
        name, number = draft.contract.contract, version_key(draft.version)
        below = [each for each in answering if each.contract.contract == name and version_key(each.version) < number]
        if below:
            base = max(below, key=lambda each: version_key(each.version))
            found.setdefault(base.ref, []).append(draft)
    return found


def twin(draft: ContractVersion, operation: Operation) -> Operation | None:
    """The draft's operation of the same method and path, its path parameters called as those of `operation`."""
    wanted = (operation.method, _shape(operation.path))
    found = next((each for each in draft.operations if (each.method, _shape(each.path)) == wanted), None)
    if found is None or found.path == operation.path:
        return found
    names = dict(zip(parameter_names(found.path), parameter_names(operation.path), strict=True))
    parameters = tuple(
        msgspec.structs.replace(each, name=names.get(each.name, each.name)) if each.place == "path" else each
        for each in found.parameters
    )
    return msgspec.structs.replace(found, path=operation.path, parameters=parameters)


def _shape(path: str) -> str:
    for name in parameter_names(path):
        path = path.replace("{" + name + "}", "{}", 1)
    return path
