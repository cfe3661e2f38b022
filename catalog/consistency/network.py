"""The network: systems, bindings, consumers; policies where they name them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509

from catalog.asyncapi import is_asyncapi
from catalog.consistency.known import NAME, RENAME, Known, place_of
from catalog.errors import Problem
from catalog.inventory import Workspace
from catalog.network import Consumer, MtlsIdentity
from catalog.pointer import join
from catalog.version import is_version


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


class _Bound(NamedTuple):
    """A binding, of the workspace or of a template, and where it stands."""

    contract: str
    major: int
    system: str
    file: str
    pointer: str


def bindings(workspace: Workspace, known: Known) -> Iterator[Problem]:
    experiences = _experiences(workspace)
    events = {version.contract.contract for version in workspace.versions if is_asyncapi(version.document)}
    for name, template in workspace.templates.items():
        file = workspace.sources[f"template/{name}"]
        for index, item in enumerate(template.bindings):
            bound = _Bound(item.contract, item.major, item.system, file, join("/bindings", index))
            yield from _binding(workspace, known, bound, experiences)
    for binding in workspace.bindings:
        file, pointer = place_of(workspace, f"binding/{binding.contract}/{binding.major}/{binding.entity}")
        bound = _Bound(binding.contract, binding.major, binding.system, file, pointer)
        yield from _binding(workspace, known, bound, experiences)
        if binding.contract in events:
            message = f"{binding.contract} takes events in: the gateway itself is where they end"
            yield Problem(message, join(pointer, "contract"), file, "remove the binding", "binding")
        if binding.entity != "*" and not known.has("entity", binding.entity):
            remedy = known.remedy("entity", binding.entity)
            message = f"entity {binding.entity!r} does not exist"
            yield Problem(message, join(pointer, "entity"), file, remedy, "binding")


def _binding(workspace: Workspace, known: Known, bound: _Bound, experiences: set[tuple[str, int]]) -> Iterator[Problem]:
    name, major, system, file, pointer = bound
    contract = workspace.contracts.get(name)
    majors = {int(version.split(".")[0]) for version in contract.versions if is_version(version)} if contract else ()
    if not known.has("contract", name):
        remedy = known.remedy("contract", name)
        yield Problem(f"contract {name!r} does not exist", join(pointer, "contract"), file, remedy, "binding")
    elif contract is not None and major not in majors:
        remedy = f"versions of {name}: {', '.join(contract.versions) or 'none'}"
        yield Problem("no version has this major", join(pointer, "major"), file, remedy, "binding")
    found = workspace.systems.get(system)
    if not known.has("system", system):
        remedy = known.remedy("system", system)
        yield Problem(f"system {system!r} does not exist", join(pointer, "system"), file, remedy, "binding")
    elif found is not None and found.layer == "system" and (name, major) in experiences:
        message = f"{name} is an experience contract and {system} a system: a process must stand between them"
        remedy = f"bind it to a process application, or write layer: process in systems/{system}.yaml if it is one"
        yield Problem(message, join(pointer, "system"), file, remedy, "layer")


def _experiences(workspace: Workspace) -> set[tuple[str, int]]:
    """(contract, major) of which the contract, or an operation, belongs to the experience layer."""
    return {
        (version.contract.contract, version.major)
        for version in workspace.versions
        if is_version(version.version)
        and "experience" in {version.contract.layer, *(each.extension.layer for each in version.operations)}
    }


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
        if consumer.system is not None and not known.has("system", consumer.system):
            remedy = known.remedy("system", consumer.system)
            yield Problem(f"system {consumer.system!r} does not exist", "/system", file, remedy, "consumer")
    yield from _certificates(workspace)


def _certificates(workspace: Workspace) -> Iterator[Problem]:
    """A client certificate must say one consumer, and no two consumers may be meant by one."""
    owners: dict[str, str] = {}
    for name, consumer in workspace.consumers.items():
        for message, index, remedy in _identities(consumer, owners):
            yield Problem(message, join("/mtls", index), workspace.sources[f"consumer/{name}"], remedy, "consumer")


def _identities(consumer: Consumer, owners: dict[str, str]) -> Iterator[tuple[str, int, str]]:
    for index, identity in enumerate(consumer.mtls):
        text = _identity_text(identity)
        if text is None:
            yield (
                "is no certificate's name",
                index,
                "write subject: CN=…,O=… (RFC 4514), or san: dns:<name> or uri:<URI>",
            )
        elif owners.setdefault(text, consumer.consumer) != consumer.consumer:
            yield f"same certificate as consumer {owners[text]!r}", index, "give each consumer a certificate of its own"


def _identity_text(identity: MtlsIdentity) -> str | None:
    """One spelling for all that mean the same name; None when it is not exactly one name."""
    if (identity.subject is None) == (identity.san is None):
        return None
    if identity.subject is None:
        kind, _, value = (identity.san or "").partition(":")
        return f"{kind}:{value.lower() if kind == 'dns' else value}" if kind in ("dns", "uri") and value else None
    try:
        name = x509.Name.from_rfc4514_string(identity.subject)
    except ValueError:
        return None
    return f"subject:{name.rfc4514_string()}" if identity.subject else None


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
