"""From a workspace to the blobs of a snapshot, and the plan of what publishing it would change.

Published contract versions and canonical schemas never change and never vanish: the same version with another hash
is refused, as is a step that the life cycle does not know (`catalog.lifecycle.TRANSITIONS`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from catalog.contract import ContractVersion
from catalog.envelope import PolicyBlob
from catalog.errors import Problem
from catalog.inventory import Workspace
from catalog.lifecycle import is_allowed
from catalog.loading import binding_name
from catalog.network import ConsumerBlob, KeyHash
from catalog.snapshot import BlobKind, BlobRef, ContractBlob, Manifest, Published, canonical_json, sha256_hex

#: kinds that are immutable once published
_IMMUTABLE: frozenset[BlobKind] = frozenset({"contract", "schema"})


class PlanItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that publishing adds, changes or removes."""

    kind: BlobKind
    name: str
    sha256: str  # of the new state; of the published one when removed
    detail: str = ""


class Plan(msgspec.Struct, frozen=True):
    """What publishing a workspace would do. Nothing may be published while `refused` is not empty."""

    added: tuple[PlanItem, ...] = ()
    changed: tuple[PlanItem, ...] = ()
    removed: tuple[PlanItem, ...] = ()
    refused: tuple[Problem, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.changed or self.removed)


def compile_snapshot(
    workspace: Workspace, consumer_keys: Mapping[str, Sequence[KeyHash]]
) -> tuple[tuple[BlobRef, ...], dict[str, bytes]]:
    """The manifest's blob list, sorted by (kind, name), and the blobs by SHA-256. Drafts have a kind of
    their own: they may change and go, and answer no call.

    `consumer_keys` are the live keys by consumer id. Pins were resolved when the workspace was loaded.
    """
    refs: list[BlobRef] = []
    blobs: dict[str, bytes] = {}
    for kind, name, value in _parts(workspace, consumer_keys):
        data = canonical_json(value)
        sha256 = sha256_hex(data)
        blobs[sha256] = data
        refs.append(BlobRef(kind, name, sha256, len(data)))
    return tuple(sorted(refs, key=lambda ref: (ref.kind, ref.name))), blobs


def _parts(workspace: Workspace, consumer_keys: Mapping[str, Sequence[KeyHash]]) -> Iterator[tuple[BlobKind, str, Any]]:
    for version in workspace.versions:
        kind: BlobKind = "draft" if version.state.state == "draft" else "contract"
        yield kind, version.ref, msgspec.to_builtins(_contract_blob(version))
    for key, schema in workspace.schemas.items():
        yield "schema", key, schema.document
    for name, ownership in workspace.ownerships.items():
        yield "ownership", name, msgspec.to_builtins(ownership)
    for name, entity in workspace.entities.items():
        yield "entity", name, msgspec.to_builtins(entity)
    for name, calendar in workspace.calendars.items():
        yield "calendar", name, msgspec.to_builtins(calendar)
    for name, system in workspace.systems.items():
        yield "system", name, msgspec.to_builtins(system)
    for binding in workspace.bindings:
        yield "binding", binding_name(binding), msgspec.to_builtins(binding)
    for record in workspace.records:
        yield "record", record.name, msgspec.to_builtins(record)
    for name, consumer in workspace.consumers.items():
        blob = ConsumerBlob(consumer, tuple(consumer_keys.get(name, ())))
        yield "consumer", name, msgspec.to_builtins(blob)
    for name, envelope in workspace.envelopes.items():
        files = workspace.policy_files.get(name, {})
        yield "policy", name, msgspec.to_builtins(PolicyBlob(envelope, files))
    for name, slo in workspace.slos.items():
        yield "slo", name, msgspec.to_builtins(slo)
    for name, measure in workspace.measures.items():
        yield "measure", name, msgspec.to_builtins(measure)
    if workspace.governance is not None:
        yield "governance", "workspace", msgspec.to_builtins(workspace.governance)


def _contract_blob(version: ContractVersion) -> ContractBlob:
    contract = msgspec.structs.replace(version.contract, versions={version.version: version.state})
    return ContractBlob(msgspec.to_builtins(contract), version.version, version.document, version.pins, version.sha256)


def _state_of(kind: BlobKind, value: Any, sha256: str) -> Published:
    """What to remember of a part once it is published."""
    if kind == "contract":
        blob = msgspec.convert(value, ContractBlob)
        state = blob.contract["versions"][blob.version]
        rest = {name: item for name, item in blob.contract.items() if name != "versions"}
        detail = sha256_hex(canonical_json([rest, state]))
        owes = blob.contract.get("compatibility", "backward")
        return Published(blob.sha256, state["state"], blob.pins, detail, state.get("sunset_at") or "", owes)
    if kind == "consumer":
        return Published(sha256_hex(canonical_json(value["consumer"])))  # keys come and go by command
    return Published(sha256)


