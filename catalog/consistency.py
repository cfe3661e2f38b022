"""What the files of a workspace must agree on: names that exist, life cycles, routes that nobody else has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from catalog.contract import Contract, VersionState
from catalog.errors import Problem
from catalog.inventory import Workspace
from catalog.pointer import join
from catalog.route import RouteTable, is_base_path, segments
from catalog.slo import HttpSource
from catalog.version import is_version

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CURRENCY = re.compile(r"[A-Z]{3}")  # ISO 4217


def consistency_problems(workspace: Workspace, unread: set[str]) -> list[Problem]:
    """Every disagreement between the parts of a workspace.

    `unread` names contracts whose documents were refused: what depends on their operations is not judged.
    """
    checks = (_contracts, _routes, _entities, _systems, _bindings, _policies)
    careful = (_consumers, _slos, _measures)
    return [
        *(problem for check in checks for problem in check(workspace)),
        *(problem for check in careful for problem in check(workspace, unread)),
    ]


def _place(workspace: Workspace, key: str) -> tuple[str, str]:
    """File and pointer of a thing."""
    file, _, pointer = workspace.sources[key].partition("#")
    return file, pointer


def moment(text: str | None) -> datetime | None:
    """An RFC 3339 date-time (with its offset) or date (midnight UTC); None when it is neither."""
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text if len(text) > 10 else f"{text}T00:00:00Z")
    except ValueError:
        return None
    return when if when.tzinfo else None


# ---- contracts


def _contracts(workspace: Workspace) -> Iterator[Problem]:
    for name, contract in workspace.contracts.items():
        file = workspace.sources[f"contract/{name}"]
        for message, pointer, remedy in _contract(workspace, contract):
            yield Problem(message, pointer, file, remedy, "contract")


def _contract(workspace: Workspace, contract: Contract) -> Iterator[tuple[str, str, str]]:
    if contract.domain != contract.contract.partition(".")[0]:
        yield "domain and name disagree", "/domain", "the name is <domain>.<object>"
    if not is_base_path(contract.base_path):
        yield "not a base path", "/base_path", "such as /finance/v{major}, without a slash at the end"
    if not contract.versions:
        yield "lists no version", "/versions", "write {1.0.0: {state: draft}}"
    if not contract.owner.strip():
        yield "owner is empty", "/owner", "name the team that answers for it"
    for version, state in contract.versions.items():
        place = join("/versions", version)
        if not is_version(version):
            yield f"{version!r} is not a version", place, "write major.minor.patch"
            continue
        if f"contract/{contract.contract}@{version}" not in workspace.sources:
            yield f"version {version} has no document", place, f"add {version}/openapi.yaml"
        for message, name, remedy in _life_cycle(workspace, contract, version, state):
            yield message, join(place, name), remedy


def _life_cycle(
    workspace: Workspace, contract: Contract, version: str, state: VersionState
) -> Iterator[tuple[str, str, str]]:
    names = ("deprecated_at", "sunset_at", "successor")
    if state.state in ("draft", "published"):
        for name in names:
            if getattr(state, name) is not None:
                yield f"{name} says nothing about a {state.state} version", name, "remove it, or deprecate the version"
        return
    for name in names:
        if getattr(state, name) is None:
            yield f"a {state.state} version needs {name}", name, ""
    deprecated, sunset = moment(state.deprecated_at), moment(state.sunset_at)
    for name, when in (("deprecated_at", deprecated), ("sunset_at", sunset)):
        if getattr(state, name) is not None and when is None:
            yield "not an RFC 3339 date or date-time", name, "such as 2026-01-31T00:00:00Z"
    if deprecated and sunset and sunset < deprecated:
        yield "sunset lies before the deprecation", "sunset_at", "RFC 8594: not before"
    if state.successor is not None:
        ref = state.successor if "@" in state.successor else f"{contract.contract}@{state.successor}"
        name, _, number = ref.partition("@")
        other = workspace.contracts.get(name)
        if ref == f"{contract.contract}@{version}":
            yield "a version cannot succeed itself", "successor", ""
        elif other is None or number not in other.versions:
            yield f"{ref} does not exist", "successor", "a version of this contract, or name@version"
        elif other.versions[number].state not in ("published", "deprecated"):
            yield f"{ref} is {other.versions[number].state} and serves no calls", "successor", ""


def _routes(workspace: Workspace) -> Iterator[Problem]:
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
            place = join("/paths", operation.path, operation.method.lower())
            if (operation.method, template) in own:
                message = f"same route as {own[operation.method, template]}"
                yield Problem(message, place, file, rule="route-overlap")
            own[operation.method, template] = operation.id
            for other in sorted(table.add(operation.method, template, owner)):
                message = f"{operation.method} {version.base_path}{operation.path} can also match a route of {other}"
                yield Problem(message, place, file, "change base_path or the path", "route-overlap")


# ---- network


def _entities(workspace: Workspace) -> Iterator[Problem]:
    zones = available_timezones()
    for name, entity in workspace.entities.items():
        file = workspace.sources[f"entity/{name}"]
        if not _NAME.fullmatch(name):
            yield Problem("not a name (letters, digits, . _ -)", "/entity", file, rule="entity")
        if not _CURRENCY.fullmatch(entity.currency):
            yield Problem("not an ISO 4217 code", "/currency", file, rule="entity")
        if entity.timezone not in zones:
            yield Problem("not an IANA time zone", "/timezone", file, rule="entity")
        seen, parent = {name}, entity.parent
        while parent is not None:
            if parent not in workspace.entities:
                yield Problem(f"entity {parent!r} does not exist", "/parent", file, rule="entity")
                break
            if parent in seen:
                yield Problem("parents go round in a circle", "/parent", file, rule="entity")
                break
            seen.add(parent)
            parent = workspace.entities[parent].parent


def _systems(workspace: Workspace) -> Iterator[Problem]:
    for name, system in workspace.systems.items():
        file = workspace.sources[f"system/{name}"]
        if not _NAME.fullmatch(name):
            yield Problem("not a name (letters, digits, . _ -)", "/system", file, rule="system")
        if not _is_base_url(system.base_url):
            remedy = "http(s)://host:port[/prefix], no user, query or fragment, no slash at the end"
            yield Problem("not a base URL", "/base_url", file, remedy, "system")
        for field in ("connect_s", "first_byte_s", "total_s"):
            if not 0 < getattr(system.timeouts, field) <= 3600:
                yield Problem("must be more than 0 and at most 3600", join("/timeouts", field), file, rule="system")
        if system.max_connections < 1:
            yield Problem("must be at least 1", "/max_connections", file, rule="system")


def _is_base_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        return False
    is_plain = url.username is None and not url.query and not url.fragment and not text.endswith(("/", "?", "#"))
    return url.scheme in ("http", "https") and bool(url.hostname) and port != 0 and is_plain


def _bindings(workspace: Workspace) -> Iterator[Problem]:
    for binding in workspace.bindings:
        file, pointer = _place(workspace, f"binding/{binding.contract}/{binding.major}/{binding.entity}")
        contract = workspace.contracts.get(binding.contract)
        majors = (
            {int(version.split(".")[0]) for version in contract.versions if is_version(version)} if contract else ()
        )
        wrong = [
            (contract is None, "contract", f"contract {binding.contract!r} does not exist"),
            (contract is not None and binding.major not in majors, "major", "no version has this major"),
            (binding.entity != "*" and binding.entity not in workspace.entities, "entity", "entity does not exist"),
            (binding.system not in workspace.systems, "system", f"system {binding.system!r} does not exist"),
        ]
        for is_wrong, name, message in wrong:
            if is_wrong:
                yield Problem(message, join(pointer, name), file, rule="binding")


def _consumers(workspace: Workspace, unread: set[str]) -> Iterator[Problem]:
    identities: dict[tuple[str, str], str] = {}
    for name, consumer in workspace.consumers.items():
        file = workspace.sources[f"consumer/{name}"]
        if not _NAME.fullmatch(name):
            yield Problem("not a name (letters, digits, . _ -)", "/consumer", file, rule="consumer")
        for index, entity in enumerate(consumer.entities):
            if entity != "*" and entity not in workspace.entities:
                yield Problem(f"entity {entity!r} does not exist", join("/entities", index), file, rule="consumer")
        for contract, granted in consumer.contracts.items():
            place = join("/contracts", contract)
            if contract != "*" and contract not in workspace.contracts:
                yield Problem(f"contract {contract!r} does not exist", place, file, rule="consumer")
            elif contract != "*" and contract not in unread:
                for scope in sorted(set(granted) - _scopes(workspace, contract)):
                    yield Problem(f"no operation asks for scope {scope!r}", place, file, rule="consumer")
        if consumer.jwt is not None:
            identity = (consumer.jwt.issuer, consumer.jwt.subject)
            if identity in identities:
                yield Problem(f"same subject as consumer {identities[identity]!r}", "/jwt", file, rule="consumer")
            identities[identity] = name


def _scopes(workspace: Workspace, contract: str) -> set[str]:
    return {
        scope
        for version in workspace.versions
        if version.contract.contract == contract
        for operation in version.operations
        for alternative in operation.scopes
        for scope in alternative
    }


def _policies(workspace: Workspace) -> Iterator[Problem]:
    known = {
        "contracts": workspace.contracts.keys(),
        "consumers": workspace.consumers.keys(),
        "entities": workspace.entities.keys(),
    }
    for name, envelope in workspace.envelopes.items():
        for field, names in known.items():
            for pattern in getattr(envelope.match, field):
                if "*" not in pattern and pattern not in names:
                    file = workspace.sources[f"policy/{name}"]
                    yield Problem(
                        f"policy {name}: {pattern!r} does not exist", join("/match", field), file, rule="policy"
                    )


# ---- figures


def _slos(workspace: Workspace, unread: set[str]) -> Iterator[Problem]:
    events = {
        (operation.extension.object, operation.extension.event)
        for version in workspace.versions
        for operation in version.operations
    }
    for name, slo in workspace.slos.items():
        file, _ = _place(workspace, f"slo/{name}")
        place = "/spec/indicator/spec/ratioMetric/good/metricSource/spec"
        if isinstance(slo.source, HttpSource):
            for index, operation in enumerate(slo.source.operations):
                if _is_missing(workspace, operation, unread):
                    message = f"{operation} is no operation of a contract"
                    yield Problem(message, join(place, "operations", index), file, "<contract>/<operationId>", "slo")
            continue
        for member, event in (("from", slo.source.from_event), ("to", slo.source.to_event)):
            if not unread and (slo.source.object, event) not in events:
                message = f"no operation has the event {event!r} of {slo.source.object!r}"
                yield Problem(message, join(place, member), file, rule="slo")


def _is_missing(workspace: Workspace, operation: str, unread: set[str]) -> bool:
    """Whether "<contract>/<operationId>" names nothing."""
    name, _, id_ = operation.partition("/")
    known = (o.id for v in workspace.versions if v.contract.contract == name for o in v.operations)
    return name not in unread and id_ not in known


def _measures(workspace: Workspace, unread: set[str]) -> Iterator[Problem]:
    for name, measure in workspace.measures.items():
        file, pointer = _place(workspace, f"measure/{name}")
        if measure.slo is not None and measure.slo not in workspace.slos:
            yield Problem(f"SLO {measure.slo!r} does not exist", join(pointer, "slo"), file, rule="measure")
        for index, operation in enumerate(measure.operations):
            if _is_missing(workspace, operation, unread):
                place = join(pointer, "operations", index)
                yield Problem(f"{operation} is no operation", place, file, rule="measure")
