"""What the files of a workspace must agree on: names that exist, life cycles, routes that nobody else has."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from difflib import get_close_matches
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


def consistency_problems(workspace: Workspace, unread: set[str], lost: set[str]) -> list[Problem]:
    """Every disagreement between the parts of a workspace.

    `unread` names contracts whose documents were refused: what depends on their operations is not judged. `lost` are
    things ("<kind>/<name>") whose files were refused: that they are missing is not told as well.
    """
    known = _Known(workspace, lost)
    return [
        *_contracts(workspace, known),
        *_routes(workspace),
        *_entities(workspace, known),
        *_systems(workspace),
        *_bindings(workspace, known),
        *_policies(workspace, known),
        *_consumers(workspace, unread, known),
        *_slos(workspace, unread),
        *_measures(workspace, unread, known),
    ]


class _Known:
    """Which names may be referred to."""

    def __init__(self, workspace: Workspace, lost: set[str]) -> None:
        self._names: dict[str, Collection[str]] = {
            "contract": workspace.contracts,
            "entity": workspace.entities,
            "system": workspace.systems,
            "consumer": workspace.consumers,
            "slo": workspace.slos,
        }
        self._lost = lost

    def has(self, kind: str, name: str) -> bool:
        return name in self._names.get(kind, ()) or f"{kind}/{name}" in self._lost

    def remedy(self, kind: str, name: str) -> str:
        """The nearest name, or where to declare it."""
        near = get_close_matches(name, self._names[kind], 1)
        if near:
            return f"did you mean {near[0]}?"
        names = sorted(self._names[kind])
        listed = f"; known are {', '.join(names[:8])}{', …' if len(names) > 8 else ''}" if names else ""
        return f"declare it in {_FOLDER[kind]}{listed}"


_FOLDER = {
    "contract": "contracts/<domain>/<object>/contract.yaml",
    "entity": "entities/<id>.yaml",
    "system": "systems/<id>.yaml",
    "consumer": "consumers/<id>.yaml",
    "slo": "slos/",
}
_RENAME = "use letters, digits, . _ -"


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


def _contracts(workspace: Workspace, known: _Known) -> Iterator[Problem]:
    for name, contract in workspace.contracts.items():
        file = workspace.sources[f"contract/{name}"]
        for message, pointer, remedy in _contract(workspace, contract, known):
            yield Problem(message, pointer, file, remedy, "contract")


def _contract(workspace: Workspace, contract: Contract, known: _Known) -> Iterator[tuple[str, str, str]]:
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
        ref = f"{contract.contract}@{version}"
        if f"contract/{ref}" not in workspace.sources and not known.has("contract", ref):
            yield f"version {version} has no document", place, f"add {version}/openapi.yaml"
        for message, name, remedy in _life_cycle(workspace, contract, version, state, known):
            yield message, join(place, name), remedy


_LIFE_CYCLE = {
    "deprecated_at": "add the date, such as 2026-01-31",
    "sunset_at": "add the date from which it answers no more, such as 2026-12-31",
    "successor": "add the version to use instead, or name@version",
}


def _life_cycle(
    workspace: Workspace, contract: Contract, version: str, state: VersionState, known: _Known
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
        other = workspace.contracts.get(name)
        if ref == f"{contract.contract}@{version}":
            yield "a version cannot succeed itself", "successor", "name another version"
        elif other is None and known.has("contract", name):
            return
        elif other is None or number not in other.versions:
            yield f"{ref} does not exist", "successor", "a version of this contract, or name@version"
        elif other.versions[number].state not in ("published", "deprecated"):
            yield (
                f"{ref} is {other.versions[number].state} and serves no calls",
                "successor",
                "publish it, or name another",
            )


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
                remedy = "change one path; text beside a parameter in a segment does not tell them apart"
                yield Problem(message, place, file, remedy, "route-overlap")
            own[operation.method, template] = operation.id
            for other in sorted(table.add(operation.method, template, owner)):
                message = f"{operation.method} {version.base_path}{operation.path} can also match a route of {other}"
                yield Problem(message, place, file, "change base_path or the path", "route-overlap")


# ---- network


def _entities(workspace: Workspace, known: _Known) -> Iterator[Problem]:
    zones = available_timezones()
    for name, entity in workspace.entities.items():
        file = workspace.sources[f"entity/{name}"]
        if not _NAME.fullmatch(name):
            yield Problem("not a name", "/entity", file, _RENAME, "entity")
        if not _CURRENCY.fullmatch(entity.currency):
            yield Problem("not an ISO 4217 code", "/currency", file, "three capital letters, such as USD", "entity")
        if entity.timezone not in zones:
            yield Problem("not an IANA time zone", "/timezone", file, "such as America/Chicago, or UTC", "entity")
        seen, parent = {name}, entity.parent
        while parent is not None:
            if parent not in workspace.entities:
                if not known.has("entity", parent):
                    remedy = known.remedy("entity", parent)
                    yield Problem(f"entity {parent!r} does not exist", "/parent", file, remedy, "entity")
                break
            if parent in seen:
                yield Problem("parents go round in a circle", "/parent", file, "leave out one parent", "entity")
                break
            seen.add(parent)
            parent = workspace.entities[parent].parent


def _systems(workspace: Workspace) -> Iterator[Problem]:
    for name, system in workspace.systems.items():
        file = workspace.sources[f"system/{name}"]
        if not _NAME.fullmatch(name):
            yield Problem("not a name", "/system", file, _RENAME, "system")
        if not _is_base_url(system.base_url):
            remedy = "http(s)://host:port[/prefix], no user, query or fragment, no slash at the end"
            yield Problem("not a base URL", "/base_url", file, remedy, "system")
        for field in ("connect_s", "first_byte_s", "total_s"):
            if not 0 < getattr(system.timeouts, field) <= 3600:
                place = join("/timeouts", field)
                yield Problem(
                    "must be more than 0 and at most 3600", place, file, "write seconds, such as 2.5", "system"
                )
        if system.max_connections < 1:
            yield Problem("must be at least 1", "/max_connections", file, "such as 64", "system")


def _is_base_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        return False
    is_plain = url.username is None and not url.query and not url.fragment and not text.endswith(("/", "?", "#"))
    return url.scheme in ("http", "https") and bool(url.hostname) and port != 0 and is_plain


def _bindings(workspace: Workspace, known: _Known) -> Iterator[Problem]:
    for binding in workspace.bindings:
        file, pointer = _place(workspace, f"binding/{binding.contract}/{binding.major}/{binding.entity}")
        contract = workspace.contracts.get(binding.contract)
        majors = (
            {int(version.split(".")[0]) for version in contract.versions if is_version(version)} if contract else ()
        )
        exists = known.has("contract", binding.contract)
        if not exists:
            remedy = known.remedy("contract", binding.contract)
            message = f"contract {binding.contract!r} does not exist"
            yield Problem(message, join(pointer, "contract"), file, remedy, "binding")
        elif contract is not None and binding.major not in majors:
            remedy = f"versions of {binding.contract}: {', '.join(contract.versions) or 'none'}"
            yield Problem("no version has this major", join(pointer, "major"), file, remedy, "binding")
        for kind, name in (("entity", binding.entity), ("system", binding.system)):
            if not known.has(kind, name) and (kind, name) != ("entity", "*"):
                remedy = known.remedy(kind, name)
                yield Problem(f"{kind} {name!r} does not exist", join(pointer, kind), file, remedy, "binding")


def _consumers(workspace: Workspace, unread: set[str], known: _Known) -> Iterator[Problem]:
    identities: dict[tuple[str, str], str] = {}
    for name, consumer in workspace.consumers.items():
        file = workspace.sources[f"consumer/{name}"]
        if not _NAME.fullmatch(name):
            yield Problem("not a name", "/consumer", file, _RENAME, "consumer")
        for index, entity in enumerate(consumer.entities):
            if entity != "*" and not known.has("entity", entity):
                remedy = known.remedy("entity", entity)
                yield Problem(f"entity {entity!r} does not exist", join("/entities", index), file, remedy, "consumer")
        for contract, granted in consumer.contracts.items():
            place = join("/contracts", contract)
            if contract != "*" and not known.has("contract", contract):
                remedy = known.remedy("contract", contract)
                yield Problem(f"contract {contract!r} does not exist", place, file, remedy, "consumer")
            elif contract != "*" and contract not in unread:
                asked = _scopes(workspace, contract)
                remedy = f"scopes of {contract}: {', '.join(sorted(asked)) or 'none, so grant []'}"
                for scope in sorted(set(granted) - asked):
                    yield Problem(f"no operation asks for scope {scope!r}", place, file, remedy, "consumer")
        if consumer.jwt is not None:
            identity = (consumer.jwt.issuer, consumer.jwt.subject)
            if identity in identities:
                message = f"same subject as consumer {identities[identity]!r}"
                yield Problem(message, "/jwt", file, "give each consumer a subject of its own", "consumer")
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


def _policies(workspace: Workspace, known: _Known) -> Iterator[Problem]:
    for name, envelope in workspace.envelopes.items():
        file, base = _place(workspace, f"policy/{name}")
        for field, kind in (("contracts", "contract"), ("consumers", "consumer"), ("entities", "entity")):
            for pattern in getattr(envelope.match, field):
                if "*" not in pattern and not known.has(kind, pattern):
                    message = f"policy {name}: {kind} {pattern!r} does not exist"
                    yield Problem(message, join(f"{base}/match", field), file, known.remedy(kind, pattern), "policy")


# ---- figures


_OPERATION = "write <contract>/<operationId>"


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
                    yield Problem(message, join(place, "operations", index), file, _OPERATION, "slo")
            continue
        for member, event in (("from", slo.source.from_event), ("to", slo.source.to_event)):
            if not unread and (slo.source.object, event) not in events:
                message = f"no operation has the event {event!r} of {slo.source.object!r}"
                known = sorted(str(each) for object_, each in events if object_ == slo.source.object and each)
                remedy = f"events of {slo.source.object}: {', '.join(known) or 'none'}"
                yield Problem(message, join(place, member), file, remedy, "slo")


def _is_missing(workspace: Workspace, operation: str, unread: set[str]) -> bool:
    """Whether "<contract>/<operationId>" names nothing."""
    name, _, id_ = operation.partition("/")
    known = (o.id for v in workspace.versions if v.contract.contract == name for o in v.operations)
    return name not in unread and id_ not in known


def _measures(workspace: Workspace, unread: set[str], known: _Known) -> Iterator[Problem]:
    for name, measure in workspace.measures.items():
        file, pointer = _place(workspace, f"measure/{name}")
        if measure.slo is not None and not known.has("slo", measure.slo):
            remedy = known.remedy("slo", measure.slo)
            yield Problem(f"SLO {measure.slo!r} does not exist", join(pointer, "slo"), file, remedy, "measure")
        for index, operation in enumerate(measure.operations):
            if _is_missing(workspace, operation, unread):
                place = join(pointer, "operations", index)
                yield Problem(f"{operation} is no operation of a contract", place, file, _OPERATION, "measure")
