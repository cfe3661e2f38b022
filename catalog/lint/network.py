"""Rules about who may reach what, and about what nobody can reach."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from catalog.inventory import Workspace
from catalog.lifecycle import SERVING
from catalog.lint.finding import Place, Rule
from catalog.pointer import join


def _unbound(workspace: Workspace) -> Iterator[Place]:
    bound = {(binding.contract, binding.major) for binding in workspace.bindings}
    for version in workspace.versions:
        if any(operation.is_event for operation in version.operations):
            continue  # the gateway itself is where events end
        if version.state.state in SERVING and (version.contract.contract, version.major) not in bound:
            yield Place(f"{version.ref} is bound to no system", workspace.sources[f"contract/{version.ref}"])


def _powerless(workspace: Workspace) -> Iterator[Place]:
    for name, consumer in workspace.consumers.items():
        if not consumer.entities or not consumer.contracts:
            yield Place(f"consumer {name} may call nothing", workspace.sources[f"consumer/{name}"])


def _bypassing(workspace: Workspace) -> Iterator[Place]:
    """Experiences are served by processes; which systems there are is not for them to know."""
    of_systems = {version.contract.contract for version in workspace.versions if version.contract.layer == "system"}
    for name, consumer in workspace.consumers.items():
        if consumer.layer != "experience":
            continue
        file = workspace.sources[f"consumer/{name}"]
        for contract in sorted(of_systems & consumer.contracts.keys()):
            yield Place(f"{name} is an experience and calls {contract} directly", file, join("/contracts", contract))
        if of_systems and "*" in consumer.contracts:
            yield Place(f"{name} is an experience and may call systems directly", file, join("/contracts", "*"))


def _unreachable(workspace: Workspace) -> Iterator[Place]:
    """A record that no call goes to and none comes from: every change of the object is refused."""
    calling = {consumer.system for consumer in workspace.consumers.values()}
    for record in workspace.records:
        contracts = {
            (version.contract.contract, version.major)
            for version in workspace.versions
            for operation in version.operations
            if operation.extension.object == record.object and not operation.is_safe
        }
        called = {item.system for item in workspace.bindings if (item.contract, item.major) in contracts}
        if contracts and record.system not in called | calling:
            file, _, pointer = workspace.sources[f"record/{record.name}"].partition("#")
            message = f"nobody may change {record.name}: no binding leads to {record.system} and no consumer is it"
            yield Place(message, file, pointer)


def _in_the_clear(workspace: Workspace) -> Iterator[Place]:
    for name, system in workspace.systems.items():
        url = urlsplit(system.base_url)
        if url.scheme == "http" and not _is_loopback(url.hostname or ""):
            yield Place(f"{name} is called without TLS", workspace.sources[f"system/{name}"], "/base_url")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


RULES = (
    Rule(
        "contract-bound",
        "warning",
        "A published contract without a system behind it answers every call with 503.",
        "add a binding, or take the version back to draft",
        _unbound,
    ),
    Rule(
        "consumer-may-call",
        "warning",
        "A consumer that may call nothing is a mistake, or a credential that waits to be misused.",
        "grant entities and contracts, or remove it",
        _powerless,
    ),
    Rule(
        "layer-bypass",
        "warning",
        "Experiences that call systems directly repeat what processes decide, and break when a system is replaced.",
        "grant a contract of the process layer that does it for it",
        _bypassing,
    ),
    Rule(
        "record-reachable",
        "warning",
        "When nobody can call by the system of record, every change of the object is refused.",
        "bind a contract to the system, or add system: to its consumer",
        _unreachable,
    ),
    Rule(
        "system-over-tls",
        "warning",
        "Credentials and documents can be read on the way to a system that is called in the clear.",
        "use https, with ca_file where the certificate is your own",
        _in_the_clear,
    ),
)
