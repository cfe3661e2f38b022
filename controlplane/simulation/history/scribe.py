"""Writes one record after the other, with what the contract of each operation says of it."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import msgspec

from catalog.contract import ContractVersion, Operation
from catalog.inventory import Workspace
from catalog.record import Amount, Exchange, ObjectLink, ObjectRef


class Told(msgspec.Struct, frozen=True):
    """What one call was about. `links` are ids by object type; the contract says which relation they are of."""

    operation: str  # contract/operation
    consumer: str
    id: str = ""
    links: dict[str, str] = {}
    amount: Amount | None = None
    axes: dict[str, str] = {}
    event: str = ""  # of an event contract's operation
    status: int = 0  # answered; 0: what a success of the method answers
    upstream_ms: float = 0.0  # median, instead of the system's own


class Scribe:
    """`records` grow as things are told; what would lie behind `until` has not happened yet."""

    def __init__(self, workspace: Workspace, systems_ms: dict[str, float], rng: random.Random, until: datetime) -> None:
        self.records: list[Exchange] = []
        self._operations: dict[str, tuple[ContractVersion, Operation]] = {
            f"{version.contract.contract}/{operation.id}": (version, operation)
            for version in workspace.versions
            for operation in version.operations
        }
        self._bound = {(binding.contract, binding.entity): binding.system for binding in workspace.bindings}
        self._systems_ms = systems_ms
        self._rng = rng
        self._until_us = _us(until)

    def trace(self) -> str:
        return f"{self._rng.getrandbits(128):032x}"

    def tell(self, at: datetime, entity: str, told: Told, trace: str = "") -> datetime:
        """Write the record of a call that begins at `at`; when it was answered."""
        version, operation = self._operations[told.operation]
        contract = version.contract.contract
        system = self._bound.get((contract, entity)) or self._bound.get((contract, "*"), "")
        upstream_us, commit_us, duration_us = self._durations(operation, system, told.upstream_ms)
        started_us = _us(at)
        if started_us + duration_us <= self._until_us:
            meant = _meant(version, operation, entity, told)
            times: dict[str, Any] = {
                "exchange_id": self.trace(),
                "trace_id": trace or self.trace(),
                "span_id": f"{self._rng.getrandbits(64):016x}",
                "started_us": started_us,
                "duration_us": duration_us,
                "upstream_us": upstream_us,
                "commit_us": commit_us,
                "system": system,
                "upstream_status": meant["status"] if system else 0,
                "upstream_after_us": (duration_us - upstream_us) // 2 if system else 0,
            }
            self.records.append(Exchange(**times, **meant))
        return at + timedelta(microseconds=duration_us)

    def _durations(self, operation: Operation, system: str, median_ms: float) -> tuple[int, int, int]:
        """Upstream, commit and whole, in microseconds."""
        median_ms = median_ms or self._systems_ms.get(system, 0.0)
        upstream_us = round(self._rng.lognormvariate(0.0, 0.55) * median_ms * 1000)
        commit_us = 0 if operation.is_safe else round(self._rng.uniform(1_200, 6_000))
        return upstream_us, commit_us, upstream_us + commit_us + round(self._rng.uniform(350, 1_100))


def _meant(version: ContractVersion, operation: Operation, entity: str, told: Told) -> dict[str, Any]:
    """What the contract says of a call."""
    extension = operation.extension
    status = told.status or _success(operation)
    is_good = status < 400
    return {
        "snapshot": "",
        "method": operation.method,
        "status": status,
        "executed": "yes" if is_good and not operation.is_safe else "no",
        "fault": "none",
        "contract": version.contract.contract,
        "version": version.version,
        "operation": operation.id,
        "route": version.base_path + operation.path,
        "layer": extension.layer or version.contract.layer,
        "priority": extension.priority,
        "consumer": told.consumer,
        "legal_entity": entity,
        "event": (told.event or extension.event or "") if is_good else "",
        "object": ObjectRef(extension.object, entity, told.id) if told.id and extension.object else None,
        "links": _links(operation, entity, told.links),
        "amount": told.amount,
        "status_axes": told.axes if is_good else {},
    }


def _links(operation: Operation, entity: str, ids: dict[str, str]) -> tuple[ObjectLink, ...]:
    """One link for each id, as the contract declares those of its object type."""
    found: dict[str, ObjectLink] = {}
    for link in operation.extension.links:
        if link.object in ids and link.object not in found:
            found[link.object] = ObjectLink(ObjectRef(link.object, entity, ids[link.object]), link.relation, link.kind)
    return tuple(found.values())


def _success(operation: Operation) -> int:
    """The first success that the contract declares."""
    if operation.is_event:
        return 202
    declared = sorted(int(status) for status in operation.response_schemas if status.isdigit() and status < "300")
    return next((status for status in declared if status != 202), 200)


def _us(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
