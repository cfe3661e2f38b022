"""Compiles workspaces, plans them and puts them in force; answers what is in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, delete, insert, select

from catalog.compile import compile_snapshot
from catalog.errors import Conflict, Invalid, Problem
from catalog.inventory import SETTINGS
from catalog.network import Consumer, ConsumerBlob, Entity
from catalog.snapshot import BlobRef
from controlplane.conformance.service import conforming
from controlplane.context import Context, rfc3339
from controlplane.identity.principal import ALL_ENTITIES, Scope
from controlplane.registry.candidate import load_workspace
from controlplane.registry.contract import ContractView, contract_view, contract_views
from controlplane.registry.key import revoke_all
from controlplane.registry.plan import InForce, Plan, make_plan, refused_plan
from controlplane.registry.publication import live_keys, publish
from controlplane.registry.revision import Revision, revision
from controlplane.registry.store import blob, current_generation, documents, item, keep_blob, version

#: kinds whose published versions never change
IMMUTABLE = frozenset({"contract", "schema"})


class Refused(Conflict):
    """The plan refuses the workspace; `problems` lists why."""

    code = "refused"


class Applied(msgspec.Struct, frozen=True):
    """What an apply did; `generation` is the newest now. With a `proposal` it waits for approval."""

    plan: Plan
    generation: int
    is_published: bool  # False: nothing changed, or it is a proposal: no new generation
    proposal: str | None = None  # id


class Prepared(NamedTuple):
    """A workspace, or a revision of what is in force, compiled against what was in force."""

    now: InForce
    about: str  # what it is, as the generation and the audit tell it
    plan: Plan
    refs: tuple[BlobRef, ...]
    blobs: dict[str, bytes]

    @property
    def is_without_effect(self) -> bool:
        return self.plan.is_empty and self.plan.generation > 0


class ConsumerView(msgspec.Struct, frozen=True):
    consumer: str
    name: str
    owner: str
    auth: list[str]
    entities: list[str]
    contracts: dict[str, list[str]]
    live_keys: int


class RegistryService:
    """Blocking: for worker threads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._database = context.database

    def plan(self, files: Mapping[str, str]) -> Plan:
        """What applying `files` would do; problems of the workspace itself are in `refused`."""
        with self._database.read() as connection:
            now = in_force(connection)
        try:
            workspace = load_workspace(files, now.published())
            return make_plan(now, workspace, self._moment(), self._context.comparisons)
        except Invalid as error:
            return refused_plan(_problems(error), now.generation)

    def prepare(self, files: Mapping[str, str]) -> Prepared:
        """`files` compiled, and what putting them in force would do. Raises: Refused."""
        with self._database.read() as connection:
            now = in_force(connection)
        try:
            workspace = load_workspace(files, now.published())
        except Invalid as error:
            raise Refused("the workspace is not valid", _problems(error)) from error
        plan = make_plan(now, workspace, self._moment(), self._context.comparisons)
        if plan.refused:
            raise Refused("the plan refuses this workspace", plan.refused)
        refs, blobs = compile_snapshot(workspace, {})
        return Prepared(now, f"apply of {workspace.name}", plan, refs, blobs)

    def plan_revision(self, files: Mapping[str, str]) -> Plan:
        """What `revise` would do; its problems are in `refused`."""
        return self._revised(files)[1].plan

    def revise(self, files: Mapping[str, str]) -> Prepared:
        """What is in force with one contract.yaml in place of the states it says there. Raises: Refused."""
        now, revised = self._revised(files)
        if revised.plan.refused:
            raise Refused("the change is refused", revised.plan.refused)
        return Prepared(now, revised.about, revised.plan, revised.refs, revised.blobs)

    def prepare_again(self, files: Mapping[str, str]) -> Prepared:
        """What was filed as a proposal: a workspace, or a revision, which has no settings. Raises: Refused."""
        return self.prepare(files) if SETTINGS in files else self.revise(files)

    def _revised(self, files: Mapping[str, str]) -> tuple[InForce, Revision]:
        with self._database.read() as connection:
            now = in_force(connection)
        return now, revision(now, files, self._moment())

    def put_in_force(self, connection: Connection, prepared: Prepared, by: str) -> int:
        """Put it in force as one generation in the caller's transaction; notify `Context.published` after the commit.

        Raises: Conflict when somebody else published meanwhile.
        """
        if current_generation(connection) != prepared.plan.generation:
            raise Conflict("another generation was published meanwhile: plan and apply again")
        self._replace_items(connection, prepared)
        return publish(connection, self._context, prepared.about, by)

    def contracts(self) -> list[ContractView]:
        """Every contract in force with its published versions."""
        with self._database.read() as connection:
            return contract_views(connection)

    def contract(self, name: str) -> ContractView:
        """Raises: NotFound."""
        with self._database.read() as connection:
            return contract_view(connection, name)

    def entities(self) -> list[Entity]:
        """Legal entities in force, by id."""
        with self._database.read() as connection:
            return [msgspec.convert(document, Entity) for document in documents(connection, "entity").values()]

    def consumers(self, scope: Scope = None) -> list[ConsumerView]:
        """Consumers in force, by name: those that may act for one of `scope`, each told with these entities only."""
        with self._database.read() as connection:
            found = documents(connection, "consumer")
            keys = live_keys(connection, rfc3339(self._context.clock()))
        consumers = [msgspec.convert(document, ConsumerBlob).consumer for document in found.values()]
        told = [(c, entities_within(c, scope)) for c in consumers]
        return [
            ConsumerView(c.consumer, c.name, c.owner, list(c.auth), entities, c.contracts, len(keys[c.consumer]))
            for c, entities in told
            if entities or scope is None
        ]

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._context.clock() / 1_000_000, UTC)

    def _replace_items(self, connection: Connection, prepared: Prepared) -> None:
        at_us = self._context.clock()
        now, refs, blobs = prepared.now, prepared.refs, prepared.blobs
        wanted = set(refs)
        for gone in set(now.refs) - wanted:
            connection.execute(delete(item).where((item.c.kind == gone.kind) & (item.c.name == gone.name)))
        for new in wanted - set(now.refs):
            keep_blob(connection, blobs[new.sha256], at_us)
            row = {"kind": new.kind, "name": new.name, "sha256": new.sha256, "size_bytes": new.size_bytes}
            connection.execute(insert(item).values(**row, generation=now.generation + 1))
        for name in now.names("consumer") - {ref.name for ref in refs if ref.kind == "consumer"}:
            revoke_all(connection, name, at_us)
        _remember_versions(connection, refs, blobs, at_us)


