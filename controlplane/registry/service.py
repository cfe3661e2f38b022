"""Plans and applies workspaces; answers what is in force."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from catalog.contract import Contract
from catalog.errors import Conflict, Invalid, NotFound, Problem
from catalog.network import Consumer
from controlplane.context import Context, rfc3339
from controlplane.registry.candidate import compile_files
from controlplane.registry.key import revoke_all
from controlplane.registry.plan import Candidate, InForce, Plan, VersionFact, make_plan, refused_plan
from controlplane.registry.publication import live_keys, publish
from controlplane.registry.store import blob, current_generation, documents, item, keep_blob, version

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")


class Refused(Conflict):
    """The plan refuses the workspace; `problems` lists why."""

    code = "refused"


class Applied(msgspec.Struct, frozen=True):
    """What an apply did; `generation` is the one in force now."""

    plan: Plan
    generation: int
    is_published: bool  # False: nothing changed, so no new generation


class OperationView(msgspec.Struct, frozen=True):
    operation: str
    method: str
    path: str  # below the base path
    object: str | None
    event: str | None


class VersionView(msgspec.Struct, frozen=True):
    version: str
    state: str
    sha256: str
    deprecated_at: str | None
    sunset_at: str | None
    successor: str | None
    pins: dict[str, str]
    operations: list[OperationView]


class ContractView(msgspec.Struct, frozen=True):
    name: str
    title: str
    owner: str
    domain: str
    layer: str
    base_path: str
    versions: list[VersionView]


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
        try:
            candidate = compile_files(files)
        except Invalid as error:
            with self._database.read() as connection:
                return refused_plan(_problems(error), current_generation(connection))
        with self._database.read() as connection:
            return make_plan(in_force(connection), candidate)

    def apply(self, files: Mapping[str, str], by: str) -> Applied:
        """Put `files` in force as one generation, or change nothing at all. Raises: Refused."""
        try:
            candidate = compile_files(files)
        except Invalid as error:
            raise Refused("the workspace is not valid", _problems(error)) from error
        with self._database.write() as connection:
            plan = make_plan(in_force(connection), candidate)
            if plan.refused:
                raise Refused("the plan refuses this workspace", plan.refused)
            if plan.is_empty and plan.generation > 0:
                return Applied(plan, plan.generation, is_published=False)
            self._put_in_force(connection, plan, candidate)
            number = publish(connection, self._context, f"apply of {candidate.workspace}", by)
        self._context.published.notify()
        return Applied(plan, number, is_published=True)

    def contracts(self) -> list[ContractView]:
        """Every contract in force with its versions, drafts included."""
        with self._database.read() as connection:
            blobs = [*documents(connection, "contract").values(), *documents(connection, "draft").values()]
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for document in blobs:
            found[document["contract"]["contract"]].append(document)
        return [_contract_view(found[name]) for name in sorted(found)]

    def contract(self, name: str) -> ContractView:
        """Raises: NotFound."""
        for view in self.contracts():
            if view.name == name:
                return view
        raise NotFound(f"no contract {name!r} is in force")

    def consumers(self) -> list[ConsumerView]:
        """Consumers in force, by name."""
        with self._database.read() as connection:
            found = documents(connection, "consumer")
            keys = live_keys(connection, rfc3339(self._context.clock()))
        consumers = [msgspec.convert(document, Consumer) for document in found.values()]
        return [
            ConsumerView(c.consumer, c.name, c.owner, list(c.auth), c.entities, c.contracts, len(keys[c.consumer]))
            for c in consumers
        ]

    def _put_in_force(self, connection: Connection, plan: Plan, candidate: Candidate) -> None:
        now = self._context.clock()
        contents = {(wanted.kind, wanted.name): wanted.content for wanted in candidate.items}
        for gone in (*plan.removed, *plan.changed):
            connection.execute(delete(item).where((item.c.kind == gone.kind) & (item.c.name == gone.name)))
        for new in (*plan.added, *plan.changed):
            content = contents[new.kind, new.name]
            connection.execute(
                insert(item).values(
                    kind=new.kind,
                    name=new.name,
                    sha256=keep_blob(connection, content, now),
                    size_bytes=len(content),
                    generation=plan.generation + 1,
                )
            )
        for gone in plan.removed:
            if gone.kind == "consumer":
                revoke_all(connection, gone.name, now)
        _remember_versions(connection, candidate.versions, now)


def in_force(connection: Connection) -> InForce:
    """What is in force, with every version that ever was."""
    query = select(item.c.kind, item.c.name, blob.c.content).join_from(item, blob, item.c.sha256 == blob.c.sha256)
    items = {(row.kind, row.name): row.content for row in connection.execute(query)}
    versions: dict[tuple[str, str, str], VersionFact] = {}
    present = set()
    for row in connection.execute(select(version)):
        fact = VersionFact(row.kind, row.name, row.version, row.sha256, row.state)
        versions[fact.key] = fact
        if row.is_present:
            present.add(fact.key)
    return InForce(current_generation(connection), items, versions, frozenset(present))


def _remember_versions(connection: Connection, facts: Iterable[VersionFact], now_us: int) -> None:
    connection.execute(update(version).values(is_present=0))
    for fact in facts:
        row = (version.c.kind == fact.kind) & (version.c.name == fact.name) & (version.c.version == fact.version)
        old = connection.execute(select(version).where(row)).one_or_none()
        published_us = old.published_us if old is not None else None
        if published_us is None and fact.state != "draft":
            published_us = now_us
        values = {"sha256": fact.sha256, "state": fact.state, "is_present": 1, "published_us": published_us}
        if old is None:
            key = {"kind": fact.kind, "name": fact.name, "version": fact.version}
            connection.execute(insert(version).values(**key, **values))
        else:
            connection.execute(update(version).where(row).values(**values))


def _problems(error: Invalid) -> tuple[Problem, ...]:
    return error.problems or (Problem(error.detail),)


def _contract_view(blobs: list[dict[str, Any]]) -> ContractView:
    versions = sorted((_version_view(document) for document in blobs), key=_version_order)
    contract = msgspec.convert(blobs[-1]["contract"], Contract)
    return ContractView(
        contract.contract,
        contract.title,
        contract.owner,
        contract.domain,
        contract.layer,
        contract.base_path,
        versions,
    )


def _version_order(view: VersionView) -> tuple[int, ...]:
    return tuple(int(part) for part in view.version.split("-", 1)[0].split("."))


def _version_view(document: dict[str, Any]) -> VersionView:
    state = document["contract"]["versions"][document["version"]]
    return VersionView(
        document["version"],
        state["state"],
        document["sha256"],
        state.get("deprecated_at"),
        state.get("sunset_at"),
        state.get("successor"),
        document["pins"],
        list(_operations(document["document"])),
    )


def _operations(document: dict[str, Any]) -> Iterable[OperationView]:
    for path, entry in sorted(document.get("paths", {}).items()):
        for method in METHODS:
            operation = entry.get(method)
            if operation is not None:
                extension = operation.get("x-waybill", {})
                yield OperationView(
                    operation.get("operationId", ""),
                    method.upper(),
                    path,
                    extension.get("object"),
                    extension.get("event"),
                )
