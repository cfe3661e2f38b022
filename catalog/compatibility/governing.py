"""The law of releases put to a workspace: which of its versions are new, and what each owes those before it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from functools import partial

from catalog.canonical import Canonicals, CanonicalSchema
from catalog.compatibility import compare_schemas
from catalog.compatibility.comparison import Change as SchemaChange
from catalog.compatibility.comparison import Mode, Policy
from catalog.compatibility.contract import compare_contracts
from catalog.compatibility.contract.change import fingerprint
from catalog.compatibility.embedding import self_contained, self_contained_schema
from catalog.compatibility.release import Candidate, Reason, Release, reason_of, release
from catalog.contract import ContractVersion
from catalog.inventory import Workspace
from catalog.snapshot import canonical_json, sha256_hex


def releases(workspace: Workspace, published: Collection[str], today: date) -> list[Release]:
    """Of every version of the workspace that is not among `published` ("<kind>/<name>@<version>"), drafts included."""
    return [*_contract_releases(workspace, published, today), *_schema_releases(workspace, published, today)]


def contract_reasons(canonicals: Canonicals, old: ContractVersion, new: ContractVersion) -> list[Reason]:
    """What the changes between two versions of a contract ask for, as its `compatibility` and `policy` say."""
    asked = new.contract.compatibility
    documents = [self_contained(version.document, canonicals) for version in (old, new)]
    if asked == "none" or documents[0] == documents[1]:
        return []
    pairs = [documents] if asked != "forward" else []
    pairs += [documents[::-1]] if asked in ("forward", "full") else []
    return [
        reason_of(old.version, change)
        for before, after in pairs
        for change in compare_contracts(before, after, policy=new.contract.policy).changes
    ]


def schema_reasons(canonicals: Canonicals, policy: Policy, old: CanonicalSchema, new: CanonicalSchema) -> list[Reason]:
    """What the changes between two versions of a canonical schema ask for: old documents must stay valid."""
    before, after = (self_contained_schema(schema, canonicals) for schema in (old, new))
    found = [
        _schema_reason(old, change) for change in compare_schemas(before, after, mode=_READS, policy=policy).changes
    ]
    if not found and _content(before) != _content(after):
        differs = fingerprint("annotation-changed", "", old.sha256, new.sha256)
        found = [Reason(old.version, "annotation-changed", "", "", "patch", "only what explains it differs", differs)]
    return found


_READS: Mode = "backward"


def _contract_releases(workspace: Workspace, published: Collection[str], today: date) -> Iterator[Release]:
    compare = partial(contract_reasons, workspace.schemas)
    waivers = [waiver for waiver in workspace.waivers.values() if waiver.is_in_force(today)]
    for version in workspace.versions:
        if f"contract/{version.ref}" not in published:
            name = version.contract.contract
            line = [_candidate(each) for each in workspace.versions if each.contract.contract == name]
            yield release("contract", name, _candidate(version), line, compare, waivers)


def _candidate(version: ContractVersion) -> Candidate[ContractVersion]:
    return Candidate(version.version, version, version.state.state == "draft")


def _schema_releases(workspace: Workspace, published: Collection[str], today: date) -> Iterator[Release]:
    waivers = [waiver for waiver in workspace.waivers.values() if waiver.is_in_force(today)]
    for schema in workspace.schemas.values():
        if f"schema/{schema.key}" in published:
            continue
        line = [Candidate(each.version, each) for each in workspace.schemas.values() if each.object == schema.object]
        ownership = workspace.ownerships.get(schema.object)
        compare = partial(schema_reasons, workspace.schemas, ownership.policy if ownership else "strict")
        new = Candidate(schema.version, schema)
        yield release("schema", schema.object, new, line, compare, waivers)


def _schema_reason(old: CanonicalSchema, change: SchemaChange) -> Reason:
    hashes = (sha256_hex(canonical_json(side)) for side in (change.old, change.new))
    return Reason(
        old.version,
        change.rule,
        "",
        change.pointer,
        "minor" if change.verdict == "compatible" else "major",
        change.message,
        fingerprint(change.rule, change.pointer, *hashes),
        change.witness,
        change.verdict == "unknown",
    )


def _content(document: dict[str, object]) -> dict[str, object]:
    """Without the name, which holds the version."""
    return {name: value for name, value in document.items() if name != "$id"}
