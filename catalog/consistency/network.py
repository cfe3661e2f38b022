"""The network: entities, systems, bindings, consumers; policies where they name them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from catalog.consistency.known import NAME, RENAME, Known, place_of
from catalog.errors import Problem
from catalog.inventory import Workspace
from catalog.pointer import join
from catalog.version import is_version

_CURRENCY = re.compile(r"[A-Z]{3}")  # ISO 4217


def entities(workspace: Workspace, known: Known) -> Iterator[Problem]:
    zones = available_timezones()
    for name, entity in workspace.entities.items():
        file = workspace.sources[f"entity/{name}"]
        if not NAME.fullmatch(name):
            yield Problem("not a name", "/entity", file, RENAME, "entity")
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


def systems(workspace: Workspace) -> Iterator[Problem]:
    for name, system in workspace.systems.items():
        file = workspace.sources[f"system/{name}"]
        if not NAME.fullmatch(name):
            yield Problem("not a name", "/system", file, RENAME, "system")
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


def bindings(workspace: Workspace, known: Known) -> Iterator[Problem]:
    for binding in workspace.bindings:
        file, pointer = place_of(workspace, f"binding/{binding.contract}/{binding.major}/{binding.entity}")
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


def consumers(workspace: Workspace, unread: set[str], known: Known) -> Iterator[Problem]:
    identities: dict[tuple[str, str], str] = {}
    for name, consumer in workspace.consumers.items():
        file = workspace.sources[f"consumer/{name}"]
        if not NAME.fullmatch(name):
            yield Problem("not a name", "/consumer", file, RENAME, "consumer")
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


def policies(workspace: Workspace, known: Known) -> Iterator[Problem]:
    for name, envelope in workspace.envelopes.items():
        file, base = place_of(workspace, f"policy/{name}")
        for field, kind in (("contracts", "contract"), ("consumers", "consumer"), ("entities", "entity")):
            for pattern in getattr(envelope.match, field):
                if "*" not in pattern and not known.has(kind, pattern):
                    message = f"policy {name}: {kind} {pattern!r} does not exist"
                    yield Problem(message, join(f"{base}/match", field), file, known.remedy(kind, pattern), "policy")
