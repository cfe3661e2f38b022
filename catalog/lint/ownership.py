"""Rules about who answers for what: an owner and a steward for every contract, schema, objective and measure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from catalog.inventory import Workspace
from catalog.lint.finding import Place, Rule
from catalog.slo import OWNER, STEWARD


class Answering(NamedTuple):
    """Who answers for one thing; "" where nobody is named."""

    thing: str
    owner: str
    steward: str
    file: str
    pointer: str = ""


def answering(workspace: Workspace) -> Iterator[Answering]:
    """Everything that somebody must answer for."""
    sources = workspace.sources
    for name, contract in workspace.contracts.items():
        yield Answering(f"contract {name}", contract.owner, contract.steward or "", sources[f"contract/{name}"])
    newest = {schema.object: sources[f"schema/{key}"] for key, schema in workspace.schemas.items()}
    for name, file in newest.items():
        found = workspace.ownerships.get(name)
        owner, steward = (found.owner, found.steward) if found else ("", "")
        yield Answering(f"schema {name}", owner, steward, sources.get(f"ownership/{name}", file))
    for name, slo in workspace.slos.items():
        place = "/metadata/annotations"
        yield Answering(f"SLO {name}", slo.owner, slo.steward, sources[f"slo/{name}"], place)
    for name, measure in workspace.measures.items():
        file, _, pointer = sources[f"measure/{name}"].partition("#")
        yield Answering(f"measure {name}", measure.owner, measure.steward, file, pointer)


def _no_owner(workspace: Workspace) -> Iterator[Place]:
    for item in answering(workspace):
        if not item.owner.strip():
            yield Place(f"{item.thing} names no owner", item.file, item.pointer)


def _no_steward(workspace: Workspace) -> Iterator[Place]:
    for item in answering(workspace):
        if not item.steward.strip():
            yield Place(f"{item.thing} names no steward", item.file, item.pointer)


def _no_team(workspace: Workspace) -> Iterator[Place]:
    for name, system in workspace.systems.items():
        if not system.owner.strip():
            yield Place(f"system {name} names no owner", workspace.sources[f"system/{name}"])
    for name, consumer in workspace.consumers.items():
        if not consumer.owner.strip():
            yield Place(f"consumer {name} names no owner", workspace.sources[f"consumer/{name}"])


_WHERE = f"of a schema in schema.yaml beside it, of an SLO in the annotations {OWNER} and {STEWARD}"
RULES = (
    Rule(
        "owner-missing",
        "error",
        "A contract, schema, objective or measure that no team keeps is changed by nobody when it is wrong.",
        f"add owner, the team that keeps it; {_WHERE}",
        _no_owner,
    ),
    Rule(
        "steward-missing",
        "error",
        "What a document means is for the business to decide; without a steward nobody can be asked.",
        f"add steward, who decides what it means to the business; {_WHERE}",
        _no_steward,
    ),
    Rule(
        "owner-named",
        "warning",
        "Whoever runs a system or a client must be found when its calls fail.",
        "add owner: the team that runs it",
        _no_team,
    ),
)
