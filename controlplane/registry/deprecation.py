"""The contract.yaml that deprecates a version in force, as a file to be carried into the workspace."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
import yaml
from msgspec import Meta
from sqlalchemy import Connection, select

from catalog.contract import Contract, VersionState
from catalog.errors import Invalid, NotFound, Problem
from catalog.lifecycle import SHORTEST_NOTICE
from catalog.snapshot import ContractBlob
from catalog.version import version_key
from controlplane.registry.store import blob, item

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Deprecation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`sunset`: a day, from the beginning of which (UTC) the version may be retired; default: the shortest notice.
    `successor`: a version of the contract, or name@version; default: its highest published version."""

    sunset: Annotated[str, Meta(max_length=40)] = ""
    successor: Annotated[str, Meta(max_length=200)] = ""


class Deprecated(msgspec.Struct, frozen=True):
    sunset: str  # RFC 3339
    successor: str
    file: str  # where it belongs in a workspace
    text: str


def deprecated(connection: Connection, name: str, version: str, wanted: Deprecation, now_us: int) -> Deprecated:
    """Raises: NotFound; Invalid when the sunset is no day, or nothing could succeed the version."""
    contract = _contract(connection, name)
    if version not in contract.versions:
        raise NotFound(f"no version {version} of {name!r} is in force")
    today = datetime.fromtimestamp(now_us / 1_000_000, UTC).date()
    state = deprecated_state(contract, version, wanted, today)
    changed = msgspec.structs.replace(contract, versions={**contract.versions, version: state})
    text = yaml.safe_dump(msgspec.to_builtins(changed), sort_keys=False, allow_unicode=True)
    domain, _, thing = name.partition(".")
    return Deprecated(state.sunset_at or "", state.successor or "", f"contracts/{domain}/{thing}/contract.yaml", text)


def deprecated_state(contract: Contract, version: str, wanted: Deprecation, today: date) -> VersionState:
    """The state of a version that is deprecated from `today` on; one that is deprecated already keeps its day.

    Raises: Invalid when the sunset is no day, or nothing could succeed the version.
    """
    before = contract.versions[version]
    since = before.deprecated_at if before.state == "deprecated" else None
    return VersionState(
        "deprecated",
        deprecated_at=since or f"{today.isoformat()}T00:00:00Z",
        sunset_at=_sunset(wanted.sunset, today),
        successor=wanted.successor or _successor(contract, version),
    )


def _sunset(text: str, today: date) -> str:
    if not text:
        return f"{(today + SHORTEST_NOTICE).isoformat()}T00:00:00Z"
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        problem = Problem(f"{text!r} is no day", "/sunset", remedy="such as 2027-06-30", rule="sunset")
        raise Invalid("the sunset is no day", [problem])
    return f"{day.isoformat()}T00:00:00Z"


def _successor(contract: Contract, version: str) -> str:
    others = [other for other, state in contract.versions.items() if state.state == "published" and other != version]
    later = [other for other in others if version_key(other) > version_key(version)]
    if not later:
        message = f"{contract.contract} has no later published version"
        remedy = "publish one first, or name a version of another contract (name@version)"
        raise Invalid(f"{message}: name a successor", [Problem(message, "/successor", remedy=remedy, rule="contract")])
    return max(later, key=version_key)


def _contract(connection: Connection, name: str) -> Contract:
    """With the states of all versions in force. Raises: NotFound."""
    query = select(blob.c.content).join_from(item, blob, item.c.sha256 == blob.c.sha256)
    rows = connection.execute(
        query.where(item.c.kind == "contract", item.c.name.startswith(f"{name}@", autoescape=True))
    )
    told = [msgspec.convert(msgspec.json.decode(row.content, type=ContractBlob).contract, Contract) for row in rows]
    if not told:
        raise NotFound(f"no contract {name!r} is in force")
    states = {version: state for each in told for version, state in each.versions.items()}
    return msgspec.structs.replace(
        told[0], versions={version: states[version] for version in sorted(states, key=version_key)}
    )
