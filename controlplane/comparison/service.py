"""Compares what is in force and what is proposed; what was compared is remembered by digest."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Literal

import msgspec

from catalog.canonical import Canonicals, CanonicalSchema
from catalog.compatibility.impact import Impact, impact_on
from catalog.contract import ContractVersion
from catalog.errors import NotFound
from catalog.inventory import SETTINGS, Workspace
from catalog.memo import Memo
from catalog.ownership import SchemaOwnership
from catalog.snapshot import Published
from controlplane.approval.service import ApprovalService
from controlplane.comparison.reach import DAYS, ImpactView, impact_view
from controlplane.comparison.source import (
    hashes_of_users,
    schemas_in_force,
    version_in_force,
    version_with_operations,
)
from controlplane.comparison.view import ComparisonView, contract_comparison, schema_comparison
from controlplane.context import Context
from controlplane.lineage.sight import Sight
from controlplane.registry.candidate import load_workspace
from controlplane.registry.schema import schema_views
from controlplane.registry.service import in_force
from controlplane.registry.store import documents
from controlplane.slo.watermark import read_watermark
from controlplane.traffic.usage import users_of

Kind = Literal["contract", "schema"]

_comparisons: Memo[ComparisonView] = Memo(100)
_impacts: Memo[list[Impact]] = Memo(30)
_workspaces: Memo[Workspace] = Memo(2)  # of proposals: large ones take some hundred MB


class ComparisonService:
    """Blocking, for worker threads: a pair of large contracts takes seconds. Who calls what is told as far as a
    `Sight` lets it be seen."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._database = context.database

    def contracts(self, name: str, old: str, new: str) -> ComparisonView:
        """Two versions in force of a contract. Raises: NotFound; Invalid when they cannot be compared."""
        with self._database.read() as connection:
            pair = [version_in_force(connection, f"{name}@{version}") for version in (old, new)]
            schemas = schemas_in_force(connection)
        return _contracts(schemas, pair[0], pair[1])

    def schemas(self, name: str, old: str, new: str) -> ComparisonView:
        """Two versions in force of a canonical schema. Raises: NotFound."""
        with self._database.read() as connection:
            schemas = schemas_in_force(connection)
            told = documents(connection, "ownership").get(name)
        owned = msgspec.convert(told, SchemaOwnership) if told else SchemaOwnership(name)
        return _schemas(schemas, name, old, new, owned)

    def proposed(self, proposal_id: str, kind: Kind, ref: str) -> ComparisonView:
        """A new version of a proposal against the one that its bump is counted from. Raises: NotFound."""
        name, _, new = ref.partition("@")
        releases = ApprovalService(self._context).planned(proposal_id).releases
        old = next((each.previous for each in releases if (each.kind, each.name) == (kind, ref)), None)
        if old is None:
            raise NotFound(f"the proposal has no version {ref} that follows another one")
        workspace = self._workspace(proposal_id)
        if kind == "schema":
            owned = workspace.ownerships.get(name, SchemaOwnership(name))
            return _schemas(workspace.schemas, name, old, new, owned)
        versions = {version.ref: version for version in workspace.versions}
        return _contracts(workspace.schemas, versions[f"{name}@{old}"], versions[ref])

    def impact(self, name: str, version: str, sight: Sight) -> ImpactView:
        """Of a version in force of a canonical schema on contracts in force. Raises: NotFound."""
        ref = f"{name}@{version}"
        with self._database.read() as connection:
            schemas = schemas_in_force(connection)
            changed = _named(schemas, ref)
            told = next(view for view in schema_views(connection) if view.schema == name)
            hashes = hashes_of_users(connection, sorted({user for each in told.versions for user in each.users}))

            def compute() -> list[Impact]:
                return impact_on(
                    (version_with_operations(connection, sha256, schemas) for sha256 in hashes), schemas, changed
                )

            found = _impacts.get((changed.sha256, tuple(hashes)), compute)
        return self._with_users(ref, found, sight)

    def proposed_impact(self, proposal_id: str, ref: str, sight: Sight) -> ImpactView:
        """Of a canonical schema of a proposal on the contracts as proposed. Raises: NotFound."""
        workspace = self._workspace(proposal_id)
        changed = _named(workspace.schemas, ref)
        key = ("proposal", proposal_id, changed.sha256)
        found = _impacts.get(key, lambda: impact_on(workspace.versions, workspace.schemas, changed))
        return self._with_users(ref, found, sight)

    def _with_users(self, ref: str, found: list[Impact], sight: Sight) -> ImpactView:
        names = sorted({each.contract.partition("@")[0] for each in found})
        with self._database.read() as connection:
            as_of_us = read_watermark(connection, self._context.clock()).as_of_us
            users = {name: users_of(connection, name, DAYS, as_of_us, sight) for name in names}
        return impact_view(ref, found, users)

    def _workspace(self, proposal_id: str) -> Workspace:
        files = ApprovalService(self._context).files(proposal_id)
        if SETTINGS not in files:
            raise NotFound("the proposal changes the life cycle of a contract only, no version and no schema")
        return _workspaces.get(proposal_id, lambda: load_workspace(files, self._published()))

    def _published(self) -> dict[str, Published]:
        with self._database.read() as connection:
            return in_force(connection).published()


def _contracts(schemas: Canonicals, old: ContractVersion, new: ContractVersion) -> ComparisonView:
    contract = new.contract
    pair = (old.ref, old.sha256, new.ref, new.sha256)
    key = (*pair, contract.title, contract.policy, contract.compatibility)
    return _comparisons.get(key, lambda: contract_comparison(old, new, schemas))


def _schemas(schemas: Canonicals, name: str, old: str, new: str, owned: SchemaOwnership) -> ComparisonView:
    before, after = _named(schemas, f"{name}@{old}"), _named(schemas, f"{name}@{new}")
    key: Hashable = ("schema", before.sha256, after.sha256, owned.policy, owned.title)
    return _comparisons.get(key, lambda: schema_comparison(before, after, schemas, owned.policy, owned.title or name))


def _named(schemas: Canonicals, ref: str) -> CanonicalSchema:
    """Raises: NotFound."""
    if ref not in schemas:
        name, _, version = ref.partition("@")
        raise NotFound(f"no version {version} of the schema {name!r} is in force")
    return schemas[ref]
