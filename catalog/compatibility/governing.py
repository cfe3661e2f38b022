"""The law of releases put to a workspace: which of its versions are new, and what each owes those before it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from functools import partial

from catalog.canonical import Canonicals, CanonicalSchema
from catalog.compatibility.compared import Comparisons
from catalog.compatibility.comparison import Change as SchemaChange
from catalog.compatibility.comparison import Policy
from catalog.compatibility.contract.change import fingerprint
from catalog.compatibility.embedding import self_contained, self_contained_schema
from catalog.compatibility.ending import ended
from catalog.compatibility.release import Candidate, Reason, Release, reason_of, release
from catalog.contract import ContractVersion
from catalog.inventory import Workspace
from catalog.snapshot import canonical_json, sha256_hex
from catalog.version import version_key


def releases(
    workspace: Workspace, published: Collection[str], now: datetime, comparisons: Comparisons | None = None
) -> list[Release]:
    """Of every version of the workspace that is not among `published` ("<kind>/<name>@<version>"), drafts included."""
    law = _Law(workspace, published, now, comparisons or Comparisons())
    return [*law.contract_releases(), *law.schema_releases()]


def contract_reasons(
    canonicals: Canonicals, old: ContractVersion, new: ContractVersion, comparisons: Comparisons | None = None
) -> list[Reason]:
    """What the changes between two versions of a contract ask for, as its `compatibility` and `policy` say."""
    asked, known = new.contract.compatibility, comparisons or Comparisons()
    documents = [self_contained(version.document, canonicals) for version in (old, new)]
    if asked == "none" or documents[0] == documents[1]:
        return []
    pairs = [documents] if asked != "forward" else []
    pairs += [documents[::-1]] if asked in ("forward", "full") else []
    return [
        reason_of(old.version, change)
        for before, after in pairs
        for change in known.contracts(before, after, new.contract.policy).changes
    ]


def schema_reasons(
    canonicals: Canonicals,
    policy: Policy,
    old: CanonicalSchema,
    new: CanonicalSchema,
    comparisons: Comparisons | None = None,
) -> list[Reason]:
    """What the changes between two versions of a canonical schema ask for: old documents must stay valid."""
    before, after = (self_contained_schema(schema, canonicals) for schema in (old, new))
    changes = (comparisons or Comparisons()).schemas(before, after, policy).changes
    found = [_schema_reason(old, change) for change in changes]
    if not found and _content(before) != _content(after):
        differs = fingerprint("annotation-changed", "", old.sha256, new.sha256)
        found = [Reason(old.version, "annotation-changed", "", "", "patch", "only what explains it differs", differs)]
    return found


class _Law:
    def __init__(
        self, workspace: Workspace, published: Collection[str], now: datetime, comparisons: Comparisons
    ) -> None:
        self._workspace = workspace
        self._published = published
        self._now = now
        self._comparisons = comparisons
        today = now.astimezone(UTC).date()
        self._waivers = [waiver for waiver in workspace.waivers.values() if waiver.is_in_force(today)]

    def contract_releases(self) -> Iterator[Release]:
        versions = self._workspace.versions
        for version in versions:
            if f"contract/{version.ref}" not in self._published:
                name = version.contract.contract
                line = [_candidate(each) for each in versions if each.contract.contract == name]
                new = _candidate(version)
                yield release("contract", name, new, line, self._contract_reasons, self._waivers)

    def schema_releases(self) -> Iterator[Release]:
        schemas = self._workspace.schemas.values()
        for schema in schemas:
            if f"schema/{schema.key}" in self._published:
                continue
            line = [Candidate(each.version, each) for each in schemas if each.object == schema.object]
            ownership = self._workspace.ownerships.get(schema.object)
            policy = ownership.policy if ownership else "strict"
            compare = partial(schema_reasons, self._workspace.schemas, policy, comparisons=self._comparisons)
            new = Candidate(schema.version, schema)
            yield release("schema", schema.object, new, line, compare, self._waivers)

    def _contract_reasons(self, old: ContractVersion, new: ContractVersion) -> list[Reason]:
        found = contract_reasons(self._workspace.schemas, old, new, self._comparisons)
        announcing = self._announcing(old)
        return list(ended(found, announcing.document, self._now)) if announcing else found

    def _announcing(self, old: ContractVersion) -> ContractVersion | None:
        """Whose announcements were told to anybody: the version itself once it is published, else the one before."""
        told = [
            each
            for each in self._workspace.versions
            if each.contract.contract == old.contract.contract
            and f"contract/{each.ref}" in self._published
            and each.state.state != "draft"
            and version_key(each.version) <= version_key(old.version)
        ]
        return max(told, key=lambda each: version_key(each.version), default=None)


def _candidate(version: ContractVersion) -> Candidate[ContractVersion]:
    return Candidate(version.version, version, version.state.state == "draft")


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