def published_of(manifest: Manifest, blobs: Mapping[str, bytes]) -> dict[str, Published]:
    """What a manifest publishes, as `load` and `diff` take it: "<kind>/<name>" -> `Published`."""
    return {
        f"{ref.kind}/{ref.name}": _state_of(ref.kind, msgspec.json.decode(blobs[ref.sha256]), ref.sha256)
        for ref in manifest.blobs
    }


def diff(published: Mapping[str, Published], workspace: Workspace) -> Plan:
    """What publishing `workspace` changes, and what of it is refused.

    `published` must also be what the workspace was loaded with, so that pins are kept.
    """
    added: list[PlanItem] = []
    changed: list[PlanItem] = []
    refused: list[Problem] = []
    seen: set[str] = set()
    for kind, name, value in _parts(workspace, {}):
        key = f"{kind}/{name}"
        seen.add(key)
        new = _state_of(kind, value, sha256_hex(canonical_json(value)))
        old = published.get(key)
        if old is None:
            added.append(PlanItem(kind, name, new.sha256, new.state or _remark(workspace, kind, name)))
        elif old != new:
            detail = ", ".join(filter(None, (_change(old, new), _remark(workspace, kind, name))))
            changed.append(PlanItem(kind, name, new.sha256, detail))
            refused += _refusals(kind, name, old, new, workspace)
    drafts = {f"contract/{version.ref}" for version in workspace.versions} - seen
    removed = []
    for key in sorted(published.keys() - seen):
        kind, name = _split(key)
        removed.append(PlanItem(kind, name, published[key].sha256, published[key].state or ""))
        refused += _removal(kind, name, published[key], key in drafts)
    return Plan(_sorted(added), _sorted(changed), _sorted(removed), tuple(refused))


def _sorted(items: list[PlanItem]) -> tuple[PlanItem, ...]:
    return tuple(sorted(items, key=lambda item: (item.kind, item.name)))


def _split(key: str) -> tuple[BlobKind, str]:
    kind, _, name = key.partition("/")
    return msgspec.convert(kind, BlobKind), name


def _change(old: Published, new: Published) -> str:
    if old.sha256 != new.sha256:
        return "content"
    return f"{old.state} → {new.state}" if old.state != new.state else "description"


def _remark(workspace: Workspace, kind: BlobKind, name: str) -> str:
    """What a reader of the plan should know: which template an entity or a binding is made of, for whom else an entity
    may act."""
    if kind == "entity":
        entity = workspace.entities[name]
        acts = f"acts for {' '.join(entity.members)}" if entity.members else ""
        return ", ".join(filter(None, (f"template {entity.template}" if entity.template else "", acts)))
    file = workspace.sources.get(f"{kind}/{name}", "").partition("#")[0]
    return f"made by {file}" if kind == "binding" and file.startswith("templates/") else ""


def _refusals(kind: BlobKind, name: str, old: Published, new: Published, workspace: Workspace) -> Iterator[Problem]:
    file = workspace.sources.get(f"{kind}/{name}", "")
    if kind in _IMMUTABLE and old.sha256 != new.sha256:
        remedy = "restore it, and make the change in a new version"
        yield Problem(f"{kind} {name} is published and cannot change", "", file, remedy, "immutable")
    if old.state is not None and new.state is not None and not is_allowed(old.state, new.state):
        message = f"{name} cannot go from {old.state} to {new.state}"
        contract = workspace.sources.get(f"{kind}/{name.partition('@')[0]}", "")
        yield Problem(message, f"/versions/{name.partition('@')[2]}/state", contract, rule="life-cycle")


def _removal(kind: BlobKind, name: str, old: Published, is_draft: bool) -> Iterator[Problem]:
    if is_draft:
        yield Problem(f"{name} cannot go from {old.state} to draft", rule="life-cycle")
    elif kind == "contract" and old.state != "retired":
        remedy = "restore it, deprecate it with a sunset and a successor, then retire it"
        yield Problem(f"contract {name} is {old.state} and cannot be removed", remedy=remedy, rule="immutable")
    elif kind == "schema":
        remedy = "restore it: whoever has it pinned must be able to read it"
        yield Problem(f"schema {name} is published and cannot be removed", remedy=remedy, rule="immutable")
