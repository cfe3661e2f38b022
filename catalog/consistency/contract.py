"""Contracts: owners, versions and their life cycle, routes that nobody else has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from catalog.asyncapi import is_asyncapi
from catalog.consistency.known import Known
from catalog.contract import Contract, VersionState
from catalog.errors import Problem
from catalog.inventory import Workspace
from catalog.pointer import join
from catalog.route import RouteTable, is_base_path, segments
from catalog.version import is_version


def contracts(workspace: Workspace, known: Known) -> Iterator[Problem]:
    for name, contract in workspace.contracts.items():
        file = workspace.sources[f"contract/{name}"]
        for message, pointer, remedy in _contract(workspace, contract, known):
            yield Problem(message, pointer, file, remedy, "contract")
        yield from life_cycle(contract, workspace.contracts, file, lambda other: known.has("contract", other))


def life_cycle(
    contract: Contract, others: Mapping[str, Contract], file: str, is_known: Callable[[str], bool] = lambda _: False
) -> Iterator[Problem]:
    """What is wrong with the states of a contract's versions. `others` are all contracts by name; of one that is known
    but not among them nothing more is asked."""
    for version, state in filter(lambda item: is_version(item[0]), contract.versions.items()):
        for message, member, remedy in _life_cycle(others, contract, version, state, is_known):
            yield Problem(message, join("/versions", version, member), file, remedy, "deprecation-planned")


def _contract(workspace: Workspace, contract: Contract, known: Known) -> Iterator[tuple[str, str, str]]:
    if contract.domain != contract.contract.partition(".")[0]:
        yield "domain and name disagree", "/domain", "the name is <domain>.<object>"
    if not is_base_path(contract.base_path):
        yield "not a base path", "/base_path", "such as /finance/v{major}, without a slash at the end"
    if not contract.versions:
        yield "lists no version", "/versions", "write {1.0.0: {state: draft}}"
    if not contract.owner.strip():
        yield "owner is empty", "/owner", "name the team that answers for it"
    for version in contract.versions:
        place = join("/versions", version)
        if not is_version(version):
            yield f"{version!r} is not a version", place, "write major.minor.patch"
            continue
        ref = f"{contract.contract}@{version}"
        if f"contract/{ref}" not in workspace.sources and not known.has("contract", ref):
            yield f"version {version} has no document", place, f"add {version}/openapi.yaml or asyncapi.yaml"


_LIFE_CYCLE = {
    "deprecated_at": "add the date, such as 2026-01-31",
    "sunset_at": "add the date from which it answers no more, such as 2026-12-31",
    "successor": "add the version to use instead, or name@version",
}


def _life_cycle(
    others: Mapping[str, Contract],
    contract: Contract,
    version: str,
    state: VersionState,
    is_known: Callable[[str], bool],
) -> Iterator[tuple[str, str, str]]:
    names = ("deprecated_at", "sunset_at", "successor")
    if state.state in ("draft", "published"):
        for name in names:
            if getattr(state, name) is not None:
                yield f"{name} says nothing about a {state.state} version", name, "remove it, or deprecate the version"
        return
    for name in names:
        if getattr(state, name) is None:
            yield f"a {state.state} version needs {name}", name, _LIFE_CYCLE[name]
    deprecated, sunset = moment(state.deprecated_at), moment(state.sunset_at)
    for name, when in (("deprecated_at", deprecated), ("sunset_at", sunset)):
        if getattr(state, name) is not None and when is None:
            yield "not an RFC 3339 date or date-time", name, "such as 2026-01-31T00:00:00Z"
    if deprecated and sunset and sunset < deprecated:
        yield "sunset lies before the deprecation", "sunset_at", "RFC 8594: not before"
    if state.successor is not None:
        ref = state.successor if "@" in state.successor else f"{contract.contract}@{state.successor}"
        name, _, number = ref.partition("@")
        other = others.get(name)
        if ref == f"{contract.contract}@{version}":
            yield "a version cannot succeed itself", "successor", "name another version"
        elif other is None and is_known(name):
            return
        elif other is None or number not in other.versions:
            yield f"{ref} does not exist", "successor", "a version of this contract, or name@version"
        elif other.versions[number].state not in ("published", "deprecated"):
            yield (
                f"{ref} is {other.versions[number].state} and serves no calls",
                "successor",
                "publish it, or name another",
            )


def ownerships(workspace: Workspace, known: Known) -> Iterator[Problem]:
    for name in workspace.ownerships:
        if not known.has_schema(name):
            file = workspace.sources[f"ownership/{name}"]
            yield Problem(f"no schema of {name} is there", "/schema", file, "add <version>.json beside it", "ownership")


def kinds(workspace: Workspace) -> Iterator[Problem]:
    """A contract is about calls or about events, in all its versions."""
    known: dict[str, bool] = {}
    for version in workspace.versions:
        is_event = is_asyncapi(version.document)
        if known.setdefault(version.contract.contract, is_event) != is_event:
            message = "the contract's other versions are of the other kind"
            remedy = "OpenAPI and AsyncAPI documents make contracts of their own"
            yield Problem(message, "", workspace.sources[f"contract/{version.ref}"], remedy, "contract")


def routes(workspace: Workspace) -> Iterator[Problem]:
    """Within one contract major the highest version serves; across them no two routes may match one request."""
    table = RouteTable()
    for version in workspace.versions:
        if not is_version(version.version) or not is_base_path(version.contract.base_path):
            continue
        owner = f"{version.contract.contract} v{version.major}"
        file = workspace.sources[f"contract/{version.ref}"]
        own: dict[tuple[str, tuple[str | None, ...]], str] = {}
        for operation in version.operations:
            template = segments(version.base_path + operation.path)
            if template is None:
                continue
            place = operation.pointer
            if (operation.method, template) in own:
                message = f"same route as {own[operation.method, template]}"
                remedy = "change one path; text beside a parameter in a segment does not tell them apart"
                yield Problem(message, place, file, remedy, "route-overlap")
            own[operation.method, template] = operation.id
            for other in sorted(table.add(operation.method, template, owner)):
                message = f"{operation.method} {version.base_path}{operation.path} can also match a route of {other}"
                yield Problem(message, place, file, "change base_path or the path", "route-overlap")


def moment(text: str | None) -> datetime | None:
    """An RFC 3339 date-time (with its offset) or date (midnight UTC); None when it is neither."""
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text if len(text) > 10 else f"{text}T00:00:00Z")
    except ValueError:
        return None
    return when if when.tzinfo else None
