"""What is in force with the states of one contract's versions changed: a plan and its blobs. Pure.

Life cycle lies beside the documents, so that a version can be deprecated without anything else being posted. A
revision is told as the contract.yaml that says it; all that this file does not say stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from catalog.consistency.contract import life_cycle, moment
from catalog.contract import Contract, VersionState
from catalog.document import parse_document
from catalog.errors import Problem
from catalog.lifecycle import SHORTEST_NOTICE, is_allowed
from catalog.pointer import join
from catalog.shape import shape
from catalog.snapshot import BlobRef, ContractBlob, canonical_json, sha256_hex
from controlplane.registry.plan import InForce, Plan, PlanItem, refused_plan


class Revision(msgspec.Struct, frozen=True):
    plan: Plan
    refs: tuple[BlobRef, ...]
    blobs: dict[str, bytes]
    about: str  # in words


def revision(now: InForce, files: Mapping[str, str], at: datetime) -> Revision:
    """`files` is one contract.yaml by its path, which lists exactly the versions in force."""
    (file,) = files
    documents, problems = parse_document(files[file].encode(), file)
    contract, wrong = shape(documents[0], Contract, file) if len(documents) == 1 else (None, [])
    if contract is None or problems or wrong:
        return Revision(refused_plan([*problems, *wrong], now.generation), (), {}, "")
    return _revised(now, contract, file, at)


def contracts_in_force(now: InForce) -> dict[str, Contract]:
    """By name, each with the states of all its versions in force."""
    found: dict[str, Contract] = {}
    for ref in now.refs:
        if ref.kind == "contract":
            told = msgspec.convert(msgspec.json.decode(now.blobs[ref.sha256], type=ContractBlob).contract, Contract)
            known = found.get(told.contract)
            states = {**(known.versions if known else {}), **told.versions}
            found[told.contract] = msgspec.structs.replace(told, versions=states)
    return found


def _revised(now: InForce, contract: Contract, file: str, at: datetime) -> Revision:
    known = contracts_in_force(now)
    before = known.get(contract.contract)
    refused = list(_refusals(before, contract, {**known, contract.contract: contract}, file, at))
    if refused or before is None:
        return Revision(refused_plan(refused, now.generation), (), {}, "")
    refs: list[BlobRef] = []
    blobs: dict[str, bytes] = {}
    changed: list[PlanItem] = []
    for ref in now.refs:
        data = now.blobs[ref.sha256]
        if ref.kind == "contract" and ref.name.partition("@")[0] == contract.contract:
            told = msgspec.json.decode(data, type=ContractBlob)
            data = _blob(told, contract)
            if sha256_hex(data) != ref.sha256:
                changed.append(PlanItem("contract", ref.name, told.sha256, _detail(before, contract, told.version)))
        sha256 = sha256_hex(data)
        refs.append(BlobRef(ref.kind, ref.name, sha256, len(data)))
        blobs[sha256] = data
    notes = tuple(_notes(before, contract, file))
    plan = Plan((), tuple(changed), (), (), now.generation, notes=notes)
    return Revision(plan, tuple(refs), blobs, _about(before, contract))


def _blob(told: ContractBlob, contract: Contract) -> bytes:
    reduced = msgspec.structs.replace(contract, versions={told.version: contract.versions[told.version]})
    return canonical_json(msgspec.to_builtins(msgspec.structs.replace(told, contract=msgspec.to_builtins(reduced))))


def _detail(before: Contract, after: Contract, version: str) -> str:
    old, new = before.versions[version].state, after.versions[version].state
    return f"{old} → {new}" if old != new else "description"


def _refusals(
    before: Contract | None, contract: Contract, others: Mapping[str, Contract], file: str, at: datetime
) -> Iterator[Problem]:
    if before is None:
        yield Problem(f"no contract {contract.contract!r} is in force", "/contract", file, rule="contract")
        return
    if contract.versions.keys() != before.versions.keys():
        listed = ", ".join(before.versions)
        yield Problem(f"does not list the versions in force: {listed}", "/versions", file, rule="contract")
        return
    yield from life_cycle(contract, others, file)
    for version, state in _changed(before, contract):
        place = join("/versions", version, "state")
        old = before.versions[version].state
        if not is_allowed(old, state.state):
            yield Problem(f"{version} cannot go from {old} to {state.state}", place, file, rule="life-cycle")
        sunset = moment(state.sunset_at)
        if sunset is not None and sunset.date() < at.date():
            place = join("/versions", version, "sunset_at")
            yield Problem("sunset lies before today", place, file, f"today is {at.date()}", "sunset")


def _changed(before: Contract, after: Contract) -> Iterator[tuple[str, VersionState]]:
    return ((version, state) for version, state in after.versions.items() if state != before.versions[version])


def _notes(before: Contract, after: Contract, file: str) -> Iterator[Problem]:
    for version, state in _changed(before, after):
        start, end = moment(state.deprecated_at), moment(state.sunset_at)
        if start and end and end - start < SHORTEST_NOTICE:
            told = f"{version} ends {(end - start).days} days after it was deprecated"
            remedy = f"leave {SHORTEST_NOTICE.days} days or more"
            yield Problem(told, join("/versions", version, "sunset_at"), file, remedy, "sunset-leaves-time")


def _about(before: Contract, after: Contract) -> str:
    told = [
        f"{after.contract}@{version} {state.state}, sunset {(state.sunset_at or '')[:10]}, successor {state.successor}"
        for version, state in _changed(before, after)
    ]
    return "; ".join(told) or f"revision of {after.contract}"