def counted(plan: Plan) -> dict[str, list[str]]:
    """What a plan does, by name, as the audit keeps it."""
    groups = {"added": plan.added, "changed": plan.changed, "removed": plan.removed}
    return {name: [f"{item.kind}/{item.name}" for item in group] for name, group in groups.items()}


def entities_within(consumer: Consumer, scope: Scope) -> list[str]:
    """For whom of `scope` a consumer may act, as its file says it ("*" for all)."""
    return [name for name in consumer.entities if scope is None or name == ALL_ENTITIES or name in scope]


def in_force(connection: Connection) -> InForce:
    """What is in force, with every version that ever was."""
    query = select(item, blob.c.content).join_from(item, blob, item.c.sha256 == blob.c.sha256)
    rows = connection.execute(query.order_by(item.c.kind, item.c.name)).all()
    versions = connection.execute(select(version.c.kind, version.c.name, version.c.sha256))
    return InForce(
        current_generation(connection),
        tuple(BlobRef(row.kind, row.name, row.sha256, row.size_bytes) for row in rows),
        {row.sha256: row.content for row in rows},
        {f"{kind}/{name}": sha256 for kind, name, sha256 in versions},
        conforming(connection),
    )


def _remember_versions(
    connection: Connection, refs: Iterable[BlobRef], blobs: Mapping[str, bytes], now_us: int
) -> None:
    for ref in refs:
        if ref.kind not in IMMUTABLE:
            continue
        row = (version.c.kind == ref.kind) & (version.c.name == ref.name)
        if connection.scalar(select(version.c.name).where(row)) is None:
            content = msgspec.json.decode(blobs[ref.sha256])
            sha256 = content["sha256"] if ref.kind == "contract" else ref.sha256
            values = {"kind": ref.kind, "name": ref.name, "sha256": sha256, "published_us": now_us}
            connection.execute(insert(version).values(values))


def _problems(error: Invalid) -> tuple[Problem, ...]:
    return error.problems or (Problem(error.detail),)
